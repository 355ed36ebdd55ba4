"""The devices that registered by one group: what became of each, and what can be done about one."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult

from console.model.document import TargetKind
from console.model.enrollment import Attestation, Enrollment, ProvisioningInstance, Registration
from console.model.errors import ConsoleError, ErrorKind
from console.model.shell import command_line
from console.present.lines import Line, plain
from console.present.pages import error_lines
from console.present.provisioning import enabled_piece
from console.present.provisioning_pages import registration_page
from console.present.provisioning_table import (
    REGISTRATION_COLUMNS,
    REGISTRATION_SORT,
    passes,
    registration_cells,
    registration_text,
)
from console.present.words import number
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.provisioning.acting import Acting
from console.ui.panes.provisioning.messages import RegistrationsRead
from console.ui.panes.provisioning.register_form import ask_register
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource

_ACTIONS = ("block", "forget", "derive-key", "register", "device")


class RegistrationsState:
    """The registrations, filter and order; the rows follow from them."""

    def __init__(self) -> None:
        self.registrations: tuple[Registration, ...] | None = None
        self.error: ConsoleError | None = None
        self.as_of: datetime | None = None
        self.filter = ""
        self.order = ("id", False)

    def rows(self) -> list[Registration]:
        """Return the registrations that pass the filter, in order."""
        by, descending = self.order
        found = [one for one in self.registrations or () if passes(registration_text(one), self.filter)]
        return sorted(found, key=REGISTRATION_SORT[by], reverse=descending)


class RegistrationsScreen(Acting):
    """Who registered by this group?"""

    SCOPE = "registrations"
    SCOPES = ("registrations", "pane")
    BINDINGS = bindings("registrations", "pane")
    AUTO_FOCUS = "#rows"
    WATCHES = frozenset({TargetKind.REGISTRATION})
    FILTER_HINT = "id, device, hub, error; !not; status:failed"
    interval = 120.0
    state: RegistrationsState

    def __init__(self, instance: ProvisioningInstance, group: Enrollment) -> None:
        super().__init__()
        self.state = RegistrationsState()
        self.crumbs = (group.id, "registrations")
        self._instance = instance
        self._group = group

    def body(self) -> ComposeResult:
        """Show how many there are, and the table."""
        yield Heading(id="heading")
        yield ResourceTable(REGISTRATION_COLUMNS, id="rows")

    @property
    def instance(self) -> ProvisioningInstance:
        """The service."""
        return self._instance

    @property
    def table(self) -> ResourceTable:
        """The table."""
        return self.query_one("#rows", ResourceTable)

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.show_rows()

    # --- reading and showing -------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the registrations of the group."""
        dps, instance, group_id = self.dps, self._instance, self._group.id

        def work(cancel: Cancel, post: Post) -> RegistrationsRead:
            del post
            return RegistrationsRead(tuple(dps.registrations(instance, group_id, cancel)))

        self.console.jobs.start(self, "registrations", work)

    @on(RegistrationsRead)
    def take(self, message: RegistrationsRead) -> None:
        """Show them."""
        self.state.registrations, self.state.error = message.registrations, None
        self.state.as_of = self.services.clock()
        self.ended()
        self.show_rows()

    def job_failed(self, message: JobFailed) -> None:
        """Say what could not be read; what was read before stays."""
        if message.group == "registrations":
            self.state.error = message.error
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
            if self.state.registrations is not None:
                self.report(message.error)
        else:
            self.status_note = ""
            self.report(message.error)
        self.show_rows()

    def show_rows(self) -> None:
        """Show the rows that follow from the state."""
        state, now = self.state, self.services.clock()
        rows = state.rows()
        source = ListSource(rows, lambda one: one.registration_id, lambda one: registration_cells(one, now))
        self.table.show(source, sorted_by=state.order, empty=self._empty(self.table.size.width or self.app.size.width))
        amount = "" if state.registrations is None else f"  {number(len(state.registrations))}"
        if state.filter:
            amount += f", {number(len(rows))} with “{state.filter}”"
        failed = sum(one.status.casefold() == "failed" for one in state.registrations or ())
        word, token = enabled_piece(self._group)
        left: Line = (
            (f" REGISTRATIONS BY {self._group.id}", "head"),
            (amount, ""),
            (f"  group {word}", token or "dim"),
        )
        self.query_one("#heading", Heading).set(left, ((f"{number(failed)} failed ", "bad"),) if failed else ())
        self.freshness = (state.as_of, state.error is not None and state.registrations is not None, False)
        self.update_chrome()

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.registrations is None:
            if state.error is not None:
                return error_lines(state.error, width)
            return [(("   Reading the registrations …", "dim"),)]
        if state.filter and state.registrations:
            return [(("   Nothing matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]
        return [(("   No device registered by this group yet.", ""),)]

    def selected(self) -> Registration | None:
        """Return the registration under the cursor."""
        key = self.table.selected if len(self.table.source) else None
        return next((one for one in self.state.registrations or () if one.registration_id == key), None)

    @on(ResourceTable.Opened)
    def command_pane_describe(self) -> None:
        """Tell all about the selected registration."""
        one, group, clock = self.selected(), self._group.id, self.services.clock
        if one is None:
            self.notify("Nothing is selected", severity="warning")
            return
        crumbs = (group, one.registration_id)
        self.app.push_screen(TextScreen(self.PANE, crumbs, lambda width: registration_page(one, group, clock(), width)))

    def copy_items(self) -> list[CopyItem]:
        """Offer ids, row and command line."""
        one = self.selected()
        if one is None:
            return []
        row = "\t".join(plain((cell,)) for cell in registration_cells(one, self.services.clock()))
        words = ("hubwarden", "dps", "registrations", "--service", self._instance.name)
        command = command_line(*words, operands=[self._group.id])
        items = [("registration id", one.registration_id), ("device", one.device_id), ("row", row)]
        return [(name, text) for name, text in (*items, ("command line", command)) if text]

    # --- filter and order ----------------------------------------------------------------------------------------

    async def command_registrations_filter(self) -> None:
        """Open the filter line."""
        await self.open_filter()

    def command_registrations_sort(self) -> None:
        """Choose the column to sort by."""
        self.ask_order(REGISTRATION_COLUMNS, self.state.order)

    def command_registrations_reverse(self) -> None:
        """Turn the order round."""
        self.sort_by(self.state.order[0])

    def sort_by(self, column: str) -> None:
        """Sort by a column; the same one again turns the order round."""
        by, descending = self.state.order
        self.state.order = (column, not descending if column == by else column == "updated")
        self.show_rows()

    # --- what can be done ----------------------------------------------------------------------------------------

    def reason_against(self, verb: str) -> str:
        """Return why a command does not apply to what is selected, empty when it does."""
        one = self.selected()
        if verb in {"forget", "device"} and one is None:
            return "no registration is selected"
        if verb == "device" and one is not None and not one.device_id:
            return "it was assigned to no device"
        if verb == "derive-key" and self._group.attestation is not Attestation.SYMMETRIC_KEY:
            return "the group's devices have no symmetric keys"
        return ""

    def command_registrations_actions(self) -> None:
        """Offer what can be done about the selected registration."""
        one = self.selected()
        self.offer(f"ACTIONS  {one.registration_id}" if one is not None else "ACTIONS", _ACTIONS)

    def _selected_id(self) -> str:
        one = self.selected()
        return one.registration_id if one is not None else ""

    def command_registrations_block(self) -> None:
        """Ask for what blocking the device needs."""
        if self.may("block"):
            self.ask_block(self._group, self._selected_id())

    def command_registrations_forget(self) -> None:
        """Plan to delete what the service remembers of it."""
        one, instance = self.selected(), self._instance
        if self.may("forget") and one is not None:
            self.plan(lambda dps, cancel: dps.plan_delete_registration(instance, one.registration_id, cancel=cancel))

    def command_registrations_derive_key(self) -> None:
        """Ask which device's key is derived."""
        if self.may("derive-key"):
            self.ask_derive(self._group.id, self._selected_id())

    def command_registrations_register(self) -> None:
        """Ask for what its registration needs, and run it."""
        if self.may("register"):
            ask_register(self, self._instance, self._group, self._selected_id())

    def command_registrations_device(self) -> None:
        """Show the device in its own pane."""
        one = self.selected()
        if self.may("device") and one is not None:
            self.go_to_device(one.device_id)
