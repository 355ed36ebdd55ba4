"""Time as a parameter: everything that needs the time takes a `Clock`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A function that returns the current time, aware, in UTC."""

NEVER_YEAR = 1
"""IoT Hub writes 0001-01-01T00:00:00 for "never" (azure-service facts, device identities)."""


def system_clock() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


def parse_time(text: object) -> datetime | None:
    """Return an aware UTC time from ISO 8601 text, `None` for empty, unreadable or "never" (year 1).

    Accepts a missing zone (read as UTC, as the registry writes it) and up to nine fraction digits.
    """
    if not isinstance(text, str) or not text:
        return None
    body = text.strip()
    if body.endswith(("Z", "z")):
        body = body[:-1] + "+00:00"
    head, dot, tail = body.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        body = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    try:
        value = datetime.fromisoformat(body)
    except ValueError:
        return None
    if value.year == NEVER_YEAR:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def format_time(value: datetime) -> str:
    """Return RFC 3339 text in UTC with seconds, as in the JSON output."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
