"""A write before it is made: what it changes, what it risks, what must be agreed to, and how it ended."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any

from console.model.document import Document, Json, Target
from console.model.errors import ConsoleError


class Absent(Enum):
    """The one value that stands for "not there"; JSON's null is something else."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Member:
    """The member of a list that one of its fields names: `ipRules[lyon]`."""

    field: str
    value: str


Path = tuple[str | Member, ...]
"""Where a value stands in a document; the empty path is the whole document."""


def path_text(path: Path) -> str:
    """Return a path for people: `properties.networkRuleSets.ipRules[lyon].ipMask`."""
    text = ""
    for step in path:
        text += f"[{step.value}]" if isinstance(step, Member) else f".{step}"
    return text.lstrip(".")


@dataclass(frozen=True)
class Edit:
    """One value that changes. `position` is where a member of a list stands, for putting it (back) there."""

    path: Path
    before: Any
    after: Any
    position: int | None = None

    def inverse(self) -> Edit:
        """Return the edit that takes this one back."""
        return Edit(self.path, self.after, self.before, self.position)


class Severity(StrEnum):
    """How bad it would be."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Risk:
    """Something that a change may bring about. A blocking one must be accepted by its id, in every front door."""

    id: str
    severity: Severity
    message: str
    blocking: bool = False
    hint: str = ""


def new_id() -> str:
    """Return an id of a change: sorts by time, unique enough for several consoles at once."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Change:
    """A planned write of one resource.

    Attributes:
        kind: what is done, `noun.verb` ("network.rules", "policy.create").
        title: the same for people ("network rules of contoso-plants").
        target: which resource.
        before: the resource as it was when the plan was made; None when it is to be created.
        after: the whole body as planned; None when it is to be deleted.
        edits: the difference of the two; an undo inverts these and nothing else.
        risks: what may go wrong; blocking ones need consent.
        effect: (label, sentence) pairs that say what follows from it ("let in", "214 devices").
        notes: sentences on what is kept, lost or not known.
        reason: why, in the user's words, for the journal.
        undoes: the id of the change that this one takes back.
        batch: the id that the changes of one bulk command share.
    """

    kind: str
    title: str
    target: Target
    before: Document | None
    after: Json | None
    edits: tuple[Edit, ...]
    risks: tuple[Risk, ...] = ()
    effect: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    undoes: str = ""
    batch: str = ""
    id: str = field(default_factory=new_id)

    @property
    def blocking(self) -> tuple[Risk, ...]:
        """The risks that must be accepted by id."""
        return tuple(risk for risk in self.risks if risk.blocking)


@dataclass(frozen=True)
class Consent:
    """What the user agreed to: ids of accepted risks, and the hub's name where it had to be typed."""

    accepted: frozenset[str] = frozenset()
    hub_name: str = ""


class Result(StrEnum):
    """How a change ended, as read back from the service."""

    APPLIED = "applied"  # as planned, all else untouched
    NOT_APPLIED = "not-applied"  # as it was before
    CONFLICT = "conflict"  # somebody else changed it first; nothing was written
    DIFFERS = "differs"  # neither as before nor as planned
    UNKNOWN = "unknown"  # could not be read back, or the operation has not ended


@dataclass(frozen=True)
class Outcome:
    """How applying a change ended. `message` is one sentence for the user; `differences` is what is not as planned.

    `error` is the trouble on the way, also when the change was made in spite of it. `answer` is what the service told
    in its answer to the write and tells nobody who reads (the verification code of a certificate).
    """

    change: Change
    result: Result
    message: str
    differences: tuple[Edit, ...] = ()
    error: ConsoleError | None = None
    recorded: bool = True
    answer: Mapping[str, str] = field(default_factory=dict)

    @property
    def applied(self) -> bool:
        """Whether the resource is as planned."""
        return self.result is Result.APPLIED
