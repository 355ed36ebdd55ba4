"""What if: an address is typed and the deciding rule is told; a range is typed and its effect as a rule is told."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input

from console.model.errors import ConsoleError
from console.model.ip_rule import IpRule
from console.model.network import NetworkEdit, NetworkView
from console.present.lines import Line
from console.present.pages import fields
from console.services.network import NetworkService, verdict_words
from console.ui.dialogs.base import Dialog
from console.ui.widgets.filter_line import Entry
from console.ui.widgets.page import Page
from console.ui.widgets.text_input import TextInput

WIDTH = 100
Answer = tuple[list[tuple[str, str]], str]
"""Labelled sentences, and what is wrong with what was typed."""


class Simulate(Dialog[None]):
    """Answers while it is typed in; nothing is planned or written. `ask` is told what was typed."""

    DEFAULT_CSS = """
    Simulate { align: center middle; background: $background 60%; }
    Simulate .box { height: 18; }
    Simulate Page { height: 1fr; margin: 1 0 0 0; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", show=False)]  # noqa: RUF012 - Textual's way

    def __init__(self, ask: Callable[[str], Answer], text: str = "") -> None:
        super().__init__()
        self._ask = ask
        self._text = text

    def compose(self) -> ComposeResult:
        """Show the line to type in and the page of answers."""
        with Vertical(classes="box") as box:
            box.styles.width = min(WIDTH, self.app.size.width - 4)
            hint = "10.20.4.7 · 10.20.0.0/16 as a new rule · -corporate to remove one"
            yield Entry(">", TextInput(self._text, placeholder=hint, compact=True))
            yield Page()

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(TextInput).focus()

    @on(Input.Changed)
    @on(Page.Resized)
    def answer(self) -> None:
        """Tell what follows from what is typed."""
        page = self.query_one(Page)
        width = page.size.width or WIDTH
        pairs, problem = self._ask(self.query_one(TextInput).value.strip())
        lines: list[Line] = [((" WHAT IF", "head"), ("  nothing is changed by this", "dim")), ()]
        if problem:
            lines += fields((("", problem, "warn"),), width)
        lines += fields(pairs, width)
        page.show(lines)


def asker(service: NetworkService, view: NetworkView) -> Callable[[str], Answer]:
    """Return what answers questions about the rules of a view."""

    def ask(text: str) -> Answer:
        try:
            return _answer(service, view, text)
        except ConsoleError as error:
            return [], error.why or error.what

    return ask


def _answer(service: NetworkService, view: NetworkView, text: str) -> Answer:
    if not text:
        return list(service.simulate(view, NetworkEdit())[1]), ""
    if text.startswith("-"):
        return list(service.simulate(view, NetworkEdit(remove=(text[1:].strip(),)))[1]), ""
    name, equals, mask = text.rpartition("=")
    if not equals and "/" not in mask:
        verdict = service.verdict(view, mask)
        candidate = service.simulate(view, NetworkEdit(add=(IpRule(_free(view), mask),)))[1]
        as_rule = [(label, sentence) for label, sentence in candidate if label in {"let in", "cut off"}]
        return [(mask, f"{verdict_words(verdict)} now"), *((f"as a rule: {a}", b) for a, b in as_rule)], ""
    rule = IpRule(name or _free(view), mask)
    known = {row.rule.name.casefold() for row in view.rows}
    edit = NetworkEdit(change=((rule.name, rule),)) if rule.name.casefold() in known else NetworkEdit(add=(rule,))
    return list(service.simulate(view, edit)[1]), ""


def _free(view: NetworkView) -> str:
    taken = {row.rule.name.casefold() for row in view.rows}
    number = 1
    while f"what-if-{number}" in taken:
        number += 1
    return f"what-if-{number}"
