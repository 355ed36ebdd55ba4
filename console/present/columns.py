"""Columns of a table and how they share the width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GAP = 2
"""Blank cells between two columns."""


_SHORT, _LONG = 40, 200
"""Cells up to which a value is never, and from which it is always, too long to make a column wider."""


def usual_width(widths: Iterable[int]) -> int:
    """Return how wide a column has to be for its values, in cells; those far longer than most do not count.

    They stand out of the column in their own row instead of pushing the next column away in every other one.
    """
    ordered = sorted(widths)
    if not ordered:
        return 0
    limit = min(max(3 * ordered[(len(ordered) - 1) // 2], _SHORT), _LONG)
    return max((width for width in ordered if width <= limit), default=0)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is in cells; `flex` columns grow into what is left, by weight.

    `priority` 0 is always shown; higher numbers are hidden first when the table is narrow. `wide` columns appear only
    in the wide layout. `sortable` columns appear in the sort menu.
    """

    id: str
    title: str
    width: int
    align: str = "left"
    flex: int = 0
    priority: int = 0
    wide: bool = False
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Slot:
    """A visible column: its index in the row's cells, its width in cells."""

    index: int
    width: int


def layout(columns: Sequence[Column], width: int, *, wide: bool = False, skip: int = 0) -> tuple[Slot, ...]:
    """Return the visible columns and their widths for a table `width` cells wide.

    In the normal layout, columns of high priority number are hidden until the rest fits. In the wide layout all are
    kept and `skip` columns after the first are scrolled out on the left; what does not fit on the right is dropped.
    """
    shown = [index for index, column in enumerate(columns) if wide or not column.wide]
    if wide:
        shown = shown[:1] + shown[1 + skip :]
        used = 0
        kept: list[int] = []
        for index in shown:
            need = columns[index].width + (GAP if kept else 0)
            if kept and used + need > width:
                break
            kept.append(index)
            used += need
        shown = kept
    else:
        while len(shown) > 1 and _needed(columns, shown) > width:
            worst = max(shown, key=lambda index: (columns[index].priority, index))
            if columns[worst].priority == 0:
                break
            shown.remove(worst)
    spare = max(width - _needed(columns, shown), 0)
    weights = sum(columns[index].flex for index in shown)
    slots = []
    for index in shown:
        column = columns[index]
        extra = spare * column.flex // weights if weights else 0
        slots.append(Slot(index, min(column.width + extra, width)))
    return tuple(slots)


def _needed(columns: Sequence[Column], shown: Sequence[int]) -> int:
    return sum(columns[index].width for index in shown) + GAP * (len(shown) - 1)
