"""The first line of a pane, and other single lines that are set from outside."""

from __future__ import annotations

from console.present.lines import Line, spread
from console.ui.widgets.painting import TextLine


class Heading(TextLine):
    """A line with a left and a right part."""

    _left: Line = ()
    _right: Line = ()

    def set(self, left: Line, right: Line = ()) -> None:
        """Show other parts."""
        self._left, self._right = left, right
        self.update()

    def build(self, width: int) -> Line:
        """Return both parts, the left one cut where they meet."""
        return spread(self._left, self._right, width)
