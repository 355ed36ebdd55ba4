"""The pane behind every mode; each is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from textual.screen import Screen

SCREENS: Mapping[str, str] = {
    "overview": "OverviewScreen",
    "devices": "DevicesScreen",
    "connections": "ConnectionsScreen",
    "network": "NetworkScreen",
    "policies": "PoliciesScreen",
    "credentials": "CredentialsScreen",
    "access": "AccessScreen",
    "provisioning": "ProvisioningScreen",
    "journal": "JournalScreen",
}
"""The class of every pane, in `console.ui.panes.<pane>.screen`."""


def _factory(pane: str, name: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        screen: Screen[Any] = getattr(import_module(f"console.ui.panes.{pane}.screen"), name)()
        return screen

    return make


MODES: dict[str, str | Callable[[], Screen[Any]]] = {pane: _factory(pane, name) for pane, name in SCREENS.items()}
"""What makes the first screen of every mode."""
