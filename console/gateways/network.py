"""What leads to a hub beside its own resource: private endpoints and provisioning services, by plain ARM."""

from __future__ import annotations

from collections.abc import Sequence

from console.gateways.arm import Arm
from console.gateways.documents import HUBS, NETWORK, PROVISIONING
from console.gateways.resource_manager import HubGateway
from console.gateways.shapes import answers_of
from console.model.document import Document, wrapped
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.services.ports import NEVER_CANCELLED, Cancel


@answers_of("the resource manager")
class NetworkGateway:
    """Lists of the hub and of its subscription; ETags stand in the bodies."""

    def __init__(self, arm: Arm, hub: HubGateway) -> None:
        self._arm = arm
        self._hub = hub

    def connections(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[Document]:
        """Read the private endpoint connections of the hub: a bare array. Raises ConsoleError."""
        what = "The private endpoint connections could not be read"
        return self._list(what, f"{self._hub.arm_id(cancel)}/privateEndpointConnections", HUBS, "", cancel)

    def private_endpoints(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[Document]:
        """Read the private endpoints of the hub's subscription. Raises ConsoleError."""
        what = "The private endpoints could not be listed"
        path = f"{self._subscription(cancel)}/providers/Microsoft.Network/privateEndpoints"
        return self._list(what, path, NETWORK, "Reader (on the private endpoints)", cancel)

    def provisioning_services(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[Document]:
        """Read the provisioning services of the hub's subscription. Raises ConsoleError."""
        what = "The provisioning services could not be listed"
        path = f"{self._subscription(cancel)}/providers/Microsoft.Devices/provisioningServices"
        return self._list(what, path, PROVISIONING, "Reader (on the provisioning services)", cancel)

    def _subscription(self, cancel: Cancel) -> str:
        return f"/subscriptions/{arm_segment(self._hub.arm_id(cancel), 'subscriptions')}"

    def _list(self, what: str, path: str, params: dict[str, str], role: str, cancel: Cancel) -> list[Document]:
        bodies = list(self._arm.pages(what, path, params, cancel, role=role))
        if not all(isinstance(body, dict) for body in bodies):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list of resources", "Try again")
        return [Document(wrapped(body), str(body.get("etag") or "")) for body in bodies]
