"""A menu of choices; the first is selected, escape chooses nothing, disabled ones say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from console.model.text import clean
from console.present.columns import usual_width
from console.present.lines import Line, cut, fit, paragraph, text_width
from console.ui.dialogs.base import Dialog
from console.ui.widgets.page import Choice

MAX_WIDTH = 76


@dataclass(frozen=True)
class MenuItem:
    """One choice: its key, its title, a note beside it, and why it cannot be chosen."""

    key: str
    title: str
    note: str = ""
    disabled: str = ""


class Menu(Dialog[str | None]):
    """Returns the key of the choice, or None."""

    DEFAULT_CSS = "Menu { align: center middle; background: $background 60%; }"
    BINDINGS = [Binding("escape,q", "dismiss(None)", show=False)]  # noqa: RUF012 - Textual's way

    def __init__(self, title: str, items: Sequence[MenuItem]) -> None:
        super().__init__()
        self._title = clean(title)
        self._items = tuple(
            MenuItem(item.key, clean(item.title), clean(item.note), clean(item.disabled)) for item in items
        )

    def compose(self) -> ComposeResult:
        """Show title, choices and a hint."""
        with Vertical(classes="box"):
            yield Choice()

    def on_mount(self) -> None:
        """Fill and size the box to its content."""
        room = min(MAX_WIDTH, self.app.size.width * 9 // 10 - 4)  # the box takes nine tenths, four of them for its edge
        titles = min(usual_width(text_width(item.title) for item in self._items), max(room - 12, 8))
        notes = max((text_width(_note(item)) for item in self._items), default=0)
        reasons = list(dict.fromkeys(item.disabled for item in self._items if item.disabled))
        width = max(min(titles + notes + 12, room), min(text_width(self._title) + 12, room), 44 if reasons else 34)
        lines: list[Line] = [((f" {self._title}", "head"),), ()]
        keys = ["", ""]
        for item in self._items:
            note = cut(_note(item), max(width - titles - 5, 0))
            tone = "dim" if item.disabled else ""
            lines.append(((f"  {fit(item.title, titles)}", tone), (f"  {note}", "dim")))
            keys.append(item.key)
        for reason in reasons:
            lines += [(), *paragraph(reason, width - 1, indent=1, style="warn")]
        keys += [""] * (len(lines) - len(keys))
        lines += [(), ((" enter", "key"), (" choose   ", "dim"), ("esc", "key"), (" cancel", "dim"))]
        keys += ["", ""]
        choice = self.query_one(Choice)
        choice.styles.width = width
        choice.styles.height = min(len(lines), self.app.size.height * 9 // 10 - 2)
        choice.offer(lines, keys)
        choice.focus()

    @on(Choice.Opened)
    def choose(self, message: Choice.Opened) -> None:
        """Return the choice; a disabled one says why and stays."""
        item = next(item for item in self._items if item.key == message.key)
        if item.disabled:
            self.app.notify(f"{item.title.rstrip(' …')}: {item.disabled}", severity="warning")
        else:
            self.dismiss(item.key)


def _note(item: MenuItem) -> str:
    return "disabled" if item.disabled else item.note
