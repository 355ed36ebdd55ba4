"""The Network pane: Who can reach the hub?"""

from __future__ import annotations

from textual.app import ComposeResult

from console.ui.commands import bindings
from console.ui.panes.base import ConsoleScreen
from console.ui.widgets.page import Page


class NetworkScreen(ConsoleScreen):
    """Who can reach the hub?"""

    PANE = "network"
    SCOPES = ("network", "pane")
    BINDINGS = bindings("network", "pane")

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.query_one(Page).show([((" NETWORK", "head"),), (), (("   reading …", "dim"),)])
