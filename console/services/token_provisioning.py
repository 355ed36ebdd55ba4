"""The keys of provisioning services, read at the resource manager: each reading is journalled before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import Slot
from console.model.provisioning import ProvisioningService
from console.model.secret import Secret
from console.model.text import clean
from console.model.token import SasParts, TokenFinding, TokenOrder, Verdict
from console.rules.sas_explain import NamedKey
from console.services.changes import Changes
from console.services.ports import Cancel, ProvisioningReader
from console.services.session import Session

READ_SERVICE = "provisioning.keys"
"""The kind of a journal entry that notes the reading of a provisioning service's policy key."""

_WHAT = "The key of the provisioning service cannot be read"


class ServiceKeys:
    """Reads policy keys of the provisioning services in the hub's subscription. All raise ConsoleError."""

    def __init__(self, session: Session, changes: Changes, cancel: Cancel) -> None:
        self._session = session
        self._changes = changes
        self._cancel = cancel

    def for_order(self, order: TokenOrder, service: str, reason: str, who: str) -> tuple[TokenOrder, Secret]:
        """Return an order with its host and the policy's name as the service spells it, and the key.

        `service`: its name; empty: the one that links the profile's hub.
        """
        found = self._chosen(self._reader().services(self._cancel), service)
        keys = self._keys(found, order.policy, "to mint a token", reason, who)
        if not keys:
            why = f"the provisioning service {found.name} has no policy of this name with a key"
            hint = "Check the name; a new service has provisioningserviceowner"
            raise ConsoleError(ErrorKind.NOT_FOUND, f"There is no policy {clean(order.policy)}", why, hint)
        return replace(order, host=found.host, policy=keys[0].policy), keys[0].key

    def for_token(self, parts: SasParts, reason: str, who: str) -> tuple[list[NamedKey], list[TokenFinding]]:
        """Return the keys of the policy that a token for a provisioning service names, and what is against it."""
        host = parts.host.partition(":")[0].casefold()
        seen = () if self._session.data_plane_only else self._reader().services(self._cancel)
        found = next((one for one in seen if one.host.casefold() == host), None)
        if found is None:
            message = f"the credential sees no provisioning service {clean(parts.host, limit=100)}: no key was read"
            return [], [TokenFinding("key-not-readable", message, "Give a key: --key-stdin")]
        keys = self._keys(found, parts.policy, "to check a token", reason, who) if parts.policy else []
        if parts.policy and not keys:
            message = f"the provisioning service {found.name} has no policy {clean(parts.policy, limit=80)}"
            return [], [TokenFinding("policy-unknown", message, "Was it deleted or renamed?", Verdict.WRONG_KEY)]
        return keys, []

    def _reader(self) -> ProvisioningReader:
        if self._session.data_plane_only or self._changes.provisioning is None:
            why = "the profile's credential is a connection string, which opens one hub's registry only"
            hint = "Give the key (--key-stdin --hub NAME.azure-devices-provisioning.net), or a profile of another kind"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, _WHAT, why, hint)
        return self._changes.provisioning

    def _chosen(self, seen: Sequence[ProvisioningService], service: str) -> ProvisioningService:
        names = ", ".join(sorted(one.name for one in seen))
        if service:
            found = [one for one in seen if one.name.casefold() == service.strip().casefold()]
        else:
            hosts = {self._session.hub_host.casefold(), self._session.hub(self._cancel).host.casefold()}
            found = [one for one in seen if hosts & {hub.casefold() for hub in one.hubs}]
        if len(found) == 1:
            return found[0]
        if found:
            linked = ", ".join(sorted(one.name for one in found))
            why = f"several link the hub: {linked}"
            raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, "Name one: --service NAME", code="usage")
        if not seen:
            why = "the credential sees none in the hub's subscription"
            hint = "The role Reader on it is needed to see it; or give its key: --key-stdin --hub HOST"
        elif service:
            why, hint = f"there is no {clean(service, limit=70)}; the credential sees: {names}", "Check the name"
        else:
            why, hint = f"none links the hub; the credential sees: {names}", "Name one: --service NAME"
        raise ConsoleError(ErrorKind.NOT_FOUND, _WHAT, why, hint)

    def _keys(self, service: ProvisioningService, policy: str, why: str, reason: str, who: str) -> list[NamedKey]:
        target = Target(TargetKind.PROVISIONING, service.arm_id)
        title = f"key of policy {clean(policy, limit=80)} of provisioning service {service.name}, {why}"
        journal = self._changes.journal
        journal.note_read(READ_SERVICE, title, target, hub=self._session.hub_name, who=who, reason=reason)
        document = self._reader().policy(service.arm_id, policy, self._cancel)
        if document is None:
            return []
        name = str(document.body.get("keyName") or policy)
        found = ((slot, document.body.get(slot.field)) for slot in Slot)
        return [
            NamedKey(f"{slot} key of policy {clean(name)}", key, name, host=service.host)
            for slot, key in found
            if isinstance(key, Secret)
        ]
