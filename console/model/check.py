"""One line of a check list: what was checked, on what, with which result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckResult(StrEnum):
    """How a check ended; a check that could not be made is unknown, never a pass."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True)
class CheckItem:
    """A check and its result; `hint` says what to do about a failure."""

    check: str
    target: str
    result: CheckResult
    detail: str = ""
    hint: str = ""
