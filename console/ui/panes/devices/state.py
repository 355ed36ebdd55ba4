"""What the Devices pane shows, without a terminal: fleet, filter, order; and the rows that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from console.model.clock import Clock
from console.model.device import AuthType, Device, DeviceStatus, Fleet
from console.model.errors import ConsoleError
from console.present.device_filter import DeviceFilter, parse_filter
from console.present.devices import FIRST_DESCENDING, SORT_KEYS, device_cells
from console.present.lines import Line, Piece
from console.present.words import number
from console.ui.widgets.row_source import Cells

_WEAK = frozenset({AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_MISSING, AuthType.NONE, AuthType.UNKNOWN})


class DeviceRows:
    """The filtered and sorted devices as a row source."""

    def __init__(self, devices: Sequence[Device], failures: Mapping[str, int] | None, clock: Clock) -> None:
        self.devices = devices
        self._failures = failures
        self._clock = clock
        self._positions: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.devices)

    def window(self, start: int, stop: int) -> Sequence[Cells]:
        """Return the cells of devices [start, stop)."""
        now, failures = self._clock(), self._failures
        return [
            device_cells(device, None if failures is None else failures.get(device.device_id, 0), now)
            for device in self.devices[start:stop]
        ]

    def position(self, key: str) -> int | None:
        """Return where a device is now."""
        if self._positions is None:
            self._positions = {device.device_id: index for index, device in enumerate(self.devices)}
        return self._positions.get(key)

    def key_at(self, index: int) -> str:
        """Return the id of a row."""
        return self.devices[index].device_id


class DevicesState:
    """Fleet, failures, filter and order; `rows()` is computed anew only when one of them changed."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.fleet = Fleet()
        self.as_of: datetime | None = None
        self.error: ConsoleError | None = None
        self.failures: Mapping[str, int] | None = None
        self.failures_error: ConsoleError | None = None
        self.filter = DeviceFilter()
        self.only_problems = False
        self.order: tuple[str, bool] = ("id", False)
        self._rows: DeviceRows | None = None

    def take_fleet(self, fleet: Fleet, *, whole: bool) -> None:
        """Take the devices read so far; during a refresh the older, whole list stays until the new is whole."""
        if whole or not self.fleet.complete or len(fleet.devices) >= len(self.fleet.devices):
            self.fleet = fleet
            self.as_of = self.clock()
            self._rows = None
        self.error = None

    def put(self, rows: Mapping[str, Device | None]) -> None:
        """Put rows that were changed from here into their places; None takes one out. The rest stays as it was read."""
        kept = [rows.get(device.device_id, device) for device in self.fleet.devices]
        known = {device.device_id for device in self.fleet.devices}
        made = [device for name, device in rows.items() if device is not None and name not in known]
        devices = [device for device in (*kept, *made) if device is not None]
        self.fleet = replace(self.fleet, devices=tuple(sorted(devices, key=lambda device: device.device_id)))
        self._rows = None

    def take_failures(self, failures: Mapping[str, int] | None, error: ConsoleError | None = None) -> None:
        """Take the failures by device; an error keeps the older figures."""
        self.failures = failures if failures is not None else self.failures
        self.failures_error = error
        self._rows = None

    def set_filter(self, text: str) -> None:
        """Take the filter as typed so far."""
        self.filter = parse_filter(text)
        self._rows = None

    def set_order(self, column: str) -> None:
        """Sort by a column; the same one again turns the order round."""
        by, descending = self.order
        self.order = (column, not descending) if column == by else (column, column in FIRST_DESCENDING)
        self._rows = None

    def toggle_problems(self) -> None:
        """Show only devices with a problem, or all."""
        self.only_problems = not self.only_problems
        self._rows = None

    def find(self, device_id: str) -> Device | None:
        """Return a device of the fleet."""
        return next((device for device in self.fleet.devices if device.device_id == device_id), None)

    def rows(self) -> DeviceRows:
        """Return the devices to show."""
        if self._rows is None:
            self._rows = DeviceRows(self._visible(), self.failures, self.clock)
        return self._rows

    def _visible(self) -> Sequence[Device]:
        devices: Sequence[Device] = self.fleet.devices
        counts = self.failures or {}
        if self.filter or self.only_problems:
            now, matches = self.clock(), self.filter.matches
            devices = [
                device
                for device in devices
                if matches(device, counts.get(device.device_id, 0), now)
                and (not self.only_problems or self._problem(device, counts.get(device.device_id, 0)))
            ]
        by, descending = self.order
        key = SORT_KEYS[by]
        return sorted(devices, key=lambda device: key(device, counts.get(device.device_id, 0)), reverse=descending)

    @staticmethod
    def _problem(device: Device, failures: int) -> bool:
        return failures > 0 or device.status is not DeviceStatus.ENABLED or device.auth in _WEAK

    def heading(self, marked: int) -> tuple[Line, Line]:
        """Return the left and right part of the first line: how many, which of them, in what order, what is missing."""
        total, shown = len(self.fleet.devices), len(self.rows())
        left: list[Piece] = [(" DEVICES  ", "head"), (number(total) if self.as_of is not None else "", "")]
        if not self.fleet.complete and self.as_of is not None:
            expected = self.fleet.expected
            left.append((f" of {number(expected)} read" if expected else " read so far", "warn"))
        if self.filter or self.only_problems:
            left.append((f"  showing {number(shown)}", "accent"))
        if self.only_problems:
            left.append(("  only problems", "accent"))
        if self.filter:
            left.append((f"  /{self.filter.text}", "accent"))
        for note in self.filter.notes[:1]:
            left.append((f"  {note}", "warn"))
        if marked:
            left.append((f"  {number(marked)} marked", "accent"))
        right: list[Piece] = []
        if self.fleet.warnings:
            right.append(("INCOMPLETE  ", "warn"))
        if self.failures is None:
            reading = self.failures_error is None
            right.append(("failures: reading " if reading else "failures: not read ", "dim" if reading else "warn"))
        elif self.failures_error is not None:
            right.append(("failures STALE ", "warn"))
        return tuple(left), tuple(right)


def log_note(error: ConsoleError | None) -> str:
    """Return why there are no failures, for a device's page."""
    return "" if error is None else f"not read: {error.sentence()}"
