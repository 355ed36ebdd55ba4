"""The provisioning services of the hub's subscription and what they link to, by plain ARM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from console.gateways.arm import Arm
from console.gateways.resource_manager import HubGateway
from console.gateways.shapes import answers_of
from console.model.document import Document, wrapped
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget
from console.model.provisioning import DpsLink, ProvisioningService
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

PROVISIONING = {"api-version": "2022-12-12"}


@answers_of("the resource manager")
class ProvisioningGateway:
    """Reads the provisioning services that the credential may see in the hub's subscription."""

    def __init__(self, arm: Arm, hub: HubGateway) -> None:
        self._arm = arm
        self._hub = hub

    def links(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[DpsLink]:
        """Return every link of every provisioning service, to whatever hub. Raises ConsoleError.

        Services that the credential may not see are left out by the resource manager without a word.
        """
        return [link for body in self._bodies(cancel) for link in links_from(body)]

    def services(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[ProvisioningService]:
        """Return every provisioning service, as `links` does. Raises ConsoleError."""
        return [service_from(body) for body in self._bodies(cancel)]

    def policy(self, arm_id: str, name: str, cancel: Cancel = NEVER_CANCELLED) -> Document | None:
        """Read one shared access policy with its keys; None when the service has none of this name.

        Raises ConsoleError. (Provisioning Services REST API 2022-12-12, Iot Dps Resource - List Keys For Key Name.)
        """
        what = f"The key of policy {clean(name)} could not be read"
        role = "Contributor, or one with the action Microsoft.Devices/provisioningServices/listkeys/action,"
        try:
            path = f"{arm_id}/keys/{quote(name, safe='')}/listkeys"
            body = self._arm.post(what, path, PROVISIONING, cancel, role=role)
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        if not isinstance(body, dict):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a policy", "Check the endpoints")
        return Document(wrapped(body))

    def _bodies(self, cancel: Cancel) -> Iterator[dict[str, Any]]:
        subscription = arm_segment(self._hub.arm_id(cancel), "subscriptions")
        path = f"/subscriptions/{subscription}/providers/Microsoft.Devices/provisioningServices"
        what, role = "The provisioning services could not be listed", "Reader (on the subscription)"
        return self._arm.pages(what, path, PROVISIONING, cancel, role=role)


def service_from(body: dict[str, Any]) -> ProvisioningService:
    """Return a provisioning service from its ARM body."""
    host = clean((body.get("properties") or {}).get("serviceOperationsHostName"))
    hubs = tuple(link.host for link in links_from(body))
    return ProvisioningService(clean(body.get("name")), clean(body.get("id")), host, hubs)


def links_from(body: dict[str, Any]) -> Iterator[DpsLink]:
    """Yield the links of a provisioning service from its ARM body (api-version 2022-12-12, and later identity links).

    Its connection strings come with masked keys; the text of them ends here.
    """
    properties = body.get("properties") or {}
    filters = filters_from(properties)
    public = str(properties.get("publicNetworkAccess", "Enabled")).casefold() != "disabled"
    for item in properties.get("iotHubs") or ():
        if not isinstance(item, dict):
            continue
        parts = _parts(str(item.get("connectionString") or ""))
        kind = str(item.get("authenticationType") or "KeyBased").casefold()
        yield DpsLink(
            instance=clean(body.get("name")),
            arm_id=clean(body.get("id")),
            host=clean(parts.get("hostname") or item.get("hostName") or item.get("name")),
            policy=clean(parts.get("sharedaccesskeyname")),
            by_key=kind == "keybased",
            filters=filters,
            public_access=public,
        )


def filters_from(properties: dict[str, Any]) -> tuple[ClassicRule, ...]:
    """Return a provisioning service's ordered IP rules from the properties of its ARM body."""
    return tuple(_rule(item) for item in properties.get("ipFilterRules") or () if isinstance(item, dict))


def _parts(connection_string: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in connection_string.split(";") if part)
    return {name.strip().casefold(): value for name, _, value in pairs if name.strip().casefold() != "sharedaccesskey"}


def _rule(item: dict[str, Any]) -> ClassicRule:
    reject = str(item.get("action", "")).casefold() == "reject"
    target = str(item.get("target") or "all").casefold()
    return ClassicRule(
        name=clean(item.get("filterName")),
        action=FilterAction.REJECT if reject else FilterAction.ACCEPT,
        mask=clean(item.get("ipMask")),
        target=next((one for one in FilterTarget if one.value.casefold() == target), FilterTarget.ALL),
    )
