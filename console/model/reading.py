"""A figure with its age and its doubt: what was read, when, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from console.model.errors import ConsoleError

T = TypeVar("T")


@dataclass(frozen=True)
class Reading(Generic[T]):
    """One thing that was (or was not) read from outside.

    States: not asked yet (`value`, `as_of` and `error` all None); ready (`value`, `as_of`); failed (`error`, no value);
    stale (`value` and `as_of` of an earlier reading; `error` says why there is none newer, or `cached` that it came
    from disk).
    """

    value: T | None = None
    as_of: datetime | None = None
    error: ConsoleError | None = None
    cached: bool = False

    @property
    def asked(self) -> bool:
        """Whether anything is known about it at all."""
        return self.as_of is not None or self.error is not None

    @property
    def ready(self) -> bool:
        """Whether the value is there and was read without trouble just now."""
        return self.as_of is not None and self.error is None and not self.cached

    @property
    def stale(self) -> bool:
        """Whether the value shown is from an earlier reading."""
        return self.as_of is not None and (self.error is not None or self.cached)

    def failed(self, error: ConsoleError) -> Reading[T]:
        """Return this reading after a failed refresh: the old value stays, and says why it is old."""
        return Reading(self.value, self.as_of, error, self.cached)
