"""The command palette, filled from the registry: what works here first, what is disabled with its reason.

It is a dialog like the others, so that keys typed ahead find it whole: Textual's own palette gathers its list in the
background and breaks when a key comes before the list, or when it is opened under another dialog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.widgets import Input

from console.present.columns import Column
from console.present.lines import Piece
from console.ui.commands import BY_ID, Command, keys_text, scoped
from console.ui.dialogs.base import Dialog
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource
from console.ui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from console.ui.app import HubwardenApp

_LEFT_OUT = frozenset({"view.palette", "view.prompt", "view.back"})
COLUMNS = (
    Column("title", "COMMAND", 26),
    Column("keys", "KEYS", 9, priority=1),
    Column("help", "WHAT IT DOES", 18, flex=1),
)


def offered(scopes: tuple[str, ...], text: str) -> list[Command]:
    """Return the commands of a screen's scopes that match what is typed, the best first; all of them for no text."""
    commands = [one for one in scoped(*scopes, "global", "changes") if not one.action and one.id not in _LEFT_OUT]
    if not text.strip():
        return commands
    matcher = Matcher(text.strip())
    found = [(matcher.match(one.title), one) for one in commands]
    return [one for score, one in sorted(found, key=lambda pair: -pair[0]) if score > 0]


class Palette(Dialog[Command | None]):
    """Returns the command that was chosen, or None."""

    DEFAULT_CSS = """
    Palette { align: center middle; background: $background 60%; }
    Palette .box { width: 96%; height: 80%; max-width: 120; }
    Palette Input { height: 1; border: none; padding: 0 1; background: $panel; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,ctrl+p", "dismiss(None)", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self._scopes = scopes

    def compose(self) -> ComposeResult:
        """Show what is typed above the commands."""
        with Vertical(classes="box"):
            yield Heading(id="title")
            yield TextInput(placeholder="type to find a command")
            yield ResourceTable(COLUMNS, id="commands")
            yield Heading(id="note")

    def on_mount(self) -> None:
        """Offer everything while nothing is typed."""
        self.query_one(Input).focus()
        self.query_one(ResourceTable).lit = True
        self._show("")

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Narrow the list as it is typed; the best match is the one that enter takes."""
        message.stop()
        self._show(message.value)

    @on(Input.Submitted)
    def submitted(self, message: Input.Submitted) -> None:
        """Choose the command under the cursor."""
        message.stop()
        self._choose(self.query_one(ResourceTable).selected)

    @on(ResourceTable.Opened)
    def opened(self, message: ResourceTable.Opened) -> None:
        """Choose the command that was clicked."""
        message.stop()
        self._choose(message.key)

    @on(ResourceTable.Moved)
    def moved(self, message: ResourceTable.Moved) -> None:
        """Say all about the command under the cursor: its column may be too narrow for that."""
        message.stop()
        self._tell(message.key)

    def action_move(self, by: int) -> None:
        """Move the cursor of the list."""
        self.query_one(ResourceTable).action_cursor(by)

    def action_page(self, by: int) -> None:
        """Move by a page of the list."""
        self.query_one(ResourceTable).action_page(by)

    def _choose(self, key: str | None) -> None:
        command = next((one for one in offered(self._scopes, self.query_one(Input).value) if one.id == key), None)
        if command is not None:
            self.dismiss(command)

    def _show(self, text: str) -> None:
        found = offered(self._scopes, text)
        table = self.query_one(ResourceTable)
        table.moved = False
        rows = ListSource(found, lambda one: one.id, self._cells)
        table.show(rows, empty=[((" No matches found.", "dim"),)], growing=True)
        keys = ((" enter", "key"), (" choose  ", "dim"), ("esc", "key"), (" cancel ", "dim"))
        self.query_one("#title", Heading).set(((" COMMANDS  ", "head"), (str(len(found)), "")), keys)

        self._tell(table.selected)

    def _tell(self, key: str | None) -> None:
        told = self._told(BY_ID[key]) if key in BY_ID else ("", "")
        self.query_one("#note", Heading).set(((" ", ""), told))

    def _told(self, command: Command) -> Piece:
        reason = cast("HubwardenApp", self.app).why_not(command)
        return (f"disabled · {reason}", "warn") if reason else (command.help, "dim")

    def _cells(self, command: Command) -> tuple[Piece, ...]:
        told = self._told(command)
        tone = "dim" if told[1] == "warn" else ""
        return ((command.title, tone), (keys_text(command, arrows=False), "key"), told)
