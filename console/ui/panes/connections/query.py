"""The KQL behind the pane: shown, edited, run as it stands; the result below it."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.widgets import TextArea

from console.model.errors import ConsoleError, ErrorKind
from console.present.connections import log_columns, log_text
from console.present.lines import Line
from console.present.pages import BLANK, error_lines, fields
from console.present.words import plural
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed, TableRead
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource


class QueryScreen(ConsoleScreen):
    """An editor above a result."""

    PANE = "connections"
    SCOPES = ("query", "pane")
    BINDINGS = bindings("query", "pane")
    AUTO_FOCUS = "TextArea"
    DEFAULT_CSS = "QueryScreen TextArea { height: 1fr; } QueryScreen ResourceTable { height: 1fr; }"
    crumbs = ("query",)

    def __init__(self, kql: str, start: datetime, end: datetime) -> None:
        super().__init__()
        self._original, self._start, self._end = kql, start, end
        self._error: ConsoleError | None = None
        self._result: TableRead | None = None
        self._as_of: datetime | None = None

    def body(self) -> ComposeResult:
        """Show editor and result."""
        yield Heading(id="title")
        yield TextArea(self._original, soft_wrap=False, show_line_numbers=False, tab_behavior="focus")
        yield Heading(id="result-title")
        yield ResourceTable((), id="result")

    @property
    def editor(self) -> TextArea:
        """The editor."""
        return self.query_one(TextArea)

    def on_mount(self) -> None:
        """Show the query without running it again."""
        self.query_one("#title", Heading).set(
            ((" QUERY", "head"), ("  as it was sent to Log Analytics", "dim")), (("KQL ", "dim"),)
        )
        self._show()

    def unsaved(self) -> str:
        """Tell when there are edits."""
        return "the edited query" if self.editor.text != self._original else ""

    def command_query_run(self) -> None:
        """Run what is in the editor."""
        text, connections = self.editor.text, self.services.connections

        def work(cancel: Cancel, post: Post) -> TableRead:
            del post
            table = connections.run(text, self._start, self._end, cancel)
            return TableRead(table.columns, table.rows, table.partial)

        self.busy = True
        self.console.jobs.start(self, "query", work)
        self._show()

    def command_pane_refresh(self) -> None:
        """Run it again."""
        self.command_query_run()

    @on(TableRead)
    def take(self, message: TableRead) -> None:
        """Show the result."""
        self._result, self._error, self._as_of = message, None, self.services.clock()
        self.ended()
        self._show()

    def job_failed(self, message: JobFailed) -> None:
        """Show what the service said about the query."""
        self._error = message.error
        self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        self._show()

    def _show(self) -> None:
        table, result = self.query_one("#result", ResourceTable), self._result
        if self._error is not None:
            lines = error_lines(self._error, table.size.width or self.app.size.width, retry="ctrl+r run again")
            table.show(ListSource[int]((), str, lambda _: ()), columns=(), empty=lines)
            left: Line = ((" RESULT", "head"), ("  refused", "bad"))
        elif result is not None:
            rows = list(enumerate(result.rows))
            source = ListSource(
                rows, lambda row: str(row[0]), lambda row: tuple((log_text(value), "") for value in row[1])
            )
            table.wide = True
            table.show(source, columns=log_columns(result.columns, result.rows), empty=[(("   No rows.", "dim"),)])
            partial: Line = ((f"  PARTIAL: {result.partial}", "warn"),) if result.partial else ()
            left = ((" RESULT", "head"), (f"  {plural(len(rows), 'row')}", ""), *partial)
        else:
            left = ((" RESULT", "head"), ("  ctrl+r runs the query; it only reads", "dim"))
        if self.busy:
            left = (*left, ("  running …", "accent"))
        self.query_one("#result-title", Heading).set(left)
        self.freshness = (self._as_of, self._error is not None, False)
        self.update_chrome()

    @on(ResourceTable.Opened)
    def open_row(self, message: ResourceTable.Opened) -> None:
        """Show a row in full, one column below the other."""
        result = self._result
        if result is not None:
            number = int(message.key)
            pairs = [(name, log_text(value)) for name, value in zip(result.columns, result.rows[number], strict=True)]
            page = lambda width: [BLANK, *fields(pairs, width)]  # noqa: E731
            self.app.push_screen(TextScreen(self.PANE, ("query", f"row {number + 1}"), page))

    def command_query_switch(self) -> None:
        """Move between editor and result."""
        table = self.query_one("#result", ResourceTable)
        (table if self.editor.has_focus else self.editor).focus()

    def command_query_reset(self) -> None:
        """Bring the original query back."""
        self.editor.text = self._original

    def command_query_left(self) -> None:
        """Scroll the columns of the result."""
        self.query_one("#result", ResourceTable).scroll_columns(-1)

    def command_query_right(self) -> None:
        """Scroll the columns of the result."""
        self.query_one("#result", ResourceTable).scroll_columns(1)

    def copy_items(self) -> list[CopyItem]:
        """Offer the query and the result."""
        items = [("query", self.editor.text)]
        if self._result is not None:
            rows = [self._result.columns, *self._result.rows]
            items.append(("result", "\n".join("\t".join(log_text(value) for value in row) for row in rows)))
        return items
