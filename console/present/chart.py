"""The failure chart without a terminal: bins -> bars -> rows of glyph and style; and one-line sparklines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from console.model.connection import Cause, FailureBin
from console.present.glyphs import CAUSE_MARKS, cause_token
from console.present.lines import Line, Piece, cut, line_width
from console.present.words import clock_time, number, short_moment

EIGHTHS = " ▁▂▃▄▅▆▇█"
ASCII_SPARK = " .:-=+*#@"
MORE = 11
SHORTEST_NAME = 8
"""Cells for "   +10 more"."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `first` and `last` are the bins it sums, `counts` its causes from the bottom, renewals left out."""

    first: int
    last: int
    start: datetime
    end: datetime
    counts: tuple[tuple[Cause, int], ...]
    folded: int = 0

    @property
    def total(self) -> int:
        """All failures of the bar."""
        return sum(count for _, count in self.counts)


def make_bars(bins: Sequence[FailureBin], step: timedelta, room: int) -> tuple[Bar, ...]:
    """Return at most `room` bars; neighbouring bins are summed when there are more, counted from the newest."""
    if not bins or room <= 0:
        return ()
    group = -(-len(bins) // room)
    first = len(bins) % group
    edges = [0, *range(first, len(bins) + 1, group)] if first else list(range(0, len(bins) + 1, group))
    bars = []
    for low, high in pairwise(edges):
        sums: dict[Cause, int] = {}
        for bin_ in bins[low:high]:
            for cause, count in bin_.counts:
                sums[cause] = sums.get(cause, 0) + count
        counts = tuple((cause, sums[cause]) for cause in Cause if sums.get(cause) and cause is not Cause.RENEWAL)
        end = bins[high - 1].start + step
        bars.append(Bar(low, high - 1, bins[low].start, end, counts, sums.get(Cause.RENEWAL, 0)))
    return tuple(bars)


def nice_top(value: int) -> int:
    """Return the top of the value axis: the smallest even, round number not below `value`."""
    if value <= 2:
        return 2
    size = 1
    while True:
        for factor in (2, 4, 6, 8, 10, 12, 16):
            if factor * size >= value:
                return factor * size
        size *= 10


@dataclass(frozen=True, slots=True)
class ChartShape:
    """Where things are: bars start at column `left`, each `bar_width` cells wide, `rows` cells high, up to `top`."""

    left: int
    bar_width: int
    rows: int
    top: int


def shape(bars: Sequence[Bar], width: int, height: int) -> ChartShape:
    """Return the layout for a chart of `width` x `height` cells: the bars, one axis line, one line of times."""
    top = nice_top(max((bar.total for bar in bars), default=0))
    left = len(number(top)) + 3
    return ChartShape(left, bar_width(len(bars), width - left), max(height - 2, 1), top)


def bar_width(count: int, room: int) -> int:
    """Return the width of one bar, 1 to 4 cells."""
    return min(max(room // count, 1), 4) if count else 1


def bar_rows(bars: Sequence[Bar], area: ChartShape, *, ascii_only: bool = False) -> list[list[Piece]]:
    """Return, from the top row down, one (glyph, token) per bar. A token "a/b" means a on the background of b."""
    columns = [_column(bar, area, ascii_only=ascii_only) for bar in bars]
    return [[column[row] for column in columns] for row in range(area.rows - 1, -1, -1)]


def _column(bar: Bar, area: ChartShape, *, ascii_only: bool) -> list[Piece]:
    """Return the cells of one bar from the bottom up."""
    cells: list[Piece] = []
    edges: list[tuple[int, Cause]] = []
    running = 0
    for cause, count in bar.counts:
        running += count
        edges.append((max(round(running * area.rows * 8 / area.top), 1), cause))
    height = edges[-1][0] if edges else 0
    for row in range(area.rows):
        low, high = row * 8, row * 8 + 8
        if height <= low:
            cells.append((" ", ""))
            continue
        inside: list[tuple[int, Cause]] = []
        bottom = 0
        for edge, cause in edges:
            part = min(edge, high) - max(bottom, low)
            if part > 0:
                inside.append((part, cause))
            bottom = max(bottom, edge)
        filled = sum(part for part, _ in inside)
        main = max(inside)[1] if len({part for part, _ in inside}) > 1 else inside[-1][1]
        if ascii_only:
            cells.append((CAUSE_MARKS[main], cause_token(main)))
        elif filled == 8 and len(inside) > 1:
            lower, upper = inside[0], inside[-1]
            cells.append((EIGHTHS[lower[0]], f"{cause_token(lower[1])}/{cause_token(upper[1])}"))
        else:
            cells.append((EIGHTHS[filled], cause_token(main)))
    return cells


def axis_labels(area: ChartShape) -> dict[int, str]:
    """Return the value labels by row from the top, right-aligned before the axis."""
    width = area.left - 2
    labels = {0: number(area.top).rjust(width)}
    if area.rows >= 4 and area.top % 2 == 0 and area.rows % 2 == 0:
        labels[area.rows // 2] = number(area.top // 2).rjust(width)
    return labels


def time_axis(
    bars: Sequence[Bar], area: ChartShape, width: int, now: datetime, *, ascii_only: bool = False
) -> tuple[str, str]:
    """Return the axis line with its ticks and the line of times below it, both `width` cells wide."""
    if not bars:
        return " " * width, " " * width
    span = bars[-1].end - bars[0].start
    words = clock_time if span <= timedelta(hours=26) else (lambda moment: short_moment(moment, now))
    tick, line, corner = ("+", "-", "+") if ascii_only else ("┬", "─", "┼")
    length = len(bars) * area.bar_width
    axis = [line] * length
    labels = [" "] * width
    label_width = len(words(bars[0].start))
    every = max(-(-(label_width + 3) // area.bar_width), 1)
    every = next((step for step in (5, 10, 15, 20, 30, 60) if step >= every), every)
    last_start = area.left + length - label_width
    for index in range(0, len(bars), every):
        start = area.left + index * area.bar_width
        if start + label_width + 1 >= last_start and index:
            break
        axis[index * area.bar_width] = tick
        labels[start : start + label_width] = words(bars[index].start)
    if last_start > area.left + label_width:
        labels[last_start : last_start + label_width] = words(bars[-1].end)
    head = "0".rjust(area.left - 2) + corner
    return (f" {head}{''.join(axis)}".ljust(width)[:width], "".join(labels)[:width].ljust(width))


def legend(bars: Sequence[Bar], width: int, *, ascii_only: bool = False) -> Line:
    """Return the causes of the whole chart with their sums, the largest first; what does not fit is counted."""
    sums: dict[Cause, int] = {}
    for bar in bars:
        for cause, count in bar.counts:
            sums[cause] = sums.get(cause, 0) + count
    return _causes_line(sums, width, ascii_only=ascii_only)


def breakdown(bar: Bar, width: int, *, ascii_only: bool = False) -> Line:
    """Return what one bar holds: its time, its sum, its causes."""
    head = f"{clock_time(bar.start)}–{clock_time(bar.end)}  {number(bar.total)}  "
    folded = (("  folded ", "dim"), (number(bar.folded), "dim")) if bar.folded else ()
    rest = _causes_line(dict(bar.counts), width - len(head) - line_width(folded), ascii_only=ascii_only)
    return ((head, "head"), *rest, *folded)


def _causes_line(sums: dict[Cause, int], width: int, *, ascii_only: bool) -> Line:
    pieces: list[Piece] = []
    used = 0
    ranked = sorted(sums.items(), key=lambda item: -item[1])
    for place, (cause, count) in enumerate(ranked):
        gap = 3 if pieces else 0
        more = len(ranked) - place
        figure = number(count)
        room = width - used - gap - (MORE if more > 1 else 0) - len(figure) - 3
        if room < len(cause.value) and pieces:
            pieces.append((f"   +{more} more", "dim"))
            break
        name = cut(cause.value, max(room, SHORTEST_NAME))  # the largest cause is named however narrow it is
        if gap:
            pieces.append((" " * gap, ""))
        pieces += [
            (CAUSE_MARKS[cause] if ascii_only else "■", cause_token(cause)),
            (f" {name} ", ""),
            (figure, ""),
        ]
        used += gap + len(name) + len(figure) + 3
    return tuple(pieces)


def spark(values: Sequence[int], width: int, rows: int = 1, *, ascii_only: bool = False) -> list[str]:
    """Return a bar chart of `rows` lines and at most `width` cells, from the top; the lowest line is never blank.

    Neighbouring values are summed when there are more than fit; bars are wider than a cell when there is room.
    """
    if not values or width <= 0:
        return [""] * rows
    group = -(-len(values) // width)
    values = [sum(values[max(end - group, 0) : end]) for end in range(len(values), 0, -group)][::-1]
    wide = min(width // len(values), 4)
    glyphs = ASCII_SPARK if ascii_only else EIGHTHS
    top = max(values) or 1
    heights = [max(-(-value * 8 * rows // top), 1) for value in values]
    return [
        "".join(glyphs[max(min(height - row * 8, 8), 0)] * wide for height in heights)
        for row in range(rows - 1, -1, -1)
    ]


def area(values: Sequence[float], width: int, rows: int, *, ascii_only: bool = False) -> list[str]:
    """Return a filled curve of `rows` lines, scaled from the least (one eighth high) to the greatest value."""
    if not values or width <= 0 or rows <= 0:
        return []
    low, high = min(values), max(values)
    spread_ = (high - low) or 1.0
    sampled = [values[min(index * len(values) // width, len(values) - 1)] for index in range(width)]
    heights = [1 + round((value - low) / spread_ * (rows * 8 - 1)) for value in sampled]
    glyphs = ASCII_SPARK if ascii_only else EIGHTHS
    return ["".join(glyphs[max(min(height - row * 8, 8), 0)] for height in heights) for row in range(rows - 1, -1, -1)]
