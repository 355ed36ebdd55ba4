"""A query made ready to run: which records match, what a row of the answer looks like, what groups add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from console.localhub.query_parser import Column, Function, Path, Query, QuerySyntaxError, parse
from console.localhub.query_run import UNDEFINED, Getter, Weighted, aggregate, condition, count, getter, group_key
from console.localhub.registry_json import twin_json
from console.localhub.state import DeviceRecord, Json

_OWN = frozenset({"deviceId", "x509Thumbprint"})
_OWN_BELOW = frozenset({("devices", "deviceId"), ("devices", "x509Thumbprint")})
_OVER_ATTRIBUTE = frozenset({"AVG", "SUM", "MIN", "MAX"})


class Plan:
    """A compiled query. `matches` is None when every record does; `kind` is what x-ms-item-type says.

    Raises QuerySyntaxError for what the language does not allow.
    """

    def __init__(self, query: Query) -> None:
        self.source = query.source
        self._paths = [*_paths_in(query.where), *_paths_in(query.columns), *(query.group or ())]
        self.top = query.top
        self.matches = condition(query.where, query.source)
        self.kind = "Raw" if query.columns is not None else "Twin"
        if query.source == "devices.jobs":
            if query.columns is not None:
                raise QuerySyntaxError("Jobs can only be selected whole.")
            self.kind = "DeviceJob"
        self._group = query.group
        self._columns = [] if query.columns is None else _named(query.columns)
        calls = [column.value for _, column in self._columns if isinstance(column.value, Function)]
        self.grouped = bool(calls or query.group)
        if self.grouped:
            self._check_grouping(query)
            self._folds = [(name, self._fold(column)) for name, column in self._columns]
        else:
            self._reads = [(name, getter(_path(column), query.source)) for name, column in self._columns]

    def row(self, record: DeviceRecord) -> Json:
        """Return the answer's row for a record of an ungrouped query; undefined attributes are left out."""
        if self.kind == "Twin":
            return twin_json(record)
        return {name: value for name, read in self._reads if (value := read(record)) is not UNDEFINED}

    def groups(self, records: Iterable[DeviceRecord]) -> list[Json]:
        """Return the rows of a grouped query over the records that matched; without GROUP BY it is always one."""
        return self.weighted_groups((record, 1) for record in records)

    def weighted_groups(self, records: Iterable[Weighted]) -> list[Json]:
        """Return the same over records that each stand for a number of devices."""
        if not self._group:
            return [self._group_row(list(records))]
        reads = [getter(path, self.source) for path in self._group]
        found: dict[tuple[Any, ...], list[Weighted]] = {}
        for record, weight in records:
            found.setdefault(group_key(tuple(read(record) for read in reads)), []).append((record, weight))
        return [self._group_row(members) for members in found.values()]

    @property
    def own(self) -> bool:
        """Whether it asks for what tells one device from another: its id, its thumbprints."""
        return any(path.parts[0] in _OWN or path.parts[:2] in _OWN_BELOW for path in self._paths)

    def _group_row(self, members: list[Weighted]) -> Json:
        return {name: value for name, fold in self._folds if (value := fold(members)) is not UNDEFINED}

    def _check_grouping(self, query: Query) -> None:
        if query.columns is None:
            raise QuerySyntaxError("SELECT * cannot be grouped.")
        for _, column in self._columns:
            if isinstance(column.value, Path) and column.value not in query.group:
                raise QuerySyntaxError("An attribute beside an aggregate must be in GROUP BY.")

    def _fold(self, column: Column) -> Callable[[list[Weighted]], Any]:
        if isinstance(column.value, Path):
            read: Getter = getter(column.value, self.source)
            return lambda members: read(members[0][0])
        name, arguments = column.value.name, column.value.arguments
        if name == "COUNT" and not arguments:
            return count
        if name in _OVER_ATTRIBUTE and len(arguments) == 1 and isinstance(arguments[0], Path):
            return aggregate(name, getter(arguments[0], self.source))
        raise QuerySyntaxError(f"There is no aggregate {name} with {len(arguments)} arguments.")


@lru_cache(maxsize=256)
def plan_for(text: str) -> Plan:
    """Return the plan of a query's text. Raises QuerySyntaxError."""
    return Plan(parse(text))


def _paths_in(part: object) -> Iterator[Path]:
    """Yield the attributes that a part of a query names."""
    if isinstance(part, Path):
        yield part
    elif isinstance(part, tuple | list):
        for one in part:
            yield from _paths_in(one)
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from _paths_in(getattr(part, field.name))


def _named(columns: tuple[Column, ...]) -> list[tuple[str, Column]]:
    """Return each column under its alias, an attribute's last name, or `$1`, `$2` for aggregates without alias."""
    named = []
    unnamed = 0
    for column in columns:
        if column.alias is not None:
            named.append((column.alias, column))
        elif isinstance(column.value, Path):
            named.append((column.value.parts[-1], column))
        else:
            unnamed += 1
            named.append((f"${unnamed}", column))
    return named


def _path(column: Column) -> Path:
    assert isinstance(column.value, Path)
    return column.value
