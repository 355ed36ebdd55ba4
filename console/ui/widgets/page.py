"""A page of text that scrolls, with an optional cursor on lines that lead somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.present.lines import Line, plain, spread, text_width
from console.ui.commands import bindings
from console.ui.widgets.painting import Painted

_HINT = "  enter "


class Page(Painted, ScrollView, can_focus=True):
    """Lines of text; only changed lines are repainted."""

    BINDINGS = bindings("page")
    COMMAND_SCOPE: ClassVar[str] = "page"
    DEFAULT_CSS = "Page { width: 1fr; height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }"

    class Resized(Message):
        """The width changed: lines should be built again."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines; the view stays where it is."""
        old, self.lines = self.lines, tuple(lines)
        self._resize_content()
        if not self.is_attached:
            return
        top, height = self.scroll_offset.y, self.size.height
        for y in range(height):
            before = old[top + y] if top + y < len(old) else None
            after = self.lines[top + y] if top + y < len(self.lines) else None
            if before != after:
                self.refresh(Region(0, y, self.size.width, 1))

    def text(self) -> str:
        """Return the whole page as plain text."""
        return "\n".join(plain(line).rstrip() for line in self.lines)

    def _resize_content(self) -> None:
        size = Size(self.size.width, len(self.lines))
        if size != self.virtual_size:
            self.virtual_size = size

    def on_resize(self, event: events.Resize) -> None:
        """Ask for lines of the new width."""
        del event
        self._resize_content()
        self.post_message(self.Resized())

    def scroll_lines(self, top: int) -> None:
        """Put line `top` at the upper edge, as far as there are lines."""
        top = max(min(top, len(self.lines) - self.size.height), 0)
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True, force=True)

    def action_line(self, by: int) -> None:
        """Scroll by lines."""
        self.scroll_lines(self.scroll_offset.y + by)

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        self.scroll_lines(self.scroll_offset.y + by * max(self.size.height - 1, 1))

    def action_edge(self, side: int) -> None:
        """Scroll to the first or last line."""
        self.scroll_lines(0 if side < 0 else len(self.lines))

    def render_line(self, y: int) -> Strip:
        """Draw a line; the last one tells that there is more."""
        top, width = self.scroll_offset.y, self.size.width
        index = top + y
        line = self.lines[index] if index < len(self.lines) else ()
        if y == self.size.height - 1 and index + 1 < len(self.lines):
            line = spread(line, ((" ↓ more ", "dim"),), width)
        return self.painter.strip(line, width)


class Choice(Page):
    """A page whose lines can be chosen: the cursor goes from one line with a key to the next."""

    BINDINGS = bindings("list")
    COMMAND_SCOPE: ClassVar[str] = "list"

    class Opened(Message):
        """Enter on a line."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.keys: Sequence[str] = ()
        self.selected = ""

    def offer(self, lines: Sequence[Line], keys: Sequence[str]) -> None:
        """Show lines; `keys` has one entry per line, empty where the cursor must not stop. The cursor keeps its key."""
        self.keys = tuple(keys)
        if self.selected not in self.keys or not self.selected:
            self.selected = next((key for key in self.keys if key), "")
        self.show(lines)

    @property
    def _index(self) -> int:
        return self.keys.index(self.selected) if self.selected in self.keys else -1

    def _select(self, index: int) -> None:
        old = self._index
        self.selected = self.keys[index]
        for y in (old, index):
            self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))
        if index < self.scroll_offset.y:
            self.scroll_lines(index)
        elif index >= self.scroll_offset.y + self.size.height:
            self.scroll_lines(index - self.size.height + 1)

    def action_cursor(self, by: int) -> None:
        """Move to the next line that can be chosen."""
        index = self._index + by
        while 0 <= index < len(self.keys):
            if self.keys[index]:
                self._select(index)
                return
            index += by

    def action_page(self, by: int) -> None:
        """Move by a page of lines."""
        for _ in range(max(self.size.height - 1, 1)):
            self.action_cursor(by)

    def action_edge(self, side: int) -> None:
        """Go to the first or last line that can be chosen."""
        indexes = [index for index, key in enumerate(self.keys) if key]
        if indexes:
            self._select(indexes[0] if side < 0 else indexes[-1])

    def action_open(self) -> None:
        """Choose the line."""
        if self.selected:
            self.post_message(self.Opened(self.selected))

    def on_click(self, event: events.Click) -> None:
        """Select a line, or choose the selected one."""
        event.stop()
        index = self.scroll_offset.y + event.y
        if index < len(self.keys) and self.keys[index]:
            if index == self._index:
                self.action_open()
            else:
                self._select(index)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor dim."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line; the chosen one in the cursor's style with the key that opens it."""
        index = self.scroll_offset.y + y
        if index != self._index:
            return super().render_line(y)
        width = self.size.width
        style = "on.cursor" if self.has_focus else "on.cursor-blur"
        text = plain(self.lines[index]).rstrip()
        line: Line = ((text, ""),)
        if text_width(text) + len(_HINT) < width:
            line = spread(line, ((_HINT, ""),), width)
        return self.painter.strip((("▸" + plain(line)[1:], style),), width)
