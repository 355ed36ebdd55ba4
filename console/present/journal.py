"""An entry of the journal in words: its result, and a page with everything about it."""

from __future__ import annotations

from datetime import datetime

from console.model.journal import NO_TIME, EntryState, JournalEntry
from console.model.text import clean
from console.present.change import diff_lines
from console.present.lines import Line, Piece
from console.present.pages import BLANK, fields, section
from console.present.words import full_moment

STATE_WORDS: dict[EntryState, Piece] = {
    EntryState.APPLIED: ("✓ applied", "ok"),
    EntryState.NOT_APPLIED: ("✗ not done", "warn"),
    EntryState.CONFLICT: ("! conflict", "warn"),
    EntryState.DIFFERS: ("! DIFFERS", "bad"),
    EntryState.UNKNOWN: ("? OUTCOME UNKNOWN", "bad"),
    EntryState.IN_PROGRESS: ("… in progress", "dim"),
    EntryState.READ: ("· keys read", "dim"),
    EntryState.UNREADABLE: ("· unreadable", "warn"),
}
"""Glyph and word for how an entry stands."""

_ADVICE = {
    EntryState.UNKNOWN: "It began, and its outcome was never noted (a crash, a quit, an operation without end): read "
    "the resource again before you do anything else.",
    EntryState.DIFFERS: "The resource was neither as before nor as planned: look at it; an undo plans against what is "
    "there now.",
}


def _advice(entry: JournalEntry, now: datetime) -> str:
    text = _ADVICE.get(entry.state, "")
    if entry.state is EntryState.UNKNOWN and now < entry.settles_at:
        text += f" The write may still arrive until {entry.settles_at:%H:%M} UTC: only then a reading is sure."
    return text


def entry_lines(entry: JournalEntry, now: datetime, width: int) -> list[Line]:
    """Return the page of one entry; keys show as fingerprints."""
    word, token = STATE_WORDS[entry.state]
    lines: list[Line] = [((f" {word}  ", token), (clean(entry.title), "accent")), BLANK]
    lines += fields(
        (
            ("result", clean(entry.message), token),
            ("what to do", _advice(entry, now), "accent"),
            ("began", full_moment(entry.time, now) if entry.time != NO_TIME else "not readable"),
            ("ended", full_moment(entry.ended, now) if entry.ended else ""),
            ("who", clean(entry.who)),
            ("from", clean(entry.host)),
            ("reason", clean(entry.reason)),
            ("accepted risks", ", ".join(clean(risk) for risk in entry.accepted)),
            ("takes back", clean(entry.undoes)),
            ("batch", clean(entry.batch)),
            ("hub", clean(entry.hub)),
            ("resource", f"{entry.target.kind} {clean(entry.target.id)}"),
            ("not as planned", ", ".join(clean(path) for path in entry.differences), "bad"),
            ("destroyed keys", "sealed in this entry" if entry.sealed else ""),
            ("journal entry", clean(entry.id), "dim"),
        ),
        width,
    )
    lines.append(BLANK)
    if entry.edits:
        lines += section("CHANGE", diff_lines(entry.edits, width))
    return lines
