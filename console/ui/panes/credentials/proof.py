"""Uploading a CA and proving possession of its key on one screen: the hub says where it stands, one key goes on."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult

from console.model.certificate import AuthorityRecord
from console.model.change import Outcome
from console.model.document import TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import HubCertificate
from console.model.secret import Secret
from console.present.certificate_table import Row, ours_of, theirs_of
from console.present.proof import ProofKeys, ProofView, proof_lines
from console.services.ports import Cancel
from console.ui.changing import begin
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.dialogs.form import Answer, Form, InfoField, PathField
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.credentials.certificates_actions import CertificateActions
from console.ui.panes.credentials.certificates_copying import hub_items, record_items
from console.ui.panes.credentials.certificates_messages import Answered, ProofRead
from console.ui.panes.credentials.certificates_state import CertificatesState
from console.ui.widgets.page import Page
from console.ui.widgets.path_input import PathKind

TRIAL_CODE = "0" * 48
"""Signed before a code is asked for: does the key open, and is it the CA's?"""
HOLD_SECONDS = 120.0
"""How long a passphrase is kept while the plan of the code is looked at."""


class ProofScreen(CertificateActions):
    """Where a CA stands at the hub, and its next step."""

    PANE = "credentials"
    SCOPES = ("proof", "pane")
    BINDINGS = bindings("proof", "pane")
    WATCHES = frozenset({TargetKind.CERTIFICATE, TargetKind.CERTIFICATE_CODE, TargetKind.CERTIFICATE_PROOF})

    def __init__(self, name: str, authority: AuthorityRecord | None, state: CertificatesState) -> None:
        super().__init__()
        self.state = state
        self.crumbs = (name, "proof of possession")
        self._ca_name = name
        self._authority = authority
        self._view = ProofView(name, None, authority)
        self._held: Secret | None = None

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    @property
    def view(self) -> ProofView:
        """What is known."""
        return self._view

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what the hub has, and the code that counts now, if it is known."""
        credentials, name, authority = self.services.credentials, self._ca_name, self._authority

        def work(cancel: Cancel, post: Post) -> ProofRead:
            del post
            uploads = credentials.uploads
            found = uploads.list(cancel)
            one = theirs_of(authority.record, found) if authority is not None else None
            one = one or next((each for each in found if each.name.casefold() == name.casefold()), None)
            code = uploads.known_code(one.name, cancel) if one is not None and not one.verified else ""
            lines = uploads.offline_steps(one.name, code) if one is not None and code else ()
            return ProofRead(one, code, lines)

        self.console.jobs.start(self, "state", work)

    def on_screen_resume(self) -> None:
        """Look again where it stands: a plan that was refused was made from something that is no longer so."""
        if self._view.read:
            self._asked = False
        super().on_screen_resume()

    @on(ProofRead)
    def take_state(self, message: ProofRead) -> None:
        """Show it."""
        one = message.certificate
        if one is not None:
            self._ca_name = one.name
            self._authority = self._authority or ours_of(one, self.state.known_authorities)
        self._view = ProofView(self._ca_name, one, self._authority, message.code, read=True, lines=message.lines)
        self.freshness = (self.services.clock(), False, False)
        self.ended()
        self.show()

    def reading_failed(self, message: JobFailed) -> None:
        """Say why it is not known where the CA stands; what was known stays."""
        view = self._view
        self._view = ProofView(
            view.name, view.certificate, view.authority, view.code, view.read, message.error, view.lines
        )
        self.freshness = (self.freshness[0], True, False)
        self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        if view.read:
            self.console.report(message.error)
        self.show()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one(Page)
        names = ("next", "copy-lines", "save-lines", "new-code")
        keys = ProofKeys(*(key_name(self.console.key_of(BY_ID[f"proof.{name}"])) for name in names))
        page.show(proof_lines(self._view, keys, self.services.clock(), max(page.size.width - 1, 20)))
        self.update_chrome()

    def selected(self) -> Row | None:
        """Return the CA as it is here."""
        authority = self._authority
        return Row(authority.record.sha256, 0, authority.record, authority) if authority is not None else None

    def selected_at_hub(self) -> HubCertificate | None:
        """Return the CA as it is at the hub."""
        return self._view.certificate

    def offers(self, command: Command) -> bool:
        """Offer what the state allows."""
        view = self._view
        offline = bool(view.lines) and not view.key_here and not view.verified
        if command.id == "proof.next":
            return view.read and not view.verified and (view.step > 0 or view.authority is not None)
        if command.id in {"proof.copy-lines", "proof.save-lines"}:
            return offline
        if command.id == "proof.new-code":
            return view.step == 2
        return super().offers(command)

    # --- the steps -----------------------------------------------------------------------------------------------

    def command_proof_next(self) -> None:
        """Carry out the step that is next."""
        view = self._view
        if not view.read:
            self.notify("It is not known yet where this CA stands: r reads it", severity="warning")
        elif view.verified:
            self.notify("Nothing is left to do: it is verified", severity="warning")
        elif view.step == 0:
            self._upload()
        elif not view.key_here:
            self._take_back() if view.code else self._ask_code()
        elif not self.able("certificates.upload"):
            return
        elif view.code:
            self._prove(view.code)
        else:
            self._rehearse()

    def _upload(self) -> None:
        file = self._authority.record.certificate_file if self._authority is not None else None
        if file is None:
            self.notify("Its certificate is not here: upload it from a file", severity="warning")
            return
        credentials, name = self.credentials, self._ca_name
        from console.services.private_files import read_file

        begin(self, lambda cancel: credentials.uploads.plan_upload(name, read_file(file), cancel=cancel))

    def _ask_code(self) -> None:
        credentials, name = self.credentials, self._ca_name
        begin(self, lambda cancel: credentials.uploads.plan_code(name, cancel=cancel))

    def _rehearse(self) -> None:
        """Open the key and check it against the CA at the hub, then ask for the code that it signs."""
        credentials, name, folder = self.credentials, self._ca_name, self._folder

        def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Answered:
            del post
            trial = credentials.pki.proof(folder, TRIAL_CODE, passphrase)
            credentials.uploads.rehearse(name, trial, TRIAL_CODE, cancel)
            return Answered(self._code_then_proof, passphrase)

        self.attempt("opening the key", work, f"the key of {name}")

    def _code_then_proof(self, passphrase: Secret | None) -> None:
        credentials, name = self.credentials, self._ca_name
        self._hold(passphrase)

        def done(outcome: Outcome) -> None:
            try:
                code = credentials.uploads.code_of(outcome)
            except ConsoleError as error:
                self._hold(None)
                self.console.report(error)
            else:
                self._prove(code)

        begin(self, lambda cancel: credentials.uploads.plan_code(name, cancel=cancel), done)

    def _hold(self, passphrase: Secret | None) -> None:
        self._held = passphrase
        if passphrase is not None:
            self.set_timer(HOLD_SECONDS, lambda: self._hold(None))

    def _prove(self, code: str) -> None:
        """Sign the code and show the plan to hand the proof in."""
        credentials, folder, held = self.credentials, self._folder, self._held
        self._held = None

        def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Answered:
            del cancel, post
            return Answered(self._hand_in, (credentials.pki.proof(folder, code, passphrase or held), code))

        self.attempt("signing the code", work, f"the key of {self._ca_name}")

    def _hand_in(self, made: tuple[bytes, str]) -> None:
        proof, code = made
        credentials, name = self.credentials, self._ca_name
        begin(self, lambda cancel: credentials.uploads.plan_proof(name, proof, code, cancel=cancel))

    @property
    def _folder(self) -> str:
        return str(self._authority.folder) if self._authority is not None else ""

    def _take_back(self) -> None:
        """Ask for the proof that was made elsewhere, and show the plan to hand it in."""
        if not self.able("certificates.upload"):
            return
        credentials, name, code = self.credentials, self._ca_name, self._view.code
        fields = (
            PathField("file", "the proof", "", "proof.cert.pem, brought here"),
            InfoField("", "It is checked here first: the CA's signature, the code, its dates"),
        )

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            from console.services.private_files import read_file

            file = Path(str(answer["file"]))
            begin(self, lambda cancel: credentials.uploads.plan_proof(name, read_file(file), code, cancel=cancel))

        self.app.push_screen(Form("HAND IN THE PROOF", fields, submit="Show the plan"), take)

    def command_proof_new_code(self) -> None:
        """Ask for another code."""
        if self._view.step in (1, 2) and self.able("certificates.upload"):
            self._ask_code()
        elif self._view.step not in (1, 2):
            self.notify("No code is needed now", severity="warning")

    # --- the lines for another machine ---------------------------------------------------------------------------

    def command_proof_copy_lines(self) -> None:
        """Copy the lines."""
        if self._lines_there():
            self.console.copy_text("\n".join(self._view.lines) + "\n", "lines")

    def command_proof_save_lines(self) -> None:
        """Ask for a file, and write the lines to it."""
        if not self._lines_there():
            return
        text = "\n".join(("#!/bin/sh -e", *self._view.lines)) + "\n"

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            from console.services.private_files import PUBLIC, write_file

            file = Path(str(answer["file"]))

            def write(_: Cancel) -> Path:
                write_file(file, text.encode(), mode=PUBLIC)
                return file

            self.ask("writing the lines", write, lambda path: self.notify(f"✓ Written to {path}", timeout=8))

        field = PathField("file", "file", f"prove-{self._ca_name}.sh", kind=PathKind.NEW_FILE)
        self.app.push_screen(Form("WRITE THE LINES TO A FILE", (field,), submit="Write it"), take)

    def _lines_there(self) -> bool:
        if not self._view.lines:
            self.notify("There are no lines yet: a code is asked for first (n)", severity="warning")
        return bool(self._view.lines)

    def copy_items(self) -> list[CopyItem]:
        """Offer code, lines, thumbprints, page."""
        view, page = self._view, self.query_one(Page).text()
        items = [("code", view.code), ("lines", "\n".join(view.lines))]
        if self._authority is not None:
            items += record_items(self._authority.record)
        elif view.certificate is not None:
            items += hub_items(view.certificate)
        return [(name, text) for name, text in (*items, ("page", page)) if text]

    def on_unmount(self) -> None:
        """Forget what was typed."""
        self._held = self._attempt = None
