"""The keys that a token is made or checked with, as the hub has them: every reading is journalled before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from console.model.device import AuthType
from console.model.document import Document, Json, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub_hosts import is_provisioning, same_hub
from console.model.policy import AuthScope, Right, Slot
from console.model.secret import Secret
from console.model.shell import command_line
from console.model.text import clean
from console.model.token import SasParts, TokenFinding, TokenOrder, TokenScope, Verdict
from console.rules import connection_string, sas_reading
from console.rules.policies import effective, read_rights
from console.rules.redaction import Redaction
from console.rules.sas import mint, resource_uri
from console.rules.sas_explain import MOST, NamedKey
from console.rules.sas_signature import key_text, tried
from console.rules.showing import understood_whole
from console.rules.token_order import host_of
from console.rules.wrapping import unwrapped
from console.services.changes import Changes
from console.services.device_identity import AUTH_WORDS, Identity
from console.services.policy_bodies import find_policy, hub_of, local_auth_of, policies_of
from console.services.policy_history import READ_KEYS
from console.services.ports import Cancel
from console.services.session import Session
from console.services.token_provisioning import ServiceKeys

READ_DEVICE = "device.keys"
"""The kind of a journal entry that notes the reading of a device's or module's keys."""

Keys = tuple[list[NamedKey], list[TokenFinding]]


@dataclass(frozen=True)
class FoundKey:
    """A key for an order: the order with its host, the key, by whom it was read, sentences to add."""

    order: TokenOrder
    key: Secret
    who: str
    warnings: tuple[str, ...] = ()


class HubKeys:
    """Reads keys of the session's hub with the profile's credential."""

    def __init__(self, session: Session, changes: Changes, cancel: Cancel) -> None:
        self._session = session
        self._changes = changes
        self._cancel = cancel

    # --- minting ------------------------------------------------------------------------------------------------

    def for_order(self, order: TokenOrder, reason: str) -> FoundKey:
        """Return the key for an order. Raises ConsoleError."""
        host = host_of(self._session.hub_host)
        if order.registration_id or is_provisioning(order.host):
            why = "a profile opens a hub, and the key of an enrollment or of a provisioning service is elsewhere"
            raise _bad("The key cannot be read", why, "Give it: --key-stdin, or by prompt")
        if order.host and not same_hub(host_of(order.host), host):
            why = f"the profile's hub is {host}, and the token is to be for {clean(order.host, limit=100)}"
            raise _bad("No token was made", why, "Choose one: another profile, or the key by --key-stdin")
        order = replace(order, host=host)
        own = self._session.own_policy() if order.policy else None
        if own is not None:
            if own[1].casefold() != order.policy.casefold():
                why = f"the profile's connection string is of the policy {clean(own[1])}"
                raise _bad(f"The key of policy {clean(order.policy)} cannot be read", why, "Name that one")
            return FoundKey(replace(order, policy=own[1]), own[2], self._who())
        return self._policy_key(order, reason) if order.policy else self._device_key(order, reason)

    def for_service(self, order: TokenOrder, service: str, reason: str) -> FoundKey:
        """Return the key for an order of a policy of a provisioning service. Raises ConsoleError."""
        who = self._who()
        order, key = ServiceKeys(self._session, self._changes, self._cancel).for_order(order, service, reason, who)
        return FoundKey(order, key, who)

    def _policy_key(self, order: TokenOrder, reason: str) -> FoundKey:
        document = self._policies(f"key of policy {clean(order.policy)}, to mint a token", reason)
        policy = find_policy(document.body, order.policy)
        key = next((policy[slot.field] for slot in Slot if isinstance(policy.get(slot.field), Secret)), None)
        name = str(policy.get("keyName") or order.policy)
        if key is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The policy {clean(name)} has no key", "", "Rotate it first")
        warnings = []
        if not local_auth_of(hub_of(document)).hub:
            warnings.append("the hub refuses all shared access policies at present: the token opens nothing")
        if order.device_id and Right.DEVICE_CONNECT not in effective(read_rights(policy.get("rights"))[0]):
            warnings.append(f"the policy {clean(name)} lacks DeviceConnect: no device can connect with the token")
        return FoundKey(replace(order, policy=name), key, self._who(), tuple(warnings))

    def _device_key(self, order: TokenOrder, reason: str) -> FoundKey:
        identity = self._identity(order.device_id, order.module_id, "to mint a token", reason)
        noun = _noun(order.device_id, order.module_id)
        if identity is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"There is no {noun}", "", "Ids are compared with case")
        key = next((key for key in identity.keys if key is not None), None)
        if identity.auth is not AuthType.SAS or key is None:
            why = f"the {noun} signs in {AUTH_WORDS[identity.auth]}, so it has no key to sign with"
            raise ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, code="auth-type")
        warnings = []
        if identity.status == "disabled":
            warnings.append(f"the {noun} is disabled: the hub refuses it with any token")
        return FoundKey(order, key, self._who(), tuple(warnings))

    # --- explaining ---------------------------------------------------------------------------------------------

    def for_token(self, text: str, reason: str) -> Keys:
        """Return the keys that a pasted token may have been signed with, and what the hub has against it.

        Keys are read only of what the token names. Raises ConsoleError when they cannot be read.
        """
        parts = _parts_of(text)
        if parts is None:
            return [], []
        if parts.scope is TokenScope.REGISTRATION:
            message = "the key of an enrollment is not given out by the resource manager: no key was read"
            return [], [TokenFinding("key-not-readable", message, "Give the enrollment's key: --key-stdin")]
        if is_provisioning(parts.host):
            service = ServiceKeys(self._session, self._changes, self._cancel)
            return service.for_token(parts, reason, self._who())
        host = host_of(self._session.hub_host)
        if not self._is_ours(parts.host):
            message = f"it is for {clean(parts.host, limit=100)}, and the profile's hub is {host}: no key was read"
            return [], [TokenFinding("other-hub", message, "Choose the profile of that hub", Verdict.WRONG_RESOURCE)]
        if parts.policy:
            return self._of_policy(parts, reason)
        if parts.scope in (TokenScope.DEVICE, TokenScope.MODULE):
            return self._of_device(parts, reason)
        return [], []

    def _is_ours(self, host: str) -> bool:
        """Return whether a token's host is the profile's hub, by the profile's name for it or the hub's own."""
        name = host.partition(":")[0].casefold()
        if name == host_of(self._session.hub_host).casefold() or same_hub(name, self._session.hub_host):
            return True
        if self._session.data_plane_only:
            return False
        try:
            return same_hub(name, self._session.hub(self._cancel).host)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return False

    def _of_policy(self, parts: SasParts, reason: str) -> Keys:
        own = self._session.own_policy()
        if own is not None:
            if own[1].casefold() == parts.policy.casefold():
                return [NamedKey(f"profile's own key of policy {clean(own[1])}", own[2], own[1])], []
            message = f"the profile's connection string is of policy {clean(own[1])}: the key of {clean(parts.policy)}"
            return [], [TokenFinding("key-not-readable", f"{message} cannot be read with it")]
        document = self._policies("keys, to check a token", reason)
        keys = [key for policy in policies_of(document) for key in _policy_keys(policy)]
        findings = _switched_off(document)
        mine = [key for key in keys if key.policy.casefold() == parts.policy.casefold()]
        if not mine:
            names = ", ".join(clean(policy.get("keyName")) for policy in policies_of(document))
            message = f"the hub has no policy {clean(parts.policy, limit=80)}; it has: {names or 'none'}"
            findings.append(TokenFinding("policy-unknown", message, "Was it deleted or renamed?", Verdict.WRONG_KEY))
        if parts.scope in (TokenScope.DEVICE, TokenScope.MODULE, TokenScope.ALL_DEVICES):
            findings += _may_connect(document, parts.policy)
        others = [key for key in keys if key not in mine and tried(parts, key.key).right_key]
        if others or any(tried(parts, key.key).right_key for key in mine) or parts.scope not in _DEVICES:
            return [*mine, *others], findings
        identity = self._identity_of(parts, reason)  # skn with a device's own key is a common mistake
        return [*mine, *(_device_keys(identity, parts) if identity else ())], findings

    def _of_device(self, parts: SasParts, reason: str) -> Keys:
        identity = self._identity_of(parts, reason)
        if identity is None:
            noun = _noun(*_ids(parts))
            message = f"the hub has no {noun}"
            finding = TokenFinding("device-unknown", message, "Ids are compared with case", Verdict.WRONG_RESOURCE)
            return [], [finding]
        keys, findings = _device_keys(identity, parts), _against(identity, parts)
        if self._session.data_plane_only or any(tried(parts, key.key).right_key for key in keys):
            return keys, findings
        try:  # signed with a policy's key and not saying so is a common mistake
            document = self._policies("keys, to check a token", reason)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return keys, findings
        others = [key for policy in policies_of(document) for key in _policy_keys(policy)]
        return [*keys, *(key for key in others if tried(parts, key.key).right_key)], findings

    # --- reading ------------------------------------------------------------------------------------------------

    def _identity_of(self, parts: SasParts, reason: str) -> Identity | None:
        device_id, module_id = _ids(parts)
        found = self._identity(device_id, module_id, "to check a token", reason)
        once = unquote(device_id), unquote(module_id)
        if found is None and once != (device_id, module_id):  # an id that is encoded twice
            found = self._identity(*once, "to check a token", reason)
        return found

    def _identity(self, device_id: str, module_id: str, why: str, reason: str) -> Identity | None:
        target = Target(TargetKind.DEVICE, f"{device_id}/{module_id}" if module_id else device_id)
        self._note(READ_DEVICE, f"keys of {_noun(device_id, module_id)}, {why}", target, reason)
        document = self._changes.reader.read(target, self._cancel)
        return None if document is None else Identity(device_id, document)

    def _policies(self, title: str, reason: str) -> Document:
        if self._session.data_plane_only:
            why = "the profile's credential is a connection string, which opens the registry only"
            hint = "Add a credential of kind person, client-secret or managed-identity (role: Contributor on the hub)"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The shared access policies could not be read", why, hint)
        target = Target(TargetKind.POLICIES, self._session.arm_id(self._cancel))
        self._note(READ_KEYS, title, target, reason)
        document = self._changes.reader.read(target, self._cancel)
        if document is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The hub {target.name} was not found", "it is gone", "Look again")
        return document

    def _note(self, kind: str, title: str, target: Target, reason: str) -> None:
        journal = self._changes.journal
        journal.note_read(kind, title, target, hub=self._session.hub_name, who=self._who(), reason=reason)

    def _who(self) -> str:
        identity = self._session.whoami(self._cancel)
        return f"{identity.name} ({identity.source})" if identity.source else identity.name


def _parts_of(text: str) -> SasParts | None:
    """Return the parts of a token, of the one in a connection string, or of one that its key would make."""
    if len(text) > MOST:
        return None
    if not connection_string.looks_like_one(text):
        parts = sas_reading.read(text).parts
        if parts is None or not all(map(understood_whole, (parts.resource, parts.policy))):
            return None  # more than ids stands where an id belongs: it would stand in the journal
        return None if Redaction(unwrapped(text).forms).holds(parts.resource + parts.policy) else parts
    string = connection_string.read(text)[0]
    if string.token is not None:
        return sas_reading.read(string.token.reveal()).parts
    if string.key is None or not (string.device_id or string.policy) or not key_text(string.key)[1]:
        return None
    resource = resource_uri(string.host, string.device_id, string.module_id)
    return sas_reading.read(mint(resource, string.key, _ANY_TIME, string.policy).reveal()).parts


_ANY_TIME = datetime(2100, 1, 1, tzinfo=UTC)
_DEVICES = (TokenScope.DEVICE, TokenScope.MODULE)


def _ids(parts: SasParts) -> tuple[str, str]:
    segments = [part for part in parts.resource.split("/") if part]
    return segments[2], segments[4] if parts.scope is TokenScope.MODULE else ""


def _noun(device_id: str, module_id: str) -> str:
    device = clean(device_id, limit=128)
    return f"module {clean(module_id, limit=128)} of device {device}" if module_id else f"device {device}"


def _policy_keys(policy: Mapping[str, Any]) -> list[NamedKey]:
    name = str(policy.get("keyName") or "")
    found = ((slot, policy.get(slot.field)) for slot in Slot)
    return [
        NamedKey(f"{slot} key of policy {clean(name)}", key, name) for slot, key in found if isinstance(key, Secret)
    ]


def _device_keys(identity: Identity, parts: SasParts) -> list[NamedKey]:
    device_id, module_id = _ids(parts)
    noun = _noun(device_id, module_id)
    pairs = zip(Slot, identity.keys, strict=True)
    return [NamedKey(f"{slot} key of {noun}", key, "", device_id, module_id) for slot, key in pairs if key is not None]


def _against(identity: Identity, parts: SasParts) -> list[TokenFinding]:
    """Return what the hub has against a device whatever its token says."""
    noun = _noun(*_ids(parts))
    found = []
    if identity.auth is not AuthType.SAS:
        message = f"the {noun} signs in {AUTH_WORDS[identity.auth]}: the hub takes no token of its own key"
        found.append(TokenFinding("not-by-token", message, "", Verdict.REFUSED))
    if identity.status == "disabled":
        message = f"the {noun} is disabled: the hub refuses it with any token"
        found.append(
            TokenFinding(
                "device-disabled",
                message,
                command_line("hubwarden", "devices", "enable", operands=[parts.resource.split("/")[2]]),
                Verdict.REFUSED,
            )
        )
    return found


def _switched_off(document: Document) -> list[TokenFinding]:
    if local_auth_of(hub_of(document)).of(AuthScope.HUB) is not False:
        return []
    message = "the hub refuses all shared access policies at present"
    return [TokenFinding("local-auth-off", message, "hubwarden policy local-auth hub on", Verdict.REFUSED)]


def _may_connect(document: Document, name: str) -> list[TokenFinding]:
    policy: Json | None = next(
        (one for one in policies_of(document) if str(one.get("keyName")).casefold() == name.casefold()), None
    )
    if policy is None or Right.DEVICE_CONNECT in effective(read_rights(policy.get("rights"))[0]):
        return []
    message = f"the policy {clean(name)} lacks DeviceConnect: no device can connect with the token"
    return [TokenFinding("policy-lacks-right", message, "Sign with a policy that has it", Verdict.REFUSED)]


def _bad(what: str, why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")
