"""What the list and the page of an entry can both do: undo it, find out how it ended."""

from __future__ import annotations

from console.model.journal import JournalEntry
from console.present.journal import STATE_WORDS
from console.services.ports import Cancel
from console.ui.changing import begin
from console.ui.jobs import Post
from console.ui.panes.base import ConsoleScreen
from console.ui.panes.journal.messages import Settled

SETTLE = "settle"
"""The group of jobs that find out."""


def undo(screen: ConsoleScreen, entry: JournalEntry) -> None:
    """Plan to take one change back."""
    changes = screen.services.changes
    begin(screen, lambda cancel: changes.undo.plan(entry.id, cancel))


def settle(screen: ConsoleScreen, entry: JournalEntry) -> None:
    """Read the resource of an unknown outcome again; the journal notes what it is. Nothing is changed."""
    changes = screen.services.changes

    def work(cancel: Cancel, post: Post) -> Settled:
        del post
        return Settled(changes.undo.settle(entry, cancel))

    screen.notify("Reading the resource again …")
    screen.console.jobs.start(screen, SETTLE, work)


def tell(screen: ConsoleScreen, entry: JournalEntry) -> None:
    """Say what an unknown outcome turned out to be; whatever shows the resource reads it again."""
    screen.notify(f"{STATE_WORDS[entry.state][0]}: {entry.message}", timeout=10)
    screen.console.changing.spread(frozenset({entry.target.kind}))
    screen.console.unknown.look()
