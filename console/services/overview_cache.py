"""The Overview's last snapshot as JSON: figures only, no secrets; unreadable or foreign content counts as none."""

from __future__ import annotations

import dataclasses
import json
import os
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

_SCHEMA = "hubwarden.overview-cache/1"


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
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(text)
        Path(name).replace(file)
    except OSError:
        return  # a cache that cannot be kept costs speed only


def load(file: Path) -> OverviewSnapshot:
    """Return the snapshot with every reading marked as cached; parts that do not fit are left out."""
    try:
        raw = json.loads(file.read_text(encoding="ascii"))
        parts = raw["parts"] if raw["schema"] == _SCHEMA else {}
    except (OSError, ValueError, KeyError, TypeError):
        return OverviewSnapshot()
    readings: dict[str, Any] = {}
    for name, hint in get_type_hints(OverviewSnapshot).items():
        part = parts.get(name) if isinstance(parts, dict) else None
        try:
            if part is not None:
                value = _build(get_args(hint)[0], part["value"])
                readings[name] = Reading(value, datetime.fromisoformat(part["as_of"]), cached=True)
        except (KeyError, ValueError, TypeError):
            continue
    return OverviewSnapshot(**readings)


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
        return datetime.fromisoformat(value)
    if issubclass(hint, timedelta):
        return timedelta(seconds=value)
    if issubclass(hint, ConsoleError):
        return None
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise TypeError(f"expected {hint.__name__}")
    return value
