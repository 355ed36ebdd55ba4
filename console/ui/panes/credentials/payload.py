"""The Payload tab: keys for payloads, files of them encrypted, decrypted or rotated, one message opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

from textual import on
from textual.app import ComposeResult

from console.model.payload import PayloadAction, PayloadResult
from console.model.secret import Secret
from console.model.text import clean
from console.present.lines import Line
from console.present.pages import error_lines, fields, section
from console.present.words import plural
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.dialogs.form import Answer
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.messages import JobFailed
from console.ui.panes.credentials import payload_forms as forms
from console.ui.panes.credentials import payload_jobs as jobs
from console.ui.panes.credentials.payload_messages import FileDone, KeyMade, LinesDone
from console.ui.panes.credentials.tabs import TabScreen
from console.ui.panes.secret import SecretScreen
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Choice, Page

_ACTIONS = ("make-key", "encrypt", "decrypt", "rotate", "message")
_GROUP = "file"
_END_SECONDS = 2.0
_KEY_NOTE = (
    "Keep it where the senders and readers of these payloads find it, and nobody else. It is shown here once: leaving "
    "this page forgets it."
)


class PayloadScreen(TabScreen):
    """What can be done, how far a file is, how the last one went."""

    TAB = "payload"
    SCOPES = ("payload", "credentials", "pane")
    BINDINGS = bindings("payload", "credentials", "pane")
    AUTO_FOCUS = "#choices"
    shows_age = False

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[PayloadAction, Answer] = {}
        self._order: forms.FileOrder | None = None
        self._progress: tuple[int, float] = (0, 0.0)
        self._last: tuple[PayloadResult, float] | None = None
        self._waiting: Callable[[], None] | None = None
        self._ended = Event()
        self._ended.set()

    def body(self) -> ComposeResult:
        """Show tabs and choices."""
        yield Heading(id="heading")
        yield Choice(id="choices")

    def on_mount(self) -> None:
        """Show which tab it is."""
        self.show_tabs()
        self.show_choices()

    def on_screen_resume(self) -> None:
        """Show how a file went while something else was in front."""
        self.show_result()

    def on_unmount(self) -> None:
        """Stop a file and wait until nothing of it is left behind."""
        self.console.jobs.cancel(self)
        self._ended.wait(_END_SECONDS)

    def unsaved(self) -> str:
        """Tell when a file is under way."""
        return f"{clean(self._order.target.name)}, which is being written," if self._order is not None else ""

    def offers(self, command: Command) -> bool:
        """Offer to stop what is under way."""
        if command.id == "payload.stop":
            return self._order is not None
        return command.id != "pane.refresh" and super().offers(command)  # there is nothing to read again

    # --- showing -------------------------------------------------------------------------------------------------

    @on(Page.Resized)
    def show_choices(self) -> None:
        """Show the choices, the last result, and how far a file is."""
        from console.present.payload import choice_lines, progress_line, summary

        choice = self.query_one("#choices", Choice)
        items = [(one.id, one.title, one.help) for one in (BY_ID[f"payload.{name}"] for name in _ACTIONS)]
        progress: Line = ()
        if self._order is not None:
            stop = key_name(self.console.key_of(BY_ID["payload.stop"]))
            progress = progress_line(self._order.what, self._order.source.name, *self._progress, stop)
        last = summary(self._last[0]) if self._last is not None else ""
        choice.offer(*choice_lines(items, last, progress, choice.size.width or self.app.size.width))
        self.update_chrome()

    @on(Choice.Opened)
    def choose(self, message: Choice.Opened) -> None:
        """Do what was chosen."""
        if message.key == "last":
            self._waiting = self._result_shower(None)
            self.show_result()
        else:
            self._carry_out(message.key)

    def _carry_out(self, command_id: str | None) -> None:
        if command_id is not None:
            handler: Callable[[], None] = getattr(self, BY_ID[command_id].method)
            handler()

    def command_payload_actions(self) -> None:
        """Offer the same in a menu."""
        commands = [BY_ID[f"payload.{name}"] for name in _ACTIONS]
        items = [MenuItem(one.id, one.title, one.help) for one in commands]
        self.app.push_screen(Menu("PAYLOADS", items), self._carry_out)

    # --- a key ---------------------------------------------------------------------------------------------------

    def command_payload_make_key(self) -> None:
        """Ask where it goes, then make it."""

        def take(answer: Answer | None) -> None:
            if answer is not None:
                file = Path(str(answer["file"])) if answer["place"] == "file" else None
                self.console.jobs.start(self, "key", jobs.key_maker(self.services.credentials, file))

        self.app.push_screen(forms.key_form(), take)

    @on(KeyMade)
    def key_made(self, message: KeyMade) -> None:
        """Say where it is, or show it once."""
        if message.key is None:
            self.notify(f"✓ a key for payloads is in {clean(message.file)}", timeout=8)
            return
        key = message.key

        def build(width: int) -> list[Line]:
            return section("A KEY FOR PAYLOADS", fields((("", _KEY_NOTE),), width))

        self._show_when_free(
            lambda: SecretScreen(self.PANE, ("payload", "new key"), key, "key for payloads", "KEY", build)
        )

    # --- a file --------------------------------------------------------------------------------------------------

    def command_payload_encrypt(self) -> None:
        """Ask for a file to encrypt."""
        self._ask(PayloadAction.ENCRYPT)

    def command_payload_decrypt(self) -> None:
        """Ask for a file to decrypt."""
        self._ask(PayloadAction.DECRYPT)

    def command_payload_rotate(self) -> None:
        """Ask for a file to rotate."""
        self._ask(PayloadAction.ROTATE)

    def _ask(self, what: PayloadAction) -> None:
        if self._order is not None:
            self.notify(f"Wait until {clean(self._order.source.name)} is done, or stop it", severity="warning")
            return

        def take(answer: Answer | None) -> None:
            if answer is not None:
                self._answers[what] = {key: value for key, value in answer.items() if key != "key"}
                self._begin(forms.file_order(what, answer))

        self.app.push_screen(forms.file_form(what, self._answers.get(what, {})), take)

    def _begin(self, order: forms.FileOrder) -> None:
        self._order, self._progress = order, (0, 0.0)
        self._ended = Event()
        self.console.jobs.start(self, _GROUP, jobs.file_runner(self.services.credentials, order, self._ended))
        self.show_choices()

    @on(LinesDone)
    def progress(self, message: LinesDone) -> None:
        """Show how far it is."""
        self._progress = (message.lines, message.seconds)
        self.show_choices()

    @on(FileDone)
    def file_done(self, message: FileDone) -> None:
        """Show how it went."""
        self._order = None
        self._last = (message.result, message.seconds)
        self.show_choices()
        self._waiting = self._result_shower(message.preview)
        self.show_result()

    def job_failed(self, message: JobFailed) -> None:
        """Say why nothing came of it; what was asked stands in the form when it is opened again."""
        if message.group == _GROUP:
            self._order = None
            self.show_choices()
        error = message.error
        self._show_when_free(
            lambda: TextScreen(
                self.PANE, ("payload", "not done"), lambda width: error_lines(error, width, retry="esc back")
            )
        )

    def command_payload_stop(self) -> None:
        """Stop it; nothing is left of the file that was being written."""
        if self._order is None:
            self.notify("Nothing is under way", severity="warning")
            return
        self.console.jobs.cancel(self, _GROUP)
        name, self._order = self._order.target.name, None
        self.notify(f"Stopped: {clean(name)} was not written")
        self.show_choices()

    # --- results -------------------------------------------------------------------------------------------------

    def _result_shower(self, preview: Secret | None) -> Callable[[], None]:
        assert self._last is not None
        result, seconds = self._last

        def head(width: int) -> list[Line]:
            from console.present.payload import result_head

            return result_head(result, seconds, width)

        def faults(width: int) -> list[Line]:
            from console.present.payload import result_faults

            return result_faults(result, width)

        def show() -> None:
            crumbs = ("payload", result.action.value)
            if preview is None:
                self.app.push_screen(TextScreen(self.PANE, crumbs, lambda width: head(width) + faults(width)))
                return
            hidden = plural(preview.reveal().count("\n") + 1, "line") + ", hidden"
            what, title = "first lines", "THE FIRST LINES"
            self.app.push_screen(
                SecretScreen(self.PANE, crumbs, preview, what, title, faults, above=head, hidden=hidden)
            )

        return show

    def _show_when_free(self, make: Callable[[], TextScreen | SecretScreen]) -> None:
        self._waiting = lambda: self._push(make())
        self.show_result()

    def _push(self, screen: TextScreen | SecretScreen) -> None:
        self.app.push_screen(screen)

    def show_result(self) -> None:
        """Show what waits to be shown, unless something else is in front: then as soon as that is gone."""
        if self._waiting is not None and self.app.screen is self:
            show, self._waiting = self._waiting, None
            show()

    def command_payload_message(self) -> None:
        """Open a message that is pasted."""
        from console.ui.panes.credentials.payload_message import MessageScreen

        self.app.push_screen(MessageScreen())
