"""Which network rules were in force when, as far as the activity log and this console's own readings tell."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.model.hub import ActivityEntry, Exposure
from console.model.ip_rule import IpRule
from console.rules.causes import HUB_WRITE

_SLACK = timedelta(minutes=1)
_MAX_WRITES = 8
NOTICED = "network rules changed, as seen from here"
MEMORY = "network memory"
"""The name under which a session keeps its one memory."""


@dataclass(frozen=True)
class _Change:
    """The rules were `old` when read at `since`, and different when read at `at`."""

    since: datetime
    at: datetime
    old: Exposure


@dataclass(frozen=True)
class RuleHistory:
    """Writes of the hub, oldest first, and the rules of each segment between them (by number) where they are known."""

    writes: tuple[ActivityEntry, ...] = ()
    exposures: tuple[tuple[int, Exposure], ...] = ()


class NetworkMemory:
    """Remembers how the rules changed between readings; the activity log tells of a write only minutes later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: tuple[datetime, Exposure] | None = None
        self._changes: list[_Change] = []

    def history(
        self, writes: Sequence[ActivityEntry], exposure: Exposure | None, now: datetime, end: datetime
    ) -> RuleHistory:
        """Take note of the rules as read now, and return what is known about the time before `end`.

        `writes` are the hub's writes in the activity log; a change that none of them explains becomes one more entry.
        """
        with self._lock:
            if exposure is not None:
                if self._newest is not None and self._newest[1] != exposure:
                    self._changes.append(_Change(self._newest[0], now, self._newest[1]))
                self._newest = (now, exposure)
            changes = list(self._changes)
        entries = list(writes)
        ended: dict[int, Exposure] = {}  # by identity of the write that ended it
        for change in changes:
            around = [one for one in writes if change.since - _SLACK <= one.time <= change.at + _SLACK]
            entry = around[-1] if around else ActivityEntry(change.at, HUB_WRITE, "", "", "", NOTICED)
            if not around:
                entries.append(entry)
            ended[id(entry)] = change.old
        entries.sort(key=lambda one: one.time)
        recent = [one for one in entries if one.time < end][-_MAX_WRITES:]
        known = [(number, ended[id(one)]) for number, one in enumerate(recent) if id(one) in ended]
        later = [one for one in entries if one.time >= end]
        last = ended.get(id(later[0])) if later else exposure
        if last is not None:
            known.append((len(recent), last))
        return RuleHistory(tuple(recent), tuple(known))

    def removed(self) -> tuple[tuple[IpRule, datetime], ...]:
        """Return rules that were there in this session and are not now, with when that was noticed, newest first."""
        with self._lock:
            newest, changes = self._newest, list(self._changes)
        if newest is None:
            return ()
        there = {rule.name.casefold() for rule in newest[1].ip_rules}
        found: dict[str, tuple[IpRule, datetime]] = {}
        for change in reversed(changes):
            for rule in change.old.ip_rules:
                if rule.name.casefold() not in there:
                    found.setdefault(rule.name.casefold(), (rule, change.at))
        return tuple(found.values())
