"""Values as KQL literals: every text that enters a query goes through here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta


def quote(value: str) -> str:
    r"""Return a KQL expression that is this text: a literal, all printable ASCII, with backslashes and quotes escaped.

    Other text goes through JSON, whose \u escapes every engine reads alike (KQL's own are not universal).
    """
    if value.isascii() and value.isprintable():
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"tostring(parse_json({quote(json.dumps({'v': value}))}).v)"


def stamp(time: datetime) -> str:
    """Return a KQL datetime literal in UTC."""
    return f"datetime({time.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')}Z)"


def span(value: timedelta) -> str:
    """Return a KQL timespan literal in whole seconds."""
    return f"{int(value.total_seconds())}s"


def strings(values: Iterable[str]) -> str:
    """Return a KQL list of string literals."""
    return "(" + ", ".join(quote(value) for value in values) + ")"
