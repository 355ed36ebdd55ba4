"""Where a table gets its rows: any store that knows its length, a window of rows, and the position of a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from console.present.lines import Piece

T = TypeVar("T")
Cells = Sequence[Piece]
"""The cells of one row: (text, style token) for every column."""


class RowSource(Protocol):
    """Rows in their current order. A table asks only for what is on screen, whatever the length."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def window(self, start: int, stop: int) -> Sequence[Cells]:
        """Return the cells of rows [start, stop), cut at the end."""

    def position(self, key: str) -> int | None:
        """Return where the row with this key is now, None when it is gone."""

    def key_at(self, index: int) -> str:
        """Return the key of a row."""


class ListSource(Generic[T]):
    """Rows from a list of things: `key` names one, `cells` draws one."""

    def __init__(self, items: Sequence[T], key: Callable[[T], str], cells: Callable[[T], Cells]) -> None:
        self.items = items
        self._key = key
        self._cells = cells
        self._positions: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def window(self, start: int, stop: int) -> Sequence[Cells]:
        """Return the cells of rows [start, stop)."""
        return [self._cells(item) for item in self.items[start:stop]]

    def position(self, key: str) -> int | None:
        """Return where a key is; the first question builds the index."""
        if self._positions is None:
            self._positions = {self._key(item): index for index, item in enumerate(self.items)}
        return self._positions.get(key)

    def key_at(self, index: int) -> str:
        """Return the key of a row."""
        return self._key(self.items[index])
