"""The Credentials pane's first tab: CAs and certificates, made, read, checked, uploaded."""

from __future__ import annotations

from textual.app import ComposeResult

from console.present.columns import Column
from console.ui.commands import bindings
from console.ui.panes.credentials.tabs import TabScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable


class CredentialsScreen(TabScreen):
    """What was issued here, and what needs renewal?"""

    TAB = "certificates"
    SCOPES = ("certificates", "credentials", "pane")
    BINDINGS = bindings("certificates", "credentials", "pane")

    def body(self) -> ComposeResult:
        """Show tabs and inventory."""
        yield Heading(id="heading")
        yield ResourceTable((Column("name", "NAME", 20, flex=1),), id="rows")

    def on_mount(self) -> None:
        """Show which tab it is."""
        self.show_tabs()

    def accept(self, argument: str) -> None:
        """Go to the tab that is named, or fill in a device: "tokens", "device:press-1"."""
        if argument in ("tokens", "payload"):
            self.show_tab(argument)

    def command_certificates_actions(self) -> None:
        """Offer what can be done here."""
