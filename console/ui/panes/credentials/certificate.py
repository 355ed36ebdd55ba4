"""One certificate in full: what it is, its chain as a tree, its files; or a CA of the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from textual import on
from textual.app import ComposeResult

from console.model.certificate import AuthorityRecord, CertificateKind, CertificateRecord, Purpose
from console.model.document import TargetKind
from console.model.hub import HubCertificate
from console.model.text import clean
from console.present.certificate_table import Row, hub_lines, ours_of, place_lines, record_lines, theirs_of
from console.present.lines import Line, paragraph
from console.present.pages import BLANK
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.credentials.certificates_actions import CertificateActions
from console.ui.panes.credentials.certificates_base import chain_file
from console.ui.panes.credentials.certificates_copying import hub_items, record_items
from console.ui.panes.credentials.certificates_messages import ChainRead
from console.ui.panes.credentials.certificates_state import CertificatesState
from console.ui.widgets.page import Page

PURPOSES = {
    CertificateKind.DEVICE: Purpose.CLIENT,
    CertificateKind.MODULE: Purpose.CLIENT,
    CertificateKind.SERVER: Purpose.SERVER,
}
"""What a leaf of each kind is to be good for; CAs are judged for nothing in particular."""


class CertificateScreen(CertificateActions):
    """Everything about one certificate."""

    PANE = "credentials"
    SCOPES = ("certificate", "pane")
    BINDINGS = bindings("certificate", "pane")
    WATCHES = frozenset({TargetKind.CERTIFICATE, TargetKind.CERTIFICATE_PROOF})
    shows_age = False

    def __init__(self, subject: Row | HubCertificate, state: CertificatesState) -> None:
        super().__init__()
        self.state = state
        self._subject = subject
        self._chain: Callable[[int], list[Line]] | None = None
        self._chain_note = ""
        name = subject.record.common_name if isinstance(subject, Row) else subject.name
        self.crumbs = (clean(name),)

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def selected(self) -> Row | None:
        """Return it as it is here."""
        if isinstance(self._subject, Row):
            return self.state.row(self._subject.key) or self._subject
        ours = ours_of(self._subject, self.state.known_authorities)
        return Row(ours.record.sha256, 0, ours.record, ours) if ours is not None else None

    def selected_at_hub(self) -> HubCertificate | None:
        """Return it as it is at the hub."""
        if isinstance(self._subject, Row):
            return theirs_of(self._subject.record, self.state.hub) if self._subject.authority is not None else None
        return self.state.hub_one(self._subject.name) or self._subject

    # --- the chain -----------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Build and judge the chain from the files."""
        super().load()
        row = self.selected()
        if row is None or row.record.certificate_file is None:
            return
        credentials, clock = self.services.credentials, self.services.clock
        purpose = PURPOSES.get(row.record.kind, Purpose.ANY)
        source, roots = chain_file(row), (str(root_file(row, self.state.known_authorities)),)

        def work(cancel: Cancel, post: Post) -> ChainRead:
            del post
            from console.present.certificates import tree_lines

            verdict = credentials.inspector.verify(str(source), roots=roots, purpose=purpose, cancel=cancel)
            return ChainRead(lambda width: tree_lines(verdict, clock(), width))

        self.console.jobs.start(self, "chain", work)

    @on(ChainRead)
    def take_chain(self, message: ChainRead) -> None:
        """Show it."""
        self._chain, self._chain_note = message.build, ""
        self.show()

    def reading_failed(self, message: JobFailed) -> None:
        """Say why there is no chain, in its place."""
        self._chain_note = message.error.sentence()
        self.show()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page, now = self.query_one(Page), self.services.clock()
        width = max(page.size.width - 1, 20)
        if isinstance(self._subject, Row):
            row = self.state.row(self._subject.key) or self._subject
            lines = [*record_lines(row.record, now, width), *self._chain_lines(width)]
            lines += place_lines(row, theirs_of(row.record, self.state.hub), width)
        else:
            one = self.state.hub_one(self._subject.name) or self._subject
            lines = hub_lines(one, ours_of(one, self.state.known_authorities), now, width)
            lines += self._chain_lines(width)
        page.show(lines)

    def _chain_lines(self, width: int) -> list[Line]:
        if self._chain is not None:
            return [((" CHAIN", "head"),), *self._chain(width), BLANK]
        if self._chain_note:
            return [((" CHAIN", "head"),), *paragraph(self._chain_note, width, indent=3, style="warn"), BLANK]
        row = self.selected()
        if row is None or row.record.certificate_file is None:
            return []  # there is nothing to read
        return [((" CHAIN", "head"),), (("   reading …", "dim"),), BLANK]

    def command_certificate_actions(self) -> None:
        """Offer what can be done with it."""
        self.command_certificates_actions()

    def copy_items(self) -> list[CopyItem]:
        """Offer thumbprints, path, PEM, page."""
        page = self.query_one(Page).text()
        if isinstance(self._subject, Row):
            return record_items(self._subject.record, page)
        return hub_items(self._subject, page)


def root_file(row: Row, authorities: Iterable[AuthorityRecord]) -> Path:
    """Return the file of the root above a certificate, as far as it is known here; else its own."""
    by_name: dict[str, CertificateRecord] = {one.record.common_name: one.record for one in authorities}
    record, seen = row.record, set[str]()
    while record.kind is not CertificateKind.ROOT and record.issuer in by_name and record.sha256 not in seen:
        seen.add(record.sha256)
        record = by_name[record.issuer]
    file = record.certificate_file or row.record.certificate_file
    assert file is not None
    return file
