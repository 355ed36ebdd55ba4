"""Numbers, ages and moments in words, short enough for a column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400


def number(value: float) -> str:
    """Return a whole number with thousands separators."""
    return f"{round(value):,}"


def plural(count: int, noun: str, many: str = "") -> str:
    """Return "1 device" or "2,000 devices"."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def span(delta: timedelta) -> str:
    """Return a duration in its largest whole unit: "12 s", "2 min", "3 h", "5 d", "2 y"; negative ones as zero."""
    seconds = max(int(delta.total_seconds()), 0)
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR} h"
    if seconds < 2 * 365 * DAY:
        return f"{seconds // DAY} d"
    return f"{seconds // (365 * DAY)} y"


def since(moment: datetime | None, now: datetime, never: str = "never") -> str:
    """Return how long ago `moment` was, for a column: "2 min", or `never`."""
    return never if moment is None else span(now - moment)


def ago(moment: datetime, now: datetime) -> str:
    """Return "just now", "20 s ago" (in steps of five seconds, so that a line rarely changes), "2 min ago"."""
    seconds = int((now - moment).total_seconds())
    if seconds < 5:
        return "just now"
    if seconds < MINUTE:
        return f"{seconds - seconds % 5} s ago"
    return f"{span(now - moment)} ago"


def clock_time(moment: datetime) -> str:
    """Return "09:42" in UTC."""
    return moment.astimezone(UTC).strftime("%H:%M")


def short_moment(moment: datetime, now: datetime) -> str:
    """Return "09:42" for today's times, "11-22 09:42" for others of the last year, else the date; UTC."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    if moment.date() == now.date():
        return moment.strftime("%H:%M")
    if abs(now - moment) < timedelta(days=300):
        return moment.strftime("%m-%d %H:%M")
    return moment.strftime("%Y-%m-%d")


def since_moment(moment: datetime, now: datetime) -> str:
    """Return "09:42" for the last 20 hours, else the day, "11-22"; UTC."""
    if moment.tzinfo is None:
        return "?"
    recent = now - moment < timedelta(hours=20)
    return moment.astimezone(UTC).strftime("%H:%M" if recent else "%m-%d")


def full_moment(moment: datetime | None, now: datetime, never: str = "never") -> str:
    """Return the whole time and its age: "2026-11-23 09:42:07 UTC (2 min ago)"."""
    if moment is None:
        return never
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if moment > now:
        return f"{text} (in {span(moment - now)})"
    return f"{text} ({ago(moment, now)})"


def window_words(window: timedelta) -> str:
    """Return a time window in words: "1 h", "24 h", "7 days"; one that begins at a full bin counts as long as asked."""
    hours = _hours(window)
    return f"{round(hours / 24)} days" if hours > 24 else f"{hours} h"


def _hours(window: timedelta) -> int:
    return max(round(window.total_seconds() / HOUR), 1)


def step_words(step: timedelta) -> str:
    """Return a bin width in words: "per minute", "per 15 min", "per hour"."""
    minutes = int(step.total_seconds()) // MINUTE
    if minutes == 1:
        return "per minute"
    if minutes % 60:
        return f"per {minutes} min"
    return "per hour" if minutes == 60 else f"per {minutes // 60} h"


def change_words(total: int, previous: int | None, before: str) -> str:
    """Return the change against the window before: "3.9x the hour before"; empty when unknown."""
    if previous is None:
        return ""
    if previous == 0:
        return f"none {before}" if total else f"none {before} either"
    if total == previous:
        return f"as many as {before}"
    if total == 0:
        return f"{number(previous)} {before}"
    ratio = total / previous
    return f"{ratio:.0f}x {before}" if ratio >= 10 else f"{ratio:.1f}x {before}"


def before_words(window: timedelta) -> str:
    """Return what the window before is called: "the hour before"."""
    hours = _hours(window)
    return {1: "the hour before", 24: "the day before", 168: "the week before"}.get(hours, f"the {hours} h before")


def freshness(as_of: datetime | None, now: datetime, *, stale: bool, cached: bool = False) -> tuple[str, str]:
    """Return the age of a figure and its style token: ("updated 4 s ago", "dim"), ("STALE since 12:03", "warn")."""
    if as_of is None:
        return ("not read yet", "dim")
    if cached:
        return (f"from {ago(as_of, now)}, reading", "warn")
    if stale:
        return (f"STALE since {short_moment(as_of, now)}", "warn")
    return (f"updated {ago(as_of, now)}", "dim")
