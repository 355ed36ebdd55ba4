"""A few lines of text of fixed height, such as the explanation below a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.geometry import Region
from textual.strip import Strip

from console.present.lines import Line, cut, wrap
from console.ui.widgets.painting import Painted


class TextBlock(Painted):
    """Shows lines; repaints the changed ones."""

    DEFAULT_CSS = "TextBlock { height: 3; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._parts: tuple[tuple[str, str, str], ...] = ()
        self._lines: list[Line] = []

    def explain(self, *parts: tuple[str, str, str]) -> None:
        """Show (label, text, style) parts, each wrapped; every part keeps at least one line."""
        self._parts = tuple(part for part in parts if part[1])
        self._rebuild()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._rebuild()

    def _rebuild(self) -> None:
        width = self.size.width
        if not width:
            return
        lines: list[Line] = []
        wrapped = [wrap(text, width - len(label) - 4) for label, text, _ in self._parts]
        allowed = [len(parts) for parts in wrapped]
        while sum(allowed) > self.size.height and max(allowed) > 1:
            allowed[allowed.index(max(allowed))] -= 1
        for (label, _, style), parts, rows in zip(self._parts, wrapped, allowed, strict=True):
            if len(parts) > rows:
                parts = [*parts[: rows - 1], cut(" ".join(parts[rows - 1 :]), width - len(label) - 4)]
            for index, part in enumerate(parts):
                lines.append(((f"   {label if index == 0 else ' ' * len(label)}", "dim"), (part, style)))
        for y in range(self.size.height):
            if lines[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, width, 1))
        self._lines = lines

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        return self.painter.strip(self._lines[y] if y < len(self._lines) else (), self.size.width)


class Lines(Painted):
    """Lines built for the widget's size; repaints the changed ones."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._build: Callable[[int, int], Sequence[Line]] | None = None
        self._lines: Sequence[Line] = ()

    def show(self, build: Callable[[int, int], Sequence[Line]]) -> None:
        """Show what `build` returns for a width and a height."""
        self._build = build
        self._rebuild()

    def on_resize(self) -> None:
        """Build again for the new size."""
        self._rebuild()

    def _rebuild(self) -> None:
        width, height = self.size
        if self._build is None or not width:
            return
        lines = tuple(self._build(width, height))
        for y in range(height):
            if lines[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, width, 1))
        self._lines = lines

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        return self.painter.strip(self._lines[y] if y < len(self._lines) else (), self.size.width)
