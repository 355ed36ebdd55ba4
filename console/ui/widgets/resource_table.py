"""The table of every pane: draws only visible lines from a row source; the cursor stays on its row, whatever moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.present.columns import GAP, Column, Slot, layout
from console.present.lines import Line, Piece, fit, fit_line
from console.ui.commands import bindings
from console.ui.widgets.painting import Painted
from console.ui.widgets.row_source import Cells, ListSource, RowSource

_NOTHING: RowSource = ListSource[str]((), str, lambda _: ())
_GUTTER = 2


class _Look(NamedTuple):
    """Everything that the look of one line depends on."""

    cells: tuple[Piece, ...]
    cursor: int  # 0 elsewhere, 1 here without focus, 2 here
    marked: bool
    thumb: str


class ResourceTable(Painted, ScrollView, can_focus=True):
    """A table over a `RowSource`. One header line, then rows; a thin thumb at the right edge instead of a scrollbar."""

    BINDINGS = bindings("list")
    COMMAND_SCOPE: ClassVar[str] = "list"
    DEFAULT_CSS = """
    ResourceTable { width: 1fr; height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }
    """

    class Opened(Message):
        """Enter (or a click on the selected row): the row should be opened."""

        def __init__(self, table: ResourceTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> ResourceTable:
            """The table."""
            return self.table

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, table: ResourceTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> ResourceTable:
            """The table."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Only the last position counts."""
            return isinstance(message, ResourceTable.Moved) and message.table is self.table

    class HeaderClicked(Message):
        """A column's title was clicked."""

        def __init__(self, table: ResourceTable, column: str) -> None:
            super().__init__()
            self.table = table
            self.column = column

        @property
        def control(self) -> ResourceTable:
            """The table."""
            return self.table

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, header: bool = True) -> None:  # noqa: A002
        super().__init__(id=id)
        self.columns: tuple[Column, ...] = tuple(columns)
        self.source: RowSource = _NOTHING
        self.cursor = 0
        self.cursor_key: str | None = None
        self.moved = False
        self.marks: set[str] = set()
        self.sorted_by: tuple[str, bool] | None = None
        self.wide = False
        self.skip = 0
        self.lit = False  # show the cursor bright though the keys come from elsewhere
        self.empty: Sequence[Line] = ()
        self._header = 1 if header else 0
        self._fitted: tuple[object, tuple[Slot, ...]] = (None, ())
        self._rows: tuple[int, int, Sequence[Cells]] | None = None
        self._drawn: dict[int, _Look | None] = {}

    # --- what is shown -------------------------------------------------------------------------------------------

    def show(
        self,
        source: RowSource,
        *,
        columns: Sequence[Column] | None = None,
        sorted_by: tuple[str, bool] | None = None,
        empty: Sequence[Line] = (),
        growing: bool = False,
    ) -> None:
        """Show another state of the rows. The cursor stays on its key and on its line of the screen where it can.

        A view that stands at the top stays there, so that no row can hide above it.

        While a list is `growing` for the first time, a cursor that nobody moved stays on the first row instead.
        """
        whole = tuple(empty) != tuple(self.empty) or sorted_by != self.sorted_by
        if columns is not None and tuple(columns) != self.columns:
            self.columns, self.skip, whole = tuple(columns), 0, True
        self.source, self.empty, self.sorted_by = source, empty, sorted_by
        self._rows = None
        count = len(source)
        if growing and not self.moved:
            self.cursor, self.cursor_key = 0, None
        offset = self.cursor - self._top if self.moved or not growing else 0
        found = source.position(self.cursor_key) if self.cursor_key is not None else None
        self.cursor = found if found is not None else max(min(self.cursor, count - 1), 0)
        key = source.key_at(self.cursor) if count else None
        moved, self.cursor_key = key != self.cursor_key, key
        self._resize_content()
        at_top = self._top == 0 and self.cursor < self.page_rows  # then nothing may hide above the view
        self._scroll_rows(0 if at_top else self.cursor - offset)
        self._keep_visible()
        if whole or not self._drawn:
            self.refresh()
        else:
            self._refresh_changed()
        if moved and key is not None:
            self.post_message(self.Moved(self, key))

    @property
    def selected(self) -> str | None:
        """The key under the cursor."""
        return self.cursor_key

    def set_wide(self, wide: bool) -> None:
        """Switch between the columns that fit and all columns, scrolled sideways."""
        self.wide, self.skip = wide, 0
        self.refresh()

    def scroll_columns(self, by: int) -> None:
        """Scroll the columns after the first in the wide layout."""
        limit = max(len(self.columns) - 2, 0)
        skip = min(max(self.skip + by, 0), limit)
        if self.wide and skip != self.skip and (by < 0 or self._slots[-1].index < len(self.columns) - 1):
            self.skip = skip
            self.refresh()

    def toggle_mark(self) -> None:
        """Mark or unmark the row under the cursor and go down one row."""
        if self.cursor_key is None:
            return
        self.moved = True
        self.marks ^= {self.cursor_key}
        self._refresh_rows(self.cursor, self.cursor)
        self.action_cursor(1)

    def clear_marks(self) -> None:
        """Forget all marks."""
        self.marks.clear()
        self.refresh()

    # --- moving --------------------------------------------------------------------------------------------------

    @property
    def _top(self) -> int:
        return self.scroll_offset.y

    @property
    def page_rows(self) -> int:
        """How many rows are visible."""
        return max(self.size.height - self._header, 1)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, scrolling as little as needed."""
        index = max(min(index, len(self.source) - 1), 0)
        self.moved = True
        if index == self.cursor or not len(self.source):
            return
        old, self.cursor = self.cursor, index
        self.cursor_key = self.source.key_at(index)
        if not self._keep_visible():
            self._refresh_rows(old, index)
        self.post_message(self.Moved(self, self.cursor_key))

    def move_to_key(self, key: str) -> None:
        """Put the cursor on the row with this key, if there is one."""
        found = self.source.position(key)
        if found is not None:
            self.move_to(found)

    def action_cursor(self, by: int) -> None:
        """Move by rows."""
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move by pages: the view and the cursor together."""
        step = by * self.page_rows
        self._scroll_rows(self._top + step)
        self.move_to(self.cursor + step)

    def action_edge(self, side: int) -> None:
        """Go to the first or last row."""
        self.move_to(0 if side < 0 else len(self.source) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            self.moved = True
            self.post_message(self.Opened(self, self.cursor_key))

    def on_click(self, event: events.Click) -> None:
        """Select a row, open the selected one, or sort by a column's title."""
        event.stop()
        y, x = event.y, event.x - _GUTTER
        if y < self._header:
            for slot in self._slots:
                if x < slot.width + GAP:
                    self.post_message(self.HeaderClicked(self, self.columns[slot.index].id))
                    return
                x -= slot.width + GAP
            return
        index = self._top + y - self._header
        if index == self.cursor:
            self.action_open()
        elif index < len(self.source):
            self.move_to(index)

    def _scroll_rows(self, top: int) -> bool:
        top = max(min(top, len(self.source) - self.page_rows), 0)
        if top == self._top:
            return False
        self._rows = None
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        return True

    def _keep_visible(self) -> bool:
        """Scroll so that the cursor is on screen; return whether the view moved (then everything is repainted)."""
        top = self._top
        if self.cursor < top:
            return self._scroll_rows(self.cursor)
        if self.cursor >= top + self.page_rows:
            return self._scroll_rows(self.cursor - self.page_rows + 1)
        return False

    # --- drawing -------------------------------------------------------------------------------------------------

    def _resize_content(self) -> None:
        size = Size(self.size.width, len(self.source) + self._header)
        if size != self.virtual_size:
            self.virtual_size = size

    @property
    def _slots(self) -> tuple[Slot, ...]:
        """The visible columns; the width is shared anew when it, the columns or the layout changed."""
        room = self.size.width - _GUTTER - 1
        question = (room, self.columns, self.wide, self.skip)
        if self._fitted[0] != question:
            fitted = layout(self.columns, room, wide=self.wide, skip=self.skip) if room > 0 else ()
            self._fitted = (question, fitted)
        return self._fitted[1]

    def on_resize(self) -> None:
        """Share the new width among the columns; keep the cursor in view."""
        self._rows = None
        self._resize_content()
        self._keep_visible()

    def on_focus(self) -> None:
        """Show the cursor bright."""
        self._refresh_rows(self.cursor, self.cursor)

    def on_blur(self) -> None:
        """Show the cursor dim."""
        self._refresh_rows(self.cursor, self.cursor)

    def _refresh_rows(self, *indexes: int) -> None:
        for index in set(indexes):
            y = index - self._top + self._header
            if self._header <= y < self.size.height:
                self.refresh(Region(0, y, self.size.width, 1))

    def _refresh_changed(self) -> None:
        """Repaint only the lines whose content differs from what was last drawn."""
        for y in range(self._header, self.size.height):
            if self._drawn.get(y) != self._state_of(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _visible_rows(self) -> Sequence[Cells]:
        top, rows = self._top, self.page_rows
        if self._rows is None or self._rows[:2] != (top, rows):
            self._rows = (top, rows, self.source.window(top, top + rows))
        return self._rows[2]

    def _state_of(self, y: int) -> _Look | None:
        """Return the look of a line, None below the last row."""
        offset = y - self._header
        rows = self._visible_rows()
        if offset >= len(rows):
            return None
        index = self._top + offset
        marked = self.source.key_at(index) in self.marks if self.marks else False
        cursor = (1 + (self.has_focus or self.lit)) if index == self.cursor else 0
        return _Look(tuple(rows[offset]), cursor, marked, self._thumb(offset))

    def _thumb(self, offset: int) -> str:
        """Return the character at the right edge: a thumb where the visible part lies in the whole."""
        count, rows = len(self.source), self.page_rows
        if count <= rows:
            return " "
        size = max(rows * rows // count, 1)
        start = self._top * (rows - size) // (count - rows)
        return "▐" if start <= offset < start + size else " "

    def render_line(self, y: int) -> Strip:
        """Draw the header, a row, or the text for an empty table."""
        width = self.size.width
        if y < self._header:
            return self.painter.strip(self._header_line(), width)
        if not len(self.source):
            line = y - self._header - 1
            return self.painter.strip(self.empty[line] if 0 <= line < len(self.empty) else (), width)
        look = self._drawn[y] = self._state_of(y)
        if look is None:
            return self.painter.strip((), width)
        cells, cursor, marked, thumb = look
        if cursor:
            text = "▸" + ("•" if marked else " ") + self._joined(cells)
            style = self.painter.style("on.cursor" if cursor > 1 else "on.cursor-blur")
            body = fit(text, width - 1)
            return Strip([Segment(body, style), Segment(thumb, self.painter.style("axis"))], width)
        pieces: list[Piece] = [(" •" if marked else "  ", "accent" if marked else "")]
        for place, slot in enumerate(self._slots):
            if place:
                pieces.append((" " * GAP, ""))
            text, token = cells[slot.index]
            pieces.append((fit(text, slot.width, self.columns[slot.index].align), token if text else ""))
        return self.painter.strip((*fit_line(tuple(pieces), width - 1), (thumb, "axis")), width)

    def _joined(self, cells: Cells) -> str:
        gap = " " * GAP
        return gap.join(fit(cells[slot.index][0], slot.width, self.columns[slot.index].align) for slot in self._slots)

    def _header_line(self) -> Line:
        by, descending = self.sorted_by or ("", False)
        parts = []
        for slot in self._slots:
            column = self.columns[slot.index]
            title = column.title
            if column.id == by:
                arrow = "▼" if descending else "▲"
                title = f"{arrow}{title}" if column.align == "right" else f"{title} {arrow}"
            parts.append(fit(title, slot.width, column.align))
        return ((" " * _GUTTER + (" " * GAP).join(parts), "dim"),)
