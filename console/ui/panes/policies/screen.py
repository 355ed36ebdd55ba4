"""The Policies pane: who holds a key to the hub, read when asked for, changed through plans."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.model.change import Outcome
from console.model.document import TargetKind
from console.model.errors import ErrorKind
from console.model.policy import PolicyView
from console.present.lines import Line
from console.present.pages import error_lines
from console.present.policies import POLICY_COLUMNS, meaning, policy_page, summary_lines, unread_lines
from console.services.ports import Cancel
from console.ui.changing import begin
from console.ui.commands import BY_ID, bindings
from console.ui.jobs import Post
from console.ui.messages import ChangeApplied, JobFailed
from console.ui.panes.policies.actions import Plan, PoliciesActions
from console.ui.panes.policies.messages import OverviewOfPolicies, PoliciesRead
from console.ui.panes.policies.state import PoliciesState
from console.ui.panes.text import TextScreen
from console.ui.widgets.page import Page
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.text_block import Lines, TextBlock

WIDE = 120
"""From this width on the selected policy is described beside the table."""


class PoliciesScreen(PoliciesActions):
    """Who holds a key to the hub?"""

    PANE = "policies"
    SCOPES = ("policies", "pane")
    BINDINGS = bindings("policies", "pane")
    AUTO_FOCUS = "#rows"
    WATCHES = frozenset({TargetKind.HUB, TargetKind.POLICIES, TargetKind.PROVISIONING})
    DEFAULT_CSS = """
    PoliciesScreen #summary { height: 3; margin: 0 0 1 0; }
    PoliciesScreen #meaning { height: 3; }
    PoliciesScreen #beside { display: none; width: 41; border-left: vkey $surface; }
    PoliciesScreen.-wide #beside { display: block; }
    PoliciesScreen.-wide #meaning { height: 1; }
    """
    interval = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.state = PoliciesState()
        self._ours = 0

    def body(self) -> ComposeResult:
        """Show the summary, the policies, and what the selected one means."""
        yield Lines(id="summary")
        with Horizontal():
            yield ResourceTable(POLICY_COLUMNS, id="rows")
            yield Page(id="beside")
        yield TextBlock(id="meaning")

    @property
    def table(self) -> ResourceTable:
        """The table of policies."""
        return self.query_one("#rows", ResourceTable)

    def selected_policy(self) -> PolicyView | None:
        """Return the policy under the cursor."""
        return self.state.view(self.table.selected)

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.show_view()

    def on_resize(self) -> None:
        """Put the description beside the table where there is room and something to describe."""
        self.show_view()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what can be told without a key; keys are never read by the clock."""
        services = self.services

        def work(cancel: Cancel, post: Post) -> OverviewOfPolicies:
            del post
            return OverviewOfPolicies(services.changes.policies.overview(cancel))

        self.console.jobs.start(self, "overview", work)

    @on(OverviewOfPolicies)
    def take_overview(self, message: OverviewOfPolicies) -> None:
        """Show it."""
        self.state.take_overview(message.overview)
        self.ended()
        self.show_view()

    def command_policies_read_keys(self) -> None:
        """Read rights and keys: a privileged read, noted in the journal first."""
        services = self.services

        def work(cancel: Cancel, post: Post) -> PoliciesRead:
            del post
            return PoliciesRead(services.changes.policies.read_keys(cancel))

        self.state.reading_keys, self.state.keys_error = True, None
        self.console.jobs.start(self, "keys", work)
        self.show_view()

    @on(PoliciesRead)
    def take(self, message: PoliciesRead) -> None:
        """Show the policies."""
        self.state.take(message.reading)
        self.show_view()

    def job_failed(self, message: JobFailed) -> None:
        """Keep what is there, and say why the rest is not."""
        if message.group == "overview":
            self.state.error = message.error
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        elif message.group == "keys":
            self.state.reading_keys = False
            self.state.keys_error = message.error
            if self.state.reading is not None:
                self.report(message.error)
        else:
            self.report(message.error)
        self.show_view()

    def show_trouble(self) -> None:
        """Show which role is missing, and who can give it."""
        self.show_view()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_view(self) -> None:
        """Show what follows from the state."""
        state, now = self.state, self.services.clock()
        self.set_class(self.app.size.width >= WIDE and state.reading is not None, "-wide")
        self.query_one("#summary", Lines).show(lambda _, height: summary_lines(state.overview, now)[:height])
        width = self.table.size.width or self.app.size.width
        self.table.show(state.rows(now), empty=self._empty(width))
        known = state.overview
        self.freshness = (known.as_of if known else None, state.error is not None and known is not None, False)
        self._explain()
        self.update_chrome()

    def _empty(self, width: int) -> list[Line]:
        state, now = self.state, self.services.clock()
        error = state.keys_error or (state.error if state.overview is None else None)
        if error is not None:
            retry = f"{self._key()} try again" if state.keys_error else "r try again"
            return error_lines(error, width, retry=retry)
        if state.reading_keys:
            return [(("   Reading the policies with their keys …", "dim"),)]
        if state.reading is not None:
            return [(("   This hub has no shared access policy.", "dim"),)]
        return unread_lines(self._key(), state.overview.last_read if state.overview else None, now, width)

    def _key(self) -> str:
        return self.console.key_of(BY_ID["policies.read-keys"])

    def _explain(self) -> None:
        view = self.selected_policy()
        self.query_one("#meaning", TextBlock).explain(*meaning(view, self.state.stale))
        page = self.query_one("#beside", Page)
        width = max(page.size.width - 1, 30)
        page.show(policy_page(view, self.services.clock(), width) if view is not None else [])

    @on(Page.Resized)
    @on(ResourceTable.Moved)
    def explain(self) -> None:
        """Say what the selected policy means."""
        self._explain()

    @on(ResourceTable.Opened)
    def open_row(self) -> None:
        """Describe the policy in full."""
        self.command_pane_describe()

    def command_pane_describe(self) -> None:
        """Tell all about the selected policy but its keys."""
        view, clock = self.selected_policy(), self.services.clock
        if view is None:
            self.notify("Policies are not read: K reads them", severity="warning")
            return
        self.app.push_screen(TextScreen(self.PANE, (view.name,), lambda width: policy_page(view, clock(), width)))

    # --- plans ---------------------------------------------------------------------------------------------------

    def plan(self, make: Plan) -> None:
        """Plan in the background, against what is there now; show it, and make it if it is agreed to."""
        services = self.services
        begin(self, lambda cancel: make(services.changes.policies, cancel), self._made)

    def _made(self, outcome: Outcome) -> None:
        """Show the policies as a change left them: they were read back as planned, so no key is read again."""
        overview = self.state.overview
        if outcome.change.target.kind is not TargetKind.POLICIES or overview is None:
            return
        self._ours += 1
        if not outcome.applied:
            self.state.changed = True
            return
        services, change = self.services, outcome.change

        def work(cancel: Cancel, post: Post) -> PoliciesRead:
            del cancel, post
            return PoliciesRead(services.changes.policies.after(change, overview))

        self.console.jobs.start(self, "keys", work)

    def on_change_applied(self, message: ChangeApplied) -> None:
        """Note that the policies shown are old, unless the change was made from here."""
        if TargetKind.POLICIES in message.kinds:
            if self._ours:
                self._ours -= 1
            else:
                self.state.changed = True
        super().on_change_applied(message)
        self.show_view()
