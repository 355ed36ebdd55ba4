"""Lines of styled text -> strips of the terminal; the base of every widget here."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from console.present.lines import Line, fit_line
from console.ui.theme import token_style


class Painter:
    """Turns lines into strips for one widget's base style and the current theme; styles are combined once."""

    def __init__(self, widget: Widget) -> None:
        self._theme = widget.app.theme
        # the text colour is the theme's own: while a screen is new, the inherited one can still be the background's
        self._base = widget.rich_style + token_style(self._theme, "text")
        self._styles: dict[str, Style] = {}

    def style(self, token: str) -> Style:
        """Return the whole style of a token on this widget."""
        style = self._styles.get(token)
        if style is None:
            style = self._styles[token] = self._base + token_style(self._theme, token)
        return style

    def strip(self, line: Line, width: int) -> Strip:
        """Return `line` as a strip of exactly `width` cells."""
        return Strip([Segment(text, self.style(token)) for text, token in fit_line(line, width)], width)


class Painted(Widget):
    """A widget that draws lines itself; its painter is renewed when theme or style change."""

    ALLOW_SELECT = False
    _painter: Painter | None = None

    @property
    def painter(self) -> Painter:
        """The painter for the current theme."""
        if self._painter is None:
            self._painter = Painter(self)
        return self._painter

    def notify_style_update(self) -> None:
        """Forget the painter: theme or style changed."""
        super().notify_style_update()
        self._painter = None


class TextLine(Painted):
    """One line of the screen that is repainted only when its text changed."""

    DEFAULT_CSS = "TextLine { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._line: Line | None = None
        self._width = 0

    def build(self, width: int) -> Line:
        """Return the line for a width; overridden by each kind of line."""
        raise NotImplementedError

    def update(self) -> None:
        """Build the line again and repaint it if it changed."""
        if not self.is_attached or not self.size.width:
            return
        line = self.build(self.size.width)
        if line != self._line or self._width != self.size.width:
            self._line, self._width = line, self.size.width
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        del y
        width = self.size.width
        if self._line is None or self._width != width:  # drawn before the widget is told of its new width
            self._line, self._width = self.build(width), width
        return self.painter.strip(self._line, width)
