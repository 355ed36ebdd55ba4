"""Queries over a quiet fleet: groups by what devices have in common, pages straight from their twins as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from console.localhub.device_table import DeviceTable
from console.localhub.query_plan import Plan
from console.localhub.query_run import Weighted
from console.localhub.state import DeviceRecord, Json

Instead = dict[int, DeviceRecord | None]
Quiet = tuple[DeviceTable, Instead]
"""A table, and what the query index shows of some quiet devices; None for nothing."""
_LOOK = 20_000
"""So many devices are looked at for one page at most, where a condition must be put to each."""


def quiet_records(plan: Plan, table: DeviceTable, instead: Instead) -> Iterator[Weighted]:
    """Yield records that stand for the quiet devices: few, unless the query asks for what each has of its own."""
    if not plan.own:
        yield from table.weighted_quiet(instead)
        return
    for number in range(table.quiet.count):
        record = instead[number] if number in instead else table.quiet.record(number)
        if record is not None:
            yield record, 1


def quiet_page(
    plan: Plan, table: DeviceTable, instead: Instead, start: Json, size: int, parts: list[bytes]
) -> dict[str, Any] | None:
    """Add quiet devices to a page until it is full; return the place where the next one begins, None at the end.

    A page may end early when few devices match, as the service's do.
    """
    quiet = table.quiet
    first = number = start.get("quiet", 0)
    given = start["given"]
    room = size - len(parts)
    if plan.top is not None:
        room = min(room, plan.top - given - len(parts))
    whole = plan.kind == "Twin"
    fits = None
    if plan.matches is not None and not plan.own:
        fits = [plan.matches(record) for record in quiet.records]
    look = quiet.count if fits is not None or plan.matches is None else first + _LOOK
    while number < min(quiet.count, look) and room > 0:
        if whole and plan.matches is None:
            last = min(number + room, quiet.count)
            chosen = range(number, last)
            number = last
        else:
            chosen, number = _matching(plan, table, instead, fits, number, room, look)
        if whole and not any(one in instead for one in chosen) if instead else whole:
            parts += quiet.twins(chosen)
            room -= len(chosen)
            continue
        for one in chosen:
            record = instead[one] if one in instead else quiet.record(one)
            if record is not None:
                parts.append(json.dumps(plan.row(record), separators=(",", ":")).encode())
                room -= 1
    given += len(parts)
    if number >= quiet.count or (plan.top is not None and given >= plan.top):
        return None
    return {"position": 0, "after": "", "given": given, "quiet": number}


def _matching(
    plan: Plan, table: DeviceTable, instead: Instead, fits: list[bool] | None, number: int, room: int, end: int
) -> tuple[Any, int]:
    """Return the next devices that match, at most `room` of them, and the number after the last one looked at."""
    quiet = table.quiet
    found: list[int] = []
    end = min(end, quiet.count)
    while number < end and len(found) < room:
        if number in instead:
            record = instead[number]
            good = record is not None and (plan.matches is None or plan.matches(record))
        elif fits is not None:
            good = fits[quiet.sample(number)]
        else:
            good = plan.matches is None or plan.matches(quiet.record(number))
        if good:
            found.append(number)
        number += 1
    return found, number
