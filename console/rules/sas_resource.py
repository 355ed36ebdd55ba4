"""What a token's resource opens, whether it is written as the service wants it, and whether it is the one wanted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from console.model.hub_hosts import is_loopback, is_provisioning
from console.model.text import clean
from console.model.token import SasParts, TokenFinding, TokenScope, Verdict
from console.rules.sas import covers

_SCOPE_ID = re.compile(r"[0-9][A-Za-z0-9]{7,}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_OF_A_SERVICE = re.compile(r".+\.azure-devices(?:-\w+)?(?:\.[a-z]{2,}){1,2}\.?", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9:.+%_#*?!(),=@;$'~-]{1,128}")
"""What the id of a device, module or registration can be: what is documented now and what was before, and `~`."""
_USER = re.compile(r"^[^/]*@")
_QUERY = re.compile(r"(?:/?\?|&)(?=api-version=)|/\?(?=[\w-]+=)", re.IGNORECASE)  # an id may hold “?” and “=”
_COLLECTIONS = ("devices", "twins", "messages", "jobs", "servicebound", "configurations", "statistics", "digitaltwins")
_PROVISIONING = ("registrations", "enrollments", "enrollmentGroups", "keyinfo")
_BELOW_DEVICE = ("modules", "messages", "files", "twin", "methods", "commands", "streams", "applyConfigurationContent")
_PLAIN = re.compile(r"[A-Za-z0-9._~%/-]")


def opens(parts: SasParts) -> str:
    """Return what a token for this resource is good for, in words."""
    host = clean(parts.host, limit=120)
    ids = [clean(part, limit=128) for part in parts.resource.split("/") if part][1:]
    match parts.scope:
        case TokenScope.HUB if is_provisioning(parts.host):
            return f"the provisioning service {host}, as far as the policy's rights go"
        case TokenScope.HUB:
            return f"all of the hub {host}, as far as the policy's rights go"
        case TokenScope.ALL_DEVICES:
            return f"every device of {host}: it may connect as any of them"
        case TokenScope.DEVICE:
            return f"one device: {ids[1]}"
        case TokenScope.MODULE:
            return f"one module: {ids[3]} of device {ids[1]}"
        case TokenScope.REGISTRATION:
            return f"the registration {ids[1]} with the provisioning service (ID scope {host})"
        case TokenScope.OTHER:
            return f"what lies below /{'/'.join(ids)} of {host}"


def as_meant(parts: SasParts) -> SasParts:
    """Return a token's parts with its resource as it was meant: no scheme, port, query or slip, encoded once."""
    resource = _QUERY.split(_USER.sub("", re.sub(r"^\w+://", "", parts.resource)), maxsplit=1)[0]
    if _ESCAPE.search(resource):
        resource = unquote(resource)
    host, slash, path = resource.partition("/")
    if not is_loopback(host.partition(":")[0]):
        host = host.partition(":")[0]
    segments = path.rstrip("/").split("/")
    for place, names in ((0, (*_COLLECTIONS, *_PROVISIONING)), (2, _BELOW_DEVICE)):
        if place < len(segments) - 1 or (place < len(segments) and segments[place] in names):
            segments[place] = _near(segments[place], names)
    return replace(parts, resource=host + slash + "/".join(segments))


def _near(segment: str, names: Sequence[str]) -> str:
    """Return the name that a segment is meant as: in another case, in the singular or with a slip; else itself."""
    folded = {name.casefold(): name for name in names}
    if segment.casefold() in folded:
        return folded[segment.casefold()]
    close = difflib.get_close_matches(segment.casefold(), folded, 1, cutoff=0.8)
    return folded[close[0]] if close else segment


