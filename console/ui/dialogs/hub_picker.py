"""The hubs that the credential sees: type to find one, enter to go there."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from console.model.errors import ConsoleError
from console.model.hubs import HubEntry, HubList
from console.present.hubs import COLUMNS, hub_cells, matches, source_text
from console.present.lines import Line
from console.present.pages import error_lines
from console.present.words import number
from console.services.ports import Cancel
from console.ui.dialogs.base import Dialog
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource
from console.ui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from console.ui.app import HubwardenApp


class HubsRead(Message):
    """The list of hubs."""

    def __init__(self, found: HubList) -> None:
        super().__init__()
        self.found = found


class HubPicker(Dialog[HubEntry | None]):
    """Returns the hub that was chosen, or None."""

    DEFAULT_CSS = """
    HubPicker { align: center middle; background: $background 60%; }
    HubPicker .box { width: 96%; height: 80%; max-width: 140; }
    HubPicker Input { height: 1; border: none; padding: 0 1; background: $panel; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._found: HubList | None = None
        self._error: ConsoleError | None = None

    def compose(self) -> ComposeResult:
        """Show what is typed, the hubs, and where the list comes from."""
        with Vertical(classes="box"):
            yield Heading(id="title")
            yield TextInput(self._text, placeholder="type to find: name, group, location")
            yield ResourceTable(COLUMNS, id="hubs")
            yield Heading(id="source")

    def on_mount(self) -> None:
        """Read the hubs."""
        app = cast("HubwardenApp", self.app)
        hubs = app.services.hubs

        def work(cancel: Cancel, post: Post) -> HubsRead:
            del post
            return HubsRead(hubs.load(cancel))

        self.query_one(Input).focus()
        self.query_one(ResourceTable).lit = True
        self._show()
        app.jobs.start(self, "hubs", work)

    def on_unmount(self) -> None:
        """Nobody waits for the answer any more."""
        cast("HubwardenApp", self.app).jobs.cancel(self)

    @on(HubsRead)
    def take(self, message: HubsRead) -> None:
        """Show the hubs."""
        message.stop()
        self._found = message.found
        rows = max(len(message.found.hubs), 3) + 6  # title, field, header, source, and the edge of the box
        self.query_one(".box").styles.height = min(rows, self.app.size.height * 8 // 10)
        self._show()

    def on_job_failed(self, message: JobFailed) -> None:
        """Say why there is no list."""
        message.stop()
        self._error = message.error
        self._show()

    @on(Input.Changed)
    def typed(self) -> None:
        """Narrow the list as it is typed."""
        self._show()

    @on(Input.Submitted)
    def submitted(self, message: Input.Submitted) -> None:
        """Go to the hub under the cursor."""
        message.stop()
        self._choose(self.query_one(ResourceTable).selected)

    @on(ResourceTable.Opened)
    def opened(self, message: ResourceTable.Opened) -> None:
        """Go to the hub that was clicked."""
        message.stop()
        self._choose(message.key)

    def action_move(self, by: int) -> None:
        """Move the cursor of the list."""
        self.query_one(ResourceTable).action_cursor(by)

    def action_page(self, by: int) -> None:
        """Move by a page of the list."""
        self.query_one(ResourceTable).action_page(by)

    def _choose(self, key: str | None) -> None:
        entry = next((one for one in self._fitting() if one.arm_id == key), None)
        if entry is not None:
            self.dismiss(entry)

    def _fitting(self) -> list[HubEntry]:
        text = self.query_one(Input).value
        return [] if self._found is None else [one for one in self._found.hubs if matches(one, text)]

    def _show(self) -> None:
        session = cast("HubwardenApp", self.app).services.session
        fitting, found = self._fitting(), self._found
        here = session.hub_name
        rows = ListSource(fitting, lambda one: one.arm_id, lambda one: hub_cells(one, here))
        self.query_one(ResourceTable).show(rows, empty=self._empty())
        count = "" if found is None else f"{number(len(fitting))} of {number(len(found.hubs))}"
        keys: Line = ((" enter", "key"), (" go  ", "dim"), ("esc", "key"), (" stay ", "dim"))
        self.query_one("#title", Heading).set(((" HUBS  ", "head"), (count, "")), keys)
        source: Line = ((" reading …", "dim"),)
        if self._error is not None:
            source = ()
        elif found is not None:
            source = ((f" {found.notes[0]}", "warn"),) if found.notes else ((f" from {source_text(found)}", "dim"),)
        self.query_one("#source", Heading).set(source)

    def _empty(self) -> list[Line]:
        if self._error is not None:
            return error_lines(self._error, max(self.app.size.width * 9 // 10 - 6, 30))
        if self._found is None:
            return [((" Asking which hubs there are …", "dim"),)]
        if not self._found.hubs:
            return [((" This credential sees no hub; it needs the role Reader on one.", "warn"),)]
        return [((" No hub matches.", "dim"),)]
