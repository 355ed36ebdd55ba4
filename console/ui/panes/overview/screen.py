"""The Overview pane: paints from the last known snapshot, then refreshes part by part."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult

from console.model.errors import ConsoleError, ErrorKind
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.present.hub_words import certificates_page, change_page, exposure_page
from console.present.lines import Line
from console.present.overview import board
from console.present.pages import BLANK, error_lines
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed, OverviewRead
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.panes.text import TextScreen
from console.ui.widgets.page import Choice, Page

_LEADS_TO = {"connections": "connections", "devices": "devices", "exposure": "network", "change": "journal"}
"""The pane that enter goes to, by what a line is about."""

_DESCRIBED = frozenset({"exposure", "certificates", "change", "error"})
_PARTS = ("failures", "counts", "hub", "certificates", "last_change")


class OverviewScreen(ConsoleScreen):
    """Ten seconds to see what is wrong."""

    PANE = "overview"
    SCOPES = ("overview", "pane")
    BINDINGS = bindings("overview", "pane")
    WATCHES_ALL = True
    interval = 30.0

    def body(self) -> ComposeResult:
        """Show the board."""
        yield Choice(id="board")

    def on_mount(self) -> None:
        """Paint what is known at once."""
        self._show()

    def load(self) -> None:
        """Read all parts; each is shown as it comes."""
        overview = self.services.overview

        def work(cancel: Cancel, post: Post) -> OverviewRead:
            return OverviewRead(overview.load(lambda part: post(OverviewRead(part, False)), cancel), True)

        self.console.jobs.start(self, "overview", work)

    @on(OverviewRead)
    def take(self, message: OverviewRead) -> None:
        """Show the parts that came."""
        self.console.snapshot = message.snapshot
        self._show()
        if message.complete:
            readings = self._readings(message.snapshot)
            self.ended(throttled=any(_throttled(reading) for reading in readings))
        else:
            self.update_chrome()

    def job_failed(self, message: JobFailed) -> None:
        """Say so: no part could be read at all."""
        self.report(message.error)
        self.ended(throttled=message.error.kind is ErrorKind.THROTTLED)

    @staticmethod
    def _readings(snapshot: OverviewSnapshot) -> list[Reading[object]]:
        return [getattr(snapshot, part) for part in _PARTS]

    @on(Page.Resized)
    def _show(self) -> None:
        snapshot = self.console.snapshot
        choice = self.query_one("#board", Choice)
        width = choice.size.width or self.app.size.width
        height = choice.size.height or self.app.size.height - 4
        lines = board(snapshot, self.services.clock(), width, height, ascii_only=self.console.ascii_only)
        choice.offer([entry.line for entry in lines], [entry.key if entry.opens else "" for entry in lines])
        self._opens: dict[str, str] = {entry.key: entry.opens for entry in lines}
        read = [reading for reading in self._readings(snapshot) if reading.as_of is not None]
        oldest = min((reading.as_of for reading in read if reading.as_of is not None), default=None)
        cached = bool(read) and all(reading.cached for reading in read)
        stale = bool(read) and all(reading.error is not None for reading in read)
        self.freshness = (oldest, stale, cached)

    @on(Choice.Opened)
    def drill(self, message: Choice.Opened) -> None:
        """Go where the line leads."""
        target, _, argument = self._opens.get(message.key, "").partition(":")
        pane = _LEADS_TO.get(target, "")
        if pane:
            self.console.open_pane(pane, argument)
        else:
            self._describe(target, argument)

    def command_pane_describe(self) -> None:
        """Describe the selected line; a line that has no more to tell leads to its pane."""
        choice = self.query_one("#board", Choice)
        target, _, argument = self._opens.get(choice.selected, "").partition(":")
        if target in _DESCRIBED:
            self._describe(target, argument)
        else:
            choice.action_open()

    def _describe(self, target: str, argument: str) -> None:
        snapshot, clock = self.console.snapshot, self.services.clock
        builders: dict[str, tuple[str, Callable[[int], list[Line]]]] = {}
        if (hub := snapshot.hub.value) is not None:
            builders["exposure"] = ("exposure", lambda width: exposure_page(hub, width))
        if (certificates := snapshot.certificates.value) is not None:
            builders["certificates"] = ("certificates", lambda width: certificates_page(certificates, clock(), width))
        if (change := snapshot.last_change.value) is not None:
            builders["change"] = ("last change", lambda width: change_page(change, clock(), width))
        if target == "error":
            part = {"exposure": "hub", "change": "last_change", "devices": "counts"}.get(argument, argument)
            reading: Reading[object] | None = getattr(snapshot, part, None)
            if reading is not None and (error := reading.error) is not None:
                self.advise(error)
                builders["error"] = (
                    argument,
                    lambda width: error_lines(error, width, retry="esc back, then r tries again"),
                )
        if target in builders:
            title, build = builders[target]
            why = self._why_stale(target)
            self.app.push_screen(
                TextScreen(self.PANE, (title,), lambda width: [BLANK, *why_lines(why, width), *build(width)])
            )

    def show_trouble(self) -> None:
        """Show on the page of a refused part which role is missing, and who can give it."""
        if isinstance(self.app.screen, TextScreen):
            self.app.screen.show()

    def _why_stale(self, target: str) -> ConsoleError | None:
        part = {"exposure": "hub", "change": "last_change"}.get(target, target)
        reading: Reading[object] | None = getattr(self.console.snapshot, part, None)
        return reading.error if reading is not None else None

    def copy_items(self) -> list[CopyItem]:
        """Offer the selected line and the whole board."""
        choice = self.query_one("#board", Choice)
        return [("board", choice.text())]


def _throttled(reading: Reading[object]) -> bool:
    return reading.error is not None and reading.error.kind is ErrorKind.THROTTLED


def why_lines(error: ConsoleError | None, width: int) -> list[Line]:
    """Return why the figures below are old, nothing when they are not."""
    if error is None:
        return []
    return [*error_lines(error, width, retry="the figures below are from before"), BLANK]
