"""Work in the background that may ask for a passphrase: asked for when a key turns out to be locked, kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import on
from textual.message import Message

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.present.pages import error_lines
from console.services.ports import Cancel
from console.ui.dialogs.form import Answer, Field, Form, InfoField, TextField
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import ConsoleScreen
from console.ui.panes.credentials.certificates_messages import Answered, PageMade
from console.ui.panes.text import TextScreen

Attempt = Callable[[Secret | None, Cancel, Post], Message | None]
"""Work that takes the passphrase of the key it opens, None at first."""

GROUP = "tool"


class Asking(ConsoleScreen):
    """Runs one attempt at a time; one that ends in ConsoleError code "passphrase" is made again with one."""

    _attempt: tuple[str, Attempt, str] | None = None

    def attempt(self, what: str, work: Attempt, key: str = "") -> None:
        """Do something in the background. `what` is shown meanwhile; `key` names the key that may be locked."""
        if self._attempt is not None:
            self.notify(f"Wait until this has ended, or stop it with esc: {self._attempt[0]}", severity="warning")
            return
        self._attempt = (what, work, key)
        self._run(None)

    def ask(self, what: str, read: Callable[[Cancel], Any], take: Callable[[Any], None]) -> None:
        """Read something in the background, then go on with it."""

        def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> Message:
            del passphrase, post
            return Answered(take, read(cancel))

        self.attempt(what, work)

    def _run(self, passphrase: Secret | None) -> None:
        if self._attempt is None:
            return
        what, work, _ = self._attempt
        self.status_note, self.shows_age = f"{what} …", True
        self.console.jobs.start(self, GROUP, lambda cancel, post: work(passphrase, cancel, post))
        self.update_chrome()

    def attempt_ended(self) -> None:
        """Forget what was attempted, and with it every passphrase that was typed for it."""
        self._attempt, self.status_note, self.shows_age = None, "", type(self).shows_age
        self.update_chrome()

    def stop_attempt(self) -> bool:
        """Stop what is under way; return whether there was anything."""
        if self._attempt is None:
            return False
        self.console.jobs.cancel(self, GROUP)
        self.notify(f"Stopped: {self._attempt[0]}")
        self.attempt_ended()
        return True

    def back(self) -> bool:
        """Stop what is under way first."""
        return self.stop_attempt() or super().back()

    @on(Answered)
    def go_on(self, message: Answered) -> None:
        """Go on with what was read."""
        self.attempt_ended()
        message.take(message.value)

    @on(PageMade)
    def show_page(self, message: PageMade) -> None:
        """Show a result."""
        self.attempt_ended()
        self.app.push_screen(TextScreen(self.PANE, (*self.crumbs, message.crumb), message.build))

    def attempt_failed(self, message: JobFailed) -> bool:
        """Ask for the passphrase, or show what went wrong; return False when the message is about something else."""
        if message.group != GROUP:
            return False
        error = message.error
        if error.code == "passphrase" and self._attempt is not None:
            self._ask_passphrase(error)
            return True
        self.attempt_ended()
        page = TextScreen(
            self.PANE, (*self.crumbs, "not done"), lambda width: error_lines(error, width, retry="esc back")
        )
        self.app.push_screen(page)
        return True

    def _ask_passphrase(self, error: ConsoleError) -> None:
        what, _, key = self._attempt or ("", None, "")
        self.status_note = ""
        self.update_chrome()
        fields: list[Field] = [
            InfoField("key", key or error.what),
            InfoField("", error.why, "warn"),
            TextField("passphrase", "passphrase", "", "typed characters show as dots", _needed, secret=True),
            InfoField("", "used once, kept nowhere"),
        ]

        def take(answer: Answer | None) -> None:
            if answer is None:
                self.attempt_ended()
                self.notify("Nothing was done")
            else:
                self._run(Secret(str(answer["passphrase"])))

        self.app.push_screen(Form(f"PASSPHRASE  {what}", fields, submit="Go on"), take)


def _needed(value: str) -> str:
    return "" if value else "type the passphrase of the key"
