"""What the jobs of the Journal pane bring back."""

from __future__ import annotations

from console.model.hub import ActivityEntry
from console.model.journal import JournalCheck, JournalEntry
from console.ui.messages import Snapshot


class EntriesRead(Snapshot):
    """The entries of this hub, newest first."""

    def __init__(self, entries: tuple[JournalEntry, ...]) -> None:
        super().__init__()
        self.entries = entries


class ActivityRead(Snapshot):
    """The hub's activity log, newest first."""

    def __init__(self, activity: tuple[ActivityEntry, ...]) -> None:
        super().__init__()
        self.activity = activity


class Settled(Snapshot):
    """What an unknown outcome turned out to be."""

    def __init__(self, entry: JournalEntry) -> None:
        super().__init__()
        self.entry = entry


class Checked(Snapshot):
    """Whether the chain is whole."""

    def __init__(self, check: JournalCheck) -> None:
        super().__init__()
        self.check = check
