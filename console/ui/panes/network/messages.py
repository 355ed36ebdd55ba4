"""What the Network pane's jobs bring back."""

from __future__ import annotations

from console.model.network import NetworkView, Suggestion
from console.ui.messages import Snapshot


class NetworkRead(Snapshot):
    """Who can reach the hub, as just read."""

    def __init__(self, view: NetworkView) -> None:
        super().__init__()
        self.view = view


class Suggested(Snapshot):
    """Rules that would let refused devices in again; `asked` are the ranges that were meant."""

    def __init__(self, suggestions: tuple[Suggestion, ...], asked: tuple[str, ...]) -> None:
        super().__init__()
        self.suggestions = suggestions
        self.asked = asked
