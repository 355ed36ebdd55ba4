"""The Journal pane: Who changed what?"""

from __future__ import annotations

from textual.app import ComposeResult

from console.ui.commands import bindings
from console.ui.panes.base import ConsoleScreen
from console.ui.widgets.page import Page


class JournalScreen(ConsoleScreen):
    """Who changed what?"""

    PANE = "journal"
    SCOPES = ("journal", "pane")
    BINDINGS = bindings("journal", "pane")

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.query_one(Page).show([((" JOURNAL", "head"),), (), (("   reading …", "dim"),)])
