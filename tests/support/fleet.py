"""Fleets as tests see them: a list of devices that is still read, and every page of the twin query by itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.model.device import Device
from console.services.bundle import Services
from console.services.ports import NEVER_CANCELLED


@dataclass(frozen=True)
class Fleet:
    """Every device read so far, in id order; `complete` is False while pages are still coming or after a stop."""

    devices: tuple[Device, ...] = ()
    complete: bool = False
    expected: int | None = None
    warnings: tuple[str, ...] = field(default=())


def read_fleet(services: Services) -> tuple[Device, ...]:
    """Return every device in id order, as the SDK's own mapping has it; not by way of the kept list."""
    found: dict[str, Device] = {}
    continuation: str | None = None
    while True:
        page = services.session.registry.query(
            "SELECT * FROM devices", continuation=continuation, page_size=1000, cancel=NEVER_CANCELLED
        )
        found.update((device.device_id, device) for device in page.devices)
        continuation = page.continuation
        if not continuation:
            return tuple(sorted(found.values(), key=lambda device: device.device_id))
