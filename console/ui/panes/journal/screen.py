"""The Journal pane: who changed what, from this console and by the hub's activity log."""

from __future__ import annotations

from datetime import timedelta

from textual import on
from textual.app import ComposeResult

from console.model.document import TargetKind
from console.model.errors import ErrorKind
from console.model.journal import EntryState
from console.model.shell import command_line
from console.present.hub_words import change_page
from console.present.journal_table import COLUMNS, Record, check_lines, record_cells
from console.present.lines import Line, plain
from console.present.pages import error_lines
from console.services.ports import Cancel
from console.ui.commands import Command, bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.filtering import FilterScreen
from console.ui.panes.journal.actions import SETTLE, settle, tell, undo
from console.ui.panes.journal.entry import EntryScreen
from console.ui.panes.journal.messages import ActivityRead, Checked, EntriesRead, Settled
from console.ui.panes.journal.state import ACTIVITY_DAYS, JournalState
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource
from console.ui.widgets.text_block import TextBlock

_THEIRS = "This is an entry of the activity log: only changes made by this console can be"


class JournalScreen(FilterScreen):
    """Who changed what?"""

    PANE = "journal"
    SCOPES = ("journal", "pane")
    BINDINGS = bindings("journal", "pane")
    WATCHES = frozenset(TargetKind)
    FILTER_HINT = "any part of an entry; !not"
    state: JournalState

    def __init__(self) -> None:
        super().__init__()
        self.state = JournalState()
        self._whole = False  # whether both logs were there once

    def body(self) -> ComposeResult:
        """Show heading, table and notes."""
        yield Heading(id="heading")
        yield ResourceTable(COLUMNS, id="journal")
        yield TextBlock(id="notes")

    @property
    def table(self) -> ResourceTable:
        """The table."""
        return self.query_one("#journal", ResourceTable)

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.show_rows()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read our entries from the disk, and the activity log from the resource manager."""
        services = self.services
        session, journal = services.session, services.changes.journal

        def entries(cancel: Cancel, post: Post) -> EntriesRead:
            del cancel, post
            return EntriesRead(tuple(journal.entries(session.hub_name)))

        def activity(cancel: Cancel, post: Post) -> ActivityRead:
            del post
            since = services.clock() - timedelta(days=ACTIVITY_DAYS)
            return ActivityRead(tuple(session.hub_reader.activity(since, cancel)))

        self.console.jobs.start(self, "entries", entries)
        self.console.jobs.start(self, "activity", activity)

    @on(EntriesRead)
    def take_entries(self, message: EntriesRead) -> None:
        """Show our entries."""
        self.state.entries, self.state.error = message.entries, None
        self.state.as_of = self.services.clock()
        self.console.unknown.set(self.state.unknown)
        self.ended()
        self.show_rows()

    @on(ActivityRead)
    def take_activity(self, message: ActivityRead) -> None:
        """Show the activity log beside them."""
        self.state.activity, self.state.activity_error = message.activity, None
        self.show_rows()

    def job_failed(self, message: JobFailed) -> None:
        """Say what could not be read; the rest stays."""
        if message.group == "activity":
            self.state.activity_error = message.error
        elif message.group == "entries":
            self.state.error = message.error
            self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)
        else:
            self.report(message.error)
        self.show_rows()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show the rows that follow from the state."""
        state, now, table = self.state, self.services.clock(), self.table
        rows = state.rows(now)
        source = ListSource(rows, lambda record: record.key, lambda record: record_cells(record, now))
        # an untouched cursor stays on the newest line until both logs are there, whichever arrives first
        table.show(source, empty=self._empty(table.size.width or self.app.size.width), growing=not self._whole)
        self._whole = self._whole or state.whole
        self.query_one("#heading", Heading).set(*state.heading(len(rows)))
        notes = self.query_one("#notes", TextBlock)
        notes.display = bool(state.notes())
        notes.explain(*state.notes())
        self.freshness = (state.as_of, state.error is not None, False)
        self.update_chrome()

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.error is not None:
            return error_lines(state.error, width)
        if state.entries is None:
            return [(("   Reading the journal …", "dim"),)]
        if state.filter:
            return [(("   No entry matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]
        return [(("   Nothing was changed yet, and no keys were read, as far as is known here.", ""),)]

    def _selected(self) -> Record | None:
        key = self.table.selected
        return next((record for record in self.state.all() if record.key == key), None)

    @on(ResourceTable.Opened)
    def command_pane_describe(self) -> None:
        """Show the whole entry."""
        record = self._selected()
        if record is None:
            return
        if record.entry is not None:
            self.app.push_screen(EntryScreen(record.entry))
        elif (line := record.activity) is not None:
            clock = self.services.clock
            page = TextScreen(self.PANE, ("activity log",), lambda width: change_page(line, clock(), width))
            self.app.push_screen(page)

    def offers(self, command: Command) -> bool:
        """Offer to undo, and to find out where something is unknown."""
        if command.id == "journal.settle":
            return bool(self.state.unknown)
        return command.id == "change.undo" or super().offers(command)

    # --- filter and source ---------------------------------------------------------------------------------------

    async def command_journal_filter(self) -> None:
        """Open the filter line."""
        await self.open_filter()

    def command_journal_source(self) -> None:
        """Show ours, theirs, both, in turn."""
        self.state.next_source()
        self.show_rows()

    # --- commands ------------------------------------------------------------------------------------------------

    def command_change_undo(self) -> None:
        """Plan to take the selected change back."""
        record = self._selected()
        if record is None:
            self.notify("Nothing is selected", severity="warning")
        elif record.entry is None:
            self.notify(f"{_THEIRS} undone here", severity="warning")
        else:
            undo(self, record.entry)

    def command_journal_settle(self) -> None:
        """Find out how the selected change ended, or the newest unknown one when another line is selected."""
        record = self._selected()
        entry = record.entry if record is not None else None
        if entry is None or entry.state is not EntryState.UNKNOWN:
            entry = next((one for one in self.state.entries or () if one.state is EntryState.UNKNOWN), entry)
        if entry is None:
            self.notify(f"{_THEIRS} read again", severity="warning")
        elif not self.console.jobs.running(self, SETTLE):
            settle(self, entry)

    @on(Settled)
    def settled(self, message: Settled) -> None:
        """Say what it turned out to be."""
        tell(self, message.entry)

    def command_journal_verify(self) -> None:
        """Recompute the chain."""
        journal = self.services.changes.journal

        def work(cancel: Cancel, post: Post) -> Checked:
            del cancel, post
            return Checked(journal.verify())

        self.console.jobs.start(self, "verify", work)

    @on(Checked)
    def checked(self, message: Checked) -> None:
        """Show the result, what it proves and what it does not."""
        check = message.check
        self.app.push_screen(TextScreen(self.PANE, ("verify",), lambda width: check_lines(check, width)))

    def copy_items(self) -> list[CopyItem]:
        """Offer id, row and command line."""
        record = self._selected()
        if record is None:
            return []
        row = "\t".join(plain((cell,)) for cell in record_cells(record, self.services.clock()))
        if record.entry is None:
            return [("row", row)]
        entry_id = record.entry.id
        command = command_line("hubwarden", "journal", "show", operands=[entry_id])
        return [("id", entry_id), ("row", row), ("command line", command)]
