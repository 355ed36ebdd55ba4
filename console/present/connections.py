"""The tables of the Connections pane: groups of failures, raw events, query results; and what their rows mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from console.model.connection import (
    PROVISIONING_CODE,
    Cause,
    Confidence,
    ConnectionEvent,
    FailureGroup,
    FailureReport,
    Grouping,
    LogState,
    Source,
)
from console.model.text import clean
from console.present.cause_help import CAUSE_HELP
from console.present.chart import area
from console.present.columns import Column, usual_width
from console.present.glyphs import cause_token
from console.present.lines import Line, Piece, text_width
from console.present.log_states import WORDS, asked, lag_words
from console.present.pages import BLANK, fields, section
from console.present.words import (
    before_words,
    change_words,
    full_moment,
    number,
    plural,
    since_moment,
    step_words,
    window_words,
)

WINDOWS: tuple[tuple[timedelta, tuple[timedelta, ...]], ...] = (
    (timedelta(hours=1), (timedelta(minutes=1), timedelta(minutes=5))),
    (timedelta(hours=24), (timedelta(minutes=30), timedelta(minutes=15), timedelta(hours=1))),
    (timedelta(days=7), (timedelta(hours=4), timedelta(hours=1), timedelta(hours=12))),
)
"""Time ranges with their bin widths, the default first."""

_SOURCES = {Source.HUB: "hub", Source.PROVISIONING: "DPS"}
GROUP_COLUMNS: tuple[Column, ...] = (
    Column("label", "CAUSE", 24, flex=1),
    Column("count", "COUNT", 6, "right"),
    Column("devices", "DEVICES", 8, "right", priority=1),
    Column("since", "SINCE", 5),
    Column("confidence", "", 6, priority=2),
    Column("evidence", "EVIDENCE", 18, flex=3, priority=3, sortable=False),
)
EVENT_COLUMNS: tuple[Column, ...] = (
    Column("time", "TIME UTC", 8),
    Column("device", "DEVICE", 16, flex=2),
    Column("code", "CODE", 6),
    Column("name", "NAME", 19, flex=2, priority=1),
    Column("address", "ADDRESS", 14, priority=2),
    Column("protocol", "VIA", 5, priority=4),
    Column("auth", "AUTH", 8, priority=5),
    Column("sdk", "SDK", 18, flex=1, priority=6),
)


def group_columns(grouping: Grouping) -> tuple[Column, ...]:
    """Return the columns of the grouped table, its first one named after the grouping."""
    return (Column("label", grouping.value.upper(), 24, flex=1), *GROUP_COLUMNS[1:])


def group_cells(group: FailureGroup, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of one group; folded renewals are dim."""
    dim = "dim" if group.cause is Cause.RENEWAL else ""
    return (
        (f"■ {group.label}", dim or cause_token(group.cause)),
        (number(group.count), dim),
        (number(group.devices), dim),
        (since_moment(group.first, now), dim),
        ("LIKELY", "warn") if group.confidence is Confidence.LIKELY else ("", ""),
        (group.evidence or group.flag, dim),
    )


def event_matches(event: ConnectionEvent, wanted: str) -> bool:
    """Return whether an event has every word of a filter somewhere in its row; `!word` must not be there."""
    texts = (event.device_id, event.code, event.description, event.message, event.address, event.sdk, event.protocol)
    row = "\n".join((*texts, event.auth, event.operation, event.source)).casefold()
    return all(
        (word[1:] not in row) if word.startswith("!") and word[1:] else (word in row)
        for word in wanted.casefold().split()
        if word != "!"
    )


