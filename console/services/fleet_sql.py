"""A filter and an order of devices as SQL over one generation of the fleet file."""

from __future__ import annotations

import json
import operator
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.model.device import AuthType, DeviceStatus
from console.model.fleet_query import TAG, Field, FleetQuery, Term
from console.model.text import clean
from console.services.fleet_rows import AUTHS, CONNECTIONS, STATUSES, tags_of

WEAK = frozenset({AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_MISSING, AuthType.NONE, AuthType.UNKNOWN})
"""Auth types that count as a problem."""

_COLUMN = {Field.STATUS: ("status", STATUSES), Field.AUTH: ("auth", AUTHS), Field.STATE: ("connection", CONNECTIONS)}


_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Where:
    """A condition and its parameters."""

    text: str
    values: tuple[Any, ...] = ()


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that conditions use."""
    connection.create_function("fold", 1, _fold, deterministic=True)
    connection.create_function("tag_has", 3, _tag_has, deterministic=True)
    connection.create_function("tag_text", 2, _tag_text, deterministic=True)


def where(query: FleetQuery, failures: Mapping[str, int], now: datetime) -> Where:
    """Return the condition of a query; `failures` counts those of the last hour by device id."""
    parts = [_term(term, failures, now) for term in query.terms]
    if query.problems:
        parts.append(_problems(failures))
    if not parts:
        return Where("1")
    return Where(" AND ".join(f"({one.text})" for one in parts), tuple(value for one in parts for value in one.values))


def order(query: FleetQuery) -> str:
    """Return the ORDER BY of a query on a table in id order; `failures` is not among the columns (see the view)."""
    down = " DESC" if query.descending else ""
    match query.column:
        case "id":
            return f"id COLLATE NOCASE{down}, n"
        case "status" | "auth" | "edge" | "seen":
            return f"{query.column}{down}, n"
        case "state":
            return f"connection{down}, n"
        case "reason":
            return f"fold(reason){down}, n"
    if query.column.startswith(TAG):
        path = query.column.removeprefix(TAG).replace("'", "''")
        return f"tag_text(tags, '{path}'){down}, n"
    raise ValueError(query.column)


def _term(term: Term, failures: Mapping[str, int], now: datetime) -> Where:
    found = _plain(term, failures, now)
    return Where(f"NOT ({found.text})", found.values) if term.negated else found


def _plain(term: Term, failures: Mapping[str, int], now: datetime) -> Where:
    match term.field:
        case Field.ID:
            return Where("instr(lower(id), ?) > 0", (term.text,))
        case Field.STATUS | Field.AUTH | Field.STATE:
            column, members = _COLUMN[term.field]
            return _in(column, [place for place, one in enumerate(members) if one.value in term.values])
        case Field.EDGE:
            return Where("edge = ?", (int("yes" in term.values),))
        case Field.REASON:
            return Where("instr(coalesce(fold(reason), ''), ?) > 0", (term.text,))
        case Field.THUMB:
            return _thumb(term.text)
        case Field.TAG:
            plain = term.text.isascii() and term.text.isprintable() and not set(term.text) & set('"\\')
            # raw JSON holds such a text as it is, unless something in it is escaped; that spares most rows the parsing
            quick = "(instr(lower(tags), ?) > 0 OR instr(tags, '\\') > 0) AND " if plain else ""
            return Where(
                f"tags IS NOT NULL AND {quick}tag_has(tags, ?, ?)",
                (*((term.text,) if plain else ()), term.path, term.text),
            )
        case Field.SEEN:
            return _seen(term, now)
        case Field.FAILURES:
            return _failures(term, failures)


def _in(column: str, places: list[int]) -> Where:
    return Where(f"{column} IN ({', '.join(map(str, places))})" if places else "0")


def _thumb(text: str) -> Where:
    if "|" in text:
        return Where("0")
    return Where("instr(coalesce(lower(prints), ''), ?) > 0", (text,)) if text else Where("1")


def _seen(term: Term, now: datetime) -> Where:
    if term.sign == "never":
        return Where("seen IS NULL")
    edge = now.timestamp() - term.number
    if term.sign.startswith("<"):
        return Where("coalesce(seen >= ?, 0)", (edge,))
    return Where("seen IS NULL OR seen < ?", (edge,))


def _failures(term: Term, failures: Mapping[str, int]) -> Where:
    compare = _COMPARE[term.sign]
    if not compare(0, term.number):
        return ids([name for name, count in failures.items() if compare(count, term.number)])
    others = ids([name for name, count in failures.items() if not compare(count, term.number)])
    return Where(f"NOT ({others.text})", others.values)


def ids(names: list[str]) -> Where:
    """Return the condition that an id is one of some."""
    return Where("id IN (SELECT value FROM json_each(?))", (json.dumps(names),)) if names else Where("0")


def _problems(failures: Mapping[str, int]) -> Where:
    weak = _in("auth", [place for place, one in enumerate(AUTHS) if one in WEAK])
    failing = ids([name for name, count in failures.items() if count > 0])
    enabled = STATUSES.index(DeviceStatus.ENABLED)
    return Where(f"status != {enabled} OR {weak.text} OR {failing.text}", failing.values)


def _fold(text: object) -> str | None:
    return clean(text).casefold() if isinstance(text, str) else None


def _tag_text(tags: object, path: object) -> str | None:
    return next((text.casefold() for name, text in tags_of(tags) if name == path), None)


def _tag_has(tags: object, path: object, needle: object) -> bool:
    return any(name.casefold() == path and str(needle) in text.casefold() for name, text in tags_of(tags))
