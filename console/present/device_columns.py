"""Which columns the table of devices has: the usual ones, or those that somebody chose, tags among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from console.model.device import Device
from console.model.fleet_query import TAG
from console.present.columns import Column
from console.present.devices import COLUMNS, device_cells
from console.present.lines import Piece

Cells = Callable[[Device, int | None, datetime], tuple[Piece, ...]]
MAX_TAGS = 40
"""So many tags are offered as columns."""
_TAG_WIDTH = 10
_WANTED = 1
"""What was chosen beyond the usual columns is among the last to be hidden on a narrow screen."""


def usual() -> tuple[str, ...]:
    """Return the ids of the columns that are shown where nobody chose."""
    return tuple(column.id for column in COLUMNS if not column.wide)


def columns_of(chosen: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a choice: the device, what was chosen, in that order; the others in the wide layout alone.

    An id that is not known any more is passed over. An empty choice means the usual columns.
    """
    if not chosen:
        return COLUMNS
    known = {column.id: column for column in COLUMNS}
    first = [_chosen(known[one]) if one in known else _tag(one) for one in chosen if _is_column(one, known)]
    shown = {column.id for column in first}
    rest = [replace(column, wide=True) for column in COLUMNS[1:] if column.id not in shown]
    return (COLUMNS[0], *(column for column in first if column.id != COLUMNS[0].id), *rest)


def cells_of(columns: Sequence[Column]) -> Cells:
    """Return what makes the cells of a device for columns."""
    if tuple(columns) == COLUMNS:
        return device_cells
    places = {column.id: place for place, column in enumerate(COLUMNS)}
    picks = [places.get(column.id, column.id.removeprefix(TAG)) for column in columns]

    def cells(device: Device, failures: int | None, now: datetime) -> tuple[Piece, ...]:
        usual_ones, tags = device_cells(device, failures, now), dict(device.tags)
        return tuple(usual_ones[pick] if isinstance(pick, int) else (tags.get(pick, ""), "") for pick in picks)

    return cells


def offered(devices: Iterable[Device], chosen: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the columns to choose from, as (id, title, note): the fixed ones, then the tags of some devices."""
    fixed = [(column.id, column.title, "") for column in COLUMNS[1:]]
    counts: dict[str, int] = {one.removeprefix(TAG): 0 for one in chosen if one.startswith(TAG)}
    for device in devices:
        for path, _ in device.tags:
            counts[path] = counts.get(path, 0) + 1
    often = sorted(counts, key=lambda path: (TAG + path not in chosen, -counts[path], path))[:MAX_TAGS]
    return fixed + [(TAG + path, path, "tag") for path in sorted(often)]


def _is_column(column_id: str, known: dict[str, Column]) -> bool:
    return column_id in known or (column_id.startswith(TAG) and len(column_id) > len(TAG))


def _chosen(column: Column) -> Column:
    return replace(column, wide=False, priority=_WANTED) if column.wide else column


def _tag(column_id: str) -> Column:
    return Column(column_id, column_id.removeprefix(TAG), _TAG_WIDTH, flex=1, priority=_WANTED)
