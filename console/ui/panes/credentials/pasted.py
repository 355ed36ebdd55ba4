"""A screen where something secret is pasted and, below, what it is: live, and forgotten when the screen is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input

from console.present.lines import Line, fit
from console.ui.commands import bindings
from console.ui.panes.secret import ForgetfulScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.page import Page
from console.ui.widgets.paste_field import PasteField
from console.ui.widgets.text_input import TextInput

LABEL_WIDTH = 14


class AskInput(TextInput):
    """A line to type in, between others; a secret one shows dots."""

    BINDINGS = bindings("ask")
    COMMAND_SCOPE: ClassVar[str] = "ask"
    TYPING: ClassVar[bool] = True

    def __init__(self, hint: str, *, id: str, secret: bool = False) -> None:  # noqa: A002 - Textual's name
        super().__init__("", placeholder=hint, compact=True, password=secret, select_on_focus=False, id=id)

    def action_clear_all(self) -> None:
        """Empty it."""
        self.value = ""


class PastedScreen(ForgetfulScreen):
    """Fields, and a page below them that follows from what they hold."""

    PANE = "credentials"
    AUTO_FOCUS = "PasteField"
    shows_age = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll_result(1)", show=False),
        Binding("pageup", "scroll_result(-1)", show=False),
    ]
    DEFAULT_CSS = """
    PastedScreen #asked { height: auto; }
    PastedScreen .row { height: 1; }
    PastedScreen .row Heading { width: 14; }
    PastedScreen .row Input { width: 1fr; }
    PastedScreen Page { margin: 1 0 0 0; }
    """

    _fields: Sequence[tuple[str, Widget]] = ()

    def headline(self) -> tuple[Line, Line]:
        """Return both parts of the first line; overridden."""
        raise NotImplementedError

    def fields(self) -> Sequence[tuple[str, Widget]]:
        """Return the labels and fields, in order; overridden."""
        raise NotImplementedError

    def look(self) -> None:
        """Work out what the fields hold; overridden."""
        raise NotImplementedError

    def lines(self, width: int) -> Sequence[Line]:
        """Return the page; overridden."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Show the fields above the page."""
        yield Heading(id="heading")
        self._fields = tuple(self.fields())
        with Vertical(id="asked"):
            for label, field in self._fields:
                heading = Heading()
                heading.set(((f" {fit(label, LABEL_WIDTH - 1)}", "dim"),))
                with Horizontal(classes="row"):
                    yield heading
                    yield field
        yield Page()

    def action_scroll_result(self, by: int) -> None:
        """Scroll the page while something is typed above it."""
        self.query_one(Page).action_page(by)

    @property
    def pasted(self) -> PasteField:
        """The field for what is pasted."""
        return self.query_one(PasteField)

    def value(self, name: str) -> str:
        """Return what one of the other fields holds."""
        return self.query_one(f"#{name}", AskInput).value.strip()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        for page in self.query(Page):
            self.query_one("#heading", Heading).set(*self.headline())
            page.show(self.lines(max(page.size.width - 1, 20)))
        self.update_chrome()

    def on_paste(self, event: events.Paste) -> None:
        """Take a paste wherever the cursor is, unless a field took it."""
        self.pasted.on_paste(event)

    @on(PasteField.Changed)
    @on(Input.Changed)
    def changed(self) -> None:
        """Follow what is pasted and typed; what was shown belonged to something else."""
        self.reveal.hide()
        self.look()

    def forget(self) -> None:
        """Drop all that was pasted and typed."""
        self.console.jobs.cancel(self)
        for _, field in self._fields:  # they are taken off the screen before it is told that it goes
            if isinstance(field, PasteField):
                field.clear()
            elif isinstance(field, Input):
                field.value = ""
