"""The Overview: its parts read side by side, each a reading of its own; the last snapshot is kept on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.model.connection import FailureReport, Grouping, LogState
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, HubCertificate
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.services import overview_cache
from console.services.fleet import FleetService
from console.services.ports import NEVER_CANCELLED, Cancel
from console.services.session import Session

if TYPE_CHECKING:  # the first frame does without it
    from console.services.connections import ConnectionsService

OnPart = Callable[[OverviewSnapshot], None]
WINDOW = timedelta(hours=1)
STEP = timedelta(minutes=1)
_CHANGES = timedelta(days=7)
_QUIET = ("listkeys/action", "generateverificationcode/action")
"""Operations of the activity log that change nothing."""


class OverviewService:
    """Loads the Overview of the session's hub. `cache_file` None keeps nothing."""

    def __init__(
        self, session: Session, fleet: FleetService, connections: ConnectionsService, cache_file: Path | None
    ) -> None:
        self._session = session
        self._fleet = fleet
        self._connections = connections
        self._file = cache_file
        self._lock = threading.Lock()
        self._snapshot: OverviewSnapshot | None = None
        self.note = ""  # what to say about the last snapshot, if anything

    def cached(self) -> OverviewSnapshot:
        """Return the last snapshot, from memory or from disk (its readings marked as cached); never raises."""
        with self._lock:
            if self._snapshot is None:
                try:
                    self._snapshot = overview_cache.load(self._file) if self._file else OverviewSnapshot()
                except overview_cache.UnreadableError as broken:
                    self._snapshot = OverviewSnapshot()
                    self.note = "The figures kept from last time could not be read; all is read anew"
                    self.note += f" (set aside: {broken.place})" if broken.place else ""
            return self._snapshot

    def load(self, on_part: OnPart, cancel: Cancel = NEVER_CANCELLED) -> OverviewSnapshot:
        """Read all parts side by side, at most four at once; `on_part` gets the snapshot after each, in its thread.

        A part that fails keeps its earlier value and says why. Raises ConsoleError CANCELLED alone.
        """
        self.cached()
        parts: dict[str, Callable[[], Any]] = {
            "identity": lambda: self._session.whoami(cancel),
            "hub": lambda: self._session.hub(cancel, fresh=True),
            "failures": lambda: self._failures(cancel),
            "counts": lambda: self._fleet.counts(cancel),
            "certificates": lambda: self._certificates(cancel),
            "last_change": lambda: self._last_change(cancel),
        }
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="overview") as pool:
            for future in [pool.submit(self._part, name, read, on_part, cancel) for name, read in parts.items()]:
                future.result()
        cancel.check()
        snapshot = self.cached()
        if self._file:
            overview_cache.save(self._file, snapshot)
        return snapshot

    def _part(self, name: str, read: Callable[[], Any], on_part: OnPart, cancel: Cancel) -> None:
        if cancel.cancelled:
            return
        old: Reading[Any] = getattr(self.cached(), name)
        try:
            reading = Reading(read(), self._session.now())
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                return
            reading = old.failed(error)
        with self._lock:
            snapshot = replace(self._snapshot or OverviewSnapshot(), **{name: reading})
            self._snapshot = snapshot
        on_part(snapshot)

    def _failures(self, cancel: Cancel) -> FailureReport:
        report = self._connections.report(WINDOW, STEP, Grouping.CAUSE, cancel)
        earlier = self.cached().failures.value
        passing = report.state in (LogState.THROTTLED, LogState.FAILED)
        if passing and report.error and earlier and earlier.state in (LogState.READY, LogState.EMPTY):
            raise report.error  # the earlier figures stay, as stale
        return report

    def _certificates(self, cancel: Cancel) -> tuple[HubCertificate, ...]:
        found = self._session.hub_reader.certificates(cancel)
        return tuple(sorted(found, key=lambda item: (item.expires is None, item.expires, item.name)))

    def _last_change(self, cancel: Cancel) -> ActivityEntry | None:
        entries = self._session.hub_reader.activity(self._session.now() - _CHANGES, cancel)
        changes = (entry for entry in entries if not entry.operation.casefold().endswith(_QUIET))
        return next((entry for entry in changes if entry.status.casefold() != "failed"), None)
