"""The filter line of the Devices pane: text -> terms, live as it is typed, so nothing here ever raises."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.fleet_query import Field, Term

HELP = "text  !not  auth:sas  status:disabled  state:connected  seen:>30d  tag.site:lyon  edge:yes  failures:>0"
_TERM = re.compile(r'(?P<no>!?)(?:(?P<col>[A-Za-z][\w.]*):)?(?P<val>"[^"]*"?|\S*)')
_AGE = re.compile(r"([<>]=?)?(\d+)(s|m|min|h|d|w|y)?$")
_COUNT = re.compile(r"([<>]=?|=)?(\d+)$")
_UNIT_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_MAX_SECONDS = 100 * 31536000
COLUMNS = ("id", "auth", "status", "state", "seen", "edge", "failures", "reason", "thumb")

_AUTH_WORDS: dict[str, frozenset[AuthType]] = {
    "sas": frozenset({AuthType.SAS}),
    "ca": frozenset({AuthType.CA}),
    "none": frozenset({AuthType.NONE}),
    "sha1": frozenset({AuthType.THUMBPRINT_SHA1}),
    "sha256": frozenset({AuthType.THUMBPRINT_SHA256}),
    "missing": frozenset({AuthType.THUMBPRINT_MISSING}),
    "thumbprint": frozenset({AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_MISSING}),
    "x509": frozenset({AuthType.CA, AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_MISSING}),
    "unknown": frozenset({AuthType.UNKNOWN}),
}
_YES = ("yes", "y", "true", "1", "edge")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True)
class DeviceFilter:
    """A parsed filter. `notes` tell what was not understood; such a part filters nothing out by itself."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, device: Device, failures: int, now: datetime) -> bool:
        """Return whether `device`, which failed so often in the last hour, passes every part."""
        return all(holds(term, device, failures, now) for term in self.terms)


def holds(term: Term, device: Device, failures: int, now: datetime) -> bool:
    """Return whether a device passes one part; the fleet store's queries say the same of its rows."""
    return _holds(term, device, failures, now) is not term.negated


def _holds(term: Term, device: Device, failures: int, now: datetime) -> bool:
    match term.field:
        case Field.ID:
            return term.text in device.device_id.casefold()
        case Field.AUTH:
            return device.auth.value in term.values
        case Field.STATUS:
            return device.status.value in term.values
        case Field.STATE:
            return device.connection.value in term.values
        case Field.EDGE:
            return device.edge == ("yes" in term.values)
        case Field.REASON:
            return term.text in device.status_reason.casefold()
        case Field.THUMB:
            return any(term.text in thumbprint.casefold() for thumbprint in device.thumbprints)
        case Field.TAG:
            return any(name.casefold() == term.path and term.text in text.casefold() for name, text in device.tags)
        case Field.FAILURES:
            return _COMPARE[term.sign](failures, term.number)
        case Field.SEEN:
            return _seen_holds(term, device, now)


def _seen_holds(term: Term, device: Device, now: datetime) -> bool:
    if term.sign == "never":
        return device.last_activity is None
    older = not term.sign.startswith("<")
    if device.last_activity is None:
        return older
    return ((now - device.last_activity).total_seconds() > term.number) == older


def parse_filter(text: str) -> DeviceFilter:
    """Return the filter for what was typed so far: blank-separated parts that must all hold.

    A part is a substring of the id or `column:value`; a leading `!` turns it round; quotes keep blanks in a value.
    """
    terms: list[Term] = []
    notes: list[str] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TERM.match(text, position)
        if match is None or match.end() == position:
            break
        position = match.end()
        value = match["val"].strip('"')
        column = (match["col"] or "").casefold()
        term, note = _part(column, value, match["col"] or "")
        if note:
            notes.append(note)
        if term is not None:
            terms.append(replace(term, negated=True) if match["no"] else term)
    return DeviceFilter(text, tuple(terms), tuple(notes))


def _part(column: str, value: str, typed: str) -> tuple[Term | None, str]:
    """Return one part, None while its value is still incomplete, and what is wrong with it."""
    if column.startswith("tag.") and len(column) > 4:
        # without a value: any device that has the tag
        return Term(Field.TAG, text=value.casefold(), path=typed[4:].casefold()), ""
    maker = _MAKERS.get(column)
    if column and maker is None:
        near = get_close_matches(column, (*COLUMNS, "tag."), 1, 0.6)
        hint = f", did you mean {near[0]}:?" if near else ""
        return _contains(f"{typed}:{value}"), f'no column "{typed}"{hint}'
    if not value or (column in ("seen", "failures") and value in ("<", ">", "<=", ">=", "=")):
        return None, ""
    if maker is None:
        return _contains(value), ""
    term = maker(value.casefold())
    return (term, "") if term is not None else (None, f'{column}: does not understand "{value}"')


def _contains(value: str) -> Term:
    return Term(Field.ID, text=value.casefold())


def _auth(value: str) -> Term | None:
    value = value.replace("-", "").replace(".", "")
    kinds: frozenset[AuthType] = frozenset().union(
        *(kinds for word, kinds in _AUTH_WORDS.items() if word.startswith(value))
    )
    if value in _AUTH_WORDS:
        kinds = _AUTH_WORDS[value]
    return Term(Field.AUTH, values=frozenset(kind.value for kind in kinds)) if kinds else None


def _status(value: str) -> Term | None:
    kinds = frozenset(status.value for status in DeviceStatus if status.value.startswith(value))
    return Term(Field.STATUS, values=kinds) if kinds else None


def _state(value: str) -> Term | None:
    kinds = frozenset(state.value for state in ConnectionState if state.value.startswith(value))
    return Term(Field.STATE, values=kinds) if kinds else None


def _seen(value: str) -> Term | None:
    if "never".startswith(value):
        return Term(Field.SEEN, sign="never")
    match = _AGE.match(value)
    if match is None:
        return None
    seconds = min(int(match[2]) * _UNIT_SECONDS[match[3] or "d"], _MAX_SECONDS)
    return Term(Field.SEEN, sign=match[1] or "<", number=seconds)


def _failures(value: str) -> Term | None:
    match = _COUNT.match(value)
    if match is None:
        return None
    return Term(Field.FAILURES, sign=match[1] or "=", number=int(match[2]))


_MAKERS: dict[str, Callable[[str], Term | None]] = {
    "id": _contains,
    "auth": _auth,
    "status": _status,
    "state": _state,
    "seen": _seen,
    "failures": _failures,
    "edge": lambda value: Term(Field.EDGE, values=frozenset({"yes" if value in _YES else "no"})),
    "reason": lambda value: Term(Field.REASON, text=value),
    "thumb": lambda value: Term(Field.THUMB, text=value),
}
