"""The filter line: live as it is typed; escape clears it first, then closes it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from console.ui.commands import bindings
from console.ui.widgets.heading import Heading
from console.ui.widgets.text_input import TextInput


class FilterLine(TextInput):
    """An input above the key line."""

    BINDINGS = bindings("filter")
    COMMAND_SCOPE: ClassVar[str] = "filter"
    TYPING: ClassVar[bool] = True

    class Closed(Message):
        """The line should go away; the filter stays as it is."""

    def __init__(self, value: str, hint: str, **options: Any) -> None:
        super().__init__(value, placeholder=hint, compact=True, select_on_focus=False, **options)

    def action_give_up(self) -> None:
        """Clear the text; when there is none, close."""
        if self.value:
            self.value = ""
        else:
            self.post_message(self.Closed())

    def action_keep(self) -> None:
        """Close with the filter in force."""
        self.post_message(self.Closed())


class Entry(Horizontal):
    """An input with the character that opened it before it."""

    def __init__(self, glyph: str, field: Input) -> None:
        super().__init__(classes="entry")
        self._glyph = glyph
        self._field = field

    def compose(self) -> ComposeResult:
        """Show the character and the input."""
        heading = Heading()
        heading.set(((f" {self._glyph} ", "key"),))
        yield heading
        yield self._field
