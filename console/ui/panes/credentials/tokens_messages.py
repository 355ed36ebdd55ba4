"""What the jobs of the Tokens tab bring back; a token only on its way to the page that hides it."""

from __future__ import annotations

from textual.message import Message

from console.model.token import Explanation, LedgerEntry, MintedToken
from console.ui.messages import Snapshot


class LedgerRead(Snapshot):
    """The tokens minted here, newest first."""

    def __init__(self, entries: tuple[LedgerEntry, ...]) -> None:
        super().__init__()
        self.entries = entries


class Minted(Message):
    """A token that was just made, and what it is for."""

    def __init__(self, token: MintedToken, subject: str) -> None:
        super().__init__()
        self.token = token
        self.subject = subject


class Explained(Snapshot):
    """What a pasted text is; `at_hub` when it was checked against the hub's keys."""

    def __init__(self, explanation: Explanation, *, at_hub: bool = False) -> None:
        super().__init__()
        self.explanation = explanation
        self.at_hub = at_hub
