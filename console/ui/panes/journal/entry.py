"""One entry of the journal: before and after, who, why, how it ended."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from console.model.document import TargetKind
from console.model.journal import EntryState, JournalEntry
from console.model.shell import command_line
from console.model.text import clean
from console.present.journal import entry_lines
from console.services.ports import Cancel
from console.ui.commands import Command, bindings
from console.ui.jobs import Post
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.panes.journal.actions import settle, tell, undo
from console.ui.panes.journal.messages import EntriesRead, Settled
from console.ui.widgets.page import Page


class EntryScreen(ConsoleScreen):
    """The page of one entry; it is read again after it was settled or undone."""

    PANE = "journal"
    SCOPES = ("entry", "pane")
    BINDINGS = bindings("entry", "pane")
    WATCHES = frozenset(TargetKind)

    def __init__(self, entry: JournalEntry) -> None:
        super().__init__()
        self._entry = entry
        self.crumbs = (clean(entry.title),)

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def load(self) -> None:
        """Read the entry again."""
        journal, entry_id = self.services.changes.journal, self._entry.id

        def work(cancel: Cancel, post: Post) -> EntriesRead:
            del cancel, post
            return EntriesRead((journal.entry(entry_id),))

        self.console.jobs.start(self, "entry", work)

    @on(EntriesRead)
    def take(self, message: EntriesRead) -> None:
        """Show it as it stands now."""
        self._entry = message.entries[0]
        self.freshness = (self.services.clock(), False, False)
        self.ended()
        self.show()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one(Page)
        page.show(entry_lines(self._entry, self.services.clock(), max(page.size.width - 1, 20)))

    def offers(self, command: Command) -> bool:
        """Offer to undo, and to find out how it ended where that is unknown."""
        if command.id == "entry.settle":
            return self._entry.state in {EntryState.UNKNOWN, EntryState.DIFFERS}
        return command.id == "change.undo" or super().offers(command)

    def command_change_undo(self) -> None:
        """Plan to take this change back."""
        undo(self, self._entry)

    def command_entry_settle(self) -> None:
        """Find out how it ended."""
        settle(self, self._entry)

    @on(Settled)
    def settled(self, message: Settled) -> None:
        """Show what it turned out to be."""
        tell(self, message.entry)

    def copy_items(self) -> list[CopyItem]:
        """Offer id, page and command line."""
        page = self.query_one(Page).text()
        command = command_line("hubwarden", "journal", "show", operands=[self._entry.id])
        return [("id", self._entry.id), ("page", page), ("command line", command)]
