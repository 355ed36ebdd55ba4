"""Issuing for many devices: how far it is, how fast, how long yet; can be stopped, and gone on with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.app import ComposeResult

from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import LeafOrder
from console.model.secret import Secret
from console.present.certificate_results import bulk_lines, progress_lines, progress_text
from console.services.ports import Cancel
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.credentials.certificates_asking import Asking
from console.ui.panes.credentials.certificates_base import CertificateBase
from console.ui.panes.credentials.certificates_messages import BulkEnded, Progress
from console.ui.widgets.page import Page

TELL_SECONDS = 0.1
"""How often the screen is told: a fast CA would drown it in messages."""


@dataclass(frozen=True)
class Bulk:
    """What is to be issued: for whom, how, by which CA, whose key that is, where to; `secret` locks the new keys."""

    names: tuple[str, ...]
    order: LeafOrder
    ca: str
    key: str
    out: Path
    secret: Secret | None


class BulkScreen(Asking):
    """How a bulk issue goes."""

    PANE = "credentials"
    SCOPES = ("bulk", "pane")
    BINDINGS = bindings("bulk", "pane")
    crumbs = ("certificates", "issue for many")
    shows_age = False

    def __init__(self, bulk: Bulk) -> None:
        super().__init__()
        self._bulk: Bulk | None = bulk
        self._total, self._out = len(bulk.names), bulk.out
        self._stop = Cancel()
        self._progress: BulkProgress | None = None
        self._result: BulkIssued | None = None
        self._started = False

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    @property
    def under_way(self) -> bool:
        """Whether certificates are being issued now."""
        return self._attempt is not None

    def load(self) -> None:
        """Begin; a later refresh begins nothing."""
        super().load()
        if not self._started:
            self._started = True
            self._issue()

    def _issue(self) -> None:
        if self._bulk is None:
            return
        bulk, pki, stop = self._bulk, self.services.credentials, Cancel()
        self._stop, self._result = stop, None

        def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> BulkEnded:
            del cancel
            told = 0.0

            def tell(progress: BulkProgress) -> None:
                nonlocal told
                now = time.monotonic()
                if now - told >= TELL_SECONDS:
                    told = now
                    post(Progress(progress))

            return BulkEnded(
                pki.pki.issue_many(bulk.names, bulk.order, bulk.ca, bulk.out, passphrase, bulk.secret, tell, stop)
            )

        self.attempt(f"issuing {self._total:,} certificates", work, bulk.key)
        self.show()

    @on(Progress)
    def take_progress(self, message: Progress) -> None:
        """Show how far it is."""
        self._progress = message.progress
        self.status_note = f"{'stopping' if self._stop.cancelled else 'issuing'}: {progress_text(message.progress)}"
        self.show()
        self.update_chrome()

    @on(BulkEnded)
    def take_end(self, message: BulkEnded) -> None:
        """Show how it ended, and say so wherever the user is."""
        self._result = message.result
        self.attempt_ended()
        if message.result.complete:
            self._bulk = None
        made = message.result.made
        if not self.is_current:
            self.notify(f"{made:,} certificates issued: 6 shows how it ended", timeout=8)
        for screen in self.console.commands.open_screens():
            if isinstance(screen, CertificateBase) and screen.TAB_OF_INVENTORY:
                screen.reload()
        self.show()
        self.update_chrome()

    def job_failed(self, message: JobFailed) -> None:
        """Ask for the passphrase, or show what went wrong."""
        self.attempt_failed(message)
        self.show()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one(Page)
        width = max(page.size.width - 1, 20)
        if self._result is not None:
            page.show(bulk_lines(self._result, key_name(self.console.key_of(BY_ID["bulk.resume"])), width))
        else:
            page.show(progress_lines(self._progress, self._total, self._out, width))

    # --- stopping and going on -----------------------------------------------------------------------------------

    def back(self) -> bool:
        """Stop first; the next escape leaves."""
        if not self.under_way or self._stop.cancelled:
            return False
        self.command_change_stop()
        return True

    def command_change_stop(self) -> None:
        """Stop after the certificate under way."""
        if not self.under_way:
            self.notify("Nothing is being issued", severity="warning")
            return
        self._stop.cancel()
        self.status_note = "stopping after the certificate under way …"
        self.update_chrome()

    def command_bulk_stop(self) -> None:
        """Stop, as the prompt's word does."""
        self.command_change_stop()

    def offers(self, command: Command) -> bool:
        """Offer to go on where something is left."""
        if command.id == "bulk.resume":
            return self._can_go_on()
        if command.id == "bulk.stop":
            return self.under_way
        if command.id == "view.back":
            return not self.under_way  # the first escape stops
        if command.id == "pane.refresh":
            return False
        return super().offers(command)

    def _can_go_on(self) -> bool:
        return self._bulk is not None and not self.under_way

    def command_bulk_resume(self) -> None:
        """Go on: what is there is not made again."""
        if self._can_go_on():
            self._issue()
        else:
            self.notify("It is under way" if self.under_way else "All are there", severity="warning")

    def unsaved(self) -> str:
        """Leaving stops it; what is done stays."""
        return "the rest of the certificates, not those that are made," if self.under_way else ""

    def on_unmount(self) -> None:
        """Stop: nobody looks any more, and the keys' passphrase must not stay."""
        if self.under_way and not self._stop.cancelled and self.app.is_running:
            self.app.notify("Issuing was stopped: the same action with the same folder goes on", timeout=8)
        self._stop.cancel()
        self._bulk = self._attempt = None

    def copy_items(self) -> list[CopyItem]:
        """Offer the page and the folder."""
        return [("folder", str(self._out)), ("page", self.query_one(Page).text())]
