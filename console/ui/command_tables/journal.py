"""Commands of the Journal pane."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = (
    Command("journal.filter", "Filter", "journal", ("slash",), "Any part of an entry; !not", "filter", 20, eager=True),
    Command("journal.source", "Ours, theirs, both", "journal", ("b",), "This console, the activity log", "source", 30),
    Command("journal.settle", "Read again", "journal", ("R",), "Find out how an unknown outcome ended", "re-read", 12),
    Command("journal.verify", "Verify the chain", "journal", ("V",), "Whether the record is whole", "verify", 50),
    Command("entry.settle", "Read again", "entry", ("R",), "Find out how an unknown outcome ended", "re-read", 12),
)
