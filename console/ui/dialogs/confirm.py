"""Before anything is written: the whole plan, and the agreement that it needs. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input

from console.model.change import Change, Consent
from console.present.change import change_lines
from console.present.lines import Line, paragraph
from console.services.gate import Asked
from console.ui.dialogs.base import Dialog
from console.ui.dialogs.controls import Control, PushButton, Tick
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Page
from console.ui.widgets.text_input import TextInput

Build = Callable[[int], Sequence[Line]]
"""Makes the lines of a plan for a width."""

_KEYS: tuple[tuple[str, str], ...] = (("tab", "move"), ("space", "tick"), ("j k", "scroll"), ("esc", "cancel"))


class Confirm(Dialog[Consent | None]):
    """Returns what was agreed to, None when it was cancelled.

    Args:
        asked: a change, or a bulk of them that is agreed to as one.
        lines: makes the page of the plan; may be left out for a change.
        hub_name: the hub that it is for.
        who: who we are, as far as it is known.
        protected: whether the hub's name has to be typed.
        meanwhile: why this is another plan than the one shown before, empty when it is the first.
        ask_reason: whether a reason for the journal can be given here; it is in `reason` afterwards.
    """

    DEFAULT_CSS = """
    Confirm { background: $background; }
    Confirm Heading { background: $surface; }
    Confirm #agreement { height: auto; max-height: 50%; scrollbar-size: 0 1; }
    Confirm .ask { height: 1; }
    Confirm .ask Heading { width: 25; background: $background; }
    Confirm .ask Input { width: 1fr; }
    Confirm #buttons { height: 1; margin: 1 0 0 0; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("j,down", "scroll_plan(1)", show=False),
        Binding("k,up", "scroll_plan(-1)", show=False),
        Binding("pagedown,ctrl+f", "page_plan(1)", show=False),
        Binding("pageup", "page_plan(-1)", show=False),
        Binding("g,home", "edge_plan(-1)", show=False),
        Binding("G,end", "edge_plan(1)", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        asked: Asked,
        lines: Build | None = None,
        *,
        hub_name: str,
        who: str = "",
        protected: bool = False,
        meanwhile: str = "",
        ask_reason: bool = True,
    ) -> None:
        super().__init__()
        if lines is None:
            if not isinstance(asked, Change):
                raise TypeError("a bulk needs its lines")
            change = asked
            lines = lambda width: change_lines(change, width)  # noqa: E731 - the default
        self._asked = asked
        self._lines = lines
        self._hub_name = hub_name
        self._who = who
        self._protected = protected
        self._meanwhile = meanwhile
        self._ask_reason = ask_reason
        self.reason = ""

    def compose(self) -> ComposeResult:
        """Show the plan, what has to be agreed to, and both ways out."""
        yield Heading(id="hub")
        page = Page(id="plan")
        page.can_focus = False
        yield page
        with VerticalScroll(id="agreement", can_focus=False):
            for risk in self._asked.blocking:
                yield Tick(risk.id, f"accept {risk.id}: {risk.message}", style="bad")
            if self._protected:
                yield from _asked("type the hub's name", TextInput(compact=True, id="name"))
            if self._ask_reason:
                yield from _asked("why, for the journal", TextInput(compact=True, id="why", placeholder="optional"))
        with Horizontal(id="buttons"):
            yield PushButton("Cancel", id="cancel")
            yield PushButton("Apply", id="apply", ready=False)
            yield Heading(id="missing")
        yield Heading(id="keys")

    def on_mount(self) -> None:
        """Nothing happens by a reflex, and nothing hides what is agreed to."""
        self.app.clear_notifications()
        protected = " · PROTECTED" if self._protected else ""
        who = f" · as {self._who}" if self._who else ""
        self.query_one("#hub", Heading).set(
            ((f" {self._hub_name}", "head"), (protected, "warn"), (who, "dim")), (("not written yet ", "dim"),)
        )
        keys = tuple(piece for key, word in _KEYS for piece in ((f" {key}", "key"), (f" {word}  ", "dim")))
        self.query_one("#keys", Heading).set(keys)
        self.query_one("#cancel").focus()
        self.look()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one("#plan", Page)
        width = max(page.size.width - 1, 20)
        lines: list[Line] = []
        if self._meanwhile:
            lines += paragraph(f"! {self._meanwhile}", width, indent=1, style="warn")
            lines.append(())
        page.show([*lines, *self._lines(width)])

    # --- agreeing ------------------------------------------------------------------------------------------------

    @property
    def missing(self) -> str:
        """What is still to do before it can be applied, empty when nothing."""
        left = [tick.key for tick in self.query(Tick) if not tick.value]
        parts = []
        if left:
            parts.append(f"accept {left[0]}" if len(left) == 1 else f"accept {len(left)} blocking risks")
        if self._protected and self._typed("name").strip().casefold() != self._hub_name.casefold():
            parts.append("type the hub's name")
        return f"first {' and '.join(parts)}" if parts else ""

    def _typed(self, field: str) -> str:
        found = self.query(f"#{field}")
        return found.first(Input).value if found else ""

    @on(Control.Changed)
    @on(Input.Changed)
    def look(self) -> None:
        """Let Apply be pushed when nothing is missing."""
        missing = self.missing
        self.query_one("#apply", PushButton).set_ready(not missing)
        self.query_one("#missing", Heading).set(((f"  {missing}", "warn"),))

    @on(Input.Submitted)
    def go_on(self) -> None:
        """Enter in a line goes on to the next one, never further than Cancel."""
        inputs = list(self.query(Input))
        place = inputs.index(self.focused) + 1 if isinstance(self.focused, Input) else len(inputs)
        (inputs[place] if place < len(inputs) else self.query_one("#cancel")).focus()

    @on(PushButton.Pushed)
    def end(self, message: PushButton.Pushed) -> None:
        """Return the agreement, or nothing."""
        if message.id != "apply":
            self.dismiss(None)
        elif not self.missing:
            self.reason = self._typed("why").strip()
            accepted = frozenset(tick.key for tick in self.query(Tick) if tick.value)
            self.dismiss(Consent(accepted, self._typed("name").strip()))

    # --- scrolling -----------------------------------------------------------------------------------------------

    def action_scroll_plan(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one("#plan", Page).action_line(by)

    def action_page_plan(self, by: int) -> None:
        """Scroll by pages."""
        self.query_one("#plan", Page).action_page(by)

    def action_edge_plan(self, side: int) -> None:
        """Scroll to an end."""
        self.query_one("#plan", Page).action_edge(side)


def _asked(label: str, field: TextInput) -> ComposeResult:
    heading = Heading()
    heading.set(((f"  {label}", "dim"),))
    with Horizontal(classes="ask"):
        yield heading
        yield field
