"""Reading connection strings of hubs, devices, modules and provisioning services; what is wrong with one is named."""

from __future__ import annotations

import re
import unicodedata

from console.model.connection_string import ConnectionString, StringKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub_hosts import is_loopback, is_provisioning
from console.model.secret import Secret
from console.model.text import clean
from console.model.token import TokenFinding, Verdict
from console.rules.sas_reading import shown_name
from console.rules.sas_resource import possible_host, possible_id
from console.rules.wrapping import characters, outside, unwrapped

_NAMES = (
    "HostName",
    "SharedAccessKeyName",
    "SharedAccessKey",
    "SharedAccessSignature",
    "DeviceId",
    "ModuleId",
    "GatewayHostName",
    "x509",
)
_OTHERS = ("Endpoint", "EntityPath", "AccountName", "AccountKey", "DefaultEndpointsProtocol", "EndpointSuffix")
_BY_FOLD = {name.casefold(): name for name in (*_NAMES, *_OTHERS)}
_BEGUN = re.compile(rf"\s*({'|'.join(sorted(_BY_FOLD, key=len, reverse=True))})([^\w=])", re.IGNORECASE)
_WORDS = "|".join(sorted(_NAMES, key=len, reverse=True))
_MEMBER = re.compile(rf"[\"']?({_WORDS})[\"']\s*:\s*(?:[\"']([^\"']*)[\"']|(\w+))", re.IGNORECASE)
_MEANT = re.compile(
    r"(?:HostName|DeviceId)\s*=|SharedAccessKey(?:Name)?\s*(?:[\"']\s*)?[=:]|Endpoint\s*=\s*sb:|AccountKey\s*=",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"(?<![A-Za-z0-9])(?:{_WORDS}|{'|'.join(_OTHERS)})\s*(?:[\"']\s*)?[=:]", re.IGNORECASE)
_TOKEN = re.compile(r"SharedAccessSignature\s+s", re.IGNORECASE)
_NEXT_LINE = re.compile(
    rf"\n[ \t]*(?:\n|export\s|set\s|#|//|[}}\])<\-]|;(?!\s*(?:{_WORDS})\s*=)|(?!(?:{_WORDS})\s*(?:[\"']\s*)?[:=])"
    r"(?:[A-Za-z][\w.-]*:\s|[A-Z_][A-Z0-9_]{2,}=(?=[^;\s])))",
    re.IGNORECASE,
)
_BROKEN_NAME = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{1,24})\n[ \t]*([A-Za-z]{1,24})=")
_ANOTHER = re.compile(r"(?<=[\s\"'`=])HostName\s*=", re.IGNORECASE)
_KEY_END = re.compile(
    rf"SharedAccessKey\s*=\s*[A-Za-z0-9+/]{{20,}}={{1,2}}(?![=;&A-Za-z0-9+/]|[\s,|]*(?:{_WORDS})\s*=|\s*;)",
    re.IGNORECASE,
)
_OTHER_SIGN = re.compile(rf"(?<=[^;\s,|&])(?:\s+|\s*[,|&]\s*)(?=(?:{_WORDS})\s*=)", re.IGNORECASE)


def looks_like_one(text: str) -> bool:
    """Return whether text, whatever it is wrapped in, is meant as a connection string: a name of a part comes first."""
    text = unwrapped(text).text
    meant, token = _MEANT.search(text), _TOKEN.search(text)
    return meant is not None and (token is None or meant.start() < token.start())


def read(text: str) -> tuple[ConnectionString, tuple[TokenFinding, ...]]:
    """Return the parts of a connection string and what is wrong with it; never raises.

    Names are taken without case, as most SDKs do not: another spelling is a finding. Values keep every `=` after the
    first (keys end in it).
    """
    findings: list[TokenFinding] = []
    values: dict[str, str] = {}
    body = _inside(text, findings)
    for position, part in enumerate(body.split(";"), 1):
        if not part.strip():
            continue
        name, equals, value = part.strip().partition("=")
        if not equals:
            shown = f"part {position} has no “=”"
            findings.append(_wrong("string-part", shown, "Write NAME=VALUE, with a semicolon between parts"))
            continue
        known = _BY_FOLD.get(name.strip().casefold())
        if known is None:
            findings.append(_unknown(name))
            continue
        if name != name.strip() or (value and value != value.lstrip()):
            findings.append(_wrong("equals-blank", f"blanks stand around “=” after {known}", "Write NAME=VALUE"))
            name, value = name.strip(), value.lstrip()
        if known != name:
            spelled = f"“{clean(name, limit=40)}” is spelled {known}"
            findings.append(TokenFinding("string-case", spelled, "Several SDKs compare the names with case"))
        if known in values:
            findings.append(_wrong("string-twice", f"{known} stands in it twice", "Take one of them out"))
        if value != value.strip():
            findings.append(_wrong("string-blank", f"{known} begins or ends with a blank", "Take it out"))
        values[known] = value.strip()
    parts = _parts(values)
    return parts, (*findings, *_missing(parts, values))