def event_cells(event: ConnectionEvent, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of one raw event."""
    dim = "dim" if event.renewal else ""
    older = now - event.time > timedelta(hours=20)
    moment = event.time.astimezone(UTC).strftime("%m-%d %H:%M" if older else "%H:%M:%S")
    return (
        (moment[-8:], "dim"),
        (event.device_id, dim),
        (event.code or "·", "dim" if event.renewal or not event.code else "bad"),
        (event.description or event.operation, dim),
        (event.address, dim),
        (event.protocol, "dim"),
        (event.auth, "dim"),
        (event.sdk, "dim"),
    )


def title_line(report: FailureReport, *, paused: bool, reading: bool) -> tuple[Line, Line]:
    """Return the left and right part of the pane's first line; paused or reading stands where the grouping stood."""
    left: Line = (
        (" FAILED CONNECTIONS", "head"),
        (f"  last {window_words(asked(report))}, {step_words(report.step)}", "dim"),
    )
    only = "" if report.source is None else f", {_SOURCES[report.source]} only"
    state: Piece = (f"by {report.grouping.value}{only}", "")
    if paused:
        state = ("PAUSED", "warn")
    elif reading:
        state = ("reading …", "accent")
    return left, (state, ("   ", ""), *lag_words(report), (" ", ""))


def summary_line(report: FailureReport) -> Line:
    """Return the figures under the chart: sum, devices, change, folded renewals, the platform's own counts."""
    if report.state is LogState.EMPTY:
        pieces: list[Piece] = [("   no failures", "ok")]
    elif report.state is LogState.READY:
        pieces = [(f"   {number(report.total)}", "head"), (f" from {plural(report.devices, 'device')}", "")]
    else:
        return ((f"   {WORDS[report.state].short}", "dim"),)
    if report.partial:
        pieces.append((f" · PARTIAL: {report.partial}", "warn"))
    if change := change_words(report.total, report.previous_total, before_words(asked(report))):
        pieces.append((f" · {change}", ""))
    if report.folded and not any(group.cause is Cause.RENEWAL for group in report.groups):
        pieces.append((f" · {number(report.folded)} renewals folded", "dim"))
    connected = report.connected.last if report.connected else None
    devices = report.total_devices.last if report.total_devices else None
    if connected is not None:
        of = f" of {number(devices)}" if devices is not None else ""
        pieces.append((f" · connected {number(connected)}{of}", "dim"))
    return tuple(pieces)


def metric_lines(report: FailureReport, width: int, height: int, *, ascii_only: bool = False) -> list[Line]:
    """Return the platform's own count of connected devices as a small chart; empty when it gave none."""
    values = [value for _, value in report.connected.points if value is not None] if report.connected else []
    if not values or width < 12 or height < 3:
        return []
    total = report.total_devices.last if report.total_devices else None
    of = f" of {number(total)}" if total is not None else ""
    low, high = min(values), max(values)
    label = max(len(number(low)), len(number(high)))
    rows = area(values, width - label - 2, height - 2, ascii_only=ascii_only)
    lines: list[Line] = [(("CONNECTED  ", "dim"), (number(values[-1]), ""), (of, "dim"))]
    for index, row in enumerate(rows):
        edge = number(high) if index == 0 else number(low) if index == len(rows) - 1 and low != high else ""
        lines.append(((f"{edge:>{label}} ", "dim"), (row, "metric")))
    return [*lines, (("platform metric", "dim"),)]


def group_meaning(group: FailureGroup, grouping: Grouping) -> tuple[str, str]:
    """Return what a group means and what to do: of its code when grouped by code, else of its cause."""
    if grouping is Grouping.CODE:
        return code_meaning(group.key)
    return CAUSE_HELP[group.cause]


def group_page(group: FailureGroup, grouping: Grouping, now: datetime, width: int) -> list[Line]:
    """Return everything about one group: figures, evidence, what it means, what to do."""
    meaning, fix = group_meaning(group, grouping)
    likely = group.confidence is Confidence.LIKELY
    sure = "LIKELY: inferred from circumstances" if likely else "certain: the log says so"
    figures = (
        ("failures", number(group.count)),
        ("devices", number(group.devices)),
        ("first", full_moment(group.first, now)),
        ("last", full_moment(group.last, now)),
    )
    why = (
        ("cause", group.cause.value),
        ("", sure, "warn" if likely else "dim"),
        ("flag", group.flag, "warn"),
        ("evidence", group.evidence),
    )
    return [
        BLANK,
        *section(group.label, fields(figures, width)),
        *section("WHY", fields(why, width)),
        *section("WHAT IT MEANS", fields((("meaning", meaning), ("what to do", fix, "accent")), width)),
    ]


def event_meaning(event: ConnectionEvent) -> tuple[str, str]:
    """Return (meaning, fix) of an event's error code, which a provisioning service may mean otherwise than a hub."""
    told_by_service = event.source is Source.PROVISIONING and event.code
    return code_meaning(f"{PROVISIONING_CODE}{event.code}" if told_by_service else event.code)


def code_meaning(code: str) -> tuple[str, str]:
    """Return (meaning, fix) of an error code from the catalogue; for success, that there is nothing to explain."""
    if not code:
        return ("A connection that succeeded, or was closed in good order.", "")
    from console.model.error_codes import explain  # a large table, needed by few screens

    entry = explain(code)
    return (f"{entry.code} {entry.name}: {entry.meaning}", entry.fix)


def log_columns(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> tuple[Column, ...]:
    """Return columns for any query result, as wide as their first rows need, at most 40 cells."""
    made = []
    for index, name in enumerate(columns):
        longest = max(len(name), usual_width(text_width(log_text(row[index])) for row in rows[:50]))
        numeric = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows[:50])
        made.append(Column(str(index), name, min(longest, 40), "right" if numeric else "left"))
    return tuple(made)


def log_text(value: Any) -> str:
    """Return a value of a query result as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return clean(value)
