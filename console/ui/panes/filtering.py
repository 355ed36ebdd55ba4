"""The filter line of a list: opened by `/`, live as it is typed, cleared by escape before anything else is."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from console.ui.panes.base import ConsoleScreen
from console.ui.widgets.filter_line import Entry, FilterLine


class Filtered(Protocol):
    """What is shown, narrowed by a text."""

    filter: str


class FilterScreen(ConsoleScreen):
    """A screen with one table that a filter narrows; it says where the line goes and shows its rows.

    The command of the registry that opens the line calls `open_filter`.
    """

    FILTER_HINT: ClassVar[str] = ""
    FILTER_BELOW: ClassVar[str] = "#heading"
    """The widget that the line stands under."""

    state: Filtered

    @property
    def table(self) -> Widget:
        """The table that the filter narrows; overridden."""
        raise NotImplementedError

    def show_rows(self) -> None:
        """Show the rows that pass the filter; overridden."""
        raise NotImplementedError

    async def open_filter(self) -> None:
        """Open the line, with the filter in force."""
        if not self.query(FilterLine):
            line = FilterLine(self.state.filter, self.FILTER_HINT)
            await self.mount(Entry("/", line), after=self.query_one(self.FILTER_BELOW))
            self.set_focus(line)

    def set_filter(self, text: str) -> None:
        """Take a filter from elsewhere, and close the line."""
        self.state.filter = text
        self.close_filter()
        self.show_rows()

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Filter as it is typed."""
        self.state.filter = message.value
        self.show_rows()

    @on(FilterLine.Closed)
    def close_filter(self) -> None:
        """Go back to the table."""
        for line in self.query(Entry):
            line.remove()
        self.table.focus()

    def clear_filter(self) -> bool:
        """Forget the filter; return whether there was one."""
        if not self.state.filter:
            return False
        self.set_filter("")
        return True

    def back(self) -> bool:
        """Clear the filter first."""
        return self.clear_filter() or super().back()
