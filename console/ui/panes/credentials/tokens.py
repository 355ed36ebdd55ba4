"""The tokens tab of the Credentials pane."""

from __future__ import annotations

from textual.app import ComposeResult

from console.present.columns import Column
from console.ui.commands import bindings
from console.ui.panes.credentials.tabs import TabScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable


class TokensScreen(TabScreen):
    """The tokens tab."""

    TAB = "tokens"
    SCOPES = ("tokens", "credentials", "pane")
    BINDINGS = bindings("tokens", "credentials", "pane")

    def body(self) -> ComposeResult:
        """Show tabs and rows."""
        yield Heading(id="heading")
        yield ResourceTable((Column("name", "NAME", 20, flex=1),), id="rows")

    def on_mount(self) -> None:
        """Show which tab it is."""
        self.show_tabs()

    def command_tokens_actions(self) -> None:
        """Offer what can be done here."""
