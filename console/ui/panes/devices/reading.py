"""What the Devices pane reads: the fleet into the kept list, failures, views of a large list, rows after a change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from textual import on

from console.model.device import Device
from console.model.errors import ErrorKind
from console.model.fleet_query import FleetQuery
from console.model.fleet_snapshot import Snapshot
from console.present.fleet import progress_text
from console.present.words import number
from console.services.ports import Cancel
from console.ui.jobs import Post
from console.ui.messages import (
    CountsRead,
    FailuresRead,
    FleetProgressed,
    FleetRead,
    IdsFound,
    JobFailed,
    RowsKept,
    RowsRead,
    ViewMade,
)
from console.ui.panes.devices.changing import DeviceActions
from console.ui.panes.devices.detail import DeviceView
from console.ui.panes.devices.state import DevicesState
from console.ui.widgets.resource_table import ResourceTable

FAILURE_WINDOW = timedelta(hours=1)


class FleetReading(DeviceActions):
    """The jobs of the list of devices, and what their results do; the pane shows the rows."""

    def __init__(self) -> None:
        super().__init__()
        self._state: DevicesState | None = None
        self._own_change = False
        self._forced = False
        self._kept = 0
        self._making: tuple[FleetQuery, Snapshot | None, Mapping[str, int]] | None = None

    @property
    def state(self) -> DevicesState:
        """What is shown."""
        if self._state is None:
            self._state = DevicesState(self.services.clock, self.services.fleet.store)
            self._state.lost = self._lost
            self._state.set_columns(self.services.fleet.store.columns())
        return self._state

    @property
    def table(self) -> ResourceTable:
        """The table."""
        return self.query_one("#devices", ResourceTable)

    def show_rows(self) -> None:
        """Show the rows that follow from the state; overridden."""
        raise NotImplementedError

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the fleet into the kept list, page by page, when it is due or asked for; and the failures of an hour."""
        store, connections = self.services.fleet.store, self.services.connections
        forced, self._forced = self._forced, False

        def devices(cancel: Cancel, post: Post) -> FleetRead:
            if forced or store.due(store.snapshot()):
                store.refresh(lambda progress: post(FleetProgressed(progress)), cancel)
            store.prepare()
            return FleetRead()

        def failures(cancel: Cancel, post: Post) -> FailuresRead:
            del post
            return FailuresRead(connections.failures_by_device(FAILURE_WINDOW, cancel))

        def counts(cancel: Cancel, post: Post) -> CountsRead:
            del post
            return CountsRead(self.services.fleet.counts(cancel))

        self.state.counts = self.state.counts or self.services.overview.cached().counts.value
        if self.state.counts is None and not self.state.whole:
            self.console.jobs.start(self, "counts", counts)  # the hub counts faster than its devices can be read
        self.console.jobs.start(self, "fleet", devices)
        self.console.jobs.start(self, "failures", failures)

    def command_pane_refresh(self) -> None:
        """Read now, however large the fleet is."""
        self._forced = True
        super().command_pane_refresh()

    @on(FleetProgressed)
    def take_progress(self, message: FleetProgressed) -> None:
        """Show the devices read so far, when there was no list before; and how it goes on."""
        more = self.state.take_progress(message.progress)
        self.status_note = progress_text(message.progress)
        if more:
            self.show_rows()
        else:
            self.update_chrome()

    @on(FleetRead)
    def take_fleet(self) -> None:
        """Show the new list."""
        self.state.ended()
        self.status_note = ""
        self.ended()
        self.show_rows()

    @on(ViewMade)
    def take_view(self, message: ViewMade) -> None:
        """Show what was worked out beside."""
        self.state.take_view(message.view, message.query)
        self.show_rows()

    def _lost(self) -> None:
        self.call_later(self._look_again)  # it is noticed while the table is drawn

    def _look_again(self) -> None:
        self.state.again()
        self.show_rows()

    @on(CountsRead)
    def take_counts(self, message: CountsRead) -> None:
        """Show what the hub counted, until its devices are read."""
        self.state.counts = message.counts
        self.show_rows()

    @on(FailuresRead)
    def take_failures(self, message: FailuresRead) -> None:
        """Fill the failures column."""
        self.state.take_failures(message.failures)
        self.show_rows()

    def job_failed(self, message: JobFailed) -> None:
        """Keep what is there and say since when it is old."""
        if message.group in {"rollover", "reread", "marks"} or message.group.startswith("keep"):
            self.console.report(message.error)
        elif message.group == "counts":
            pass  # the reading itself says what is wrong
        elif message.group == "failures":
            self.state.take_failures(None, message.error)
        elif message.group == "view":
            self.state.view_failed(message.error)
        elif message.error.code == "refreshing-elsewhere":
            self.state.ended()
            self.status_note = "another console reads the devices"
            self.ended()
        else:
            self.state.ended(message.error)
            self.status_note = ""
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        self.show_rows()

    def reread(self, device_id: str) -> None:
        """Read one row again: afresh, since the query index is behind."""
        self._own_change = True
        self.console.jobs.start(self, "reread", self.row_reader(device_id))

    @on(RowsRead)
    def take_rows(self, message: RowsRead) -> None:
        """Show rows that were read again."""
        self._put(message.rows)

    def _put(self, rows: Mapping[str, Device | None]) -> None:
        """Keep rows as they are now; beside the terminal, for a refresh under way may hold the file."""
        store, self._kept = self.services.fleet.store, self._kept + 1
        if not rows:
            self._rows_kept()
            return

        def keep(cancel: Cancel, post: Post) -> RowsKept:
            del cancel
            store.keep(rows)
            post(RowsKept())
            store.prepare()  # a filter goes on to be answered as it is typed
            return RowsKept()

        self.console.jobs.start(self, f"keep {self._kept}", keep)  # each in a group of its own: none is dropped
        beside = self.query_one("#beside", DeviceView)
        if self.has_class("-beside") and beside.device is not None and rows.get(beside.device.device_id) is not None:
            beside.read()

    @on(RowsKept)
    def _rows_kept(self) -> None:
        self._look_again()
        self.table.refresh()

    def make_view(self, query: FleetQuery) -> None:
        """Work out what a large fleet shows: its first rows, then all of them."""
        failures = dict(self.state.failures or {})
        making = (query, self.state.snapshot, failures)
        if self._making == making and self.console.jobs.running(self, "view"):
            return
        self._making = making
        store, now = self.services.fleet.store, self.services.clock()

        def work(cancel: Cancel, post: Post) -> ViewMade:
            first = store.first(query, failures, now)
            cancel.check()
            post(ViewMade(first, query))
            if first is None or first.whole:
                return ViewMade(first, query)
            return ViewMade(store.all(query, failures, now, cancel), query)

        self.console.jobs.start(self, "view", work)

    def command_devices_mark_all(self) -> None:
        """Mark all devices that are shown, also those off the screen."""
        query, now, failures = self.state.query, self.services.clock(), dict(self.state.failures or {})
        store = self.services.fleet.store

        def work(cancel: Cancel, post: Post) -> IdsFound:
            del post
            view = store.all(query, failures, now, cancel)
            return IdsFound(frozenset() if view is None else frozenset(view.ids()))

        self.console.jobs.start(self, "marks", work)

    @on(IdsFound)
    def take_ids(self, message: IdsFound) -> None:
        """Mark them, and say how many."""
        new = message.ids - self.table.marks
        self.table.marks |= message.ids
        self.show_rows()
        self.table.refresh()
        text = f"All {number(len(message.ids))} matching marked" if message.ids else "No device matches"
        self.notify(text if len(new) == len(message.ids) else f"{text}, {number(len(new))} of them now")
