"""A real fleet store in a folder of its own, over pages that a test gives."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_snapshot import FleetPage
from console.model.hubs import HubList, ListSource
from console.services.fleet_rows import row_of
from console.services.fleet_store import FleetStore
from console.services.ports import Cancel

if TYPE_CHECKING:
    from support.fakes import Knobs


class FakePager:
    """Gives `knobs.pages` (each the fleet so far) one after the other, then the rest of `knobs.fleet`."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def fleet_page(self, continuation: str, size: int, cancel: Cancel) -> FleetPage:
        del size
        pages, place = self._knobs.pages, int(continuation or 0)
        before = {device.device_id for device in pages[place - 1].devices} if place else set()
        last = place >= len(pages)
        if last:
            self._knobs.answer("fleet.load")
        cancel.check()
        fleet = self._knobs.fleet if last else pages[place]
        rows = [row_of(device) for device in fleet.devices if device.device_id not in before]
        return FleetPage(rows, "" if last else str(place + 1))


class FakeRegistry:
    """Counts the fleet."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def query(self, text: str, cancel: Cancel) -> Any:
        cancel.check()
        if "COUNT()" not in text:
            raise ConsoleError(ErrorKind.BAD_QUERY, text)
        return SimpleNamespace(rows=[{"numberOfDevices": self._knobs.fleet.expected or len(self._knobs.fleet.devices)}])


class FakeHubs:
    """Lists `knobs.hubs`."""

    def __init__(self, knobs: Knobs, now: datetime) -> None:
        self._knobs, self._now = knobs, now

    def load(self, cancel: Cancel) -> HubList:
        self._knobs.answer("hubs.load")
        cancel.check()
        return HubList(self._knobs.hubs, ListSource.RESOURCE_GRAPH, self._now, self._knobs.hub_notes)


def fake_store(knobs: Knobs, now: Any) -> FleetStore:
    """Return a store; its folder goes with it."""
    folder = TemporaryDirectory(prefix="fleet-")
    session = SimpleNamespace(now=now, registry=FakeRegistry(knobs), data_plane_only=True)
    store = FleetStore(session, Path(folder.name) / "fleet" / "hub.db", FakePager(knobs))  # type: ignore[arg-type]
    store.folder = folder  # type: ignore[attr-defined]
    return store
