"""The three tabs of the Credentials pane: a screen each, kept alive, with the line that shows which one it is."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import ClassVar

from console.present.lines import Line, Piece
from console.ui.panes.base import ConsoleScreen
from console.ui.widgets.heading import Heading

TABS: tuple[tuple[str, str, str], ...] = (
    ("certificates", "Certificates", ""),  # the first screen of the pane
    ("tokens", "Tokens", "TokensScreen"),
    ("payload", "Payload", "PayloadScreen"),
)
"""Id, title, and the class in the module of that name; the first is the pane's own screen."""


def tab_line(current: str, more: Iterable[Piece] = ()) -> Line:
    """Return the line of tabs, and what stands behind it."""
    pieces: list[Piece] = [(" ", "")]
    for name, title, _ in TABS:
        pieces.append((f" {title} ", "on.tab" if name == current else "dim"))
    return (*pieces, ("  ", ""), *more)


class TabScreen(ConsoleScreen):
    """One tab: `TAB` says which. Its heading is `#heading`; `show_tabs` fills it."""

    PANE = "credentials"
    TAB: ClassVar[str] = ""

    def show_tabs(self, right: Line = ()) -> None:
        """Show the tabs, and what stands at the right edge."""
        self.query_one("#heading", Heading).set(tab_line(self.TAB), right)

    def command_credentials_next_tab(self) -> None:
        """Show the next tab."""
        self._turn(1)

    def command_credentials_previous_tab(self) -> None:
        """Show the tab before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        names = [name for name, _, _ in TABS]
        self.show_tab(names[(names.index(self.TAB) + step) % len(names)])

    def show_tab(self, name: str) -> TabScreen:
        """Show a tab and return its screen; it is as it was left."""
        if name == self.TAB:
            return self
        app = self.app
        if not isinstance(app.screen, ConsoleScreen):  # a dialog came in front: what it asks about stays behind it
            return self
        while isinstance(app.screen, ConsoleScreen) and len(app.screen_stack) > 1:
            app.pop_screen()
        class_name = next(owner for tab, _, owner in TABS if tab == name)
        if not class_name:
            first = app.screen
            assert isinstance(first, TabScreen)
            return first
        key = f"credentials-{name}"
        if not app.is_screen_installed(key):
            screen: TabScreen = getattr(import_module(f"console.ui.panes.credentials.{name}"), class_name)()
            app.install_screen(screen, key)
        app.push_screen(key)
        shown = app.get_screen(key)
        assert isinstance(shown, TabScreen)
        return shown
