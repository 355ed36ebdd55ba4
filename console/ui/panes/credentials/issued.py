"""The page of a certificate that was just made: what is written where, and the next step on one key."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from console.model.certificate import AuthorityRecord, CertificateKind, Issued
from console.model.hub import HubCertificate
from console.present.certificate_results import issued_lines, next_step
from console.present.certificate_table import Row
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.panes.base import CopyItem
from console.ui.panes.credentials.certificates_actions import CertificateActions
from console.ui.panes.credentials.certificates_at_hub import hub_name
from console.ui.panes.credentials.certificates_copying import record_items
from console.ui.panes.credentials.certificates_state import CertificatesState
from console.ui.widgets.page import Page


class IssuedScreen(CertificateActions):
    """What was made."""

    PANE = "credentials"
    SCOPES = ("issued", "pane")
    BINDINGS = bindings("issued", "pane")
    shows_age = False

    def __init__(self, issued: Issued, state: CertificatesState) -> None:
        super().__init__()
        self.state = state
        self._issued = issued
        self.crumbs = (issued.record.common_name, "made")

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    @on(Page.Resized)
    def show(self) -> None:
        """Build it for the width."""
        page = self.query_one(Page)
        key = key_name(self.console.key_of(BY_ID["issued.next"]))
        page.show(issued_lines(self._issued, key, self.services.clock(), max(page.size.width - 1, 20)))

    def selected(self) -> Row:
        """Return it."""
        return self.state.row(self._issued.record.sha256) or Row(self._issued.record.sha256, 0, self._issued.record)

    def selected_at_hub(self) -> HubCertificate | None:
        """Nothing of the hub."""
        return None

    def offers(self, command: Command) -> bool:
        """Offer the next step where there is one."""
        if command.id == "pane.refresh":
            return False  # it is what was made just now
        if command.id == "issued.next":
            return bool(next_step(self._issued.record.kind)[0])
        return super().offers(command)

    def command_issued_next(self) -> None:
        """Upload a CA, register a device's thumbprint."""
        record = self._issued.record
        if record.kind.authority:
            self._go_to_proof()
        elif record.kind is CertificateKind.DEVICE and record.certificate_file is not None:
            if self.able("certificates.register"):
                self.register(record.device_id, record.certificate_file)
        else:
            self.notify("There is nothing more to do for it here", severity="warning")

    def _go_to_proof(self) -> None:
        record, credentials = self._issued.record, self.credentials
        folder = record.certificate_file.parent if record.certificate_file is not None else record.store

        def take(authority: AuthorityRecord) -> None:
            from console.ui.panes.credentials.proof import ProofScreen

            self.app.push_screen(ProofScreen(hub_name(record.common_name), authority, self.state))

        self.ask("reading the CA", lambda _: credentials.pki.authority(str(folder)), take)

    def copy_items(self) -> list[CopyItem]:
        """Offer thumbprints, paths, PEM."""
        return record_items(self._issued.record, page=self.query_one(Page).text())
