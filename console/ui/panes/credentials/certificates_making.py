"""Making certificates from the keyboard: CAs, leaves, requests, signatures, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import on

from console.model.certificate import AuthorityRecord, CertificateKind, LeafOrder
from console.model.secret import Secret
from console.present.certificate_results import request_lines
from console.services.ports import Cancel
from console.ui.dialogs.form import Answer, Form
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.panes.credentials import certificates_forms as forms
from console.ui.panes.credentials.certificates_base import CertificateBase
from console.ui.panes.credentials.certificates_messages import Made, PageMade

Authorities = Sequence[AuthorityRecord]


class Making(CertificateBase):
    """The commands that make something; nothing of it touches the hub."""

    def command_certificates_root(self) -> None:
        """Ask for a root CA."""
        credentials = self.credentials

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            order, secret, out = forms.authority_order(answer), forms.new_passphrase(answer), _out_of(answer)

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Made:
                del passphrase, cancel, post
                return Made(credentials.pki.create_root(order, out, secret))

            self.attempt(f"making the root CA {order.name}", work)

        self.app.push_screen(forms.authority_form(), take)

    def command_certificates_intermediate(self) -> None:
        """Ask for an intermediate CA."""
        if self.able("certificates.intermediate"):
            self.with_authorities(self._intermediate)

    def _intermediate(self, authorities: Authorities) -> None:
        credentials = self.credentials

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            order, secret, out = forms.authority_order(answer), forms.new_passphrase(answer), _out_of(answer)
            ca = str(answer["ca"])

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Made:
                del cancel, post
                return Made(credentials.pki.create_intermediate(order, ca, out, passphrase, secret))

            self.attempt(f"making the CA {order.name}", work, self.key_of(ca))

        self.app.push_screen(forms.authority_form(authorities, self.issuer_of_selected(for_leaf=False)), take)

    # --- leaves --------------------------------------------------------------------------------------------------

    def command_certificates_issue_device(self) -> None:
        """Ask for a device's certificate."""
        self._issue("certificates.issue-device", CertificateKind.DEVICE)

    def command_certificates_issue_module(self) -> None:
        """Ask for a module's certificate."""
        self._issue("certificates.issue-module", CertificateKind.MODULE)

    def command_certificates_issue_server(self) -> None:
        """Ask for a server's certificate."""
        self._issue("certificates.issue-server", CertificateKind.SERVER)

    def _issue(self, command_id: str, kind: CertificateKind) -> None:
        device = self.device_id if kind is not CertificateKind.SERVER else ""
        if self.able(command_id):
            self.with_authorities(lambda found: self._issue_by(kind, found, device))

    def _issue_by(self, kind: CertificateKind, authorities: Authorities, device: str) -> None:
        form = forms.leaf_form(kind, authorities, device_id=device, ca=self.issuer_of_selected(), out=self.out_folder())

        def take(answer: Answer | None) -> None:
            if answer is not None:
                order, secret = forms.leaf_order(kind, answer), forms.new_passphrase(answer)
                self._make(order, str(answer["ca"]), self.wrote_to(str(answer["out"])), secret)

        self.app.push_screen(form, take)

    def _make(self, order: LeafOrder, ca: str, out: Path, secret: Secret | None) -> None:
        credentials = self.credentials

        def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Made:
            del cancel, post
            return Made(credentials.pki.issue(order, ca, out, passphrase, secret))

        self.attempt(f"issuing for {order.name}", work, self.key_of(ca))

    def command_certificates_request(self) -> None:
        """Ask for a key and a signing request."""
        credentials = self.credentials

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            order, secret = forms.leaf_order(CertificateKind.DEVICE, answer), forms.new_passphrase(answer)
            out = self.wrote_to(str(answer["out"]))

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> PageMade:
                del passphrase, cancel, post
                files = credentials.pki.request(order, out, secret)
                return PageMade("request", lambda width: request_lines(files, width))

            self.attempt(f"making a request for {order.name}", work)

        self.app.push_screen(forms.request_form(self.device_of_selected(), self.out_folder()), take)

    def command_certificates_sign(self) -> None:
        """Ask which request is signed."""
        if self.able("certificates.sign"):
            self.with_authorities(self._sign)

    def _sign(self, authorities: Authorities) -> None:
        credentials = self.credentials

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            csr, ca, out = Path(str(answer["csr"])), str(answer["ca"]), self.wrote_to(str(answer["out"]))
            order = forms.leaf_order(CertificateKind(str(answer["kind"])), {**answer, "key": "ec-p256"})

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Made:
                del cancel, post
                from console.services.private_files import read_file

                return Made(
                    credentials.pki.sign(
                        read_file(csr), ca, out, name=order.name, kind=order.kind, lifetime=order.lifetime,
                        ca_passphrase=passphrase,
                    )
                )  # fmt: skip

            self.attempt("signing the request", work, self.key_of(ca))

        self.app.push_screen(forms.sign_form(authorities, ca=self.issuer_of_selected(), out=self.out_folder()), take)

    @on(Made)
    def show_made(self, message: Made) -> None:
        """Show what was made, and offer the next step."""
        from console.ui.panes.credentials.issued import IssuedScreen

        self.attempt_ended()
        self.changed_here()
        self.app.push_screen(IssuedScreen(message.issued, self.state))

    # --- many ----------------------------------------------------------------------------------------------------

    def command_certificates_issue_many(self) -> None:
        """Ask for whom: the marked devices, or a file of ids."""
        if self.able("certificates.issue-many"):
            marked = self.marked()
            self.with_authorities(lambda found: self._for_whom(found, marked))

    def _for_whom(self, authorities: Authorities, marked: tuple[str, ...]) -> None:
        if not marked:
            self.issue_many(authorities, ())
            return
        items = [
            MenuItem("marked", "The marked devices", f"{len(marked):,} in the Devices pane"),
            MenuItem("file", "The devices in a file", "one id a line"),
        ]

        def take(choice: str | None) -> None:
            if choice is not None:
                self.issue_many(authorities, marked if choice == "marked" else ())

        self.app.push_screen(Menu("ISSUE FOR", items), take)

    def issue_many(self, authorities: Authorities, ids: tuple[str, ...]) -> None:
        """Ask how, and issue for many devices on a screen of its own."""
        form: Form = forms.bulk_form(authorities, ids, ca=self.issuer_of_selected(), out=self.out_folder())

        def take(answer: Answer | None) -> None:
            if answer is not None:
                self._read_ids(answer, ids)

        self.app.push_screen(form, take)

    def _read_ids(self, answer: Answer, ids: tuple[str, ...]) -> None:
        from console.ui.panes.credentials.bulk import Bulk, BulkScreen

        def begin(names: tuple[str, ...]) -> None:
            if not names:
                self.notify("There is no id in this file", severity="warning")
                return
            order = forms.leaf_order(CertificateKind.DEVICE, {**answer, "name": ""})
            out = self.wrote_to(str(answer["out"]))
            ca = str(answer["ca"])
            work = Bulk(names, order, ca, self.key_of(ca), out, forms.new_passphrase(answer))
            self.app.push_screen(BulkScreen(work))

        if ids:
            begin(ids)
        else:
            self.ask("reading the ids", lambda _: forms.ids_in(str(answer["ids"])), begin)


def _out_of(answer: Answer) -> Path | None:
    return Path(str(answer["out"])) if answer["out"] else None
