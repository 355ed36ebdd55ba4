"""The Policies pane: Who holds a key to the hub?"""

from __future__ import annotations

from textual.app import ComposeResult

from console.ui.commands import bindings
from console.ui.panes.base import ConsoleScreen
from console.ui.widgets.page import Page


class PoliciesScreen(ConsoleScreen):
    """Who holds a key to the hub?"""

    PANE = "policies"
    SCOPES = ("policies", "pane")
    BINDINGS = bindings("policies", "pane")

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.query_one(Page).show([((" POLICIES", "head"),), (), (("   reading …", "dim"),)])
