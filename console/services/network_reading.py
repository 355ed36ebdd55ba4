"""Everything that the Network pane rests on, read from outside: the hub whole, who was seen, who we are, and DPS."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from console.model.document import Document, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.network import HubNetwork, Known, PrivateEndpoint, ProvisioningService
from console.model.reading import Reading
from console.rules.network_body import endpoint_of, hub_network, provisioning_of
from console.services.network_own import read_own_address
from console.services.network_seen import read_seen
from console.services.ports import Cancel, DocumentReader, NetworkReader, count_of
from console.services.session import Session

T = TypeVar("T")
_SEEN_AGE = 30.0
_TOTAL_AGE = 120.0
_TOTAL_METRIC = "totalDeviceCount"
_COUNT = "SELECT COUNT() AS numberOfDevices FROM devices"


class NetworkReadings:
    """Readings of the session's hub. `network` None: private endpoints and provisioning services are unknown."""

    def __init__(
        self,
        session: Session,
        reader: DocumentReader,
        network: NetworkReader | None,
        own_address: str,
        max_cut_percent: int,
    ) -> None:
        self.session = session
        self.reader = reader
        self.max_cut_percent = max_cut_percent
        self._network = network
        self._own_address = own_address

    def target(self, cancel: Cancel) -> Target:
        """Return the hub as the target of a change."""
        return Target(TargetKind.HUB, self.session.arm_id(cancel))

    def document(self, cancel: Cancel) -> Document:
        """Return the hub whole, as it is now. Raises ConsoleError."""
        _ = self.session.hub_reader  # raises for a connection string, saying what to add
        found = self.reader.read(self.target(cancel), cancel)
        if found is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The hub {self.session.hub_name} was not found")
        return found

    def hub(self, document: Document, cancel: Cancel) -> HubNetwork:
        """Return the network part of the hub; connections that its body leaves out are asked for."""
        body = document.body
        properties = body.get("properties")
        unknown = ""
        if isinstance(properties, dict) and "privateEndpointConnections" not in properties and self._network:
            listed = self.reading(lambda: self._reads().connections(cancel))
            items = [item.body for item in listed.value or ()]
            body = {**body, "properties": {**properties, "privateEndpointConnections": items}}
            unknown = (listed.error.why or listed.error.what) if listed.error is not None else ""
        return replace(hub_network(body), connections_unknown=unknown)

    def known(self, cancel: Cancel) -> Known:
        """Return who was seen lately, how many devices there are, and our own address, as far as they can be read."""
        session = self.session
        seen, total, own = together(
            lambda: self.reading(lambda: session.cached("network seen", _SEEN_AGE, lambda: read_seen(session, cancel))),
            lambda: self.reading(lambda: session.cached("device total", _TOTAL_AGE, lambda: self._total(cancel))),
            lambda: read_own_address(session, self._own_address, cancel),
        )
        return Known(seen, total, own, self.max_cut_percent)

    def provisioning(self, cancel: Cancel) -> tuple[ProvisioningService, ...]:
        """Return the provisioning services of the subscription. Raises ConsoleError."""
        return tuple(provisioning_of(document.body) for document in self._reads().provisioning_services(cancel))

    def endpoints(self, cancel: Cancel) -> tuple[PrivateEndpoint, ...]:
        """Return the private endpoints of the subscription that lead to the hub. Raises ConsoleError."""
        arm_id = self.session.arm_id(cancel)
        found = (endpoint_of(document.body, arm_id) for document in self._reads().private_endpoints(cancel))
        return tuple(endpoint for endpoint in found if endpoint is not None)

    def reading(self, read: Callable[[], T]) -> Reading[T]:
        """Return what a reading gave, or why it gave nothing; only a cancelled one raises."""
        try:
            return Reading(read(), self.session.now())
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return Reading(error=error)

    def _reads(self) -> NetworkReader:
        if self._network is None:
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "This part of the network was not read", "no way to it is set")
        return self._network

    def _total(self, cancel: Cancel) -> int:
        """Count the devices: by the registry, else (an engineer may lack the data role) by the platform's metric."""
        session = self.session
        try:
            rows = session.registry.query(_COUNT, cancel=cancel).rows
            return count_of(rows[0].get("numberOfDevices")) if rows else 0
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED or session.data_plane_only:
                raise
            now = session.now()
            span, step = timedelta(hours=1), timedelta(minutes=5)
            try:
                series = session.hub_reader.metrics((_TOTAL_METRIC,), now - span, now, step, cancel)
            except ConsoleError:
                raise error from None
            if not series or series[0].last is None:
                raise
            return round(series[0].last)


def together(*calls: Callable[[], Any]) -> tuple[Any, ...]:
    """Run calls at the same time and return their results in order; the first failure is raised."""
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="network") as pool:
        return tuple(future.result() for future in [pool.submit(call) for call in calls])
