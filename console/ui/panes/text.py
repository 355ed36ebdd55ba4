"""A full screen with one page of text: every description and detail that does not refresh."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult

from console.present.lines import Line
from console.ui.commands import bindings
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.widgets.page import Page


class TextScreen(ConsoleScreen):
    """Shows lines that are built for the width. `pane` is the pane it belongs to, `crumbs` the path below it."""

    SCOPES = ()
    shows_age = False
    BINDINGS = bindings("pane")

    def __init__(self, pane: str, crumbs: tuple[str, ...], build: Callable[[int], list[Line]]) -> None:
        super().__init__()
        self.PANE = pane  # type: ignore[misc]
        self.crumbs = crumbs
        self._build = build

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the lines for the width."""
        page = self.query_one(Page)
        page.show(self._build(page.size.width))

    def copy_items(self) -> list[CopyItem]:
        """Offer the whole page."""
        return [("page", self.query_one(Page).text())]
