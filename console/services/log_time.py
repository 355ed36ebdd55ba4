"""Times in the answers of log queries."""

from __future__ import annotations

from datetime import datetime

from console.model.clock import parse_time


def time_of(value: object) -> datetime | None:
    """Return a cell as an aware time, whether it is one already or text."""
    return value if isinstance(value, datetime) else parse_time(value)
