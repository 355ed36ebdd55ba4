"""What the Journal pane shows, without a terminal: our entries, the activity log, which of them, the filter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.errors import ConsoleError
from console.model.hub import ActivityEntry
from console.model.journal import EntryState, JournalEntry
from console.present.journal_table import Record, Source, record_matches, records
from console.present.lines import Line
from console.present.words import number, plural

ACTIVITY_DAYS = 7
UNKNOWN_ADVICE = "began, and how it ended was never noted. R reads the resource again; do nothing else before."


class JournalState:
    """Entries, activity, source and filter; `rows` follows from them."""

    def __init__(self) -> None:
        self.entries: Sequence[JournalEntry] | None = None
        self.activity: Sequence[ActivityEntry] | None = None
        self.error: ConsoleError | None = None
        self.activity_error: ConsoleError | None = None
        self.source = Source.BOTH
        self.filter = ""
        self.as_of: datetime | None = None

    def next_source(self) -> Source:
        """Show ours, theirs, both, in turn."""
        order = list(Source)
        self.source = order[(order.index(self.source) + 1) % len(order)]
        return self.source

    def all(self) -> list[Record]:
        """Return every line of the source."""
        return records(self.entries or (), self.activity or (), self.source)

    def rows(self, now: datetime) -> list[Record]:
        """Return the lines that pass the filter."""
        return [record for record in self.all() if record_matches(record, self.filter, now)]

    @property
    def whole(self) -> bool:
        """Whether both logs have been read, or one said why not."""
        ours = self.entries is not None or self.error is not None
        return ours and (self.activity is not None or self.activity_error is not None)

    @property
    def unknown(self) -> int:
        """How many changes have an unknown outcome."""
        return sum(entry.state is EntryState.UNKNOWN for entry in self.entries or ())

    def heading(self, shown: int) -> tuple[Line, Line]:
        """Return both parts of the first line."""
        total = len(self.all())
        amount = "" if self.entries is None else f"  {number(total)}"
        if self.filter:
            amount += f", {number(shown)} with “{self.filter}”"
        unknown = f"{plural(self.unknown, 'outcome')} unknown " if self.unknown else ""
        left: Line = ((" JOURNAL", "head"), (amount, ""), (f"  {self.source.words}", "dim"))
        return left, ((unknown, "bad"),)

    def notes(self) -> list[tuple[str, str, str]]:
        """Return what has to be said below the table: (label, sentence, style)."""
        found: list[tuple[str, str, str]] = []
        if self.unknown:
            found.append(("? ", f"OUTCOME UNKNOWN: {plural(self.unknown, 'change')} {UNKNOWN_ADVICE}", "bad"))
        if self.source is not Source.HERE:
            if self.activity_error is not None:
                found.append(("! ", f"Activity log not read: {self.activity_error.sentence()}", "warn"))
            elif self.activity is None:
                found.append(("", "Reading the activity log …", "dim"))
        return found
