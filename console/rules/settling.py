"""What a later reading tells about a change whose outcome was not known, and what is undone now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.journal import EntryState, JournalEntry


def found_out(
    entry: JournalEntry, *, as_planned: bool, as_before: bool, moving: bool, now: datetime
) -> tuple[EntryState, str]:
    """Return how a change ended and the sentence for it; UNKNOWN while that cannot be known yet.

    `moving` is whether the service says that it has not ended with the resource. While it is at it, or the write may
    still arrive, "as before" proves nothing.
    """
    unknown = entry.state is EntryState.UNKNOWN
    early = now < entry.settles_at
    if unknown and moving:
        return EntryState.UNKNOWN, "Read again: the service has not ended with it. Read it again later."
    if as_planned:
        return EntryState.APPLIED, "Read again later: as planned."
    if as_before and unknown and early:
        when = f"{entry.settles_at:%H:%M:%S} UTC"
        text = f"Read again: as it was before. The write may still arrive: read it again after {when}."
        return EntryState.UNKNOWN, text
    if as_before:
        text = "Read again later: as it was before."
        if early:
            text += " A write that was on its way may still arrive: read it again in a few minutes."
        return EntryState.NOT_APPLIED, text
    return EntryState.DIFFERS, "Read again later: neither as before nor as planned."


def taken_back(entries: Sequence[JournalEntry]) -> set[str]:
    """Return the ids of changes that are undone now: an undo that was itself undone counts no more."""
    undone: set[str] = set()
    by_id = {entry.id: entry for entry in entries}
    for entry in sorted(entries, key=lambda one: one.seq):
        if entry.state is EntryState.APPLIED:
            for one in entry.undoes.split():
                undone.add(one)
                if one in by_id:
                    undone -= set(by_id[one].undoes.split())
    return undone
