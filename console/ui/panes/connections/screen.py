"""The Connections pane: chart and grouped table of failures, or a page that tells what is wrong with the log."""

from __future__ import annotations

from datetime import timedelta

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.model.connection import Cause, FailureReport, Grouping, LogState
from console.model.errors import ErrorKind
from console.present.connections import (
    GROUP_COLUMNS,
    group_cells,
    group_columns,
    group_meaning,
    group_page,
    metric_lines,
    summary_line,
    title_line,
)
from console.present.lines import paragraph
from console.present.log_states import SHOWS_TABLE, empty_words, state_page
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.messages import JobFailed, ReportRead
from console.ui.panes.base import ConsoleScreen, CopyItem, as_json
from console.ui.panes.connections.events import EventsScreen
from console.ui.panes.connections.state import ConnectionsState, cut_off_ranges
from console.ui.panes.text import TextScreen
from console.ui.widgets.failure_chart import FailureChart
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Page
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource
from console.ui.widgets.text_block import Lines, TextBlock

SHORT = 20
"""Below this height the meaning of the selected row is left to `d`."""

WIDE = 110
"""From this width on the platform's metrics stand beside the chart."""

_SORT = {
    "label": lambda group: group.label.casefold(),
    "count": lambda group: group.count,
    "devices": lambda group: group.devices,
    "since": lambda group: group.first,
    "confidence": lambda group: group.confidence.value,
}


