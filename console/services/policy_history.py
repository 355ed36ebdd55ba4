"""What the journal knows of the keys of shared access policies, as events for the rules of rotation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from console.model.change import ABSENT, Edit, Member
from console.model.document import TargetKind
from console.model.journal import EntryState, Fingerprint, JournalEntry
from console.model.policy import Slot
from console.rules.rotation import Happening, KeyEvent

READ_KEYS = "policy.keys"
"""The kind of a journal entry that notes the reading of all policies with their keys."""
READ_STRING = "policy.connection-string"

_MADE = {EntryState.APPLIED}
_UNSURE = {EntryState.UNKNOWN, EntryState.IN_PROGRESS, EntryState.DIFFERS}
_FIELDS = {slot.field: slot for slot in Slot}


def key_events(entries: Iterable[JournalEntry]) -> dict[str, list[KeyEvent]]:
    """Return the events of each policy by its name in lower case, oldest first; `entries` are newest first."""
    found: dict[str, list[KeyEvent]] = {}
    for entry in sorted(entries, key=lambda one: one.seq):
        if entry.target.kind is not TargetKind.POLICIES or entry.state not in _MADE | _UNSURE:
            continue
        keys: dict[str, tuple[dict[Slot, str], dict[Slot, str]]] = {}
        for edit in entry.edits:
            name, event = _whole(edit, entry)
            if event is not None:
                found.setdefault(name, []).append(event)
                continue
            slot = _slot(edit)
            if slot is not None:
                before, after = keys.setdefault(name, ({}, {}))
                before.update(_digest(slot, edit.before))
                after.update(_digest(slot, edit.after))
        for name, (before, after) in keys.items():
            event = KeyEvent(entry.time, Happening.KEYS, before, after, entry.state in _MADE)
            found.setdefault(name, []).append(event)
    return found


def spelled(entries: Iterable[JournalEntry]) -> dict[str, str]:
    """Return the policies' names as they were spelled last, by their lower case."""
    names: dict[str, str] = {}
    for entry in sorted(entries, key=lambda one: one.seq):
        for edit in entry.edits:
            name = _policy(edit)
            if name:
                names[name.casefold()] = name
    return names


def last_read(entries: Iterable[JournalEntry]) -> datetime | None:
    """Return when keys were last read from here; `entries` are newest first."""
    return next((entry.time for entry in entries if entry.kind in {READ_KEYS, READ_STRING}), None)


def _whole(edit: Edit, entry: JournalEntry) -> tuple[str, KeyEvent | None]:
    """Return the policy of an edit and, where the edit makes or deletes it, that event."""
    name = _policy(edit)
    if not name or not isinstance(edit.path[-1], Member):
        return name.casefold(), None
    certain = entry.state in _MADE
    if edit.after is ABSENT:
        return name.casefold(), KeyEvent(entry.time, Happening.GONE, _digests(edit.before), {}, certain)
    if edit.before is ABSENT:
        return name.casefold(), KeyEvent(entry.time, Happening.MADE, {}, _digests(edit.after), certain)
    return name.casefold(), None


def _policy(edit: Edit) -> str:
    named = (step.value for step in edit.path if isinstance(step, Member) and step.field == "keyName")
    return next(named, "")


def _slot(edit: Edit) -> Slot | None:
    last = edit.path[-1] if edit.path else ""
    return _FIELDS.get(last) if isinstance(last, str) and _policy(edit) else None


def _digests(value: Any) -> dict[Slot, str]:
    policy: Mapping[str, Any] = value if isinstance(value, dict) else {}
    return {slot: digest for slot in Slot for digest in _digest(slot, policy.get(slot.field)).values()}


def _digest(slot: Slot, value: Any) -> dict[Slot, str]:
    return {slot: value.digest} if isinstance(value, Fingerprint) else {}
