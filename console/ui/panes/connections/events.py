"""Raw events of a group or of a bar of the chart, with the explanation of the selected one's code."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from console.model.connection import ConnectionEvent, Source
from console.model.errors import ConsoleError, ErrorKind
from console.present.connections import EVENT_COLUMNS, event_cells, event_matches, event_meaning
from console.present.device_detail import event_page
from console.present.lines import Line
from console.present.pages import error_lines
from console.present.words import clock_time, number
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import EventsRead, JobFailed
from console.ui.panes.base import ConsoleScreen, CopyItem, as_json
from console.ui.panes.text import TextScreen
from console.ui.widgets.filter_line import Entry, FilterLine
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource
from console.ui.widgets.text_block import TextBlock

LIMIT = 500


class EventsScreen(ConsoleScreen):
    """The events of [start, end) that pass the filters, the newest first."""

    PANE = "connections"
    SCOPES = ("events", "pane")
    BINDINGS = bindings("events", "pane")

    def __init__(self, title: str, start: datetime, end: datetime, filters: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.crumbs = (title,)
        self._title, self._start, self._end, self._filters = title, start, end, filters
        self._renewals = False
        self._filter = ""
        self._events: dict[str, ConnectionEvent] = {}
        self._error: ConsoleError | None = None
        self._as_of: datetime | None = None

    def body(self) -> ComposeResult:
        """Show title, table and explanation."""
        yield Heading(id="title")
        yield ResourceTable(EVENT_COLUMNS, id="events")
        yield TextBlock(id="meaning")

    def load(self) -> None:
        """Ask for the events."""
        connections, renewals = self.services.connections, self._renewals

        def work(cancel: Cancel, post: Post) -> EventsRead:
            del post
            return EventsRead(
                connections.events(self._start, self._end, self._filters, cancel, limit=LIMIT, renewals=renewals)
            )

        self.console.jobs.start(self, "events", work)
        self._show()

    @on(EventsRead)
    def take(self, message: EventsRead) -> None:
        """Show the events."""
        self._events = {f"{index} {event.time} {event.device_id}": event for index, event in enumerate(message.events)}
        self._as_of, self._error = self.services.clock(), None
        self.ended()
        self._show()

    def job_failed(self, message: JobFailed) -> None:
        """Show the trouble in place of the table, or beside older events."""
        self._error = message.error
        self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        self._show()

    def _show(self) -> None:
        now, table = self.services.clock(), self.query_one("#events", ResourceTable)
        count = len(self._events)
        shown = [key for key, event in self._events.items() if event_matches(event, self._filter)]
        amount = "" if self._as_of is None else f"  {number(count)}" + (" newest" if count >= LIMIT else "")
        if self._filter:
            amount += f", {number(len(shown))} with “{self._filter}”"
        left: Line = (
            (" EVENTS", "head"),
            (amount, ""),
            (f"  {self._title}", "accent"),
            (f"  {clock_time(self._start)}–{clock_time(self._end)} UTC", "dim"),
        )
        renewals = "renewals shown " if self._renewals else ""
        self.query_one("#title", Heading).set(left, ((renewals, "dim"),))
        if self._error is not None:
            empty = error_lines(self._error, table.size.width or self.app.size.width)
        else:
            words = "   Reading the events …" if self._as_of is None else "   No event in this time."
            if self._events and not shown:
                words = "   No event fits the filter; esc clears it."
            empty = [((words, "dim"),)]
        source = ListSource(shown, lambda key: key, lambda key: event_cells(self._events[key], now))
        table.show(source, empty=empty)
        self.freshness = (self._as_of, self._error is not None, False)
        self._explain()
        self.update_chrome()

    def _explain(self) -> None:
        event = self._selected()
        block = self.query_one("#meaning", TextBlock)
        if event is None:
            block.explain()
        else:
            meaning, fix = event_meaning(event)
            block.explain(("", meaning, ""), ("→ ", fix, "accent"))

    def _selected(self) -> ConnectionEvent | None:
        return self._events.get(self.query_one("#events", ResourceTable).selected or "")

    @on(ResourceTable.Moved)
    def explain(self) -> None:
        """Explain the selected event."""
        self._explain()

    @on(ResourceTable.Opened)
    def command_pane_describe(self) -> None:
        """Show the whole event."""
        event = self._selected()
        if event is None:
            return
        from console.model.error_codes import explain

        meaning = event_meaning(event)
        told_by_hub = event.code and event.source is Source.HUB
        security = explain(event.code).security if told_by_hub else ""
        clock = self.services.clock
        crumbs = (*self.crumbs, event.device_id)
        self.app.push_screen(
            TextScreen(self.PANE, crumbs, lambda width: event_page(event, meaning, security, clock(), width))
        )

    async def command_events_filter(self) -> None:
        """Open the filter line."""
        if not self.query(FilterLine):
            line = FilterLine(self._filter, "any part of a row; !not")
            await self.mount(Entry("/", line), after=self.query_one("#title"))
            self.set_focus(line)

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Filter as it is typed."""
        self._filter = message.value
        self._show()

    @on(FilterLine.Closed)
    def close_filter(self) -> None:
        """Go back to the table."""
        for line in self.query(Entry):
            line.remove()
        self.query_one("#events", ResourceTable).focus()

    def back(self) -> bool:
        """Clear the filter first."""
        if not self._filter:
            return super().back()
        self._filter = ""
        self._show()
        return True

    def command_events_renewals(self) -> None:
        """Show or fold token renewals."""
        self._renewals = not self._renewals
        self.reload()

    def copy_items(self) -> list[CopyItem]:
        """Offer device, row and JSON."""
        event = self._selected()
        if event is None:
            return []
        named = [(field, getattr(event, field)) for field in event.__slots__]
        return [
            ("device id", event.device_id),
            ("row", "\t".join(str(value) for _, value in named)),
            ("JSON", as_json(named)),
        ]
