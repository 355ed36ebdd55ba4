"""The help: every key of the screen and the global ones, searchable; generated from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from console.present.device_filter import HELP
from console.present.lines import Line, fit, paragraph
from console.ui.commands import SCOPE_TITLES, keys_text, scoped
from console.ui.dialogs.base import Dialog
from console.ui.widgets.page import Page

if TYPE_CHECKING:
    from console.ui.app import HubwardenApp

BESIDE_WIDTH = 72
"""From this width on the note stands beside the command, else below it."""

_NOTES = (
    f"Filter: {HELP}; all parts must hold.",
    "Select text with the mouse while holding shift. Colour only repeats what a word says.",
    "Every age is the age of the data. STALE means an earlier reading: the newest attempt failed.",
)


class Help(Dialog[None]):
    """A searchable page of commands."""

    DEFAULT_CSS = "Help { background: $background; }"
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,question_mark", "close", show=False),
        Binding("slash", "search", show=False),
        Binding("q", "dismiss", show=False),
    ]

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self._scopes = scopes
        self._search = ""

    def compose(self) -> ComposeResult:
        """Show the search line above the page."""
        yield Input(placeholder="/ searches · esc closes", compact=True)
        yield Page()

    def on_mount(self) -> None:
        """Reading comes first; `/` searches."""
        self.query_one(Page).focus()

    def on_key(self, event: object) -> None:
        """Arrow down leaves the search line."""
        if getattr(event, "key", "") == "down" and isinstance(self.focused, Input):
            self.query_one(Page).focus()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one(Page)
        page.show(self.lines(page.size.width))

    @on(Input.Changed)
    def search(self, message: Input.Changed) -> None:
        """Show only what matches."""
        self._search = message.value.casefold()
        self.show()
        self.query_one(Page).scroll_lines(0)

    @on(Input.Submitted)
    def leave_search(self) -> None:
        """Go to the page."""
        self.query_one(Page).focus()

    def action_search(self) -> None:
        """Go to the search line."""
        self.query_one(Input).focus()

    def action_close(self) -> None:
        """Clear the search, or close."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
            self.query_one(Page).focus()
        else:
            self.dismiss()

    def lines(self, width: int) -> list[Line]:
        """Return the help: the sections of this screen first, then everywhere, then what is not possible yet."""
        own = [scope for scope in self._scopes if scope not in ("pane", "global", "")]
        order = [*own, *(scope for scope in ("pane",) if scope in self._scopes)]
        why_not = cast("HubwardenApp", self.app).why_not
        lines: list[Line] = [((" KEYS AND COMMANDS", "head"),), ()]
        for scope in (*order, "global", "changes"):
            found: list[Line] = []
            for command in scoped(scope):
                reason = why_not(command)
                keys, note = keys_text(command), reason or command.help
                if self._search not in f"{keys} {command.title} {note} {command.id}".casefold():
                    continue
                tone = "dim" if reason else ""
                first: Line = ((f"   {fit(keys, 16)}", "key"), (f" {fit(command.title, 24)}", tone), ("  ", ""))
                if width < BESIDE_WIDTH:
                    found += [first, *paragraph(note, width - 2, indent=20, style="dim")] if note else [first]
                    continue
                notes = paragraph(note, width - 47, style="dim")
                found.append((*first, *notes[0]))
                found += [((" " * 46, ""), *rest) for rest in notes[1:]]
            if found:
                lines += [((f" {SCOPE_TITLES[scope]}", "head"),), *found, ()]
        if not self._search:
            for note in _NOTES:
                lines += paragraph(note, width - 2, indent=3, style="dim")
        elif len(lines) == 2:
            lines.append((("   Nothing matches.", "dim"),))
        return lines
