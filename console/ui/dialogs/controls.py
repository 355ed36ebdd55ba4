"""The parts of dialogs: buttons, ticks, choices, a sentence; which one has the focus is said without colour too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from console.model.text import clean
from console.present.lines import Line, cut, text_width, wrap
from console.ui.widgets.painting import Painted

TICK_LINES = 3
"""Most lines that the text of a tick takes; the page above it has the whole."""


class Control(Painted, can_focus=True):
    """A line that can be focused and repaints when it is."""

    DEFAULT_CSS = "Control { height: 1; width: 1fr; }"

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, control: Control) -> None:
            super().__init__()
            self.sender = control

    def on_focus(self) -> None:
        """Show that it is the one."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that it is not."""
        self.refresh()

    def _tone(self) -> str:
        return "on.cursor" if self.has_focus else ""


class PushButton(Control):
    """A button: `[ Cancel ]` when focused. One that is not ready cannot be focused or pushed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "push", show=False)]

    class Pushed(Message):
        """It was pushed; `id` names the button."""

        def __init__(self, id: str) -> None:  # noqa: A002 - Textual's name
            super().__init__()
            self.id = id

    def __init__(self, label: str, *, id: str, ready: bool = True) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.label = label
        self.can_focus = ready
        self.styles.width = text_width(label) + 6

    @property
    def ready(self) -> bool:
        """Whether it can be pushed."""
        return self.can_focus

    def set_ready(self, ready: bool) -> None:
        """Let it be pushed, or not."""
        if ready != self.can_focus:
            if not ready and self.has_focus:
                self.screen.focus_previous()
            self.can_focus = ready
            self.refresh()

    def action_push(self) -> None:
        """Push it."""
        if self.ready:
            self.post_message(self.Pushed(self.id or ""))

    def on_click(self, event: events.Click) -> None:
        """Push it."""
        event.stop()
        self.action_push()

    def render_line(self, y: int) -> Strip:
        """Draw it."""
        if y:
            return self.painter.strip((), self.size.width)
        text = f"[ {self.label} ]" if self.has_focus else f"  {self.label}  "
        style = self._tone() or ("key" if self.ready else "dim")
        return self.painter.strip(((" ", ""), (text, style)), self.size.width)


class Tick(Control):
    """A box to tick with space, and what it says; long text goes on below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "tick", show=False)]

    def __init__(self, key: str, text: str, *, value: bool = False, style: str = "") -> None:
        super().__init__()
        self.key = key
        self.value = value
        self._text = clean(text)
        self._style = style

    def on_resize(self) -> None:
        """Take as many lines as the text needs."""
        self.styles.height = max(min(len(wrap(self._text, self.size.width - 6)), TICK_LINES), 1)

    def action_tick(self) -> None:
        """Tick it, or not."""
        self.value = not self.value
        self.refresh()
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """Focus it; the one that has the focus is ticked."""
        if self.has_focus:
            self.action_tick()

    def render_line(self, y: int) -> Strip:
        """Draw box and text."""
        room = self.size.width - 6
        parts = wrap(self._text, room)
        if len(parts) > self.size.height:
            kept = max(self.size.height - 1, 0)
            parts = [*parts[:kept], cut(" ".join(parts[kept:]), room)]
        text = parts[y] if y < len(parts) else ""
        box = f"{'▸' if self.has_focus else ' '}[{'x' if self.value else ' '}] " if y == 0 else "     "
        style = self._tone()
        return self.painter.strip(((box, style or "key"), (text, style or self._style)), self.size.width)


class OneOf(Control):
    """One of some choices: left and right change it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", show=False),
        Binding("right,l,space", "step(1)", show=False),
    ]

    def __init__(self, key: str, choices: Sequence[tuple[str, str]], value: str = "") -> None:
        super().__init__()
        self.key = key
        self._choices = [(name, clean(title)) for name, title in choices]
        names = [name for name, _ in choices]
        self._place = names.index(value) if value in names else 0

    @property
    def value(self) -> str:
        """What is chosen."""
        return self._choices[self._place][0]

    def action_step(self, by: int) -> None:
        """Choose the next or previous, round and round."""
        self._place = (self._place + by) % len(self._choices)
        self.refresh()
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """Focus it; the one that has the focus steps on."""
        if self.has_focus:
            self.action_step(1)

    def render_line(self, y: int) -> Strip:
        """Draw the choice between its arrows."""
        del y
        width = self.size.width
        text = f"‹ {cut(self._choices[self._place][1], width - 6)} ›"
        return self.painter.strip((("▸" if self.has_focus else " ", "key"), (text, self._tone())), width)


class Sentence(Painted):
    """Wrapped text that takes the lines it needs, and none when it is empty."""

    DEFAULT_CSS = "Sentence { height: auto; width: 1fr; }"

    def __init__(self, text: str = "", style: str = "", *, indent: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self._indent = indent
        self._text, self._style = clean(text), style
        self.display = bool(text)

    def say(self, text: str, style: str | None = None) -> None:
        """Say something else, or nothing."""
        text = clean(text)
        if style is not None:
            self._style = style
        if text != self._text:
            self._text = text
            self.display = bool(text)
            self.refresh(layout=True)

    def _parts(self, width: int) -> list[str]:
        return wrap(self._text, max(width - self._indent - 1, 8)) if self._text else []

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        """Return the lines that the text needs."""
        del container, viewport
        return len(self._parts(width))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        parts = self._parts(width)
        line: Line = ((" " * self._indent + parts[y], self._style),) if y < len(parts) else ()
        return self.painter.strip(line, width)
