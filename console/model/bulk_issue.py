"""How a bulk issue of certificates is going, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BulkProgress:
    """How far a bulk issue is: `rate` in certificates per second, `left_seconds` None until known."""

    done: int
    total: int
    rate: float
    left_seconds: float | None


@dataclass(frozen=True)
class BulkIssued:
    """How a bulk issue ended: made now, found done before, not reached; (name, sentence) of those that failed.

    `notes` are sentences on what is otherwise than asked for, for all of them.
    """

    made: int
    before: int
    left: int
    failed: tuple[tuple[str, str], ...]
    folder: Path
    rate: float
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every certificate is there."""
        return not self.left and not self.failed
