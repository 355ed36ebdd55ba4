"""Before the hub may be changed: which hub, as whom, and what will be asked. Cancel has the focus."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from console.ui.dialogs.base import Dialog
from console.ui.dialogs.controls import PushButton, Sentence

WIDTH = 68


class Arm(Dialog[bool]):
    """Returns whether changes are allowed from now on."""

    DEFAULT_CSS = """
    Arm { align: center middle; background: $background 60%; }
    Arm .buttons { height: 1; margin: 1 0 0 0; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,q", "dismiss(False)", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, hub_name: str, who: str, *, protected: bool) -> None:
        super().__init__()
        self._hub_name = hub_name
        self._who = who
        self._protected = protected

    def compose(self) -> ComposeResult:
        """Say it and offer both ways."""
        with Vertical(classes="box") as box:
            box.styles.width = min(WIDTH, self.app.size.width - 4)
            yield Sentence(f"ALLOW CHANGES OF {self._hub_name}?", "head")
            yield Sentence(f"as {self._who or 'whoever the profile signs in'}", "accent")
            if self._protected:
                yield Sentence("This hub is PROTECTED: every change asks for its name.", "warn")
            yield Sentence(
                "Every change is shown first and asks before it is made; each is written into the journal. "
                "It holds for this console only, until you leave it or say :write off."
            )
            with Horizontal(classes="buttons"):
                yield PushButton("Cancel", id="cancel")
                yield PushButton("Allow changes", id="allow")

    def on_mount(self) -> None:
        """Nothing happens by a reflex."""
        self.app.clear_notifications()
        self.query_one("#cancel").focus()

    @on(PushButton.Pushed)
    def end(self, message: PushButton.Pushed) -> None:
        """Return the answer."""
        self.dismiss(message.id == "allow")
