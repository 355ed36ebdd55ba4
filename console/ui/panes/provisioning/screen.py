"""The Provisioning pane: who gets in by a Device Provisioning Service, and whether it and the hub agree."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.model.document import TargetKind
from console.model.enrollment import EnrollmentKind, ProvisioningInstance
from console.model.errors import ErrorKind
from console.model.shell import command_line
from console.present.lines import Line, plain
from console.present.pages import error_lines
from console.present.provisioning import head_lines
from console.present.provisioning_pages import check_lines, none_lines, unchecked_lines
from console.present.provisioning_table import GROUP_COLUMNS
from console.services.ports import Cancel
from console.ui.commands import BY_ID, bindings, key_name
from console.ui.jobs import Post
from console.ui.messages import ChangeApplied, JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.provisioning.actions import ProvisioningActions
from console.ui.panes.provisioning.messages import Compared, EnrollmentsRead, InstancesRead
from console.ui.panes.provisioning.registrations import RegistrationsScreen
from console.ui.panes.provisioning.service import ServiceScreen
from console.ui.panes.provisioning.state import Kind, ProvisioningState
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Page
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.text_block import Lines, TextBlock

WIDE, VERY_WIDE = 120, 170
"""From these widths on the selected row is described beside the table, and in wide lines."""


class ProvisioningScreen(ProvisioningActions):
    """Who gets in by DPS?"""

    SCOPES = ("provisioning", "pane")
    BINDINGS = bindings("provisioning", "pane")
    AUTO_FOCUS = "#rows"
    WATCHES = frozenset(
        {TargetKind.ENROLLMENT, TargetKind.ENROLLMENT_GROUP, TargetKind.REGISTRATION, TargetKind.PROVISIONING}
    )
    FILTER_HINT = "id, device, hub, subject; !not; status:disabled; attestation:tpm"
    FILTER_BELOW = "#sections"
    DEFAULT_CSS = """
    ProvisioningScreen #head { height: 3; margin: 0 0 1 0; }
    ProvisioningScreen #meaning { height: 4; }
    ProvisioningScreen #beside { display: none; width: 48; border-left: vkey $surface; }
    ProvisioningScreen.-wide #beside { display: block; }
    ProvisioningScreen.-very-wide #beside { width: 76; }
    """
    interval = 120.0

    def __init__(self) -> None:
        super().__init__()
        self.state = ProvisioningState(self.services.session.hub_host)
        self._ready = False
        self._wanted = ""

    def body(self) -> ComposeResult:
        """Show the service, the sections, the rows of one, and what the selected row means."""
        yield Lines(id="head")
        yield Heading(id="sections")
        with Horizontal():
            yield ResourceTable(GROUP_COLUMNS, id="rows")
            yield Page(id="beside")
        yield TextBlock(id="meaning")

    @property
    def table(self) -> ResourceTable:
        """The table of the section in front."""
        return self.query_one("#rows", ResourceTable)

    @property
    def instance(self) -> ProvisioningInstance | None:
        """The service that is shown."""
        return self.state.instance

    def on_mount(self) -> None:
        """Say that the reading begins; take what another pane asked for."""
        self._ready = True
        self.show_rows()
        if self._wanted.startswith("/"):
            wanted, self._wanted = self._wanted, ""
            self.call_after_refresh(lambda: self.accept(wanted))

    def on_resize(self) -> None:
        """Put the description beside the table where there is room."""
        self.set_class(self.app.size.width >= WIDE, "-wide")
        self.set_class(self.app.size.width >= VERY_WIDE, "-very-wide")
        self.show_rows()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the services there are, then what the one that is shown holds; no key is read."""
        dps, state = self.dps, self.state
        chosen, hub_host = state.wanted, self._hub_host()

        def work(cancel: Cancel, post: Post) -> EnrollmentsRead | None:
            found = dps.instances(cancel)
            post(InstancesRead(found))
            scratch = ProvisioningState(hub_host)
            scratch.wanted = chosen
            instance = scratch.take_instances(found)
            return EnrollmentsRead(dps.read(instance, cancel)) if instance is not None else None

        self.console.jobs.start(self, "reading", work)

    @on(InstancesRead)
    def take_instances(self, message: InstancesRead) -> None:
        """Show the service, or the one that was asked for; without one there is nothing more to read."""
        wanted, self._wanted = self._wanted, ""
        if self.state.take_instances(message.instances) is None:
            self.state.reading = self.state.error = None
            self.ended()
        self.show_rows()
        if wanted:
            self.accept(wanted)

    @on(EnrollmentsRead)
    def take(self, message: EnrollmentsRead) -> None:
        """Show what the service holds."""
        shown = self.instance
        if shown is not None and message.reading.instance.name == shown.name:
            self.state.take(message.reading)
        self.ended()
        self.show_rows()

    def job_failed(self, message: JobFailed) -> None:
        """Keep what is there, and say why the rest is not."""
        if message.group == "reading":
            self.state.error = message.error
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        elif message.group == "check":
            self.state.checking, self.state.check_error = False, message.error
        else:
            self.status_note = ""
            self.report(message.error)
        self.show_rows()

    def show_trouble(self) -> None:
        """Show which role is missing, and who can give it."""
        self.show_rows()

    def reload_instance(self) -> None:
        """Read another service."""
        self.console.jobs.cancel(self, "check")
        self.show_rows()
        self.reload()

    def command_provisioning_check(self) -> None:
        """Compare with the hub, in the background."""
        instance, reading, dps = self.instance, self.state.reading, self.dps
        if instance is None or reading is None:
            self.notify("The enrollments are not read yet", severity="warning")
            return

        def work(cancel: Cancel, post: Post) -> Compared:
            del post
            return Compared(dps.cross_check(instance, reading, cancel), instance.name)

        self.state.checking, self.state.check_error = True, None
        self.close_filter()
        self.state.show(Kind.CHECK)
        self.console.jobs.start(self, "check", work)
        self.show_rows()

    @on(Compared)
    def take_check(self, message: Compared) -> None:
        """Show what disagrees."""
        if self.instance is not None and self.instance.name == message.of:
            self.state.take_check(message.check)
        self.show_rows()

    def on_change_applied(self, message: ChangeApplied) -> None:
        """The comparison is old once either side was changed from here."""
        if message.kinds & (self.WATCHES | {TargetKind.DEVICE}):
            self.state.check_old = self.state.check is not None
        super().on_change_applied(message)
        self.show_rows()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show what follows from the state."""
        if not self._ready:
            return
        state, now = self.state, self.services.clock()
        state.hub_host = self._hub_host()
        self.query_one("#head", Lines).show(lambda _, height: head_lines(state.instance, state.hub_host)[:height])
        self.query_one("#sections", Heading).set(*state.tabs())
        width = self.table.size.width or self.app.size.width
        self.table.show(state.source(now), columns=state.columns, sorted_by=state.order, empty=self._empty(width))
        self.freshness = self._freshness()
        self._explain()
        self.update_chrome()

    def _hub_host(self) -> str:
        """Return the hub's own name, which may differ from the address that the profile gives."""
        hub = self.console.hub
        return hub.host if hub is not None else self.services.session.hub_host

    def _freshness(self) -> tuple[datetime | None, bool, bool]:
        state = self.state
        if state.kind is Kind.CHECK and state.check is not None:
            return state.check.at, state.check_error is not None, False
        at = state.reading.at if state.reading is not None else None
        return at, state.error is not None and at is not None, False

    def _key(self, command_id: str) -> str:
        return key_name(self.console.key_of(BY_ID[command_id]))

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.error is not None and state.reading is None:
            return error_lines(state.error, width)
        if state.instances is None:
            return [(("   Reading the provisioning services …", "dim"),)]
        if state.instance is None:
            return none_lines([one.name for one in state.instances], self._key("provisioning.choose"), width)
        if state.filter and state.all(state.kind):
            return [(("   Nothing matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]
        if state.kind is Kind.CHECK:
            return self._empty_check(width)
        if state.reading is None:
            return [(("   Reading its enrollments …", "dim"),)]
        if state.kind is Kind.GROUPS:
            return [(("   No enrollment group: devices get in one by one.", ""),)]
        return [(("   No individual enrollment.", ""),)]

    def _empty_check(self, width: int) -> list[Line]:
        state, key = self.state, self._key("provisioning.check")
        if state.checking:
            return [(("   Comparing with the hub …", "dim"),)]
        if state.check is not None:
            return check_lines(state.check, width)
        if state.check_error is not None:
            return error_lines(state.check_error, width, retry=f"{key} try again")
        return unchecked_lines(key, width)

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
        """Show the registrations of a group; all about anything else."""
        one, instance = self.selected(), self.instance
        group = one is not None and one.kind is EnrollmentKind.GROUP and self.state.kind is Kind.GROUPS
        if group and one is not None and instance is not None:
            self.app.push_screen(RegistrationsScreen(instance, one))
        else:
            self.command_pane_describe()

    def command_pane_describe(self) -> None:
        """Tell all about the selected row but its keys."""
        key, state, clock = self.table.selected, self.state, self.services.clock
        if key is None or not state.page(key, clock(), 80):
            self.notify("Nothing is selected", severity="warning")
            return
        finding, one = state.finding(key), state.enrollment(key)
        crumb = finding.enrollment_id if finding is not None else one.id if one is not None else ""
        lines = state.page
        self.app.push_screen(TextScreen(self.PANE, (crumb,), lambda width: lines(key, clock(), width)))

    def command_provisioning_service(self) -> None:
        """Show all about the service."""
        if self.instance is None:
            self.notify("No provisioning service is shown", severity="warning")
        else:
            self.app.push_screen(ServiceScreen(self.instance))

    def command_provisioning_section(self) -> None:
        """Go to the next section."""
        self._turn(1)

    def command_provisioning_section_back(self) -> None:
        """Go to the section before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        self.close_filter()
        self.state.step(by)
        self.show_rows()

    # --- filter and order ----------------------------------------------------------------------------------------

    async def command_provisioning_filter(self) -> None:
        """Open the filter line."""
        await self.open_filter()

    def accept(self, argument: str) -> None:
        """Take a filter, or the name of a service: "/press", "contoso-dps"."""
        if not self._ready or (self.state.instances is None and not argument.startswith("/")):
            self._wanted = argument  # is it a service's name? that is known once they are read
            return
        names = {one.name.casefold() for one in self.state.instances or ()}
        if argument.casefold() in names:
            self.state.choose(argument)
            self.reload_instance()
        elif argument:
            self.set_filter(argument.removeprefix("/"))

    def command_provisioning_sort(self) -> None:
        """Choose the column to sort by."""
        self.ask_order(self.state.columns, self.state.order)

    def command_provisioning_reverse(self) -> None:
        """Turn the order round."""
        self.sort_by(self.state.order[0])

    def sort_by(self, column: str) -> None:
        """Sort by a column."""
        self.state.set_order(column)
        self.show_rows()

    def copy_items(self) -> list[CopyItem]:
        """Offer ids, the description and command lines."""
        key, instance = self.table.selected, self.instance
        if key is None or instance is None:
            return []
        finding, one = self.finding(), self.selected()
        items: list[CopyItem] = []
        if finding is not None:
            items += [("device", finding.device_id)] if finding.device_id else []
        if one is not None:
            items.append(("id", one.id))
            items += [("endorsement key", one.endorsement_key)] if one.endorsement_key else []
        page = "\n".join(plain(line).rstrip() for line in self.state.page(key, self.services.clock(), 78))
        verb = {Kind.GROUPS: "groups", Kind.ENROLLMENTS: "enrollments", Kind.CHECK: "cross-check"}[self.state.kind]
        return [
            *items,
            ("description", page),
            ("id scope", instance.id_scope),
            ("command line", command_line("hubwarden", "dps", verb, "--service", instance.name)),
        ]
