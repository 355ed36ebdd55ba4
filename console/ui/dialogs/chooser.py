"""A choice of several: space takes one in or out, enter keeps the choice, escape leaves it as it was."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from console.model.text import clean
from console.present.lines import Line, cut, fit, text_width
from console.ui.dialogs.base import Dialog
from console.ui.widgets.page import Choice

MAX_WIDTH = 60
_HINT_WIDTH = 52


class Chooser(Dialog[tuple[str, ...] | None]):
    """Returns the keys that were chosen, in the order of the items; None when nothing was decided.

    `items` are (key, title, note). `usual` are the keys that `u` goes back to.
    """

    DEFAULT_CSS = "Chooser { align: center middle; background: $background 60%; }"
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("space", "pick", show=False, priority=True),
        Binding("u", "usual", show=False),
    ]

    def __init__(
        self, title: str, items: Sequence[tuple[str, str, str]], chosen: Collection[str], usual: Collection[str]
    ) -> None:
        super().__init__()
        self._title = clean(title)
        self._items = tuple((key, clean(name), clean(note)) for key, name, note in items)
        self._chosen = set(chosen)
        self._usual = frozenset(usual)

    def compose(self) -> ComposeResult:
        """Show the title and the choices, with the keys in a line of their own."""
        with Vertical(classes="box"):
            yield Choice()

    def on_mount(self) -> None:
        """Fill and size the box to its content."""
        choice = self.query_one(Choice)
        self._show()
        choice.styles.width = self._width
        choice.styles.height = min(len(self._items) + 4, self.app.size.height * 9 // 10 - 2)
        choice.focus()

    @property
    def _width(self) -> int:
        wanted = max(text_width(name) + text_width(note) + 12 for _, name, note in self._items)
        return min(max(wanted, _HINT_WIDTH), MAX_WIDTH, self.app.size.width * 9 // 10 - 4)

    def _show(self) -> None:
        width = self._width
        lines: list[Line] = [((f" {self._title}", "head"),), ()]
        keys = ["", ""]
        for key, name, note in self._items:
            mark = ("  [x] ", "accent") if key in self._chosen else ("  [ ] ", "dim")
            room = max(width - 8 - text_width(note), 4)
            lines.append((mark, (fit(cut(name, room), room), ""), (f" {note}", "dim")))
            keys.append(key)
        hint = ((" space", "key"), (" in or out  ", "dim"), ("enter", "key"), (" keep  ", "dim"))
        lines += [(), (*hint, ("u", "key"), (" usual  ", "dim"), ("esc", "key"), (" cancel", "dim"))]
        self.query_one(Choice).offer(lines, [*keys, "", ""])

    def action_pick(self) -> None:
        """Take the line under the cursor in or out, and go to the next."""
        choice = self.query_one(Choice)
        if choice.selected:
            self._chosen ^= {choice.selected}
            self._show()
            choice.action_cursor(1)

    def action_usual(self) -> None:
        """Choose what is usual."""
        self._chosen = set(self._usual)
        self._show()

    @on(Choice.Opened)
    def keep(self) -> None:
        """Return the choice."""
        self.dismiss(tuple(key for key, _, _ in self._items if key in self._chosen))
