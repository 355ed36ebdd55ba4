"""A field for something long and secret that is pasted: it shows only how much it holds and how it ends."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.message import Message
from textual.strip import Strip

from console.model.secret import Secret
from console.model.text import clean
from console.present.lines import Line, cut
from console.present.secrets import shortened
from console.present.words import number
from console.ui.commands import bindings
from console.ui.widgets.painting import Painted

LIMIT = 64 * 1024
"""Most characters that are kept: far more than any token or connection string has."""


class PasteField(Painted, can_focus=True):
    """Takes a paste of any form (line feeds, brackets, escapes), and what is typed; it is never drawn."""

    BINDINGS = bindings("ask")
    COMMAND_SCOPE: ClassVar[str] = "ask"
    TYPING: ClassVar[bool] = True
    DEFAULT_CSS = "PasteField { height: 1; width: 1fr; background: $surface; }"

    class Changed(Message):
        """It holds something else."""

        def __init__(self, field: PasteField) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> PasteField:
            """The field."""
            return self.field

        def can_replace(self, message: Message) -> bool:
            """Only the last text counts."""
            return isinstance(message, PasteField.Changed) and message.field is self.field

    def __init__(self, hint: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hint = clean(hint)
        self._text = ""
        self._refused = ""

    @property
    def secret(self) -> Secret:
        """What it holds."""
        return Secret(self._text)

    @property
    def refused(self) -> str:
        """Why the last paste was not taken, empty when it was."""
        return self._refused

    def clear(self) -> None:
        """Forget what it holds."""
        self._set("")

    def _set(self, text: str) -> None:
        self._refused = ""
        if len(text) > LIMIT:
            self._refused = f"{number(len(text))} characters were pasted; more than {number(LIMIT)} are not taken"
            text = ""
        if text == self._text and not self._refused:
            return
        self._text = text
        self.refresh()
        self.post_message(self.Changed(self))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Take every character: a paste that comes as keys must not start commands."""
        del key
        return character is not None and character.isprintable()

    def on_paste(self, event: events.Paste) -> None:
        """Take what was pasted, behind what is there."""
        event.stop()
        self._set(self._text + event.text.replace("\r\n", "\n").replace("\r", "\n"))  # terminals send one or the other

    def on_key(self, event: events.Key) -> None:
        """Take what is typed."""
        match event.key:
            case "backspace":
                self._set(self._text[:-1])
            case "ctrl+v":
                self._set(self._text + self.app.clipboard)
            case _ if event.is_printable and event.character is not None:
                self._set(self._text + event.character)
            case _:
                return
        event.stop()
        event.prevent_default()

    def action_clear_all(self) -> None:
        """Forget what it holds."""
        self.clear()

    def on_focus(self) -> None:
        """Show that it is the one."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that it is not."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw how much it holds."""
        del y
        width = self.size.width
        cursor = ("▏", "key") if self.has_focus else (" ", "")
        if self._refused:
            line: Line = ((" ", ""), (cut(self._refused, width - 2), "bad"))
        elif self._text:
            line = ((" ", ""), (cut(shortened(self.secret), width - 2), ""), cursor)
        else:
            line = (cursor, (cut(self._hint, width - 2), "dim"))
        return self.painter.strip(line, width)
