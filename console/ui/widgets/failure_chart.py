"""The live chart of failures: bars stacked by cause, value and time axes; a bar can be selected and opened."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from console.model.connection import FailureReport
from console.present.chart import (
    Bar,
    ChartShape,
    axis_labels,
    bar_rows,
    breakdown,
    legend,
    make_bars,
    shape,
    time_axis,
)
from console.present.lines import Line, Piece
from console.ui.commands import bindings
from console.ui.widgets.painting import Painted

_MARGIN = 8
"""Cells that the value axis may take before bars have to be summed."""


def changed(old: Line, new: Line) -> tuple[int, int]:
    """Return how many cells at the start and at the end of a line stay as they are; all its characters are one wide.

    Over a slow line every cell that is sent again is felt.
    """
    before = [(char, token) for text, token in old for char in text]
    after = [(char, token) for text, token in new for char in text]
    if len(before) != len(after):
        return 0, 0
    differ = [place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    return (differ[0], len(after) - 1 - differ[-1]) if differ else (len(after), 0)


class FailureChart(Painted, can_focus=True):
    """Bars, time axis, times, and one line of legend: the causes of the window, or of the selected bar."""

    BINDINGS = bindings("chart")
    COMMAND_SCOPE: ClassVar[str] = "chart"
    DEFAULT_CSS = "FailureChart { width: 1fr; height: 7; }"

    class Opened(Message):
        """A bar should be opened."""

        def __init__(self, bar: Bar) -> None:
            super().__init__()
            self.bar = bar

    class Left(Message):
        """The user wants to go on to the table."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.bars: tuple[Bar, ...] = ()
        self.selected: datetime | None = None
        self._report: FailureReport | None = None
        self._lines: list[Line] = []
        self._now: datetime | None = None

    def show(self, report: FailureReport, now: datetime) -> None:
        """Show another report; the selection stays on its time while that is on the chart."""
        self._report, self._now = report, now
        self._rebuild()

    @property
    def _index(self) -> int | None:
        return next((index for index, bar in enumerate(self.bars) if bar.start == self.selected), None)

    def move(self, by: int) -> None:
        """Select the next bar to the left or right; the first time, the newest one."""
        if not self.bars:
            return
        index = self._index
        index = len(self.bars) - 1 if index is None else max(min(index + by, len(self.bars) - 1), 0)
        self.selected = self.bars[index].start
        self._rebuild()

    def clear(self) -> None:
        """Select nothing."""
        self.selected = None
        self._rebuild()

    def action_open(self) -> None:
        """Open the selected bar."""
        if (index := self._index) is not None:
            self.post_message(self.Opened(self.bars[index]))

    def action_leave(self) -> None:
        """Go on to the table."""
        self.post_message(self.Left())

    def on_click(self, event: events.Click) -> None:
        """Select the bar that was clicked, or open the selected one."""
        if not self.bars or self._report is None:
            return
        area = self._shape()
        index = (event.x - area.left) // area.bar_width
        if event.x >= area.left and index < len(self.bars):
            again = self.bars[index].start == self.selected
            self.selected = self.bars[index].start
            self._rebuild()
            if again:
                self.action_open()

    def on_resize(self) -> None:
        """Sum the bins to bars of the new width."""
        self._rebuild()

    def on_focus(self) -> None:
        """Select the newest bar."""
        if self.selected is None:
            self.move(0)

    def _shape(self) -> ChartShape:
        return shape(self.bars, self.size.width, self.size.height - 1)

    def _rebuild(self) -> None:
        """Build all lines; repaint those that changed."""
        width, height = self.size.width, self.size.height
        report, now = self._report, self._now
        if report is None or now is None or width < _MARGIN + 4 or height < 4:
            return
        self.bars = make_bars(report.bins, report.step, width - _MARGIN)
        if self._index is None:
            self.selected = None
        lines = self._build(width, now)
        for y, line in enumerate(lines):
            old = self._lines[y] if y < len(self._lines) else ()
            if old != line:
                start, end = changed(old, line)
                self.refresh(Region(start, y, max(width - start - end, 1), 1))
        self._lines = lines

    def _build(self, width: int, now: datetime) -> list[Line]:
        plain = self.app.ascii_only  # type: ignore[attr-defined]
        area = self._shape()
        labels = axis_labels(area)
        upright, joint = ("|", "+") if plain else ("│", "┤")
        lines: list[Line] = []
        for row, cells in enumerate(bar_rows(self.bars, area, ascii_only=plain)):
            label = labels.get(row, "")
            pieces: list[Piece] = [(f" {label.rjust(area.left - 2)}", "dim"), (joint if label else upright, "axis")]
            for glyph, token in cells:
                text, colour = pieces[-1]
                if len(pieces) > 2 and (colour == token or glyph == " "):  # a blank needs no colour of its own
                    pieces[-1] = (text + glyph * area.bar_width, colour)
                elif len(pieces) > 2 and text.isspace():
                    pieces[-1] = (text + glyph * area.bar_width, token)
                else:
                    pieces.append((glyph * area.bar_width, token))
            lines.append(tuple(pieces))
        axis, times = time_axis(self.bars, area, width, now, ascii_only=plain)
        index = self._index
        if index is None:
            lines += [((axis, "axis"),), ((times, "dim"),), self._legend(width, plain)]
            return lines
        at = area.left + index * area.bar_width
        mark = ("^" if plain else "▲") * area.bar_width
        lines.append(((axis[:at], "axis"), (mark, "accent"), (axis[at + len(mark) :], "axis")))
        lines += [((times, "dim"),), ((" ", ""), *breakdown(self.bars[index], width - 2, ascii_only=plain))]
        return lines

    def _legend(self, width: int, plain: bool) -> Line:
        return (("   ", ""), *legend(self.bars, width - 4, ascii_only=plain))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        return self.painter.strip(self._lines[y] if y < len(self._lines) else (), self.size.width)
