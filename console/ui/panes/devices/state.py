"""What the Devices pane shows, without a terminal: the kept fleet, filter, order; and the rows that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.device import Device, FleetCounts
from console.model.errors import ConsoleError
from console.model.fleet_query import Field, FleetQuery
from console.model.fleet_snapshot import RefreshProgress, RefreshState, Snapshot
from console.present.columns import Column
from console.present.device_columns import Cells as DeviceCells
from console.present.device_columns import cells_of, columns_of
from console.present.device_filter import DeviceFilter, parse_filter
from console.present.devices import COLUMNS, FIRST_DESCENDING, auth_summary, device_cells
from console.present.lines import Line, Piece
from console.present.words import number
from console.ui.widgets.row_source import Cells

if TYPE_CHECKING:
    from console.services.fleet_store import FleetStore
    from console.services.fleet_view import FleetView

AT_ONCE = 20_000
"""Up to so many devices a filter or an order takes no longer than a key may; of more it is worked out beside."""
GROWN = 1.1
"""A list that is read for the first time is shown again when it has grown so much: the work stays linear."""


_ROOM = 110
"""From this width on there is room for what the hub counts beside what was read."""


class DeviceRows:
    """The filtered and sorted devices as a row source; only those that are looked at are read."""

    def __init__(
        self,
        view: FleetView | None,
        failures: Mapping[str, int] | None,
        clock: Clock,
        lost: Callable[[], None],
        cells: DeviceCells = device_cells,
    ) -> None:
        self._cells = cells
        self._view = view
        self._failures = failures
        self._clock = clock
        self._lost = lost
        self._seen: dict[int, Device] = {}

    def __len__(self) -> int:
        return 0 if self._view is None else len(self._view)

    def window(self, start: int, stop: int) -> Sequence[Cells]:
        """Return the cells of devices [start, stop)."""
        now, failures = self._clock(), self._failures
        return [
            self._cells(device, None if failures is None else failures.get(device.device_id, 0), now)
            for device in self.devices(start, stop)
        ]

    def position(self, key: str) -> int | None:
        """Return where a device is now."""
        if self._view is None:
            return None
        try:
            return self._view.position(key)
        except ConsoleError:
            self._lost()
            return None

    def key_at(self, index: int) -> str:
        """Return the id of a row, empty when it went meanwhile."""
        if index not in self._seen:
            self.devices(index, index + 1)
        device = self._seen.get(index)
        return "" if device is None else device.device_id

    def devices(self, start: int, stop: int) -> list[Device]:
        """Return devices [start, stop), as far as they are there."""
        if self._view is None:
            return []
        try:
            found = self._view.devices(start, stop)
        except ConsoleError:  # a reading ended elsewhere: a new view is made
            self._lost()
            return [self._seen[index] for index in range(start, stop) if index in self._seen]
        self._seen = dict(enumerate(found, max(start, 0)))
        return found


class DevicesState:
    """The kept fleet, failures, filter and order; `rows()` follows from them.

    Of a large fleet not all is known at once: `wanted` is then the query whose view should be made in the background
    and handed to `take_view`; until it comes, the first rows or those of before are shown.
    """

    def __init__(self, clock: Clock, store: FleetStore) -> None:
        self.clock = clock
        self.store = store
        self.snapshot: Snapshot | None = None
        self.progress: RefreshProgress | None = None
        self.error: ConsoleError | None = None
        self.counts: FleetCounts | None = None
        self.failures: Mapping[str, int] | None = None
        self.failures_error: ConsoleError | None = None
        self.filter = DeviceFilter()
        self.only_problems = False
        self.order: tuple[str, bool] = ("id", False)
        self.columns: tuple[Column, ...] = COLUMNS
        self.wanted: FleetQuery | None = None
        self.lost: Callable[[], None] = lambda: None
        self._view: FleetView | None = None
        self._rows: DeviceRows | None = None
        self._fresh = False
        self._shown = 0
        self._cells: DeviceCells = device_cells

    # --- what is read ----------------------------------------------------------------------------------------------

    @property
    def as_of(self) -> datetime | None:
        """How old the list is: since when it is whole, else when its reading began."""
        return None if self.snapshot is None else self.snapshot.finished or self.snapshot.started

    @property
    def whole(self) -> bool:
        """Whether all devices are known."""
        return self.snapshot is not None and self.snapshot.whole

    def take_progress(self, progress: RefreshProgress) -> bool:
        """Take how a reading goes on; return whether more rows should be shown now."""
        self.progress = progress
        self.error = None
        paused = progress.state is RefreshState.WAITING  # then what was read is shown to the last one
        if self.whole or progress.read == self._shown or (progress.read < self._shown * GROWN and not paused):
            return False
        self._shown = progress.read
        self.again()
        return True

    def ended(self, error: ConsoleError | None = None) -> None:
        """Note that a reading ended, well or not: the list is looked at again."""
        self.progress, self.error, self._shown = None, error, 0
        self.again()

    def take_failures(self, failures: Mapping[str, int] | None, error: ConsoleError | None = None) -> None:
        """Take the failures by device; an error keeps the older figures."""
        changed = failures is not None and failures != self.failures
        self.failures = failures if failures is not None else self.failures
        self.failures_error = error
        self._rows = None
        counted = self.only_problems or self.order[0] == "failures"
        if changed and (counted or any(term.field is Field.FAILURES for term in self.filter.terms)):
            self.again()

    # --- what is asked for -----------------------------------------------------------------------------------------

    def set_filter(self, text: str) -> None:
        """Take the filter as typed so far."""
        before, self.filter = self.filter, parse_filter(text)
        if before.terms != self.filter.terms:
            self.again()

    def set_order(self, column: str) -> None:
        """Sort by a column; the same one again turns the order round."""
        by, descending = self.order
        self.order = (column, not descending) if column == by else (column, column in FIRST_DESCENDING)
        self.again()

    def set_columns(self, chosen: Sequence[str]) -> None:
        """Show other columns; empty: the usual ones. An order by one that is gone ends."""
        self.columns = columns_of(chosen)
        self._cells, self._rows = cells_of(self.columns), None
        if self.order[0] not in {column.id for column in self.columns}:
            self.order = ("id", False)
            self.again()

    def set_problems(self, only: bool) -> None:
        """Show only devices with a problem, or all."""
        self.only_problems = only
        self.again()

    @property
    def query(self) -> FleetQuery:
        """Filter and order as the store takes them."""
        by, descending = self.order
        return FleetQuery(self.filter.terms, self.only_problems, by, descending)

    # --- what follows ----------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Look at the kept list anew when it is shown next: it, the filter or the order changed."""
        self._fresh = False
        self._rows = None

    def take_view(self, view: FleetView | None, query: FleetQuery) -> None:
        """Take a view that was made in the background, unless something else is asked for by now."""
        if query != self.query or view is None:
            return
        if self.snapshot is not None and view.snapshot.generation != self.snapshot.generation:
            self.snapshot = view.snapshot
        self._view, self._rows = view, None
        if view.whole:
            self.wanted = None

    def view_failed(self, error: ConsoleError) -> None:
        """Note that what is wanted could not be worked out; it is not tried again by itself."""
        self.error, self.wanted = error, None

    def rows(self) -> DeviceRows:
        """Return the devices to show."""
        if not self._fresh:
            self._fresh = True
            try:
                self._look()
            except ConsoleError as error:
                self.error, self._view = error, None
        if self._rows is None:
            self._rows = DeviceRows(self._view, self.failures, self.clock, self.lost, self._cells)
        return self._rows

    def _look(self) -> None:
        self.wanted = None
        self.snapshot = self.store.snapshot()
        if self.snapshot is None:
            self._view = None
            return
        if self.snapshot.count <= AT_ONCE:
            self._view = self.store.all(self.query, self.failures or {}, self.clock())
            return
        known = self.store.views(self.snapshot).at_once(self.query)
        if known is not None:
            self._view = known
        if known is None or not known.whole:
            self.wanted = self.query

    def find(self, device_id: str) -> Device | None:
        """Return a device as it is kept."""
        try:
            return self.store.device(device_id) if device_id else None
        except ConsoleError as error:
            self.error = error
            return None

    def marked(self, marks: frozenset[str]) -> tuple[Device, ...]:
        """Return the marked devices as they are kept."""
        try:
            return tuple(self.store.devices(marks))
        except ConsoleError as error:
            self.error = error
            return ()

    def heading(self, marked: int, width: int) -> tuple[Line, Line]:
        """Return the left and right part of the first line: how many, which of them, in what order, what is missing.

        Until all are read, what the hub itself counts stands on the right where there is room.
        """
        rows = self.rows()
        snapshot = self.snapshot
        left: list[Piece] = [(" DEVICES  ", "head"), (number(snapshot.count) if snapshot is not None else "", "")]
        if snapshot is not None and not snapshot.whole:
            counted = self.counts.total if self.counts is not None else None
            expected = self.progress.expected if self.progress is not None else counted
            left.append((f" of {number(expected)} read" if expected else " read so far", "warn"))
        if self.filter or self.only_problems:
            partly = self._view is not None and not self._view.whole
            left.append((f"  showing {'the first ' if partly else ''}{number(len(rows))}", "accent"))
        if self.wanted is not None:
            left.append(("  …", "dim"))
        if self.only_problems:
            left.append(("  only problems", "accent"))
        if self.filter:
            left.append((f"  /{self.filter.text}", "accent"))
        for note in self.filter.notes[:1]:
            left.append((f"  {note}", "warn"))
        if marked:
            left.append((f"  {number(marked)} marked", "accent"))
        right: list[Piece] = []
        if self.counts is not None and not self.whole and not self.filter and width >= _ROOM:
            right.append((f"{auth_summary(self.counts)}  ", "dim"))
        if snapshot is not None and not snapshot.whole and self.progress is None:
            right.append(("INCOMPLETE  ", "warn"))
        if self.failures is None:
            reading = self.failures_error is None
            right.append(("failures: reading " if reading else "failures: not read ", "dim" if reading else "warn"))
        elif self.failures_error is not None:
            right.append(("failures STALE ", "warn"))
        return tuple(left), tuple(right)