def resource_findings(parts: SasParts) -> list[TokenFinding]:
    """Return what is wrong with the way a resource is written; the first decides what the token is for."""
    sent, resource = parts.signed_resource, parts.resource
    found: list[TokenFinding] = []
    scheme = re.match(r"(?:https?|amqps?|mqtts?|sb)://", resource, re.IGNORECASE)
    if scheme is not None:
        message = f"the resource begins with “{clean(scheme[0])}”"
        found.append(_wrong("resource-scheme", message, "It begins with the host: HUB.azure-devices.net/devices/ID"))
        resource = resource[scheme.end() :]
    if _USER.match(resource):
        found.append(_wrong("resource-user", "the resource carries a user name before the host", "Take it out"))
        resource = _USER.sub("", resource)
    query = _QUERY.search(resource)
    if query is not None:
        shown = clean(resource[query.start() :].lstrip("/"), limit=60)
        hint = "Take it out: the resource ends with the id; the query belongs to the address that is called"
        found.append(_wrong("resource-query", f"the resource carries a query ({shown})", hint))
        resource = resource[: query.start()]
    host, _, path = resource.partition("/")
    if _ESCAPE.search(host):
        message = "the resource is URL-encoded twice (“%25” stands where “%” should)"
        found.append(_wrong("resource-double-encoded", message, "Encode it once, then sign that form"))
        host, _, path = unquote(resource).partition("/")
    name, _, port = host.partition(":")
    if port and not is_loopback(name):
        message = f"the resource names the port {clean(port, limit=8)}"
        found.append(_wrong("resource-port", message, "Write the host alone"))
    if not name:
        found.append(_wrong("resource-host", "the resource does not begin with a host", "HUB.azure-devices.net/…"))
    elif not possible_host(name) or _is_short(name, path):
        message = f"the resource begins with “{clean(name, limit=60)}”, which is no host name of a hub"
        found.append(_wrong("resource-host", message, "Write the whole host name: HUB.azure-devices.net"))
    found += _path_findings(path)
    if not found and _ESCAPE.search(path):
        found.append(_twice(path))
    return [*found, *_spelling(sent, bool(found))]


def _is_short(name: str, path: str) -> bool:
    if "." in name or is_loopback(name):
        return False
    return not (path.casefold().startswith("registrations/") and _SCOPE_ID.fullmatch(name))


def possible_host(name: str) -> bool:
    """Whether a host can be a hub's: by its signs, and not written nearly as one (azure-devices.net.example.com)."""
    if is_loopback(name):
        return True
    near = "azure-device" in name.casefold() and not _OF_A_SERVICE.fullmatch(name)
    return bool(_HOST.fullmatch(name)) and not near


def possible_id(text: str) -> bool:
    """Whether a device, module or registration can have an id: by its signs and its length."""
    return bool(_ID.fullmatch(text))


def _path_findings(path: str) -> list[TokenFinding]:
    segments = path.split("/") if path else []
    if not path:
        return []
    if "" in segments:
        where = "ends with “/”" if path.endswith("/") else "has an empty part (“//”)"
        return [_wrong("resource-slash", f"the resource {where}", "Take it out")]
    first = segments[0]
    collections = (*_COLLECTIONS, *_PROVISIONING)
    near = _near(first, collections)
    if len(segments) == 1 and near not in collections:
        message = f"“/devices/” is missing before “{clean(first, limit=60)}”"
        return [_wrong("resource-lacks-devices", message, f"Write HOST/devices/{clean(first, limit=60)}")]
    if near != first:
        return [_misspelled(first, near, "resource-case", "resource-lacks-devices")]
    if first not in collections:
        return [_nothing_there(first, "a hub")]
    below = _below_device(segments) if first == "devices" and len(segments) > 2 else []
    return below or _ids(segments)


def _ids(segments: Sequence[str]) -> list[TokenFinding]:
    """Return that nothing can have an id: by its signs, or its length."""
    ids = segments[1:2] if segments[0] in {"devices", "twins", "registrations"} else []
    if segments[0] == "devices" and len(segments) > 3 and segments[2] == "modules":
        ids = [*ids, segments[3]]
    for one in ids:
        if not possible_id(one):
            message = f"nothing can be called “{clean(one, limit=60)}”: it has signs that no id has"
            if len(one) > 128:
                message = f"its id has {len(one):,} characters, and an id has 128 at most"
            return [_wrong("resource-id", message, "Write the id as the hub has it; is it a placeholder?")]
    return []