def _unknown(name: str) -> TokenFinding:
    """Return what is said of a part of no known name, which may be a key that slipped there: it is not shown."""
    begun = _BEGUN.match(name)
    if begun is None:
        return TokenFinding("string-unknown", f"{shown_name(name)} is no name of a part")
    known = _BY_FOLD[begun[1].casefold()]
    sign = f"“{clean(begun[2])}”" if begun[2].strip() else "a blank"
    message = f"after {known} stands {sign} instead of “=”"
    return _wrong("string-part", message, f"Write {known}=VALUE")


def parse(text: str) -> ConnectionString:
    """Return the parts of a connection string that can be used.

    Raises ConsoleError BAD_INPUT (code "usage") that names the first thing that is wrong; no value is shown.
    """
    parts, findings = read(text)
    for finding in findings:
        if finding.verdict is not None:
            what = "The connection string cannot be used"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, finding.message, finding.hint, code="usage")
    return parts


def _inside(text: str, findings: list[TokenFinding]) -> str:
    """Return the connection string in a text, without what is wrapped around it."""
    plain = unwrapped(text)
    findings += plain.findings
    body = plain.text.strip().replace("\r\n", "\n").replace("\r", "\n")
    if len(body) > 1 and body[0] == body[-1] and body[0] in "\"'`":
        body = body[1:-1]
        findings.append(TokenFinding("quoted", "quotation marks stand around it", "They do not belong to it"))
    body = _separated(_extent(_BROKEN_NAME.sub(_whole_name, body), findings), findings)
    if "\n" in body:
        message = f"a line break stands in it at character {body.index(chr(10)) + 1}"
        findings.append(_wrong("whitespace-inside", message, "Write it on one line"))
        body = re.sub(r"\n[ \t]*", "", body)
    return _plain(body, findings)


def _whole_name(found: re.Match[str]) -> str:
    """Return a name that a line break stands in with the break behind it, where it is looked for."""
    whole = found[1] + found[2]
    return f"{whole}=\n" if whole.casefold() in _BY_FOLD and found[2].casefold() not in _BY_FOLD else found[0]


def _plain(body: str, findings: list[TokenFinding]) -> str:
    """Return a string without signs that nobody sees and with plain hyphens; any that is not ASCII is a finding."""
    foreign = next((place for place, char in enumerate(body) if not (char.isascii() and char.isprintable())), None)
    if foreign is None:
        return body
    message = f"a character that is no part of it stands at {foreign + 1} (U+{ord(body[foreign]):04X})"
    findings.append(_wrong("foreign-character", message, "Copy it from a plain text; it is all ASCII"))
    kinds = [(char, unicodedata.category(char)) for char in body]
    return "".join(
        "-" if kind == "Pd" else char for char, kind in kinds if kind not in {"Cf", "Cc", "Mn", "Zs"} or char == " "
    )


def _extent(body: str, findings: list[TokenFinding]) -> str:
    """Return a text from the first name of a part to the end of the quotation, element or line that it stands in."""
    first = _FIRST.search(body)
    if first is None:
        return body
    before = body[: first.start()]
    start = 0 if before.rstrip().endswith(";") and not re.search(r"[\n\"'`<]", before) else first.start()
    members = _MEMBER.match(body, start) is not None
    mark = before[-1:] if start and before[-1] in "\"'`" and not members else ""
    signs = [mark] if mark else ["}"] if members else ["<", ">", '"', "`"]
    ends = [place for sign in signs if (place := body.find(sign, start)) >= 0]
    if not members and (line := _NEXT_LINE.search(body, start)) is not None:
        ends.append(line.start())
    if (another := _ANOTHER.search(body, first.end())) is not None:
        ends.append(another.start())
    if (key := _KEY_END.search(body, start)) is not None:  # nothing belongs to a string behind its key but a part
        ends.append(key.end())
    end = min(ends, default=len(body))
    for where, left in (("before", body[:start]), ("after", body[end:])):
        if length := outside(left):
            message = f"{characters(length)} {where} the connection string are left out here"
            findings.append(TokenFinding(f"text-{where}", message, "Give the string alone"))
    if others := len(re.findall(r"HostName\s*=", body[end:], re.IGNORECASE)):
        message = f"{others + 1} connection strings stand in it; this is the first"
        findings.append(TokenFinding("several", message, "Give the others on their own"))
    return body[start:end].strip()


