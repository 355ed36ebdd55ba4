"""Whether the service would look for the key that made a signature: where `skn` and `sr` say, and whose key it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from console.model.hub_hosts import is_loopback, same_hub
from console.model.text import clean
from console.model.token import SasParts, TokenFinding, TokenScope, Verdict
from console.rules.sas_resource import as_meant
from console.rules.token_order import REGISTRATION

if TYPE_CHECKING:
    from console.model.connection_string import ConnectionString
    from console.rules.sas_explain import NamedKey

_SERVICE_SIDE = {"twins", "messages", "jobs", "servicebound", "digitaltwins", "configurations", "statistics"}


def signer_findings(parts: SasParts) -> list[TokenFinding]:
    """Return what is wrong with who signs a token for its resource, whatever the key."""
    meant = as_meant(parts)
    if meant.scope is TokenScope.REGISTRATION:
        return _registration(meant)
    if (written := _written_out(parts)) is not None:
        return [written]
    path = meant.resource.split("/")[1:]
    policies_only = meant.scope in (TokenScope.HUB, TokenScope.ALL_DEVICES) or path[0] in _SERVICE_SIDE
    if parts.policy or not policies_only or not meant.host or "%" in meant.host:
        return []
    message = "it names no policy (skn), and for this resource only a policy can sign"
    return [TokenFinding("skn-missing", message, "Add &skn=POLICY", Verdict.MALFORMED)]


_EMPTY = {"none", "null", "nil", "undefined", "nan", "false", "''", '""', "string.empty", "policyname", "policy_name"}


_ID_PLACE = re.compile(r"[<{\[$%]*(?:device|module)[_ -]?id[>}\]%]*", re.IGNORECASE)
_POLICIES = {"iothubowner", "service", "device", "registryread", "registryreadwrite", REGISTRATION}


def _written_out(parts: SasParts) -> TokenFinding | None:
    """Return what is wrong with a policy's name that is a word for nothing, a placeholder, or the device's id."""
    name = parts.policy.strip()
    path = as_meant(parts).resource.split("/")[1:]
    ids = [path[place] for place in (1, 3) if len(path) > place and path[0] in {"devices", "twins"}]
    hint = "Leave skn out for a device's own key; for a policy's key write the policy's name"
    shown = clean(name, limit=60)
    if name != parts.policy:
        message = f"the policy (skn) “{shown}” begins or ends with a blank, as no policy does"
    elif name.casefold() in _EMPTY:
        message = f"the policy (skn) is the text “{shown}”, which no policy is called: a program wrote out nothing"
    elif (name in ids and name.casefold() not in _POLICIES) or _ID_PLACE.fullmatch(name):
        message = f"the policy (skn) is “{shown}”, the device's id and not a policy's name"
    elif re.fullmatch(r"[<{\[$%].*[>}\]%]", name):
        message = f"the policy (skn) is “{shown}”, a placeholder that nobody filled in"
    else:
        return None
    return TokenFinding("skn-none", message, hint, Verdict.MALFORMED)


def _registration(meant: SasParts) -> list[TokenFinding]:
    found = []
    if meant.policy.casefold() != REGISTRATION:
        said = f"names the policy {clean(meant.policy, limit=60)}" if meant.policy else "names none"
        message = f"a device registers with the policy name {REGISTRATION} (skn), and it {said}"
        hint = f"Write &skn={REGISTRATION}"
        found.append(TokenFinding("skn-not-registration", message, hint, Verdict.MALFORMED))
    if "." in meant.host:
        message = f"a registration is for an ID scope, and it is for the host {clean(meant.host, limit=100)}"
        hint = "Write ID_SCOPE/registrations/ID; an ID scope reads like 0ne00A1B2C3"
        found.append(TokenFinding("registration-host", message, hint, Verdict.WRONG_RESOURCE))
    return found


def ownership_findings(parts: SasParts, named: NamedKey) -> list[TokenFinding]:
    """Return what is wrong although the key made the signature: the service looks for another key."""
    if not named.owner_known:
        return []
    meant = as_meant(parts)
    wrong = Verdict.WRONG_KEY
    if meant.scope is TokenScope.REGISTRATION:  # a device's key may be its enrollment's: the service hands it on
        if not named.policy:
            return []
        message = f"a registration is signed with the key of its enrollment, and this is one of {_whose(named)}"
        return [TokenFinding("key-of-policy", message, "Take the key of the enrollment", wrong)]
    if named.host and _other_host(meant.host, named.host):
        message = f"it is for {clean(meant.host, limit=100)}, and the key is of {clean(named.host, limit=100)}"
        hint = "The same name on another hub has another key"
        return [TokenFinding("key-of-other-hub", message, hint, Verdict.WRONG_RESOURCE)]
    if named.policy:
        return _policy(parts, named)
    if parts.policy:
        message = f"it is signed with a device's own key and names the policy {clean(parts.policy)} (skn)"
        return [TokenFinding("skn-with-device-key", message, "Leave skn out", wrong)]
    return _device(meant, named, re.sub(r"^\w+://", "", parts.resource).split("/")[1:])


def encoded_twice(parts: SasParts) -> bool:
    """Return whether a resource is what it is meant to be but for its ids, which are encoded twice."""
    meant = as_meant(parts).resource
    return meant != parts.resource and meant == unquote(parts.resource) and parts.host == meant.partition("/")[0]


def needed(parts: SasParts) -> str:
    """Return whose key the service holds a token's signature against: that a key fits does not say it is that one."""
    meant = as_meant(parts)
    path = meant.resource.split("/")[1:]
    if meant.scope is TokenScope.REGISTRATION:
        return f"the key of the enrollment {clean(path[1], limit=128)}"
    if parts.policy:
        return f"a key of the policy {clean(parts.policy, limit=80)}"
    if len(path) > 3 and path[2] == "modules":
        return f"a key of the module {clean(path[3], limit=128)} of {clean(path[1], limit=128)}"
    return f"a key of the device {clean(path[1], limit=128)}" if len(path) > 1 else "a key of what it names"


