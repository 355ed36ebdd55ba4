"""Opens one encrypted message that is pasted: whether the key fits, and its content, hidden until it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.widget import Widget

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.present.lines import Line, paragraph
from console.present.pages import BLANK, error_lines, state_lines
from console.present.secrets import optional_age_problem, seconds_of, secret_lines
from console.present.words import plural
from console.services.payload_checks import fernet_key_problem
from console.ui.commands import BY_ID, bindings, key_name
from console.ui.messages import JobFailed
from console.ui.panes.credentials import payload_jobs as jobs
from console.ui.panes.credentials.pasted import AskInput, PastedScreen
from console.ui.panes.credentials.payload_messages import Opened
from console.ui.widgets.paste_field import PasteField
from console.ui.widgets.path_input import PathInput, PathKind, fault

_HELP = (
    "Paste a message as it came: line breaks in it do no harm. It is opened here with the key you give, and its "
    "content is hidden until you ask for it. All of it is forgotten when you leave."
)


class AskPath(PathInput):
    """A file between other lines; tab completes it, and goes on when there is nothing to complete."""

    BINDINGS: ClassVar = [*bindings("ask"), Binding("tab", "complete_or_next", show=False, priority=True)]
    COMMAND_SCOPE: ClassVar[str] = "ask"
    TYPING: ClassVar[bool] = True

    def action_clear_all(self) -> None:
        """Empty it."""
        self.value = ""

    async def action_complete_or_next(self) -> None:
        """Complete the name, or go to the next field."""
        if not await self.tab():
            self.screen.focus_next()


class MessageScreen(PastedScreen):
    """Paste a message and give a key; below stands what was in it."""

    SCOPES = ("message",)
    BINDINGS = bindings("message", "pane")
    crumbs = ("payload", "one message")

    def __init__(self) -> None:
        super().__init__()
        self._opened: Opened | None = None
        self._error: ConsoleError | None = None
        self._names = ""

    @property
    def _key(self) -> str:
        return key_name(self.console.key_of(BY_ID["message.show"]))

    def headline(self) -> tuple[Line, Line]:
        """Say what is done here, and which key shows the content."""
        left: Line = ((" ONE MESSAGE", "head"), ("  decrypted here alone", "dim"))
        return left, ((self._key, "key"), (" shows or hides the content ", "dim"))

    def fields(self) -> Sequence[tuple[str, Widget]]:
        """Ask for the message, a key or a file of keys, and the oldest age."""
        hint = "or a file of keys; tab completes"
        path = AskPath("", PathKind.FILE, self._tell, placeholder=hint, compact=True, select_on_focus=False, id="file")
        return (
            ("message", PasteField("paste it here; ctrl+u clears")),
            ("key", AskInput("44 characters, as it was made", id="key", secret=True)),
            ("key file", path),
            ("not older", AskInput("optional: 90m, 12h, 7d", id="oldest")),
        )

    def _tell(self, names: str) -> None:
        self._names = names
        if self.is_attached:
            self.show()

    # --- opening -------------------------------------------------------------------------------------------------

    def _wrong(self) -> str:
        """Return what is wrong with what was typed, or missing."""
        key, file = self.value("key"), self.query_one("#file", AskPath).path
        if key and (wrong := fernet_key_problem(key)):
            return f"key: {wrong}"
        if not key and file and (wrong := fault(file, PathKind.FILE)):
            return f"key file: {wrong}"
        if wrong := optional_age_problem(self.value("oldest")):
            return f"not older: {wrong}"
        return "" if key or file else "Give the key, or a file that holds it."

    def look(self) -> None:
        """Open what is there now, when it can be."""
        self.console.jobs.cancel(self, "message")
        self._opened = self._error = None
        text, wrong = self.pasted.secret, self._wrong()
        if wrong or not text.reveal().strip():
            self.show()
            return
        key, oldest = Secret(self.value("key")), self.value("oldest")
        file = None if key else Path(self.query_one("#file", AskPath).path)
        seconds = seconds_of(oldest) if oldest else None
        work = jobs.opener(self.services.credentials, text, key if key else None, file, seconds)
        self.console.jobs.start(self, "message", work)

    @on(Opened)
    def take(self, message: Opened) -> None:
        """Show what became of it."""
        self._opened, self._error = message, None
        self.show()

    def job_failed(self, message: JobFailed) -> None:
        """Say why it could not be tried."""
        self._error = message.error
        self.show()

    # --- showing -------------------------------------------------------------------------------------------------

    def lines(self, width: int) -> Sequence[Line]:
        """Return the content, hidden or not, or why there is none."""
        lines: list[Line] = [*paragraph(self._names, width, indent=3, style="dim"), BLANK] if self._names else []
        opened = self._opened
        if self._error is not None:
            return lines + error_lines(self._error, width, retry="")
        if opened is None:
            if self.pasted.refused:
                return lines + paragraph(self.pasted.refused, width, indent=3, style="bad")
            pasted = bool(self.pasted.secret.reveal().strip())
            wrong = self._wrong() if pasted else ""
            return lines + paragraph(wrong or _HELP, width, indent=3, style="warn" if wrong else "dim")
        if opened.content is None:
            word = opened.fault.value.upper() if opened.fault is not None else "NOT OPENED"
            return lines + state_lines(word, "bad", "It cannot be opened.", opened.why, "", width)
        size = plural(len(opened.content.reveal()), "character")
        lines += [((" OPENED", "ok"), ("  the key fits, and nothing was altered", "dim")), BLANK]
        return lines + secret_lines(
            opened.content, width, left=self.reveal.left, hidden=f"{size}, hidden", keys=self._key
        )

    def command_message_show(self) -> None:
        """Show the content for a while, or hide it."""
        if self._opened is not None and self._opened.content is not None:
            self.reveal.toggle()

    def command_pane_copy(self) -> None:
        """Send the content to the terminal's clipboard, past tmux."""
        if self._opened is not None and self._opened.content is not None:
            self.console.copy_text(self._opened.content.reveal(), "content of the message", secret=True)
        else:
            self.notify("Nothing was opened", severity="warning")

    def forget(self) -> None:
        """Drop message, key and content."""
        self._opened = self._error = None
        super().forget()
        self.show()
