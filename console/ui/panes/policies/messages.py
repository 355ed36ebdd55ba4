"""What the Policies pane's jobs bring back; a connection string only on its way to the clipboard."""

from __future__ import annotations

from textual.message import Message

from console.model.policy import PoliciesOverview, PoliciesReading
from console.model.secret import Secret
from console.ui.messages import Snapshot


class OverviewOfPolicies(Snapshot):
    """What can be told without a key."""

    def __init__(self, overview: PoliciesOverview) -> None:
        super().__init__()
        self.overview = overview


class PoliciesRead(Snapshot):
    """The policies, without their keys."""

    def __init__(self, reading: PoliciesReading) -> None:
        super().__init__()
        self.reading = reading


class StringRead(Message):
    """A connection string; its text form hides it."""

    def __init__(self, text: Secret, what: str) -> None:
        super().__init__()
        self.text = text
        self.what = what
