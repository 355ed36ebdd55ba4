"""The filter line of the Devices pane: text -> a predicate, live as it is typed, so nothing here ever raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus

Test = Callable[[Device, int, datetime], bool]
"""(device, failures of the last hour, now) -> whether the row is shown."""

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


@dataclass(frozen=True)
class DeviceFilter:
    """A parsed filter. `notes` tell what was not understood; such a part filters nothing out by itself."""

    text: str = ""
    tests: tuple[Test, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tests)

    def matches(self, device: Device, failures: int, now: datetime) -> bool:
        """Return whether `device` passes every part."""
        return all(test(device, failures, now) for test in self.tests)


def parse_filter(text: str) -> DeviceFilter:
    """Return the filter for what was typed so far: blank-separated parts that must all hold.

    A part is a substring of the id or `column:value`; a leading `!` turns it round; quotes keep blanks in a value.
    """
    tests: list[Test] = []
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
        test, note = _part(column, value, match["col"] or "")
        if note:
            notes.append(note)
        if test is not None:
            tests.append(_inverted(test) if match["no"] else test)
    return DeviceFilter(text, tuple(tests), tuple(notes))


def _inverted(test: Test) -> Test:
    return lambda device, failures, now: not test(device, failures, now)


def _part(column: str, value: str, typed: str) -> tuple[Test | None, str]:
    """Return the test of one part, None while its value is still empty, and what is wrong with it."""
    if column.startswith("tag.") and len(column) > 4:
        return _tag(typed[4:], value), ""
    maker = _MAKERS.get(column)
    if column and maker is None:
        near = get_close_matches(column, (*COLUMNS, "tag."), 1, 0.6)
        hint = f", did you mean {near[0]}:?" if near else ""
        return _contains(f"{typed}:{value}"), f'no column "{typed}"{hint}'
    if not value:
        return None, ""
    if maker is None:
        return _contains(value), ""
    test = maker(value.casefold())
    return (test, "") if test is not None else (None, f'{column}: does not understand "{value}"')


def _contains(value: str) -> Test:
    needle = value.casefold()
    return lambda device, _failures, _now: needle in device.device_id.casefold()


def _tag(path: str, value: str) -> Test:
    """A tag whose text contains the value; without a value, any device that has the tag."""
    wanted, needle = path.casefold(), value.casefold()

    def test(device: Device, _failures: int, _now: datetime) -> bool:
        return any(name.casefold() == wanted and needle in text.casefold() for name, text in device.tags)

    return test


def _auth(value: str) -> Test | None:
    value = value.replace("-", "").replace(".", "")
    kinds: frozenset[AuthType] = frozenset().union(
        *(kinds for word, kinds in _AUTH_WORDS.items() if word.startswith(value))
    )
    if value in _AUTH_WORDS:
        kinds = _AUTH_WORDS[value]
    return (lambda device, _f, _n: device.auth in kinds) if kinds else None


def _status(value: str) -> Test | None:
    kinds = {status for status in DeviceStatus if status.value.startswith(value)}
    return (lambda device, _f, _n: device.status in kinds) if kinds else None


def _state(value: str) -> Test | None:
    kinds = {state for state in ConnectionState if state.value.startswith(value)}
    return (lambda device, _f, _n: device.connection in kinds) if kinds else None


def _seen(value: str) -> Test | None:
    if "never".startswith(value):
        return lambda device, _f, _n: device.last_activity is None
    match = _AGE.match(value)
    if match is None:
        return None if value not in ("<", ">", "<=", ">=") else _anything
    limit = timedelta(seconds=min(int(match[2]) * _UNIT_SECONDS[match[3] or "d"], _MAX_SECONDS))
    older = not (match[1] or "<").startswith("<")

    def test(device: Device, _failures: int, now: datetime) -> bool:
        if device.last_activity is None:
            return older
        return (now - device.last_activity > limit) == older

    return test


def _failures(value: str) -> Test | None:
    match = _COUNT.match(value)
    if match is None:
        return None if value not in ("<", ">", "<=", ">=", "=") else _anything
    sign, limit = match[1] or "=", int(match[2])
    return {
        ">": lambda _d, failures, _n: failures > limit,
        ">=": lambda _d, failures, _n: failures >= limit,
        "<": lambda _d, failures, _n: failures < limit,
        "<=": lambda _d, failures, _n: failures <= limit,
        "=": lambda _d, failures, _n: failures == limit,
    }[sign]


def _edge(value: str) -> Test:
    wanted = value in _YES
    return lambda device, _f, _n: device.edge == wanted


def _reason(value: str) -> Test:
    return lambda device, _f, _n: value in device.status_reason.casefold()


def _thumb(value: str) -> Test:
    return lambda device, _f, _n: any(value in thumbprint.casefold() for thumbprint in device.thumbprints)


def _anything(_device: Device, _failures: int, _now: datetime) -> bool:
    return True


_MAKERS: dict[str, Callable[[str], Test | None]] = {
    "id": lambda value: _contains(value),
    "auth": _auth,
    "status": _status,
    "state": _state,
    "seen": _seen,
    "failures": _failures,
    "edge": _edge,
    "reason": _reason,
    "thumb": _thumb,
}
