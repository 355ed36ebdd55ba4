"""Symmetric payload encryption outside the hub's model (Fernet): what was asked, what became of each line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

METHOD = "Fernet: symmetric payload encryption outside the hub's model"
"""What it is, wherever it is named: IoT Hub neither knows of it nor keeps a key of it."""


class PayloadAction(StrEnum):
    """What is done to every line."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    ROTATE = "rotate"


class PayloadFault(StrEnum):
    """Why a line was not done."""

    WRONG_KEY = "wrong key"
    ALTERED = "altered"  # made with a key that is here, changed or cut since
    TRUNCATED = "truncated"
    EXPIRED = "expired"
    FUTURE = "from the future"
    NOT_A_TOKEN = "not a token"  # noqa: S105
    NOT_JSON = "not JSON"
    AMBIGUOUS = "ambiguous member"  # the member, or one on the way to it, stands in the line twice
    NO_FIELD = "no such member"
    TOO_LONG = "too long"


@dataclass(frozen=True)
class PayloadLine:
    """One line: its number from 1, and either what became of it (no line feed) or why nothing did, in a sentence."""

    number: int
    output: bytes | None
    fault: PayloadFault | None = None
    message: str = ""


@dataclass(frozen=True)
class PayloadResult:
    """How a whole file went.

    Attributes:
        action: what was done.
        done: lines that are in the target.
        failed: lines that are not.
        faults: the lines that failed, the first of them only when there are many; `output` is None in each.
        target: the file written; None when nothing was written.
        stopped: why nothing was written, a sentence; empty when it was.
    """

    action: PayloadAction
    done: int
    failed: int
    faults: tuple[PayloadLine, ...] = ()
    target: Path | None = None
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether every line was done and the target is there."""
        return not self.failed and self.target is not None
