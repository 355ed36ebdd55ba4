"""A kept row and a device: the one as SQLite has it, the other as everything else knows it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.fleet_snapshot import DeviceRow
from console.model.text import clean

STATUSES, AUTHS, CONNECTIONS = tuple(DeviceStatus), tuple(AuthType), tuple(ConnectionState)
_TAG_LIMIT, _MAX_TAGS = 256, 64


def device_of(row: Sequence[Any]) -> Device:
    """Return the device of a row (its ten columns, in their order); text is made safe to show here.

    Raises sqlite3.DatabaseError for a row that was never written like this: the file is broken.
    """
    try:
        return _device(row)
    except (IndexError, TypeError, ValueError, OverflowError, OSError, AttributeError) as error:
        raise sqlite3.DatabaseError(f"a row of it is damaged ({type(error).__name__})") from error


def _device(row: Sequence[Any]) -> Device:
    name, status, auth, connection, seen, edge, reason, prints, etag, tags = row
    first, _, second = (prints or "").partition("|")
    return Device(
        device_id=name + "",  # a text, else it is damaged
        status=STATUSES[status],
        auth=AUTHS[auth],
        connection=CONNECTIONS[connection],
        last_activity=None if seen is None else datetime.fromtimestamp(seen, UTC),
        status_reason=clean(reason),
        edge=bool(edge),
        thumbprints=(clean(first), clean(second)),
        etag=clean(etag),
        tags=tags_of(tags),
    )


def row_of(device: Device) -> DeviceRow:
    """Return the row of a device that was read by itself."""
    first, second = device.thumbprints
    tags: dict[str, str] = dict(device.tags)
    return (
        device.device_id,
        STATUSES.index(device.status),
        AUTHS.index(device.auth),
        CONNECTIONS.index(device.connection),
        None if device.last_activity is None else int(device.last_activity.timestamp()),
        int(device.edge),
        device.status_reason or None,
        f"{first}|{second}" if first or second else None,
        device.etag or None,
        json.dumps({"": tags}) if tags else None,
    )


def tags_of(text: object) -> tuple[tuple[str, str], ...]:
    """Return the tags of a row as (path, text): nested objects by dots, arrays as JSON, metadata left out; 64 at most.

    A single member with an empty name holds paths that are flat already (see `row_of`).
    """
    if not isinstance(text, str) or text == "{}":
        return ()
    try:
        found = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(found, dict):
        return ()
    flat = found.get("")
    if len(found) == 1 and isinstance(flat, dict):
        return tuple((str(name), str(value)) for name, value in flat.items())
    return tuple(pair for _, pair in zip(range(_MAX_TAGS), _flatten(found, ""), strict=False))


def _flatten(tags: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in tags.items():
        if name.startswith("$"):
            continue
        path = f"{prefix}{clean(name)}"
        if isinstance(value, dict):
            yield from _flatten(value, f"{path}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield path, clean(text, limit=_TAG_LIMIT)
