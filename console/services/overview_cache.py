"""The Overview's last snapshot as JSON: figures only, no secrets; what is unreadable is set aside."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import tempfile
import types
import typing
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from console.model.errors import ConsoleError
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.model.text import clean

_FAMILY = "hubwarden.overview-cache/"
_SCHEMA = f"{_FAMILY}1"
MAX_BYTES = 16_000_000
_MAX_SPAN = timedelta(days=36_500)
_MAX_NUMBER = 1e15


def save(file: Path, snapshot: OverviewSnapshot) -> None:
    """Write the parts that are there (0600, atomically); a folder that cannot be written is passed over."""
    parts = {}
    for field in dataclasses.fields(snapshot):
        reading: Reading[Any] = getattr(snapshot, field.name)
        if reading.as_of is not None:
            parts[field.name] = {"as_of": reading.as_of.isoformat(), "value": _dump(reading.value)}
    text = json.dumps({"schema": _SCHEMA, "parts": parts}, ensure_ascii=True)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # made with 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(text)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink()
    except OSError:
        return  # a cache that cannot be kept costs speed only


def load(file: Path) -> OverviewSnapshot:
    """Return the snapshot with every reading marked as cached; parts that do not fit are left out.

    Raises UnreadableError, once, when what is there is no snapshot: it was set aside.
    """
    try:
        text = _text(file)
    except OSError:
        return OverviewSnapshot()  # none is kept, or it cannot be read now
    except ValueError:
        raise _aside(file) from None
    try:
        raw = json.loads(text)
        if not str(raw["schema"]).startswith(_FAMILY):
            raise ValueError("foreign")
        parts: dict[str, Any] = dict(raw["parts"]) if raw["schema"] == _SCHEMA else {}  # of another version: none
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _aside(file) from None
    readings: dict[str, Any] = {}
    for name, hint in get_type_hints(OverviewSnapshot).items():
        part = parts.get(name)
        try:
            if part is not None:
                value = _build(get_args(hint)[0], part["value"])
                readings[name] = Reading(value, _scalar(datetime, part["as_of"]), cached=True)
        except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
            continue
    return OverviewSnapshot(**readings)


class UnreadableError(Exception):
    """What was kept from last time is no snapshot; `place` is where it was set aside, None where that failed."""

    def __init__(self, place: Path | None) -> None:
        super().__init__("unreadable")
        self.place = place


def _text(file: Path) -> str:
    """Return the file's text; raises OSError when there is none, ValueError when it is nothing that `save` wrote."""
    mode = file.lstat().st_mode
    if not stat.S_ISREG(mode):  # a pipe would be waited for
        raise ValueError("no file")
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError("too large")
    return data.decode("ascii")


def _aside(file: Path) -> UnreadableError:
    place = file.with_name(f"{file.name}.unreadable")
    try:
        file.replace(place)
    except OSError:
        return UnreadableError(None)
    return UnreadableError(place)


def _dump(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, ConsoleError):
        return None  # a failure of last time says nothing about this time
    if dataclasses.is_dataclass(value):
        members = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: _dump(item) for name, item in members.items() if not isinstance(item, bytes)}  # figures only
    if isinstance(value, tuple | list):
        return [_dump(item) for item in value]
    return value


def _build(hint: Any, value: Any) -> Any:
    """Return a value of the type that a hint names; raises TypeError or ValueError when the JSON does not fit."""
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        if value is None:
            return None
        return _build(next(arg for arg in get_args(hint) if arg is not type(None)), value)
    if origin is tuple:
        args = get_args(hint)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_build(args[0], item) for item in value)
        return tuple(_build(arg, item) for arg, item in zip(args, value, strict=True))
    if isinstance(hint, TypeVar):
        return value
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return typing.cast(Any, hint)(**{name: _build(hints[name], item) for name, item in value.items()})
    if isinstance(hint, type):
        return _scalar(hint, value)
    return value


def _scalar(hint: type, value: Any) -> Any:
    if issubclass(hint, Enum):
        return hint(value)
    if issubclass(hint, datetime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or not 1900 < moment.year < 9000:  # nothing could be reckoned with it
            raise ValueError("no time")
        return moment
    if issubclass(hint, timedelta):
        span = timedelta(seconds=value)
        if abs(span) > _MAX_SPAN:
            raise ValueError("no span")
        return span
    if issubclass(hint, ConsoleError):
        return None
    if hint is float and isinstance(value, int):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(f"expected {hint.__name__}")
    if isinstance(value, int | float) and not abs(value) < _MAX_NUMBER:
        raise ValueError("no number")
    return clean(value) if isinstance(value, str) else value  # a file is something from outside
