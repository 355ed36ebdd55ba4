"""The registry's devices: a dictionary of records, and behind it a quiet fleet that is made when it is touched."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from console.localhub.quiet_fleet import QuietFleet
from console.localhub.state import DeviceRecord

_MISSING: Any = object()


class DeviceTable(dict[str, DeviceRecord]):
    """Records by id, those of a quiet fleet after all others.

    A quiet device that is asked for gets a record, which stays: what is changed in it is kept. Going through all of
    them gives records that do not stay.
    """

    def __init__(self, quiet: QuietFleet) -> None:
        super().__init__()
        self.quiet = quiet
        self.touched: dict[int, DeviceRecord | None] = {}
        """Records of quiet devices that were asked for, by number; None for one that was deleted."""
        self._deleted = 0

    def weighted(self) -> Iterator[tuple[DeviceRecord, int]]:
        """Yield records that stand for all devices, and for how many each does: what differs is id, key, print."""
        for record in super().values():
            yield record, 1
        yield from self.weighted_quiet(self.touched)

    def weighted_quiet(self, instead: Mapping[int, DeviceRecord | None]) -> Iterator[tuple[DeviceRecord, int]]:
        """Yield the same for the quiet devices alone, some of them as in `instead` (None: as if not there)."""
        weights = self.quiet.weights()
        for number, record in instead.items():
            weights[self.quiet.sample(number)] -= 1
            if record is not None:
                yield record, 1
        yield from ((record, weight) for record, weight in zip(self.quiet.records, weights, strict=True) if weight)

    # --- a dictionary ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return super().__len__() + self.quiet.count - self._deleted

    def __bool__(self) -> bool:
        return len(self) > 0

    def __contains__(self, device_id: object) -> bool:
        return super().__contains__(device_id) or self._there(device_id) is not None

    def __getitem__(self, device_id: str) -> DeviceRecord:
        found: DeviceRecord | None = self.get(device_id)
        if found is None:
            raise KeyError(device_id)
        return found

    def get(self, device_id: str, default: Any = None) -> Any:
        """Return a record; a quiet device gets one that stays."""
        found = super().get(device_id)
        if found is not None:
            return found
        number = self._there(device_id)
        if number is None:
            return default
        record = self.touched.get(number)
        if record is None:
            record = self.touched[number] = self.quiet.record(number)
        return record

    def __setitem__(self, device_id: str, record: DeviceRecord) -> None:
        number = self.quiet.number(device_id)
        if number is None:
            super().__setitem__(device_id, record)
            return
        self._deleted -= self.touched.get(number, _MISSING) is None
        self.touched[number] = record

    def __delitem__(self, device_id: str) -> None:
        self.pop(device_id)

    def pop(self, device_id: str, default: Any = _MISSING) -> Any:
        """Take a device out and return its record."""
        if super().__contains__(device_id):
            return super().pop(device_id)
        number = self._there(device_id)
        if number is None:
            if default is _MISSING:
                raise KeyError(device_id)
            return default
        record = self.get(device_id)
        self.touched[number] = None
        self._deleted += 1
        return record

    def setdefault(self, device_id: str, default: Any = None) -> Any:
        """Return a record, putting `default` in where there is none."""
        found = self.get(device_id)
        if found is None:
            self[device_id] = found = default
        return found

    def clear(self) -> None:
        """Take all devices out."""
        super().clear()
        self.touched.clear()
        self._deleted = self.quiet.count = 0

    def update(self, other: Any = (), **more: DeviceRecord) -> None:  # type: ignore[override]
        """Put devices in."""
        pairs = other.items() if isinstance(other, Mapping) else other
        for device_id, record in (*pairs, *more.items()):
            self[device_id] = record

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        for number in range(self.quiet.count):
            if self.touched.get(number, _MISSING) is not None:
                yield self.quiet.device_id(number)

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        """The ids."""
        return KeysView(self)

    def values(self) -> ValuesView[DeviceRecord]:  # type: ignore[override]
        """The records; those of quiet devices that nobody asked for by id do not stay."""
        return _Values(self)

    def items(self) -> ItemsView[str, DeviceRecord]:  # type: ignore[override]
        """Ids and records, as `values`."""
        return _Items(self)

    def own(self) -> ValuesView[DeviceRecord]:
        """The records of all devices but the quiet ones."""
        return super().values()

    def _there(self, device_id: object) -> int | None:
        number = self.quiet.number(device_id) if isinstance(device_id, str) else None
        return None if number is None or self.touched.get(number, _MISSING) is None else number

    def _records(self) -> Iterator[DeviceRecord]:
        yield from super().values()
        for number in range(self.quiet.count):
            record = self.touched.get(number, _MISSING)
            if record is _MISSING:
                yield self.quiet.record(number)
            elif record is not None:
                yield record


class _Values(ValuesView[DeviceRecord]):
    _mapping: DeviceTable

    def __iter__(self) -> Iterator[DeviceRecord]:
        return self._mapping._records()


class _Items(ItemsView[str, DeviceRecord]):
    _mapping: DeviceTable

    def __iter__(self) -> Iterator[tuple[str, DeviceRecord]]:
        return ((record.device_id, record) for record in self._mapping._records())


def tally(devices: dict[str, DeviceRecord], test: Callable[[DeviceRecord], bool]) -> int:
    """Return how many devices pass a test that asks for nothing that tells one device from another."""
    if isinstance(devices, DeviceTable):
        return sum(weight for record, weight in devices.weighted() if test(record))
    return sum(map(test, devices.values()))


def quiet_tally(devices: dict[str, DeviceRecord], test: Callable[[DeviceRecord], bool]) -> int:
    """Return how many quiet devices that nobody touched pass such a test."""
    if not isinstance(devices, DeviceTable):
        return 0
    left = devices.weighted_quiet(dict.fromkeys(devices.touched))
    return sum(weight for record, weight in left if test(record))
