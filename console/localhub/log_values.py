"""Values as Log Analytics writes them: its type names, ISO times, timespans, and ISO 8601 time spans of requests."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

_DURATION = re.compile(
    r"^P(?:(?P<weeks>[\d.]+)W)?(?:(?P<days>[\d.]+)D)?"
    r"(?:T(?:(?P<hours>[\d.]+)H)?(?:(?P<minutes>[\d.]+)M)?(?:(?P<seconds>[\d.]+)S)?)?$",
    re.IGNORECASE,
)


def parse_duration(text: str) -> timedelta:
    """Return the length of an ISO 8601 duration with float parts, such as the SDK's `PT3600.0S`.

    Raises:
        ValueError: the text is no duration (months and years have no fixed length and are refused too).
    """
    match = _DURATION.match(text.strip())
    parts = {name: float(value) for name, value in match.groupdict().items() if value} if match else {}
    if not parts:
        raise ValueError(f"'{text}' is not an ISO 8601 duration")
    try:
        return timedelta(**parts)
    except OverflowError:
        raise ValueError(f"'{text}' is too long") from None


def parse_timespan(text: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return (start, end) of a request's `timespan`: a duration, `start/end`, `start/duration`, `duration/end`.

    Raises:
        ValueError: the text is none of these.
    """
    if not text:
        return None, None
    try:
        return _bounds(text, now)
    except OverflowError:
        raise ValueError(f"'{text}' leaves the calendar") from None


def _bounds(text: str, now: datetime) -> tuple[datetime, datetime]:
    first, slash, second = text.partition("/")
    if not slash:
        return now - parse_duration(first), now
    if first[:1] in "Pp":
        end = _moment(second)
        return end - parse_duration(first), end
    start = _moment(first)
    return start, start + parse_duration(second) if second[:1] in "Pp" else _moment(second)


def _moment(text: str) -> datetime:
    body = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    value = datetime.fromisoformat(body[:-1] + "+00:00" if body[-1:] in {"Z", "z"} else body)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_TYPES = {
    "BOOLEAN": "bool",
    "TINYINT": "int",
    "UTINYINT": "int",
    "SMALLINT": "int",
    "USMALLINT": "int",
    "INTEGER": "int",
    "UINTEGER": "long",
    "BIGINT": "long",
    "UBIGINT": "long",
    "HUGEINT": "long",
    "UHUGEINT": "long",
    "FLOAT": "real",
    "DOUBLE": "real",
    "VARCHAR": "string",
    "UUID": "guid",
    "DATE": "datetime",
    "TIME": "timespan",
    "INTERVAL": "timespan",
    "JSON": "dynamic",
}


def column_type(engine_type: str) -> str:
    """Return the Log Analytics type of a duckdb type."""
    name = engine_type.upper()
    if name in _TYPES:
        return _TYPES[name]
    if name.startswith("TIMESTAMP"):
        return "datetime"
    if name.startswith("DECIMAL"):
        return "decimal"
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "LIST", "UNION")):
        return "dynamic"
    return "string"


def _time(value: Any) -> object:
    if value is None:
        return None
    if isinstance(value, str):
        return None  # the engine's text of a time beyond the calendar
    if not isinstance(value, datetime):
        return f"{value}T00:00:00Z"
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat() + "Z"


def _span(value: Any) -> str | None:
    if not isinstance(value, timedelta):
        return None if value is None else str(value)
    ticks = abs(value) // timedelta(microseconds=1)
    seconds, micro = divmod(ticks, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    text = f"{days}.{text}" if days else text
    text = f"{text}.{micro:06d}0" if micro else text
    return f"-{text}" if value < timedelta() else text


def _real(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _dynamic(value: object) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _same(value: Any) -> Any:
    return value


def _string(value: Any) -> str:
    return "" if value is None else str(value)  # a string is never null in Kusto


def _spelled(value: object) -> str | None:
    return None if value is None else str(value)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "datetime": _time,
    "timespan": _span,
    "real": _real,
    "dynamic": _dynamic,
    "string": _string,
    "decimal": _spelled,
    "guid": _spelled,
}


def converter(kind: str) -> Callable[[Any], Any]:
    """Return the function that turns a duckdb value of a Log Analytics type into what stands in the JSON answer."""
    return _CONVERTERS.get(kind, _same)
