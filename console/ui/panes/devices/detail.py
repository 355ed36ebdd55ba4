"""One device: identity, credentials, tags and events; a view for beside the list and a screen of its own."""

from __future__ import annotations

from datetime import timedelta

from textual import on
from textual.app import ComposeResult

from console.model.change import Outcome
from console.model.connection import ConnectionEvent
from console.model.device import Device, DeviceDetail
from console.model.device_order import Act, DeviceOrder
from console.model.document import TargetKind
from console.model.errors import ConsoleError
from console.present.device_detail import device_page, twin_page
from console.services.ports import Cancel
from console.ui.commands import bindings
from console.ui.jobs import Post
from console.ui.messages import DetailRead, EventsRead, JobFailed
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.panes.devices.actions import Chosen
from console.ui.panes.devices.changing import DeviceActions
from console.ui.panes.text import TextScreen
from console.ui.widgets.page import Page

EVENTS_WINDOW = timedelta(hours=24)
EVENTS_LIMIT = 20


class DeviceView(Page):
    """The page of one device; reads it afresh."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.device: Device | None = None
        self.detail: DeviceDetail | None = None
        self._error: ConsoleError | None = None
        self._events: tuple[ConnectionEvent, ...] | None = None
        self._events_note = ""

    def show_device(self, device: Device) -> None:
        """Show another device: what the list knows at once, the rest when it was read."""
        self.device, self.detail, self._error, self._events, self._events_note = device, None, None, None, ""
        self.scroll_lines(0)
        self.rebuild()
        self.read()

    def read(self) -> None:
        """Read identity, twin and events."""
        if self.device is None or not isinstance(self.screen, ConsoleScreen):
            return
        services, device_id = self.screen.services, self.device.device_id

        def detail(cancel: Cancel, post: Post) -> DetailRead:
            del post
            if cancel.wait(0.15):  # the cursor may only be passing
                cancel.check()
            return DetailRead(services.fleet.detail(device_id, cancel))

        def events(cancel: Cancel, post: Post) -> EventsRead:
            del post
            if cancel.wait(0.3):
                cancel.check()
            end = services.clock()
            filters = (("DeviceId", device_id),)
            found = services.connections.events(
                end - EVENTS_WINDOW, end, filters, cancel, limit=EVENTS_LIMIT, renewals=True
            )
            return EventsRead(found, device_id)

        self.screen.console.jobs.start(self, "detail", detail)
        self.screen.console.jobs.start(self, "events", events)

    @on(DetailRead)
    def take_detail(self, message: DetailRead) -> None:
        """Show the fresh reading."""
        message.stop()
        if self.device is not None and message.detail.device.device_id == self.device.device_id:
            self.detail, self._error = message.detail, None
            self.rebuild()

    @on(EventsRead)
    def take_events(self, message: EventsRead) -> None:
        """Show the events."""
        message.stop()
        if self.device is not None and message.of == self.device.device_id:
            self._events = message.events
            self.rebuild()

    def on_job_failed(self, message: JobFailed) -> None:
        """Say why a part is missing, in its place."""
        message.stop()
        if message.group == "detail":
            self._error = message.error
            if message.error.code == "ghost" and self.device is not None and isinstance(self.screen, DeviceActions):
                self.screen.vanished(self.device.device_id, message.error)
        else:
            self._events_note = f"not read: {message.error.sentence()}"
        self.rebuild()

    def on_unmount(self) -> None:
        """Nobody waits for the answers any more."""
        if isinstance(self.screen, ConsoleScreen):
            self.screen.console.jobs.cancel(self)

    @on(Page.Resized)
    def rebuild(self) -> None:
        """Build the page for the width."""
        if self.device is None or not isinstance(self.screen, ConsoleScreen):
            return
        now = self.screen.services.clock()
        width = max(self.size.width - 1, 20)
        self.show(device_page(self.device, self.detail, self._error, self._events, self._events_note, now, width))


class DeviceScreen(DeviceActions):
    """One device in full."""

    PANE = "devices"
    SCOPES = ("device", "changes", "pane")
    WATCHES = frozenset({TargetKind.DEVICE})
    BINDINGS = bindings("device", "pane")

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device
        self.crumbs = (device.device_id,)

    def body(self) -> ComposeResult:
        """Show the page."""
        yield DeviceView()

    @property
    def view(self) -> DeviceView:
        """The page."""
        return self.query_one(DeviceView)

    def load(self) -> None:
        """Read the device."""
        if self.view.device is None:
            self.view.show_device(self._device)
        else:
            self.view.read()
        self.busy = False
        self.freshness = (self.services.clock(), False, False)

    def chosen(self) -> Chosen:
        """Return the device, as it was read last."""
        detail = self.view.detail
        return Chosen((detail.device if detail is not None else self._device,))

    def after(self, order: DeviceOrder, device_id: str, outcome: Outcome) -> None:
        """Show what became of it; of a deleted device there is nothing to show."""
        super().after(order, device_id, outcome)
        if order.act is Act.DELETE and outcome.applied and self.is_current:
            self.app.pop_screen()

    def command_device_twin(self) -> None:
        """Show the twin as JSON."""
        detail = self.view.detail
        if detail is None or not detail.twin_json:
            self.notify("The twin was not read yet", severity="warning")
        else:
            self.app.push_screen(TextScreen(self.PANE, (*self.crumbs, "twin"), lambda _width: twin_page(detail)))

    def copy_items(self) -> list[CopyItem]:
        """Offer id, page and twin."""
        items = [("id", self._device.device_id), ("page", self.view.text())]
        if self.view.detail is not None:
            items.append(("twin JSON", self.view.detail.twin_json))
        return items
