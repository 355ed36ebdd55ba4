"""The Network pane: who can reach the hub, what a change would do, and the change."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.model.document import TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.network import NetworkView
from console.present.lines import Line, paragraph
from console.present.network import RULE_COLUMNS, summary_lines
from console.present.pages import error_lines
from console.services.ports import Cancel
from console.ui.changing import begin
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.network.actions import NetworkActions, Plan
from console.ui.panes.network.messages import NetworkRead, Suggested
from console.ui.panes.network.state import Kind, NetworkState, key_of
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Page
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.text_block import Lines, TextBlock

WIDE = 120
"""From this width on the selected row is described beside the table."""


class NetworkScreen(NetworkActions):
    """Who can reach the hub?"""

    PANE = "network"
    SCOPES = ("network", "pane")
    BINDINGS = bindings("network", "pane")
    AUTO_FOCUS = "#rows"
    WATCHES = frozenset(
        {
            TargetKind.HUB,
            TargetKind.POLICIES,
            TargetKind.CONNECTION,
            TargetKind.ENDPOINT,
            TargetKind.PROVISIONING,
        }
    )
    DEFAULT_CSS = """
    NetworkScreen #summary { height: 4; }
    NetworkScreen #tabs { margin: 1 0 0 0; }
    NetworkScreen #meaning { height: 3; }
    NetworkScreen #beside { display: none; width: 52; border-left: vkey $surface; }
    NetworkScreen.-wide #beside { display: block; }
    NetworkScreen.-wide #meaning { display: none; }
    """
    interval = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.state = NetworkState()
        self._wanted = ""
        self._ready = False

    def body(self) -> ComposeResult:
        """Show the summary, the sections, the rows of one, and what the selected row means."""
        yield Lines(id="summary")
        yield Heading(id="tabs")
        with Horizontal():
            yield ResourceTable(RULE_COLUMNS, id="rows")
            yield Page(id="beside")
        yield TextBlock(id="meaning")

    @property
    def table(self) -> ResourceTable:
        """The table of the section in front."""
        return self.query_one("#rows", ResourceTable)

    def selected_row(self) -> Any:
        """Return the row under the cursor."""
        return self.state.row(self.table.selected)

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self._ready = True
        self.show_view()

    def on_resize(self) -> None:
        """Put the description beside the table where there is room."""
        self.set_class(self.app.size.width >= WIDE, "-wide")
        self.show_view()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read everything."""
        services = self.services

        def work(cancel: Cancel, post: Post) -> NetworkRead:
            del post
            return NetworkRead(services.changes.network.read(cancel))

        self.console.jobs.start(self, "network", work)

    @on(NetworkRead)
    def take(self, message: NetworkRead) -> None:
        """Show what was read, and do what another pane asked for."""
        self.state.take(message.view)
        self.ended(throttled=_throttled(message.view))
        self.show_view()
        self._follow_wish()

    def job_failed(self, message: JobFailed) -> None:
        """Keep what is there and say since when it is old; a plan that could not be made says why."""
        if message.group != "network":
            self.status_note = ""
            self.update_chrome()
            self.report(message.error)
            return
        self.state.error = message.error
        self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        self.show_view()

    def show_trouble(self) -> None:
        """Show which role is missing, and who can give it."""
        self.show_view()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_view(self) -> None:
        """Show what follows from the state."""
        state, now = self.state, self.services.clock()
        view = state.view
        self.query_one("#summary", Lines).show(lambda width, height: self._summary(width)[:height])
        self.query_one("#tabs", Heading).set(state.tabs())
        section = state.section
        width = self.table.size.width or self.app.size.width
        self.table.show(
            state.rows(now),
            columns=section.columns if section else RULE_COLUMNS,
            empty=self._empty(width),
        )
        self.freshness = (state.as_of, state.error is not None and view is not None, False)
        self._explain()
        self.update_chrome()

    def _summary(self, width: int) -> list[Line]:
        del width
        view = self.state.view
        return summary_lines(view) if view is not None else [((" NETWORK", "head"),)]

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.view is None:
            if state.error is not None:
                return error_lines(state.error, width)
            return [(("   Reading who can reach the hub …", "dim"),)]
        section = state.section
        return paragraph(section.empty, width, indent=3) if section is not None else []

    def _explain(self) -> None:
        key, state = self.table.selected, self.state
        self.query_one("#meaning", TextBlock).explain(*state.meaning(key))
        page = self.query_one("#beside", Page)
        lines = state.page(key, self.services.clock(), max(page.size.width - 1, 30))
        page.show(lines)

    @on(Page.Resized)
    @on(ResourceTable.Moved)
    def explain(self) -> None:
        """Say what the selected row means."""
        self._explain()

    @on(ResourceTable.Opened)
    def open_row(self) -> None:
        """Describe the row in full."""
        self.command_pane_describe()

    def command_pane_describe(self) -> None:
        """Tell all about the selected row."""
        key, state, clock = self.table.selected, self.state, self.services.clock
        row = self.selected_row()
        if row is not None:
            self.app.push_screen(TextScreen(self.PANE, (key_of(row),), lambda width: state.page(key, clock(), width)))

    def command_network_section(self) -> None:
        """Go to the next section."""
        self.state.step(1)
        self.show_view()

    def command_network_section_back(self) -> None:
        """Go to the section before."""
        self.state.step(-1)
        self.show_view()

    # --- what if, and what another pane asks for -----------------------------------------------------------------

    def command_network_simulate(self) -> None:
        """Open the line to ask in."""
        from console.ui.panes.network.simulate import Simulate, asker

        if self.state.view is None:
            self.notify("The network was not read yet", severity="warning")
        else:
            self.app.push_screen(Simulate(asker(self.network, self.state.view)))

    def command_network_suggest(self) -> None:
        """Offer rules that let refused devices in again."""
        if self._may("network.suggest"):
            self.suggest(())

    def suggest(self, masked: tuple[str, ...]) -> None:
        """Look for rules that let some ranges in again."""
        view, services = self.state.view, self.services
        if view is None:
            return

        def work(cancel: Cancel, post: Post) -> Suggested:
            del post
            return Suggested(services.changes.network.suggest(view, masked, cancel), masked)

        self.console.jobs.start(self, "suggest", work)

    @on(Suggested)
    def take_suggestions(self, message: Suggested) -> None:
        """Fill the likeliest into the form; it says where it comes from."""
        self.state.show(Kind.RULES)
        self.show_view()
        if (
            message.suggestions and not self.is_current
        ):  # a form that comes up by itself would take keys meant elsewhere
            self.notify("A range to let in again was found: b in Network offers it")
        elif message.suggestions:
            first = message.suggestions[0]
            self.ask_rule(first.rule.name, first.rule.mask, origin=first.origin)
        else:
            what = ", ".join(message.asked) or "the hub"
            self.notify(f"No range that the rules refuse was found for {what}", severity="warning")

    def accept(self, argument: str) -> None:
        """Take `add:NAME=CIDR` (a rule to propose), or ranges to let in again: `10.20.4,10.20.5`, `refused` for all."""
        self._wanted = argument
        if self._ready and self.state.view is not None:
            self._follow_wish()

    def _follow_wish(self) -> None:
        wish, self._wanted = self._wanted, ""
        if wish.startswith("add:"):
            name, _, mask = wish.removeprefix("add:").rpartition("=")
            self.ask_rule(name, mask)
        elif wish == "refused":
            self.suggest(())
        elif wish:
            self.suggest(tuple(part.strip() for part in wish.split(",") if part.strip()))

    # --- plans ---------------------------------------------------------------------------------------------------

    def plan(self, make: Plan) -> None:
        """Plan in the background, against what is there now; show it, and make it if it is agreed to."""
        services = self.services
        begin(self, lambda cancel: make(services.changes.network, cancel))

    def copy_items(self) -> list[CopyItem]:
        """Offer the row and the command lines."""
        row = self.selected_row()
        items: list[CopyItem] = []
        if row is not None:
            key = self.table.selected
            page = self.state.page(key, self.services.clock(), 78)
            items.append(("name", key_of(row)))
            items.append(("description", "\n".join("".join(text for text, _ in line).rstrip() for line in page)))
        items.append(("command line", "hubwarden network show"))
        return items


def _throttled(view: NetworkView) -> bool:
    errors: list[ConsoleError | None] = [view.seen.error, view.total_devices.error]
    return any(error is not None and error.kind is ErrorKind.THROTTLED for error in errors)
