"""Which devices to show, and in what order: the parts of a filter as values, for stores to turn into their queries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """What a part of a filter looks at."""

    ID = "id"
    AUTH = "auth"
    STATUS = "status"
    STATE = "state"
    SEEN = "seen"
    FAILURES = "failures"
    EDGE = "edge"
    REASON = "reason"
    THUMB = "thumb"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a filter; all parts must hold.

    Attributes:
        field: what it looks at.
        negated: whether it is turned round.
        text: what must be contained, casefolded: ID, REASON, THUMB, TAG.
        values: the values that fit, as the enums write them: AUTH, STATUS, STATE; "yes" or "no": EDGE.
        sign: "<", "<=", ">", ">=" or "=": SEEN (of the age; "never" for devices never seen), FAILURES.
        number: seconds (SEEN) or a count (FAILURES).
        path: the tag's path, casefolded: TAG.
    """

    field: Field
    negated: bool = False
    text: str = ""
    values: frozenset[str] = frozenset()
    sign: str = ""
    number: int = 0
    path: str = ""


TAG = "tag:"
"""How the column of a tag begins; its path follows."""


@dataclass(frozen=True)
class FleetQuery:
    """A filter and an order. `problems`: only devices that fail, are not enabled or authenticate weakly.

    `column` is id, status, auth, state, seen, failures, edge, reason, or `TAG` and the path of a tag.
    """

    terms: tuple[Term, ...] = ()
    problems: bool = False
    column: str = "id"
    descending: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is filtered out."""
        return not self.terms and not self.problems