def _below_device(segments: Sequence[str]) -> list[TokenFinding]:
    below = segments[2]
    near = _near(below, _BELOW_DEVICE)
    if len(segments) == 3:
        if below in _BELOW_DEVICE:
            return []
        message = f"“/modules/” is missing before “{clean(below, limit=60)}”"
        return [_wrong("resource-lacks-modules", message, "Write HOST/devices/ID/modules/MODULE")]
    if near != below:
        return [_misspelled(below, near, "resource-case", "resource-lacks-modules")]
    return [] if below in _BELOW_DEVICE else [_nothing_there(below, "a device")]


def _misspelled(written: str, right: str, case_id: str, other_id: str) -> TokenFinding:
    id_ = case_id if written.casefold() == right.casefold() else other_id
    return _wrong(id_, f"“/{clean(written, limit=60)}/” opens nothing: it is spelled “/{right}/”", "Spell it so")


def _nothing_there(segment: str, of: str) -> TokenFinding:
    message = f"“/{clean(segment, limit=60)}/” is nothing that {of} has, as far as is known"
    return _wrong("resource-unknown", message, "Write HOST/devices/ID or HOST/devices/ID/modules/MODULE")


def _twice(path: str) -> TokenFinding:
    """Return what is known of an id that is encoded twice: whether the service takes it is reported, not documented."""
    plain = clean(unquote(path).split("/")[1] if "/" in path else unquote(path), limit=128)
    escape = _ESCAPE.search(path)
    sign = escape[0] if escape else ""
    message = (
        f"the id is encoded twice (%25{sign[1:]} for “{clean(unquote(sign))}”): published reports say that the hub "
        f"takes it as {plain}; its documentation does not say so"
    )
    hint = f"Encode it once ({sign}) where you can; an id that has “{sign}” in it is right as it is"
    return TokenFinding("id-encoded-twice", message, hint)


def _spelling(sent: str, known: bool) -> list[TokenFinding]:
    """Return what can be said of the encoding as sent: none of it is wrong as long as it is what was signed."""
    for place, char in enumerate(sent, 1):
        if char == "%" and not _ESCAPE.match(sent[place - 1 :]):
            message = f"a “%” that begins no escape stands at character {place} of the resource"
            hint = "An id that holds a “%” is encoded: %25"
            return [TokenFinding("device-id-not-encoded", message, hint, Verdict.MALFORMED)]
        if not _PLAIN.match(char):
            message = f"“{clean(char)}” at character {place} of the resource is not encoded"
            hint = "Encode every character of the id but letters, digits and “-._~”, then sign that form"
            return [TokenFinding("device-id-not-encoded", message, hint)]
    if "/" in sent and not known:
        hint = "The service checks the form that is sent; the SDKs send %2F"
        return [TokenFinding("resource-not-encoded", "the “/” of the resource is not encoded", hint)]
    return []


def wanted_finding(parts: SasParts, wanted: str) -> TokenFinding | None:
    """Return what stands against using a token for `wanted`: a device's id, a resource, or an address."""
    target = wanted_resource(parts, wanted)
    have = re.sub(r"^\w+://", "", parts.resource)
    if covers(_bare(have), _bare(target)) or covers(_bare(unquote(have)), _bare(target)):
        return None
    message = f"it is for {clean(have, limit=200)}, not for {clean(target, limit=200)}"
    return _wrong("resource-other", message, "Mint one for that resource")


def wanted_resource(parts: SasParts, wanted: str) -> str:
    """Return the resource that is meant: `press-1` is the device of that id at the token's own host."""
    text = re.sub(r"^\w+://", "", wanted.strip())
    if "/" not in text and "%2f" in text.casefold():
        text = unquote(text)
    if "/" in text:
        return text.partition("?")[0].rstrip("/")
    if text.casefold() == parts.host.casefold() or re.search(r"\.azure-devices[\w-]*\.", text, re.IGNORECASE):
        return text
    return f"{parts.host}/devices/{text}"


def _bare(resource: str) -> str:
    """Return a resource whose host has no port."""
    host, slash, path = resource.partition("/")
    return host.partition(":")[0] + slash + path


def _wrong(id_: str, message: str, hint: str) -> TokenFinding:
    return TokenFinding(id_, message, hint, Verdict.WRONG_RESOURCE)
