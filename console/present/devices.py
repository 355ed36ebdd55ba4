"""The table of devices: columns, rows, sort keys."""

from __future__ import annotations

from datetime import datetime

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus, FleetCounts
from console.present.columns import Column
from console.present.glyphs import auth_piece, connection_piece, status_piece
from console.present.lines import Piece
from console.present.words import number, since

COLUMNS: tuple[Column, ...] = (
    Column("id", "DEVICE", 17, flex=1),
    Column("status", "STATUS", 8, priority=3),
    Column("auth", "AUTH", 13),
    Column("state", "STATE", 14, priority=2),
    Column("seen", "SEEN", 6, "right", priority=1),
    Column("failures", "FAIL 1H", 8, "right"),
    Column("edge", "EDGE", 4, priority=5),
    Column("site", "TAGS", 16, flex=1, priority=6, sortable=False),
    Column("reason", "REASON", 20, wide=True),
    Column("thumb1", "THUMBPRINT 1", 14, wide=True, sortable=False),
    Column("thumb2", "THUMBPRINT 2", 14, wide=True, sortable=False),
    Column("tags", "ALL TAGS", 40, flex=1, wide=True, sortable=False),
)
FIRST_DESCENDING = frozenset({"seen", "failures", "edge"})
"""Columns whose interesting end is the high one."""


def device_cells(device: Device, failures: int | None, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of one device, one per column of `COLUMNS`. `failures` is None when the log was not read."""
    first, second = device.thumbprints
    tags = device.tags
    return (
        (device.device_id, "" if device.status is DeviceStatus.ENABLED else "dim"),
        status_piece(device.status),
        auth_piece(device.auth),
        connection_piece(device.connection),
        (since(device.last_activity, now), ""),
        failures_piece(failures),
        ("edge" if device.edge else "", ""),
        (" ".join(value for _, value in tags[:3]), "dim"),
        (device.status_reason, ""),
        (_short(first), "dim"),
        (_short(second), "dim"),
        (" ".join(f"{name}={value}" for name, value in tags), "dim"),
    )


def failures_piece(failures: int | None) -> Piece:
    """Return the failures column: a number, a dot for none, a question mark when the log was not read."""
    if failures is None:
        return ("?", "dim")
    return (number(failures), "bad") if failures else ("·", "dim")


def _short(thumbprint: str) -> str:
    return f"{thumbprint[:6]}…{thumbprint[-6:]}" if len(thumbprint) > 14 else thumbprint


def auth_summary(counts: FleetCounts) -> str:
    """Return "SAS 1,212 · X.509 CA 610 · thumbprint 171 · none 7"; the three thumbprint kinds counted together."""
    totals: dict[str, int] = {}
    for auth, count in counts.by_auth:
        word = {
            AuthType.SAS: "SAS",
            AuthType.CA: "X.509 CA",
            AuthType.NONE: "none",
            AuthType.UNKNOWN: "unknown",
        }.get(auth, "thumbprint")
        totals[word] = totals.get(word, 0) + count
    order = ("SAS", "X.509 CA", "thumbprint", "none", "unknown")
    return " · ".join(f"{word} {number(totals[word])}" for word in order if totals.get(word))


def state_summary(counts: FleetCounts) -> str:
    """Return "enabled 1,964 · connected 1,541 · unseen > 30 d 88"."""
    by_status, by_connection = dict(counts.by_status), dict(counts.by_connection)
    parts = [f"enabled {number(by_status.get(DeviceStatus.ENABLED, 0))}"]
    parts.append(f"connected {number(by_connection.get(ConnectionState.CONNECTED, 0))}")
    if counts.unseen_30_days is not None:
        parts.append(f"unseen > 30 d {number(counts.unseen_30_days)}")
    return " · ".join(parts)
