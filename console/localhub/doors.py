"""The doors of all hubs of the cloud, and the watch over what came through them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from console.localhub.door import GRACE, Door
from console.localhub.log_rows import LogRecord
from console.localhub.log_store import LogStore
from console.localhub.state import Cloud, HubState


class Doors:
    """One door per hub, made when somebody first comes to it. Thread-safe.

    A listener of the cloud: connections that a change of the hub no longer admits are dropped. Where a fleet is
    simulated on a door, its player does that, in its own time, also for the real clients beside it.
    """

    def __init__(self, cloud: Cloud, store: LogStore, grace: timedelta = GRACE) -> None:
        self.cloud = cloud
        self._grace = grace  # how long a connection outlives its token
        self._store = store
        self._doors: dict[str, Door] = {}
        self._played: set[str] = set()

    def adopt(self, door: Door) -> None:
        """Take over the door that a scenario plays on."""
        with self.cloud.lock:
            self._doors[door.hub.name.casefold()] = door
            door.grace = self._grace
            self._played.add(door.hub.name.casefold())

    def of(self, hub: HubState) -> Door:
        """Return the door of a hub."""
        with self.cloud.lock:
            door = self._doors.get(hub.name.casefold())
            if door is None or door.hub is not hub:
                door = self._doors[hub.name.casefold()] = Door(self.cloud, hub, self._sink)
                door.grace = self._grace
                self._played.discard(hub.name.casefold())
            return door

    def hub_changed(self, hub: HubState, what: str) -> None:
        """Take notice of a change at a hub (a listener of the cloud)."""
        with self.cloud.lock:
            door = self._doors.get(hub.name.casefold())
            if door is None or hub.name.casefold() in self._played:
                return
        kind, _, device_id = what.partition(":")
        with hub.lock:
            if kind == "network":
                concerned = list(door.sessions)
            elif kind == "device":
                concerned = [name for name in door.sessions if name.partition("/")[0] == device_id]
            else:
                return
        for identity in concerned:
            if not door.welcome(identity):
                door.drop(identity, self.cloud.clock.story())

    def sample(self) -> None:
        """Write one point of the platform's metrics for every hub that no scenario plays on."""
        with self.cloud.lock:
            doors = [self.of(hub) for name, hub in self.cloud.hubs.items() if name not in self._played]
        for door in doors:
            door.sample(self.cloud.clock.story())

    def _sink(self, hub: HubState, records: Sequence[LogRecord]) -> None:
        self._store.append(hub, records)
