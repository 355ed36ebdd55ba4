"""What is shown instead of a broken layout."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from console.present.lines import Line
from console.ui.widgets.painting import TextLine


class _Notice(TextLine):
    text = ""

    def build(self, width: int) -> Line:
        """Return the centred notice."""
        return ((self.text.center(width), "warn"),)


class TooSmall(ModalScreen[None]):
    """Says which size is needed; goes away by itself."""

    DEFAULT_CSS = "TooSmall { align: center middle; background: $background; }"
    BINDINGS = [Binding("q", "app.command('app.quit')", show=False)]  # noqa: RUF012 - Textual's way

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._need = f"terminal too small, needs {width}x{height}"

    def compose(self) -> ComposeResult:
        """Show one line."""
        notice = _Notice()
        notice.text = self._need
        yield notice
