"""The Access pane: who may do what through Entra, how they got it, and what is wrong with it."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.model.document import TargetKind
from console.model.errors import ErrorKind
from console.present.access import ASSIGNMENT_COLUMNS, head_lines
from console.present.lines import Line, plain
from console.present.pages import error_lines
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.access.actions import AccessActions
from console.ui.panes.access.messages import AccessRead
from console.ui.panes.access.state import AccessState, Kind
from console.ui.panes.base import CopyItem
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Page
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.text_block import Lines, TextBlock

WIDE, VERY_WIDE = 120, 170
"""From these widths on the selected row is described beside the table, and in wide lines."""


class AccessScreen(AccessActions):
    """Who may do what through Entra?"""

    SCOPES = ("access", "pane")
    BINDINGS = bindings("access", "pane")
    AUTO_FOCUS = "#rows"
    WATCHES = frozenset({TargetKind.ROLE, TargetKind.ASSIGNMENT})
    FILTER_HINT = "name, role, !not; plane:data, type:group, scope:subscription, mine"
    FILTER_BELOW = "#sections"
    DEFAULT_CSS = """
    AccessScreen #head { height: 3; margin: 0 0 1 0; }
    AccessScreen #meaning { height: 4; }
    AccessScreen #beside { display: none; width: 41; border-left: vkey $surface; }
    AccessScreen.-wide #beside { display: block; }
    AccessScreen.-very-wide #beside { width: 76; }
    """
    interval = 300.0

    def __init__(self) -> None:
        super().__init__()
        self.state = AccessState()
        self._ready = False
        self._assign = ""  # a role that another pane wants to be given, once the roles are read

    def body(self) -> ComposeResult:
        """Show who we are, the sections, the rows of one, and what the selected row means."""
        yield Lines(id="head")
        yield Heading(id="sections")
        with Horizontal():
            yield ResourceTable(ASSIGNMENT_COLUMNS, id="rows")
            yield Page(id="beside")
        yield TextBlock(id="meaning")

    @property
    def table(self) -> ResourceTable:
        """The table of the section in front."""
        return self.query_one("#rows", ResourceTable)

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self._ready = True
        self.show_rows()

    def on_resize(self) -> None:
        """Put the description beside the table where there is room."""
        self.set_class(self.app.size.width >= WIDE, "-wide")
        self.set_class(self.app.size.width >= VERY_WIDE, "-very-wide")
        self.show_rows()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read who has which role."""
        access = self.access

        def work(cancel: Cancel, post: Post) -> AccessRead:
            del post
            return AccessRead(access.read(cancel))

        self.console.jobs.start(self, "reading", work)

    @on(AccessRead)
    def take(self, message: AccessRead) -> None:
        """Show who has which role."""
        self.state.take(message.reading)
        self.ended()
        self.show_rows()
        if self._assign:
            wanted, self._assign = self._assign, ""
            self.ask_assign(wanted, message.reading.me)

    def job_failed(self, message: JobFailed) -> None:
        """Keep what is there, and say why the rest is not."""
        if message.group == "reading":
            self.state.error = message.error
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        else:
            self.status_note = ""
            self.report(message.error)
        self.show_rows()

    def show_trouble(self) -> None:
        """Show which role is missing, and who can give it."""
        self.show_rows()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show what follows from the state."""
        if not self._ready:
            return
        state, now = self.state, self.services.clock()
        failed = state.error is not None and state.reading is None
        lines = [((" ACCESS  ", "head"), ("not read", "warn"))] if failed else head_lines(state.reading)
        self.query_one("#head", Lines).show(lambda _, height: lines[:height])
        self.query_one("#sections", Heading).set(*state.tabs())
        width = self.table.size.width or self.app.size.width
        self.table.show(state.source(now), columns=state.columns, sorted_by=state.order, empty=self._empty(width))
        self.freshness = self._freshness()
        self._explain()
        self.update_chrome()

    def _freshness(self) -> tuple[datetime | None, bool, bool]:
        at = self.state.reading.facts.at if self.state.reading is not None else None
        return at, self.state.error is not None and at is not None, False

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.error is not None and state.reading is None:
            return error_lines(state.error, width)
        if state.reading is None:
            return [(("   Reading roles and assignments …", "dim"),)]
        if state.filter and state.all(state.kind):
            return [(("   Nothing matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]
        if state.kind is Kind.FINDINGS:
            return [(("   Nothing was found to be wrong.", "ok"),)]
        return [(("   There is none.", ""),)]

    def _explain(self) -> None:
        key, state = self.table.selected, self.state
        shown = key if len(self.table.source) else None
        self.query_one("#meaning", TextBlock).explain(*state.meaning(shown))
        page = self.query_one("#beside", Page)
        page.show(state.page(shown, self.services.clock(), max(page.size.width - 1, 30)))

    @on(Page.Resized)
    @on(ResourceTable.Moved)
    def explain(self) -> None:
        """Say what the selected row means."""
        self._explain()

    # --- going on ------------------------------------------------------------------------------------------------

    @on(ResourceTable.Opened)
    def open_row(self) -> None:
        """Tell all about the selected row."""
        self.command_pane_describe()

    def command_pane_describe(self) -> None:
        """Tell all about the selected row."""
        key, state, clock = self.table.selected, self.state, self.services.clock
        if key is None or not state.page(key, clock(), 80):
            self.notify("Nothing is selected", severity="warning")
            return
        one, role, finding = state.assignment(key), state.role(key), state.finding(key)
        crumb = role.name if role is not None else finding.code if finding is not None else ""
        if one is not None and state.kind is Kind.ASSIGNMENTS:
            crumb = self.name_of(one)
        page = state.page
        self.app.push_screen(TextScreen(self.PANE, (crumb,), lambda width: page(key, clock(), width)))

    def command_access_section(self) -> None:
        """Go to the next section."""
        self._turn(1)

    def command_access_section_back(self) -> None:
        """Go to the section before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        self.close_filter()
        self.table.move_to(0)  # another list begins at its beginning
        self.state.step(by)
        self.show_rows()

    # --- filter and order ----------------------------------------------------------------------------------------

    async def command_access_filter(self) -> None:
        """Open the filter line."""
        await self.open_filter()

    def accept(self, argument: str) -> None:
        """Take a filter, a section's name, or "assign ROLE" from another pane."""
        word, _, rest = argument.partition(" ")
        if word == "assign" and rest:
            self._assign = rest
            if self.state.reading is not None:
                self._assign = ""
                self.ask_assign(rest, self.state.reading.me)
            return
        for kind in Kind:
            if word and kind.value.casefold().startswith(word.casefold()):
                self.state.show(kind)
                self.show_rows()
                return
        if argument and self._ready:
            self.set_filter(argument.removeprefix("/"))

    def command_access_sort(self) -> None:
        """Choose the column to sort by."""
        self.ask_order(self.state.columns, self.state.order)

    def command_access_reverse(self) -> None:
        """Turn the order round."""
        self.sort_by(self.state.order[0])

    def sort_by(self, column: str) -> None:
        """Sort by a column."""
        self.state.set_order(column)
        self.show_rows()

    def copy_items(self) -> list[CopyItem]:
        """Offer ids, the definition in both forms, the description and the command line."""
        key, state = self.table.selected, self.state
        if key is None:
            return []
        items: list[CopyItem] = []
        one, role = state.assignment(key), state.role(key)
        if one is not None:
            items += [("object id", one.principal_id), ("assignment", one.name), ("scope", one.scope)]
        if role is not None:
            view = state.view(role)
            items += [
                ("role id", role.guid),
                ("definition, Azure CLI", view.az_text),
                ("definition, REST", view.rest_text),
            ]
        page = "\n".join(plain(line).rstrip() for line in state.page(key, self.services.clock(), 78))
        verb = {Kind.ASSIGNMENTS: "assignments", Kind.ROLES: "roles", Kind.FINDINGS: "roles --lint"}[state.kind]
        return [*items, ("description", page), ("command line", f"hubwarden access {verb}")]
