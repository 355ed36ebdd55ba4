"""The `:` prompt: one line at the bottom with the commands that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from console.present.lines import Line, Piece
from console.ui.commands import completions
from console.ui.dialogs.base import Dialog
from console.ui.widgets.filter_line import Entry
from console.ui.widgets.painting import TextLine
from console.ui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from console.ui.app import HubwardenApp


class Fitting(TextLine):
    """The commands that could be meant."""

    DEFAULT_CSS = "Fitting { background: $panel; }"
    text = ""
    scopes: tuple[str, ...] = ()

    def build(self, width: int) -> Line:
        """Return as many names as fit."""
        why_not = cast("HubwardenApp", self.app).why_not
        pieces: list[Piece] = [(" ", "")]
        used = 1
        for command in completions(self.text, self.scopes):
            name = command.words[0] if command.words else command.id
            if used + len(name) + 3 > width:
                pieces.append(("…", "dim"))
                break
            pieces += [(name, "dim" if why_not(command) else "accent"), ("   ", "")]
            used += len(name) + 3
        return tuple(pieces) if len(pieces) > 1 else ((" no such command", "warn"),)


class Prompt(Dialog[str | None]):
    """Returns the line that was typed, or None."""

    DEFAULT_CSS = """
    Prompt { align: left bottom; background: $background 0%; }
    Prompt Input, Prompt .entry, Prompt Heading { background: $panel; }
    Prompt Input:focus { background: $panel; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape", "dismiss(None)", show=False),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(self, scopes: tuple[str, ...], text: str = "") -> None:
        super().__init__()
        self._scopes = scopes
        self._text = text

    def compose(self) -> ComposeResult:
        """Show the fitting commands above the line."""
        fitting = Fitting()
        fitting.scopes, fitting.text = self._scopes, self._text
        yield fitting
        hint = "devices /edge · connections · theme light · q"
        yield Entry(":", TextInput(self._text, placeholder=hint, compact=True))

    @on(Input.Changed)
    def narrow(self, message: Input.Changed) -> None:
        """Show what still fits."""
        fitting = self.query_one(Fitting)
        fitting.text = message.value
        fitting.update()

    @on(Input.Submitted)
    def submit(self, message: Input.Submitted) -> None:
        """Return the line."""
        self.dismiss(message.value.lstrip(":").strip() or None)

    def action_complete(self) -> None:
        """Complete the only or first fitting name."""
        field = self.query_one(Input)
        fitting = completions(field.value, self._scopes)
        if fitting and " " not in field.value:
            field.value = (fitting[0].words[0] if fitting[0].words else fitting[0].id) + " "
            field.cursor_position = len(field.value)