def _separated(body: str, findings: list[TokenFinding]) -> str:
    """Return parts with ; and = between them; other signs in their place are a finding."""
    hint = "It reads HostName=…;DeviceId=…;SharedAccessKey=…"
    if _MEMBER.match(body):
        findings.append(_wrong("string-in-parts", "its parts stand in JSON of their own, not in one text", hint))
        return ";".join(f"{one[1]}={one[2] or one[3]}" for one in _MEMBER.finditer(body))
    signs: dict[str, None] = {}

    def semicolon(found: re.Match[str]) -> str:
        bare = found[0].strip()
        signs[f"“{clean(bare, limit=12)}”" if bare else "a line break" if "\n" in found[0] else "a blank"] = None
        return ";"

    body = _OTHER_SIGN.sub(semicolon, body)
    if signs:
        message = f"between its parts stands {' and '.join(signs)} instead of “;”"
        findings.append(_wrong("string-separator", message, hint))
    return body


def _parts(values: dict[str, str]) -> ConnectionString:
    host = values.get("HostName", "")
    if "Endpoint" in values or "EntityPath" in values:
        kind = StringKind.EVENT_HUBS
    elif values.get("ModuleId"):
        kind = StringKind.MODULE
    elif "DeviceId" in values:
        kind = StringKind.DEVICE
    elif is_provisioning(host):
        kind = StringKind.PROVISIONING
    elif "SharedAccessKeyName" in values:
        kind = StringKind.HUB
    else:
        kind = StringKind.OTHER
    key, token = values.get("SharedAccessKey", ""), values.get("SharedAccessSignature", "")
    return ConnectionString(
        kind,
        host,
        values.get("SharedAccessKeyName", ""),
        values.get("DeviceId", ""),
        values.get("ModuleId", ""),
        values.get("GatewayHostName", ""),
        Secret(key) if key else None,
        Secret(token) if token else None,
        values.get("x509", "").casefold() == "true",
    )


def _missing(parts: ConnectionString, values: dict[str, str]) -> list[TokenFinding]:
    if parts.kind is StringKind.EVENT_HUBS:
        why = "it is for the hub's Event Hubs endpoint (sb://), which has tokens of its own kind"
        return [_wrong("string-kind", why, "Take the connection string of a policy or of a device")]
    if "AccountKey" in values or "AccountName" in values:
        return [_wrong("string-kind", "it is of a storage account, not of a hub", "Take one of a policy or a device")]
    found: list[TokenFinding] = []
    if not parts.host:
        found.append(_wrong("string-host", "it has no HostName", "It reads HostName=HUB.azure-devices.net;…"))
    elif problem := _host_problem(parts.host):
        found.append(_wrong("string-host", problem, "It reads HostName=HUB.azure-devices.net, without more"))
    if wrong := [
        name
        for name, one in (("DeviceId", parts.device_id), ("ModuleId", parts.module_id))
        if one and not possible_id(one)
    ]:
        message = f"{wrong[0]} has signs or a length that no id has"
        found.append(_wrong("string-id", message, "Write the id as the hub has it; is it a placeholder?"))
    if parts.module_id and not parts.device_id:
        found.append(_wrong("string-device", "it has a ModuleId and no DeviceId", "Add the module's device"))
    if not parts.policy and not parts.device_id:
        message = "it names neither a policy (SharedAccessKeyName) nor a device (DeviceId)"
        found.append(_wrong("string-owner", message, "Without one the service does not know whose key it is"))
    if parts.key is None and parts.token is None and not parts.x509:
        message = "it has neither SharedAccessKey nor SharedAccessSignature nor x509=true"
        found.append(_wrong("string-credential", message, "Copy it again, to the last character"))
    if parts.x509 and (parts.key or parts.token):
        found.append(_wrong("string-both", "it has a key or token and x509=true", "A device signs in by one of them"))
    return found


def _host_problem(host: str) -> str:
    """Return what is wrong with a HostName; a local hub may have a port and no dot."""
    name, colon, _ = host.partition(":")
    if is_loopback(name):
        return ""
    if "://" in host or "/" in host:
        return "HostName is an address, and it is the host's name alone"
    if colon:
        return "HostName names a port, and it is the host's name alone"
    if "." not in name:
        return "HostName is no whole host name: it has no dot"
    return "" if possible_host(name) else "HostName is no host name of a hub: is it a placeholder, or misspelt?"


def _wrong(id_: str, message: str, hint: str = "") -> TokenFinding:
    return TokenFinding(id_, message, hint, Verdict.MALFORMED)
