"""What is done at the hub from the Certificates tab: every write through a plan that is shown first."""

from __future__ import annotations

import re
from pathlib import Path

from console.model.change import Outcome
from console.present.certificate_table import ours_of, theirs_of
from console.ui.changing import begin
from console.ui.dialogs.form import Answer
from console.ui.panes.credentials import certificates_forms as forms
from console.ui.panes.credentials.certificates_base import CertificateBase


def hub_name(name: str) -> str:
    """Return a name as the hub takes it for a CA: other characters become "-"."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:64] or "ca"


class AtHub(CertificateBase):
    """The commands that change the hub, and the way to prove possession."""

    def command_certificates_upload(self) -> None:
        """Ask for file and name, then plan."""
        if not self.able("certificates.upload"):
            return
        uploads, row = self.credentials, self.selected()
        name = hub_name(row.record.common_name) if row is not None and row.authority is not None else ""
        file = self.file_of_selected() if name else ""

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            path, wanted, verified = Path(str(answer["file"])), str(answer["name"]), bool(answer["verified"])

            def done(outcome: Outcome) -> None:
                if outcome.applied and not verified:
                    self.open_proof(wanted)

            from console.services.private_files import read_file

            begin(
                self,
                lambda cancel: uploads.uploads.plan_upload(wanted, read_file(path), verified=verified, cancel=cancel),
                done,
            )

        self.app.push_screen(forms.upload_form(name, file), take)

    def command_certificates_prove(self) -> None:
        """Open the screen that leads to a verified CA."""
        if not self.able("certificates.prove"):
            return
        row, at_hub = self.selected(), self.selected_at_hub()
        if at_hub is not None:
            self.open_proof(at_hub.name)
        elif row is not None and row.authority is not None:
            theirs = theirs_of(row.record, self.state.hub)
            self.open_proof(theirs.name if theirs is not None else hub_name(row.record.common_name))

    def open_proof(self, name: str) -> None:
        """Show where a CA stands, and its next step."""
        from console.ui.panes.credentials.proof import ProofScreen

        row = self.selected()
        authority = row.authority if row is not None else None
        if authority is None:
            at_hub = self.state.hub_one(name)
            authority = ours_of(at_hub, self.state.known_authorities) if at_hub is not None else None
        self.app.push_screen(ProofScreen(name, authority, self.state))

    def command_certificates_register(self) -> None:
        """Ask for device and certificate, then plan."""
        if not self.able("certificates.register"):
            return
        row = self.selected()
        ours = row is not None and row.record.device_id in ("", self.device_of_selected()) and not row.authority
        file = self.file_of_selected() if ours else ""

        def take(answer: Answer | None) -> None:
            if answer is not None:
                self.register(str(answer["device"]), Path(str(answer["file"])))

        self.app.push_screen(forms.register_form(self.device_of_selected(), file), take)

    def register(self, device_id: str, file: Path) -> None:
        """Plan to register a certificate's thumbprint."""
        uploads = self.credentials
        from console.services.private_files import read_file

        begin(self, lambda cancel: uploads.uploads.plan_register(device_id, read_file(file), cancel=cancel))

    def command_certificates_delete(self) -> None:
        """Plan to delete the selected CA from the hub."""
        at_hub = self.selected_at_hub()
        if self.able("certificates.delete") and at_hub is not None:
            uploads, name = self.credentials, at_hub.name
            begin(self, lambda cancel: uploads.uploads.plan_delete(name, cancel=cancel))
