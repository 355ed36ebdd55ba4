"""What the journal holds: every change this console made, every privileged read, and whether the record is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from console.model.change import Edit
from console.model.document import Json, Target


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Stands for a key in the journal: a keyed hash of it, of no use without the journal's own key."""

    digest: str

    def __str__(self) -> str:
        return f"key #{self.digest[:8]}"


class EntryState(StrEnum):
    """How an entry of the journal stands."""

    APPLIED = "applied"
    NOT_APPLIED = "not-applied"
    CONFLICT = "conflict"
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # began, and no outcome was written: a crash, a quit, or an operation that has not ended
    IN_PROGRESS = "in-progress"  # began, and the process that began it is still there
    READ = "read"  # a privileged read: nothing was changed
    UNREADABLE = "unreadable"  # written by another version, or damaged


NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the time of a row whose time cannot be read."""


SETTLED_AFTER = timedelta(minutes=5)
"""So long a write whose answer was lost may still arrive: the resource manager answers or gives up within a minute, and
what stands before the services cuts a silent connection after four."""


@dataclass(frozen=True)
class JournalEntry:
    """One change (or privileged read). Keys in `edits`, `before` and `after` are `Fingerprint`s.

    Attributes:
        id: the change's id.
        seq: the number of its first row.
        time: when it began (UTC); `ended` is when its outcome was written.
        who: the Entra identity or the policy that signed; `host` is user and machine.
        before: the resource before; None when it did not exist. `after` as planned; None for a deletion.
        accepted: ids of the risks that were accepted.
        message: how it ended, in one sentence; `differences` are paths that are not as planned.
        answer: what the service told in its answer alone: a verification code, and the ETag that came with it.
        sealed: the destroyed keys, encrypted under the user's passphrase; empty when sealing is off.
    """

    id: str
    seq: int
    time: datetime
    hub: str
    kind: str
    title: str
    target: Target
    who: str
    host: str
    state: EntryState
    reason: str = ""
    undoes: str = ""
    batch: str = ""
    edits: tuple[Edit, ...] = ()
    before: Json | None = None
    after: Json | None = None
    accepted: tuple[str, ...] = ()
    ended: datetime | None = None
    message: str = ""
    differences: tuple[str, ...] = ()
    sealed: str = ""
    answer: Mapping[str, str] = field(default_factory=dict)

    @property
    def settles_at(self) -> datetime:
        """From when on a reading tells how an unknown outcome ended: before, the write may still arrive."""
        return (self.ended or self.time) + SETTLED_AFTER


@dataclass(frozen=True)
class JournalRow:
    """One row as it is stored, with its link of the chain (hexadecimal HMAC).

    `trouble` says why a row cannot be read; then its other members are what can be read of it, and its change's id is
    one of its own where even that cannot.
    """

    seq: int
    time: datetime
    kind: str  # intent, outcome, read
    change_id: str
    hub: str
    body: dict[str, Any]
    mac: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a journal: how many rows, the last one's link of the chain, and the first one's change."""

    count: int
    last: str
    first: str

    def __str__(self) -> str:
        return f"{self.count}:{self.last[:12]}"


@dataclass(frozen=True)
class JournalCheck:
    """Whether the journal is whole: the chain of its rows, and its end as the head outside the database has it.

    `broken_at` is the first row that does not fit, None when all do. `head` is the end of what is there, in short
    (`8:3f2a90c1d2e4`), empty when there is none.
    """

    rows: int
    whole: bool
    broken_at: int | None = None
    message: str = ""
    head: str = ""
