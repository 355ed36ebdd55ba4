"""The Devices pane: the whole fleet, filtered as you type, sorted, marked; one device beside or in full."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from console.model.device import Device
from console.model.device_order import DeviceOrder
from console.model.document import TargetKind
from console.model.errors import ConsoleError
from console.model.fleet_query import TAG
from console.model.shell import command_line
from console.present.columns import Column
from console.present.device_columns import cells_of, offered, usual
from console.present.device_filter import HELP
from console.present.lines import Line, plain
from console.present.pages import error_lines
from console.ui.commands import bindings
from console.ui.dialogs.chooser import Chooser
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.messages import ChangeApplied
from console.ui.panes.base import CopyItem, as_json
from console.ui.panes.devices.actions import Chosen
from console.ui.panes.devices.detail import DeviceScreen, DeviceView
from console.ui.panes.devices.reading import FleetReading
from console.ui.widgets.filter_line import Entry, FilterLine
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable

_LOOKED_AT = 500
"""In so many of the devices that are shown tags are looked for, to offer them as columns."""
BESIDE_WIDTH = 120
"""From this width on a device opens beside the list."""


class DevicesScreen(FleetReading):
    """Who are they, and how do they authenticate?"""

    PANE = "devices"
    SCOPES = ("devices", "changes", "pane")
    BINDINGS = bindings("devices", "pane")
    WATCHES = frozenset({TargetKind.DEVICE})
    DEFAULT_CSS = """
    DevicesScreen DeviceView { width: 50; display: none; border-left: vkey $surface; }
    DevicesScreen.-beside DeviceView { display: block; }
    """
    interval = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._wanted = ""
        self._ready = False
        self._growing = True
        self.unfinished: tuple[DeviceOrder, str, frozenset[str]] | None = None

    def body(self) -> ComposeResult:
        """Show heading, table and, when opened, the device beside it."""
        yield Heading(id="heading")
        with Horizontal():
            yield ResourceTable(self.state.columns, id="devices")
            yield DeviceView(id="beside")

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self._ready = True
        if self._wanted:
            self.accept(self._wanted)
        self.show_rows()

    def show_trouble(self) -> None:
        """Show which role is missing, and who can give it."""
        self.show_rows()

    # --- after a change ------------------------------------------------------------------------------------------

    def chosen(self) -> Chosen | None:
        """Return the marked devices, else the one under the cursor."""
        marks = self.table.marks
        if marks:
            marked = self.state.marked(frozenset(marks))
            return Chosen(marked, marked=True) if marked else None
        device = self.state.find(self.table.selected or "")
        return Chosen((device,)) if device is not None else None

    def marked_ids(self) -> tuple[str, ...]:
        """Return the ids of the marked devices, for what other panes do with them."""
        return tuple(sorted(self.table.marks))

    def on_change_applied(self, message: ChangeApplied) -> None:
        """Read all again after an undo and the like; after a change from here only its rows are."""
        message.prevent_default()  # Textual would call the base's as well
        own, self._own_change = self._own_change, False
        if not own:
            super().on_change_applied(message)

    def changed(self, rows: Mapping[str, Device | None], finished: frozenset[str]) -> None:
        """Show rows as they are now; what is finished is not marked any more."""
        self._own_change = True
        self.table.marks -= finished
        self._put(rows)

    # --- showing -------------------------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show the rows that follow from the state."""
        state, table = self.state, self.table
        empty = self._empty(table.size.width or self.app.size.width)
        rows = state.rows()
        if state.wanted is not None:
            self.make_view(state.wanted)
        table.show(rows, columns=state.columns, sorted_by=state.order, empty=empty, growing=self._growing)
        self._growing = self._growing and not state.whole
        self.query_one("#heading", Heading).set(*state.heading(len(table.marks), self.app.size.width))
        self.freshness = (state.as_of, state.error is not None, False)
        self.update_chrome()

        if note := state.store.take_note():
            self.notify(note[:1].upper() + note[1:], severity="warning")

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.error is not None:
            return error_lines(state.error, width)
        if state.as_of is None:
            return [(("   Reading the devices …", "dim"),)]
        if state.snapshot is not None and not state.snapshot.count:
            return [(("   This hub has no devices.", ""),)]
        return [(("   No device matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]

    @on(ResourceTable.Opened)
    def open_device(self, message: ResourceTable.Opened) -> None:
        """Open a device: beside the list where there is room, else in full."""
        device = self.state.find(message.key)
        if device is None:
            return
        if self.app.size.width >= BESIDE_WIDTH and not self.has_class("-beside"):
            self.add_class("-beside")
            self.query_one("#beside", DeviceView).show_device(device)
        else:
            self.app.push_screen(DeviceScreen(device))

    @on(ResourceTable.Moved)
    def follow(self, message: ResourceTable.Moved) -> None:
        """Let the device beside the list follow the cursor."""
        if self.has_class("-beside") and (device := self.state.find(message.key)) is not None:
            self.query_one("#beside", DeviceView).show_device(device)

    def on_resize(self) -> None:
        """Close the device beside the list when there is no room for it."""
        if self.app.size.width < BESIDE_WIDTH:
            self.remove_class("-beside")

    @on(ResourceTable.HeaderClicked)
    def sort_by_click(self, message: ResourceTable.HeaderClicked) -> None:
        """Sort by the column that was clicked."""
        if any(column.id == message.column and column.sortable for column in self.state.columns):
            self._sort(message.column)

    def _sort(self, column: str) -> None:
        self.state.set_order(column)
        self.show_rows()

    # --- filter --------------------------------------------------------------------------------------------------

    def accept(self, argument: str) -> None:
        """Take a filter: `/edge` or `edge`."""
        if not self._ready:
            self._wanted = argument
            return
        self._wanted = ""
        self.state.set_filter(argument.removeprefix("/"))
        self.state.set_problems(False)
        for line in self.query(Entry):
            line.remove()
        self.table.focus()
        self.show_rows()

    async def command_devices_filter(self, text: str = "") -> None:
        """Open the filter line, or take a filter from the prompt."""
        if text:
            self.accept(text)
        elif not self.query(FilterLine):
            line = FilterLine(self.state.filter.text, HELP)
            await self.mount(Entry("/", line), after=self.query_one("#heading"))
            self.set_focus(line)

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Filter as it is typed."""
        self.state.set_filter(message.value.removeprefix("/"))  # no id holds a slash: typed once too often
        self.show_rows()

    @on(FilterLine.Closed)
    def close_filter(self) -> None:
        """Go back to the table."""
        for line in self.query(Entry):
            line.remove()
        self.table.focus()

    def back(self) -> bool:
        """Clear the filter first, then close the device beside the list."""
        if self.state.filter.text or self.state.only_problems:
            self.accept("")
            return True
        if self.has_class("-beside"):
            self.remove_class("-beside")
            return True
        return False

    # --- commands ------------------------------------------------------------------------------------------------

    def command_devices_sort(self) -> None:
        """Choose the column to sort by."""
        by, descending = self.state.order
        arrow = "descending" if descending else "ascending"
        items = [
            MenuItem(column.id, sort_title(column), f"sorted, {arrow}" if column.id == by else "")
            for column in self.state.columns
            if column.sortable
        ]
        self.app.push_screen(Menu("SORT BY", items), lambda choice: self._sort(choice) if choice else None)

    def command_devices_reverse(self) -> None:
        """Turn the order round."""
        self._sort(self.state.order[0])

    def command_devices_problems(self) -> None:
        """Show only devices with a problem, or all."""
        self.state.set_problems(not self.state.only_problems)
        self.show_rows()

    def command_devices_columns(self) -> None:
        """Choose the columns, tags of the devices among them."""
        store, state = self.services.fleet.store, self.state
        chosen = store.columns() or usual()
        rows = state.rows()
        items = offered(rows.devices(0, _LOOKED_AT), chosen)

        def take(found: tuple[str, ...] | None) -> None:
            if found is None:
                return
            found = () if set(found) | {"id"} == set(usual()) else found
            state.set_columns(found)
            self.show_rows()
            try:
                store.choose_columns(found)
            except ConsoleError as error:
                self.console.report(error)

        self.app.push_screen(Chooser("COLUMNS", items, chosen, usual()), take)

    def command_devices_wide(self) -> None:
        """Switch between fitting and all columns."""
        self.table.set_wide(not self.table.wide)

    def command_devices_left(self) -> None:
        """Scroll the columns."""
        self.table.scroll_columns(-1)

    def command_devices_right(self) -> None:
        """Scroll the columns."""
        self.table.scroll_columns(1)

    def command_devices_mark(self) -> None:
        """Mark the device."""
        self.table.toggle_mark()
        self.show_rows()

    def command_devices_clear_marks(self) -> None:
        """Forget the marks."""
        self.table.clear_marks()
        self.show_rows()

    def command_pane_describe(self) -> None:
        """Open the device in full."""
        device = self.state.find(self.table.selected or "")
        if device is not None:
            self.app.push_screen(DeviceScreen(device))

    def copy_items(self) -> list[CopyItem]:
        """Offer id, row, JSON and the command line."""
        device = self.state.find(self.table.selected or "")
        if device is None:
            return []
        failures = (self.state.failures or {}).get(device.device_id, 0)
        cells = cells_of(self.state.columns)(device, failures, self.services.clock())
        named = [(field, getattr(device, field)) for field in device.__slots__]
        items = [
            ("id", device.device_id),
            ("row", "\t".join(plain((cell,)) for cell in cells)),
            ("JSON", as_json(named)),
            ("command line", command_line("hubwarden", "devices", "show", operands=[device.device_id])),
        ]
        if self.table.marks:
            items.insert(1, ("marked ids", "\n".join(sorted(self.table.marks))))
        return items


def sort_title(column: Column) -> str:
    """Return what the sort menu calls a column."""
    return column.title if column.id.startswith(TAG) else column.title.title()
