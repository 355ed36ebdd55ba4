"""The table of the Journal pane: changes of this console and entries of the activity log in one order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.model.hub import ActivityEntry
from console.model.journal import NO_TIME, EntryState, JournalCheck, JournalEntry
from console.model.text import clean
from console.present.columns import Column
from console.present.journal import STATE_WORDS
from console.present.lines import Line, Piece, paragraph, plain
from console.present.pages import BLANK, section
from console.present.words import plural, short_moment

COLUMNS: tuple[Column, ...] = (
    Column("time", "TIME", 11),
    Column("what", "WHAT", 22, flex=3),
    Column("who", "WHO", 14, flex=1, priority=1),
    Column("result", "RESULT", 17),
    Column("source", "SOURCE", 6, priority=2),
    Column("reason", "REASON", 10, flex=1, priority=3),
)
"""The columns; the source is "here" for this console and "log" for the activity log."""

_ACTIVITY_TOKENS = {"succeeded": ("✓ succeeded", "ok"), "failed": ("✗ failed", "bad")}

PROVES = (
    "Every row is chained to the one before it by an HMAC under the key file beside the journal, and the end of the "
    "chain lies in journal.head too. Whole means that no row was changed, added or taken out, and no older or other "
    "journal.db put here, by accident, nor by anybody who does not have that key file."
)
PROVES_NOT = (
    "Nothing against somebody who has the key file (this account, an administrator of this machine): they can chain "
    "anew. Nor against older copies of journal.db and journal.head put back together. A head noted elsewhere tells "
    "both: hubwarden journal verify --head COUNT:HASH. Nothing about changes made by other means than this console."
)


class Source(StrEnum):
    """Whose entries are shown."""

    BOTH = "both"
    HERE = "here"
    LOG = "log"

    @property
    def words(self) -> str:
        """The same for people."""
        return {"both": "here and activity log", "here": "this console", "log": "activity log"}[self.value]


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the table: an entry of ours or of the activity log."""

    key: str
    time: datetime
    entry: JournalEntry | None = None
    activity: ActivityEntry | None = None

    @property
    def unknown(self) -> bool:
        """Whether it is a change whose outcome nobody knows."""
        return self.entry is not None and self.entry.state is EntryState.UNKNOWN


def records(entries: Iterable[JournalEntry], activity: Iterable[ActivityEntry], source: Source) -> list[Record]:
    """Return the lines: unknown outcomes first, then everything newest first."""
    found: list[Record] = []
    if source is not Source.LOG:
        found += [Record(entry.id, entry.time, entry=entry) for entry in entries]
    if source is not Source.HERE:
        for index, line in enumerate(activity):
            found.append(Record(f"log {line.time.isoformat()} {line.operation} {index}", line.time, activity=line))
    return sorted(found, key=lambda record: (record.unknown, record.time), reverse=True)


def record_cells(record: Record, now: datetime) -> Sequence[Piece]:
    """Return the cells of a line."""
    when = (short_moment(record.time, now) if record.time != NO_TIME else "?", "")
    if record.entry is not None:
        entry = record.entry
        word, token = STATE_WORDS[entry.state]
        tone = "bad" if record.unknown else ""
        reason = f"undoes {entry.undoes}" if entry.undoes and not entry.reason else entry.reason
        return (
            when, (clean(entry.title), tone), (clean(entry.who), ""), (word, token), ("here", "dim"),
            (clean(reason), "dim"),
        )  # fmt: skip
    line = record.activity
    if line is None:
        raise ValueError("a record is one or the other")
    result = _ACTIVITY_TOKENS.get(line.status.casefold(), (f"· {line.status.lower() or 'unknown'}", "dim"))
    what = line.summary or line.operation
    return (when, (what, ""), (line.caller or "unknown", ""), result, ("log", "dim"), ("", ""))


def record_matches(record: Record, text: str, now: datetime) -> bool:
    """Return whether some part of a line holds the text, without case; `!text` turns it round."""
    wanted = text.strip().casefold()
    turned = wanted.startswith("!")
    wanted = wanted.removeprefix("!")
    if not wanted:
        return True
    entry, line = record.entry, record.activity
    parts = [plain((cell,)) for cell in record_cells(record, now)]
    if entry is not None:
        parts += [clean(part) for part in (entry.id, entry.kind, entry.target.id, entry.host, entry.message)]
    if line is not None:
        parts += [line.operation, line.caller_address]
    return (wanted in "\n".join(parts).casefold()) is not turned


def check_lines(check: JournalCheck, width: int) -> list[Line]:
    """Return the page of a verification: the result, what it proves and what it does not."""
    rows = plural(check.rows, "row")
    if check.whole:
        head: Line = (
            (" ✓ WHOLE  ", "ok"),
            (f"{rows}, {clean(check.message) or 'every one fits the one before it'}", ""),
        )
    else:
        before = f" ({rows} before it fit)" if check.rows else ""
        head = ((" ✗ BROKEN  ", "bad"), (f"{clean(check.message)}{before}", ""))
    lines: list[Line] = [head, BLANK]
    if check.whole and check.head:
        noted = f"{check.head}  (note it elsewhere, for: hubwarden journal verify --head COUNT:HASH)"
        lines += section("HEAD", paragraph(noted, width, indent=3))
    if not check.whole:
        advice = (
            "Keep journal.db, journal.key and journal.head as they are, away from here; compare with the activity log, "
            "which nobody can change; then move all three away together to begin a new journal."
        )
        lines += section("WHAT TO DO", paragraph(advice, width, indent=3, style="accent"))
    lines += section("WHAT IT PROVES", paragraph(PROVES, width, indent=3))
    lines += section("WHAT IT DOES NOT PROVE", paragraph(PROVES_NOT, width, indent=3))
    return lines
