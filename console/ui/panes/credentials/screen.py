"""The Credentials pane's first tab: CAs and certificates, made, read, checked, uploaded."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from console.model.document import TargetKind
from console.model.errors import ErrorKind
from console.model.hub import HubCertificate
from console.present.certificate_table import COLUMNS, HUB_COLUMNS, Row, here_word, hub_cells, row_cells, tree
from console.present.lines import Line
from console.present.pages import error_lines, state_lines
from console.services.ports import Cancel
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.credentials.certificates_actions import CertificateActions
from console.ui.panes.credentials.certificates_copying import hub_items, record_items
from console.ui.panes.credentials.certificates_messages import HubCasRead, InventoryRead
from console.ui.panes.credentials.certificates_state import CertificatesState, Source
from console.ui.panes.credentials.tabs import TabScreen
from console.ui.panes.filtering import FilterScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource
from console.ui.widgets.text_block import TextBlock


class CredentialsScreen(CertificateActions, FilterScreen, TabScreen):
    """What was issued here, and what needs renewal?"""

    TAB = "certificates"
    SCOPES = ("certificates", "credentials", "pane")
    BINDINGS = bindings("certificates", "credentials", "pane")
    AUTO_FOCUS = "#rows"
    WATCHES = frozenset({TargetKind.CERTIFICATE, TargetKind.CERTIFICATE_PROOF})
    TAB_OF_INVENTORY = True
    FILTER_HINT = "name, kind, thumbprint; !not"
    FILTER_BELOW = "#inventory"
    state: CertificatesState
    DEFAULT_CSS = "CredentialsScreen #notes { height: 2; margin: 1 0 0 0; }"
    interval = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.state = CertificatesState()
        self._ready = False
        self._wanted = ""

    def body(self) -> ComposeResult:
        """Show tabs, heading, table and notes."""
        yield Heading(id="heading")
        yield Heading(id="inventory")
        yield ResourceTable(COLUMNS, id="rows")
        yield TextBlock(id="notes")

    @property
    def table(self) -> ResourceTable:
        """The table."""
        return self.query_one("#rows", ResourceTable)

    def on_mount(self) -> None:
        """Say that the reading begins; take what another pane asked for."""
        self.show_tabs()
        self._ready = True
        self.show_rows()
        if self._wanted:
            wanted, self._wanted = self._wanted, ""
            self.call_after_refresh(lambda: self.accept(wanted))

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the inventory from the disk, and the CAs of the hub."""
        credentials = self.services.credentials

        def inventory(cancel: Cancel, post: Post) -> InventoryRead:
            del cancel, post
            pki = credentials.pki
            authorities = pki.authorities()
            return InventoryRead(authorities, tree(pki.inventory(), authorities), pki.unreadable())

        def at_hub(cancel: Cancel, post: Post) -> HubCasRead:
            del post
            return HubCasRead(credentials.uploads.list(cancel))

        self.console.jobs.start(self, "inventory", inventory)
        self.console.jobs.start(self, "hub", at_hub)

    @on(InventoryRead)
    def take_inventory(self, message: InventoryRead) -> None:
        """Show what was issued here."""
        self.state.take(message.authorities, message.rows, self.services.clock(), message.unreadable)
        self.state.as_of = self.services.clock()
        self.ended()
        self.show_rows()

    @on(HubCasRead)
    def take_hub(self, message: HubCasRead) -> None:
        """Show the CAs of the hub."""
        state = self.state
        state.hub, state.hub_error, state.hub_as_of = message.certificates, None, self.services.clock()
        self.show_rows()

    def reading_failed(self, message: JobFailed) -> None:
        """Say what could not be read; what was read before stays."""
        if message.group == "hub":
            self.state.hub_error = message.error
        else:
            self.state.error = message.error
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        self.show_rows()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show the rows that follow from the state."""
        state, now, table = self.state, self.services.clock(), self.table
        empty = self._empty(table.size.width or self.app.size.width)
        if state.source is Source.HERE:
            rows = state.rows()
            source = ListSource(rows, lambda row: row.key, lambda row: row_cells(row, now))
            table.show(source, columns=COLUMNS, empty=empty)
        else:
            found, known = state.hub_rows(), state.known_authorities
            at_hub = ListSource(found, lambda one: one.name, lambda one: hub_cells(one, here_word(one, known), now))
            table.show(at_hub, columns=HUB_COLUMNS, empty=empty)
        self.query_one("#inventory", Heading).set(*state.heading())
        notes = self.query_one("#notes", TextBlock)
        parts = state.notes(self._key("certificates.source"))
        notes.display = bool(parts)
        notes.explain(*parts)
        self.freshness = state.freshness()
        self.update_chrome()

    def _key(self, command_id: str) -> str:
        return key_name(self.console.key_of(BY_ID[command_id]))

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.filter and (state.authorities if state.source is Source.HERE else state.hub):
            return [(("   No certificate matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]
        if state.source is Source.HUB:
            if state.hub_error is not None:
                return error_lines(state.hub_error, width)
            if state.hub is None:
                return [(("   Reading the CAs of the hub …", "dim"),)]
            return [(("   The hub has no CA certificate: no device gets in by one.", ""),)]
        if state.error is not None:
            return error_lines(state.error, width)
        if state.unreadable:
            return [line for error in state.unreadable for line in error_lines(error, width)]
        if state.authorities is None:
            return [(("   Reading what was issued here …", "dim"),)]
        return state_lines(
            "NOTHING WAS ISSUED HERE YET",
            "head",
            "CAs and certificates that are made on this machine stand here, the soonest to expire first.",
            "",
            f"{self._key('certificates.actions')} offers all there is: New root CA makes one that issues; Inspect, "
            "Verify and Compare work with certificates from anywhere.",
            width,
        )

    # --- what is selected ----------------------------------------------------------------------------------------

    def selected(self) -> Row | None:
        """Return the row under the cursor."""
        return self.state.row(self.table.selected) if self.state.source is Source.HERE else None

    def selected_at_hub(self) -> HubCertificate | None:
        """Return the CA of the hub under the cursor."""
        return self.state.hub_one(self.table.selected) if self.state.source is Source.HUB else None

    @on(ResourceTable.Opened)
    def command_pane_describe(self) -> None:
        """Show all about one certificate."""
        from console.ui.panes.credentials.certificate import CertificateScreen

        subject = self.selected() or self.selected_at_hub()
        if subject is not None:
            self.app.push_screen(CertificateScreen(subject, self.state))

    def copy_items(self) -> list[CopyItem]:
        """Offer thumbprints, path, PEM."""
        if (row := self.selected()) is not None:
            return record_items(row.record)
        at_hub = self.selected_at_hub()
        return hub_items(at_hub) if at_hub is not None else []

    def offers(self, command: Command) -> bool:
        """Leave the key line to what the list alone has: enter describes too."""
        return command.id != "pane.describe" and super().offers(command)

    # --- filter and source ---------------------------------------------------------------------------------------

    async def command_certificates_filter(self) -> None:
        """Open the filter line."""
        await self.open_filter()

    def back(self) -> bool:
        """Stop what is under way, then clear the filter, then go back to what was made here."""
        if self.stop_attempt() or self.clear_filter():
            return True
        if self.state.source is Source.HUB:
            self.command_certificates_source()
            return True
        return False

    def command_certificates_source(self) -> None:
        """Show what was made here, or the CAs of the hub."""
        self.state.source = Source.HUB if self.state.source is Source.HERE else Source.HERE
        self.show_rows()

    # --- from other panes ----------------------------------------------------------------------------------------

    def accept(self, argument: str) -> None:
        """Go to the tab that is named, or offer what can be done for a device: "tokens", "device:press-1"."""
        if not self._ready:
            self._wanted = argument
            return
        word, _, rest = argument.partition(":")
        if argument in ("tokens", "payload"):
            self.show_tab(argument)
        elif word == "device" and rest:
            self._for_device(rest)
        elif word == "devices" and rest:
            ids = tuple(rest.split("\n"))
            self.with_authorities(lambda found: self.issue_many(found, ids))
        elif argument:
            self.state.filter = argument.removeprefix("/")
            self.show_rows()

    def _for_device(self, device_id: str) -> None:
        self.device_id = device_id
        items = [
            MenuItem(f"certificates.{verb}", title, note, disabled=self.reason_against(f"certificates.{verb}"))
            for verb, title, note in (
                ("issue-device", "Issue a certificate …", "its key is made here"),
                ("compare", "Compare a certificate with it …", "would it authenticate?"),
                ("register", "Register a thumbprint …", "into the secondary slot"),
            )
        ]
        items.insert(1, MenuItem("tokens", "Mint a SAS token …", "a privileged read of its key"))

        def choose(choice: str | None) -> None:
            if choice == "tokens":
                mint_for = getattr(self.show_tab("tokens"), "mint_for", None)
                if mint_for is not None:
                    mint_for(device_id)
            elif choice is not None:
                getattr(self, BY_ID[choice].method)()
            self.device_id = ""

        self.app.push_screen(Menu(f"CREDENTIALS  {device_id}", items), choose)
