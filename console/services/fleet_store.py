"""The kept fleet of the session's hub: its snapshot, views of it, and refreshes; opened when first asked for."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from console.model.device import Device
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_query import FleetQuery
from console.model.fleet_snapshot import RefreshProgress, Snapshot
from console.services.fleet_file import FleetFile
from console.services.fleet_ids import IdBuffer, read_ids
from console.services.fleet_refresh import PAGE, FleetRefresh, queries_a_minute
from console.services.fleet_rows import row_of
from console.services.fleet_view import FleetView, FleetViews
from console.services.ports import NEVER_CANCELLED, Cancel, FleetPager
from console.services.session import Session

T = TypeVar("T")
_USUAL_PACE = 100
"""Queries a minute of a hub whose size is not known."""
_SHARE_OF_TIME = 0.2


def fleet_path(state_dir: Path, hub: str, identity: str) -> Path:
    """Return the file of a hub; `identity` tells hubs of one name apart (cloud, endpoint, resource id)."""
    name = "".join(char for char in hub if char.isalnum() or char in "-_.")[:64] or "hub"
    return state_dir / "fleet" / f"{name}-{zlib.crc32(identity.casefold().encode()):08x}.db"


class FleetStore:
    """Everything about the kept fleet; thread-safe. All of it raises ConsoleError."""

    def __init__(self, session: Session, path: Path, pager: FleetPager, note: str = "") -> None:
        self._note = note
        self._session = session
        self._pager = pager
        self._file = FleetFile(path, session.now)
        self._lock = threading.Lock()
        self._ids: tuple[tuple[int, int], IdBuffer] | None = None
        self._known_pace: int | None = None

    def snapshot(self) -> Snapshot | None:
        """Return what is kept: the newest whole reading, else the one under way; None where there is none."""
        try:
            return self._file.current()
        except ConsoleError as error:
            if error.code != "fleet-file":
                raise
            return None

    def take_note(self) -> str:
        """Return once what happened to the kept list: broken and set aside, kept nowhere; empty otherwise."""
        note, self._note = self._note, ""
        return note or self._file.take_note()

    def steady(self) -> AbstractContextManager[None]:
        """Let this thread read what is there now, whatever is written meanwhile."""
        return self._file.steady()

    def columns(self) -> tuple[str, ...]:
        """Return the columns that were chosen for this hub; empty where nobody chose, or that cannot be read."""
        try:
            found = json.loads(self._file.choice("columns") or "[]")
        except (ConsoleError, ValueError):
            return ()
        return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()

    def choose_columns(self, columns: Sequence[str]) -> None:
        """Keep a choice of columns for this hub."""
        self._file.choose("columns", json.dumps(list(columns)))

    def views(self, snapshot: Snapshot) -> FleetViews:
        """Return what makes views of a snapshot; with the buffer of ids where it was read already."""
        with self._lock:
            known = self._ids
        if known is None or known[0] != _stamp(snapshot) or not snapshot.ordered:
            return FleetViews(self._file, snapshot)
        return FleetViews(self._file, snapshot, known[1])

    def first(self, query: FleetQuery, failures: Mapping[str, int], now: datetime) -> FleetView | None:
        """Return the first rows of a query, at once where that can be; None where nothing is kept."""
        return self._with(lambda views: views.first(query, failures, now))

    def all(
        self, query: FleetQuery, failures: Mapping[str, int], now: datetime, cancel: Cancel = NEVER_CANCELLED
    ) -> FleetView | None:
        """Return the whole view of a query; None where nothing is kept."""
        return self._with(lambda views: views.all(query, failures, now, cancel))

    def prepare(self) -> None:
        """Read the ids into memory, so that a filter is answered as it is typed; for a background thread."""
        snapshot = self.snapshot()
        if snapshot is None or not snapshot.whole or not snapshot.ordered:
            return
        with self._lock:
            if self._ids is not None and self._ids[0] == _stamp(snapshot):
                return
        found = read_ids(self._file, snapshot)
        if len(found) == snapshot.count:
            with self._lock:
                self._ids = (_stamp(snapshot), found)

    def refresh(self, tell: Callable[[RefreshProgress], None], cancel: Cancel = NEVER_CANCELLED) -> Snapshot:
        """Read the whole fleet anew, within the hub's throttle; go on with a reading that was stopped.

        Raises ConsoleError: CANCELLED (what was read is kept), CONFLICT (code "refreshing-elsewhere") while another
        console does it, or why a page could not be read.
        """
        expected = self._expected(cancel)
        self._known_pace = self._allowed(cancel)
        refresh = FleetRefresh(self._file, self._pager, self._known_pace)
        whole = refresh.run(expected, tell, cancel)
        with self._lock:
            self._ids = None
        return whole

    def keep(self, rows: Mapping[str, Device | None]) -> None:
        """Keep devices as they were read just now; None forgets one, whatever the query index says for a while."""
        self._file.change({name: None if device is None else row_of(device) for name, device in rows.items()})

    def device(self, device_id: str) -> Device | None:
        """Return a device as it is kept."""
        found = self.devices((device_id,))
        return found[0] if found else None

    def devices(self, device_ids: Collection[str]) -> list[Device]:
        """Return those of some devices that are kept, in id order."""
        found = self._with(lambda views: views.devices(device_ids))
        return [] if found is None else found

    def due(self, snapshot: Snapshot | None) -> bool:
        """Return whether it is time to read the fleet again: a large one is not read again every minute.

        A reading may take a fifth of what the hub answers, on average; a small fleet is always due.
        """
        if snapshot is None or not snapshot.whole or snapshot.finished is None:
            return True
        pages = -(-snapshot.count // PAGE)
        a_minute = (self._known_pace or _USUAL_PACE) * _SHARE_OF_TIME
        pause = 60.0 * pages / a_minute
        return pause <= 60.0 or (self._session.now() - snapshot.finished).total_seconds() >= pause

    def _with(self, make: Callable[[FleetViews], T]) -> T | None:
        for last in (False, True):
            snapshot = self.snapshot()
            if snapshot is None:
                return None
            try:
                return make(self.views(snapshot))
            except ConsoleError as error:
                if error.code != "fleet-file" or last:  # a refresh ended in between: the next one is there
                    raise
        raise AssertionError("the loop returns")

    def _expected(self, cancel: Cancel) -> int | None:
        text = "SELECT COUNT() AS numberOfDevices FROM devices"
        try:
            rows = self._session.registry.query(text, cancel=cancel).rows
        except ConsoleError as error:
            if error.kind in {ErrorKind.BAD_QUERY, ErrorKind.THROTTLED, ErrorKind.SERVICE}:
                return None
            raise
        value = rows[0].get("numberOfDevices") if rows else 0
        return int(value) if isinstance(value, int | float) else None

    def _allowed(self, cancel: Cancel) -> int | None:
        if self._session.data_plane_only:
            return None
        try:
            hub = self._session.hub(cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return None
        return queries_a_minute(hub.sku, hub.units)


def _stamp(snapshot: Snapshot) -> tuple[int, int]:
    """Return what tells two states of an ordered generation apart: it only loses devices."""
    return snapshot.generation, snapshot.count
