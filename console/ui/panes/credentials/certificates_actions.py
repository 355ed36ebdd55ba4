"""The menu of everything that can be done with certificates, for the list and for the page of one."""

from __future__ import annotations

from collections.abc import Callable

from console.ui.commands import BY_ID, scoped
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.messages import JobFailed
from console.ui.panes.credentials.certificates_at_hub import AtHub
from console.ui.panes.credentials.certificates_making import Making
from console.ui.panes.credentials.certificates_reading import ReadingTools

_OTHERS = frozenset({"certificates.actions", "certificates.filter", "certificates.source"})


class CertificateActions(Making, ReadingTools, AtHub):
    """Making, reading, and what is done at the hub."""

    def command_certificates_actions(self) -> None:
        """Offer everything, what cannot be done now with its reason."""
        items = []
        for command in scoped("certificates"):
            if command.id not in _OTHERS:
                why = self.reason_against(command.id)
                items.append(MenuItem(command.id, command.title, command.help, disabled=why))
        items.sort(key=lambda item: bool(item.disabled))
        self.offer("ACTIONS", items)

    def offer(self, title: str, items: list[MenuItem]) -> None:
        """Offer commands, and carry out the one that is chosen."""

        def choose(choice: str | None) -> None:
            if choice is not None:
                handler: Callable[[], None] = getattr(self, BY_ID[choice].method)
                handler()

        self.app.push_screen(Menu(title, items), choose)

    def job_failed(self, message: JobFailed) -> None:
        """Ask for a passphrase, show what went wrong with an action, or leave it to the screen."""
        if not self.attempt_failed(message):
            self.reading_failed(message)

    def reading_failed(self, message: JobFailed) -> None:
        """Show why the screen could not be filled; overridden where there is a place for it."""
        self.report(message.error)