class ConnectionsScreen(ConsoleScreen):
    """Who is failing, since when, why?"""

    PANE = "connections"
    SCOPES = ("connections", "pane")
    BINDINGS = bindings("connections", "pane")
    AUTO_FOCUS = "#groups"
    DEFAULT_CSS = """
    ConnectionsScreen #state { display: none; }
    ConnectionsScreen.-state #state { display: block; }
    ConnectionsScreen #charts { height: 7; }
    ConnectionsScreen #meaning { height: 4; }
    ConnectionsScreen #chart { height: 1fr; }
    ConnectionsScreen #metric { display: none; width: 38; height: 1fr; padding-left: 2; }
    ConnectionsScreen.-wide #metric { display: block; }
    ConnectionsScreen.-short #meaning { display: none; }
    ConnectionsScreen.-state #charts, ConnectionsScreen.-state #summary,
    ConnectionsScreen.-state #groups, ConnectionsScreen.-state #meaning { display: none; }
    """
    interval = 30.0

    def __init__(self) -> None:
        super().__init__()
        self.state = ConnectionsState()
        self._wanted = ""
        self._ready = False
        self._order: tuple[str, bool] | None = None

    def body(self) -> ComposeResult:
        """Show title, chart, figures, table and what the selected row means; or the state of the log."""
        yield Heading(id="title")
        with Horizontal(id="charts"):
            yield FailureChart(id="chart")
            yield Lines(id="metric")
        yield Heading(id="summary")
        yield ResourceTable(GROUP_COLUMNS, id="groups")
        yield TextBlock(id="meaning")
        yield Page(id="state")

    @property
    def table(self) -> ResourceTable:
        """The table of groups."""
        return self.query_one("#groups", ResourceTable)

    @property
    def chart(self) -> FailureChart:
        """The chart."""
        return self.query_one("#chart", FailureChart)

    def on_mount(self) -> None:
        """Show that the log is being asked."""
        self._ready = True
        known = self.console.snapshot.failures.value
        if known is not None and not self.console.snapshot.failures.cached and self.state.matches(known):
            self.state.take(known, self.console.snapshot.failures.as_of or known.end)
        self.show_report()

    def on_resize(self) -> None:
        """Give the chart more room on a large screen."""
        self.query_one("#charts").styles.height = chart_height(self.app.size.height)
        self.set_class(self.app.size.width >= WIDE, "-wide")
        self.set_class(self.app.size.height < SHORT, "-short")
        self.show_report()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Ask the log."""
        state, connections = self.state, self.services.connections
        window, step, grouping, source = state.window, state.step, state.grouping, state.source

        def work(cancel: Cancel, post: Post) -> ReportRead:
            del post
            return ReportRead(connections.report(window, step, grouping, cancel, source=source))

        self.console.jobs.start(self, "report", work)

    @on(ReportRead)
    def take(self, message: ReportRead) -> None:
        """Show the answer."""
        self.state.take(message.report, self.services.clock())
        if message.report.error is not None:
            self.advise(message.report.error)
        self.ended(throttled=message.report.state is LogState.THROTTLED)
        self.show_report()

    def job_failed(self, message: JobFailed) -> None:
        """Keep what is there and say since when it is old."""
        state, now = self.state, self.services.clock()
        failed = FailureReport(
            LogState.FAILED,
            now - state.window,
            now,
            state.step,
            state.grouping,
            error=message.error,
            source=state.source,
        )
        state.take(failed, now)
        self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        self.show_report()

    def show_trouble(self) -> None:
        """Show which role is missing, and who can give it."""
        self.show_report()

    def _ask_again(self) -> None:
        self.reload()
        self.show_report()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_report(self) -> None:
        """Show the report, or the state of the log."""
        state, now = self.state, self.services.clock()
        report = state.report or state.placeholder(now)
        shows_table = report.state in SHOWS_TABLE
        self.set_class(not shows_table, "-state")
        reading = self.busy and (not state.matches(report) or report.state is LogState.NOT_ASKED)
        left, right = title_line(report, paused=self.paused, reading=reading)
        self.query_one("#title", Heading).set(left, right)
        self.freshness = (state.as_of, state.error is not None, False)
        if shows_table:
            self._show_figures(report)
        else:
            page = self.query_one("#state", Page)
            page.show(state_page(report, page.size.width or self.app.size.width))
            if self.focused is None or self.focused is self.table:
                page.focus()
        self.update_chrome()

    def _show_figures(self, report: FailureReport) -> None:
        now = self.services.clock()
        self.chart.show(report, now)
        metric = self.query_one("#metric", Lines)
        plain = self.console.ascii_only
        metric.show(lambda width, height: metric_lines(report, width - 2, height - 1, ascii_only=plain))
        self.query_one("#summary", Heading).set(summary_line(report))
        groups = list(report.groups)
        if self._order is not None:
            by, descending = self._order
            groups.sort(key=_SORT[by], reverse=descending)
        source = ListSource(groups, lambda group: group.key, lambda group: group_cells(group, now))
        empty = paragraph(empty_words(report), self.app.size.width - 4, indent=3, style="ok")
        self.table.show(source, columns=group_columns(report.grouping), sorted_by=self._order, empty=empty)
        if self._wanted:
            self.table.move_to_key(self._wanted)
            self._wanted = ""
        if isinstance(self.focused, Page):
            self.table.focus()
        self._explain()

    def _explain(self) -> None:
        group = self.state.group(self.table.selected)
        block = self.query_one("#meaning", TextBlock)
        if group is None or self.state.report is None:
            block.explain()
            return
        meaning, fix = group_meaning(group, self.state.report.grouping)
        flag = group.flag if self.state.report.grouping is not Grouping.CAUSE else ""
        evidence = " · ".join(part for part in (flag, group.evidence or group.flag) if part)
        block.explain(("", evidence, "head"), ("", meaning, ""), ("→ ", fix, "accent"))

    @on(Page.Resized)
    def rebuild(self) -> None:
        """Build the state's page for the width."""
        self.show_report()

    def repaint_state(self) -> None:
        """Show PAUSED in the title."""
        self.show_report()

    # --- drilling in ---------------------------------------------------------------------------------------------

    @on(ResourceTable.Moved)
    def explain(self) -> None:
        """Explain the selected row."""
        self._explain()

    @on(ResourceTable.Opened)
    def open_group(self, message: ResourceTable.Opened) -> None:
        """Show the events of a group."""
        group, report = self.state.group(message.key), self.state.report
        if group is not None and report is not None:
            self.app.push_screen(EventsScreen(group.label, report.start, report.end, self.state.filters(group)))

    @on(FailureChart.Opened)
    def open_bar(self, message: FailureChart.Opened) -> None:
        """Show the events of a bar."""
        bar = message.bar
        title = (
            f"{bar.start:%H:%M}–{bar.end:%H:%M}" if bar.end - bar.start < timedelta(days=1) else f"{bar.start:%m-%d}"
        )
        self.app.push_screen(EventsScreen(title, bar.start, bar.end, self.state.filters(None)))

    @on(FailureChart.Left)
    def leave_chart(self) -> None:
        """Go to the table."""
        self.table.focus()

    @on(ResourceTable.HeaderClicked)
    def sort_by_click(self, message: ResourceTable.HeaderClicked) -> None:
        """Sort by a title; a third click brings the order of the report back."""
        if message.column in _SORT:
            by, descending = self._order or ("", False)
            first = message.column not in ("label", "confidence", "since")
            if by != message.column:
                self._order = (message.column, first)
            else:
                self._order = (by, not descending) if descending is first else None
            self.show_report()

    def accept(self, argument: str) -> None:
        """Take a cause to put the cursor on."""
        self._wanted = argument
        if self.state.grouping is not Grouping.CAUSE:
            self.state.grouping = Grouping.CAUSE
            if self._ready:
                self.reload()
        if self._ready:
            self.show_report()

    def back(self) -> bool:
        """Give up the selected bar."""
        if self.chart.selected is not None:
            self.chart.clear()
            self.table.focus()
            return True
        return False

    # --- commands ------------------------------------------------------------------------------------------------

    def command_connections_group(self) -> None:
        """Choose the grouping."""
        items = [MenuItem(kind.value, kind.value, "now" if kind is self.state.grouping else "") for kind in Grouping]

        def choose(choice: str | None) -> None:
            if choice is not None:
                self.state.grouping = Grouping(choice)
                self._ask_again()

        self.app.push_screen(Menu("GROUP BY", items), choose)

    def command_connections_cycle(self) -> None:
        """Take the next grouping."""
        self.state.next_grouping()
        self._ask_again()

    def command_connections_source(self) -> None:
        """Take the next source."""
        self.state.next_source()
        self._ask_again()

    def command_connections_longer(self) -> None:
        """Look at a longer time."""
        if self.state.change_window(1):
            self._ask_again()
        else:
            self.notify("A week is the longest time range")

    def command_connections_shorter(self) -> None:
        """Look at a shorter time."""
        if self.state.change_window(-1):
            self._ask_again()
        else:
            self.notify("An hour is the shortest time range")

    def command_connections_bin(self) -> None:
        """Take the next bin width."""
        self.state.next_step()
        self._ask_again()

    def command_connections_left(self) -> None:
        """Select the bar to the left."""
        self._select_bar(-1)

    def command_connections_right(self) -> None:
        """Select the bar to the right."""
        self._select_bar(1)

    def _select_bar(self, by: int) -> None:
        if self.has_class("-state"):
            return
        if self.chart.has_focus:
            self.chart.move(by)
        else:
            self.chart.focus()

    def command_connections_focus(self) -> None:
        """Move between chart and table."""
        if self.chart.has_focus:
            self.table.focus()
        elif not self.has_class("-state"):
            self.chart.focus()

    def command_connections_kql(self) -> None:
        """Show the query that was run."""
        from console.ui.panes.connections.query import QueryScreen

        report = self.state.report
        if report is None or not report.kql:
            self.notify("No query was run yet", severity="warning")
        else:
            self.app.push_screen(QueryScreen(report.kql, report.start, report.end))

    def command_connections_network(self) -> None:
        """Go to the Network pane with the ranges that IP rules cut off."""
        group = self.state.group(self.table.selected)
        if group is None or group.cause is not Cause.IP_RULES:
            self.notify("Select failures that are cut off by IP rules", severity="warning")
        else:
            self.console.open_pane("network", cut_off_ranges(group))

    def command_pane_describe(self) -> None:
        """Tell all about the selected group."""
        group, report = self.state.group(self.table.selected), self.state.report
        if group is not None and report is not None:
            clock = self.services.clock
            page = lambda width: group_page(group, report.grouping, clock(), width)  # noqa: E731
            self.app.push_screen(TextScreen(self.PANE, (group.label,), page))

    def copy_items(self) -> list[CopyItem]:
        """Offer the row, JSON, the query and the command line."""
        group, report = self.state.group(self.table.selected), self.state.report
        items: list[CopyItem] = []
        if group is not None:
            items = [
                ("row", f"{group.label}\t{group.count}\t{group.devices}\t{group.evidence}"),
                ("JSON", as_json([(field, getattr(group, field)) for field in group.__slots__])),
            ]
        if report is not None and report.kql:
            items.append(("query", report.kql))
        hours = int(self.state.window.total_seconds() // 3600)
        items.append(("command line", f"hubwarden connections --since {hours}h"))
        return items


def chart_height(rows: int) -> int:
    """Return the chart's height for a screen: an even number of lines for bars, three for axis, times, legend."""
    return next((height for least, height in ((50, 17), (40, 13), (30, 9), (20, 7)) if rows >= least), 5)
