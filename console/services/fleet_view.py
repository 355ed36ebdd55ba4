"""Devices of a generation, filtered and in an order: whatever the size, a window of them costs the same."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from console.model.device import Device
from console.model.fleet_query import Field, FleetQuery
from console.model.fleet_snapshot import Snapshot
from console.services import fleet_sql
from console.services.fleet_file import COLUMNS, FleetFile
from console.services.fleet_ids import IdBuffer
from console.services.fleet_rows import device_of
from console.services.ports import NEVER_CANCELLED, Cancel

FIRST = 100
"""So many rows are enough for a first screen, of any terminal."""
_BATCH = 500
_CHECKED = 4096


class FleetView:
    """What a query shows. `whole` False: only its first rows are known so far, and `len` counts those.

    `numbers` are the row numbers in their order; None stands for all rows of a dense generation in id order.
    """

    def __init__(
        self, file: FleetFile, snapshot: Snapshot, query: FleetQuery, numbers: array[int] | None, *, whole: bool = True
    ) -> None:
        self.snapshot = snapshot
        self.query = query
        self.whole = whole
        self._file = file
        self._numbers = numbers

    def __len__(self) -> int:
        return self.snapshot.count if self._numbers is None else len(self._numbers)

    def devices(self, start: int, stop: int) -> list[Device]:
        """Return the devices at [start, stop), cut at the end; one that went meanwhile is left out.

        Raises ConsoleError NOT_FOUND (code "fleet-file") when the generation is gone: ask for a new view.
        """
        start, stop = max(start, 0), min(stop, len(self))
        if start >= stop:
            return []
        wanted = [self._number(index) for index in range(start, stop)]
        found: dict[int, Device] = {}
        with self._file.reading() as connection:
            for low in range(0, len(wanted), _BATCH):
                part = wanted[low : low + _BATCH]
                marks = ", ".join(map(str, part))
                sql = f"SELECT {COLUMNS}, n FROM {self._table} WHERE n IN ({marks})"  # noqa: S608 - numbers
                found.update((row[10], device_of(row[:10])) for row in connection.execute(sql))
        return [found[number] for number in wanted if number in found]

    def position(self, device_id: str) -> int | None:
        """Return where a device is, None when it is not shown. Raises ConsoleError as `devices`."""
        with self._file.reading() as connection:
            sql = f"SELECT n FROM {self._table} WHERE id = ?"  # noqa: S608 - a number
            row = connection.execute(sql, (device_id,)).fetchone()
        if row is None:
            return None
        if self._numbers is None:
            return len(self) - int(row[0]) if self.query.descending else int(row[0]) - 1
        if self.snapshot.ordered and self.query.column == "id" and not self.query.descending:
            place = bisect_left(self._numbers, row[0])
            return place if place < len(self._numbers) and self._numbers[place] == row[0] else None
        try:
            return self._numbers.index(row[0])
        except ValueError:
            return None

    def ids(self) -> Iterator[str]:
        """Yield the ids of all devices that are shown, in order. Raises ConsoleError as `devices`."""
        for start in range(0, len(self), _BATCH):
            yield from (device.device_id for device in self.devices(start, start + _BATCH))

    def _number(self, index: int) -> int:
        if self._numbers is not None:
            return self._numbers[index]
        return len(self) - index if self.query.descending else index + 1

    @property
    def _table(self) -> str:
        return f"devices_{self.snapshot.generation}"


class FleetViews:
    """Makes views of one generation. `ids` is the buffer of ids, None while it is not read."""

    def __init__(self, file: FleetFile, snapshot: Snapshot, ids: IdBuffer | None = None) -> None:
        self._file = file
        self.snapshot = snapshot
        self.ids = ids

    def devices(self, device_ids: Collection[str]) -> list[Device]:
        """Return those of some devices that are kept, in id order, filtered or not. Raises ConsoleError."""
        mine = fleet_sql.ids(list(device_ids))
        sql = f"SELECT {COLUMNS} FROM {self._table} WHERE {mine.text} ORDER BY id"  # noqa: S608 - values are bound
        with self._file.reading() as connection:
            return [device_of(row) for row in connection.execute(sql, mine.values)]

    def at_once(self, query: FleetQuery) -> FleetView | None:
        """Return what can be shown within milliseconds without asking the file: None when it needs more than that.

        All devices in id order; the first of those whose id contains what is typed.
        """
        if not self.snapshot.ordered or query.column != "id":
            return None
        if query.everything and self.snapshot.dense:
            return FleetView(self._file, self.snapshot, query, None)
        if self.ids is None:
            return None
        if query.everything:
            return self._view(query, _turned(self.ids.find(""), query.descending))
        needles = _needles(query)
        if not needles or query.descending:
            return None
        numbers = self.ids.find(needles[0], FIRST, needles[1:])
        return self._view(query, numbers, whole=len(numbers) < FIRST)

    def first(self, query: FleetQuery, failures: Mapping[str, int], now: datetime) -> FleetView:
        """Return the first rows of a query; at once where an index leads to them. Raises ConsoleError."""
        known = self.at_once(query)
        if known is not None:
            return known
        numbers = self._numbers(query, failures, now, FIRST, NEVER_CANCELLED)
        return self._view(query, numbers, whole=len(numbers) < FIRST)

    def all(
        self, query: FleetQuery, failures: Mapping[str, int], now: datetime, cancel: Cancel = NEVER_CANCELLED
    ) -> FleetView:
        """Return the whole view of a query. Raises ConsoleError, CANCELLED when it is not wanted any more."""
        known = self.at_once(query)
        if known is not None and known.whole:
            return known
        needles = _needles(query)
        if needles and self.ids is not None and self.snapshot.ordered and query.column == "id":
            return self._view(query, _turned(self.ids.find(needles[0], also=needles[1:]), query.descending))
        return self._view(query, self._numbers(query, failures, now, None, cancel))

    def _view(self, query: FleetQuery, numbers: array[int], *, whole: bool = True) -> FleetView:
        return FleetView(self._file, self.snapshot, query, numbers, whole=whole)

    def _numbers(
        self, query: FleetQuery, failures: Mapping[str, int], now: datetime, limit: int | None, cancel: Cancel
    ) -> array[int]:
        if query.column == "failures":
            return self._by_failures(query, failures, now, limit, cancel)
        condition = fleet_sql.where(query, failures, now)
        return self._select(condition, fleet_sql.order(query), limit, cancel)

    def _by_failures(
        self, query: FleetQuery, failures: Mapping[str, int], now: datetime, limit: int | None, cancel: Cancel
    ) -> array[int]:
        """Order by a count that the file does not have: the failing ones by it, the others by id."""
        condition = fleet_sql.where(query, failures, now)
        failing = {name: count for name, count in failures.items() if count > 0}
        mine = fleet_sql.ids(list(failing))
        both = fleet_sql.Where(f"({condition.text}) AND {mine.text}", (*condition.values, *mine.values))
        with self._file.reading() as connection:
            fleet_sql.prepare(connection)
            sql = f"SELECT n, id FROM {self._table} WHERE {both.text} ORDER BY id COLLATE NOCASE"  # noqa: S608 - values bound
            found: Sequence[tuple[int, str]] = connection.execute(sql, both.values).fetchall()
        ranked = sorted(found, key=lambda one: failing[one[1]], reverse=query.descending)
        failed = array("I", (number for number, _ in ranked))
        rest_of = fleet_sql.Where(f"({condition.text}) AND NOT {mine.text}", both.values)
        rest = self._select(rest_of, "id COLLATE NOCASE, n", limit, cancel)
        numbers = failed + rest if query.descending else rest + failed
        return numbers if limit is None else numbers[:limit]

    def _select(self, condition: fleet_sql.Where, order: str, limit: int | None, cancel: Cancel) -> array[int]:
        if self.snapshot.ordered:  # row numbers are in id order already
            order = order.replace("id COLLATE NOCASE DESC, n", "n DESC").replace("id COLLATE NOCASE, n", "n")
        elif not order.startswith("id "):
            order = order.removesuffix(", n") + ", id COLLATE NOCASE, n"
        cut = "" if limit is None else f" LIMIT {limit}"
        sql = f"SELECT n FROM {self._table} WHERE {condition.text} ORDER BY {order}{cut}"  # noqa: S608 - values are bound
        numbers: array[int] = array("I")
        with self._file.reading() as connection:
            fleet_sql.prepare(connection)
            cursor = connection.execute(sql, condition.values)
            while part := cursor.fetchmany(_CHECKED):
                numbers.extend(number for (number,) in part)
                cancel.check()
        return numbers

    @property
    def _table(self) -> str:
        return f"devices_{self.snapshot.generation}"


def _turned(numbers: array[int], descending: bool) -> array[int]:
    if descending:
        numbers.reverse()
    return numbers


def _needles(query: FleetQuery) -> list[str]:
    """Return the texts of a query that only looks for texts in the id, the longest first; none for another query."""
    if query.problems or any(term.field is not Field.ID or term.negated or "\n" in term.text for term in query.terms):
        return []
    return sorted((term.text for term in query.terms), key=len, reverse=True)