def other_owner(string: ConnectionString, same: NamedKey) -> str:
    """Return why a connection string is wrong although its key is a known one; empty when it is not."""
    if not same.owner_known:
        return ""
    if same.policy.casefold() != string.policy.casefold():
        named = f"the policy {clean(string.policy)}" if string.policy else "no policy"
        return f"its key is the {same.label}, and it names {named} (SharedAccessKeyName)"
    if not same.policy and (same.device_id, same.module_id) != (string.device_id, string.module_id):
        what = f"module {clean(string.module_id)} of " if string.module_id else ""
        return f"its key is the {same.label}, and it is for {what}device {clean(string.device_id)}"
    if same.host and _other_host(same.host, string.host):
        return f"its key is of {clean(same.host, limit=100)}, and HostName is {clean(string.host, limit=100)}"
    return ""


def _policy(parts: SasParts, named: NamedKey) -> list[TokenFinding]:
    if not parts.policy and not signer_findings(parts):
        message = f"it is signed with a key of the policy {clean(named.policy)} and does not say so: “skn” is missing"
        return [TokenFinding("skn-missing", message, f"Add &skn={clean(named.policy)}", Verdict.WRONG_KEY)]
    if parts.policy and named.policy.casefold() != parts.policy.casefold():
        message = f"it is signed with a key of the policy {clean(named.policy)} and names {clean(parts.policy)}"
        return [TokenFinding("skn-other-policy", message, f"Write &skn={clean(named.policy)}", Verdict.WRONG_KEY)]
    return []


def _device(meant: SasParts, named: NamedKey, written: list[str]) -> list[TokenFinding]:
    """Return whose key it is instead; an id that is encoded twice may really be called so (`written`)."""
    path = meant.resource.split("/")[1:]
    if len(path) < 2 or path[0] != "devices":
        return []
    hint = "Sign with the key of what it is for; ids are compared with case"
    if named.device_id not in {path[1], *written[1:2]}:
        message = f"it is for {clean(path[1])}, and the key is of {clean(named.device_id)}"
        return [TokenFinding("key-of-other-device", message, hint, Verdict.WRONG_RESOURCE)]
    module = path[3] if len(path) > 3 and path[2] == "modules" else ""
    if named.module_id not in {module, *(written[3:4] if module else ())}:
        of = f"the module {clean(module)}" if module else "the device itself"
        message = f"it is for {of}, and the key is of {_whose(named)}"
        return [TokenFinding("key-of-other-owner", message, hint, Verdict.WRONG_RESOURCE)]
    return []


def _whose(named: NamedKey) -> str:
    if named.policy:
        return f"the policy {clean(named.policy)}"
    return f"its module {clean(named.module_id)}" if named.module_id else "the device itself"


def _other_host(one: str, other: str) -> bool:
    return not (same_hub(one, other) or is_loopback(_host(one)) or is_loopback(_host(other)))


def _host(text: str) -> str:
    return re.sub(r"^\w+://", "", text.strip()).partition("/")[0].partition(":")[0].casefold()
