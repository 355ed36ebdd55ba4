"""Rows of the journal as the database holds them: read where that can be, and said what is wrong with them else."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from datetime import datetime
from typing import Any

from console.model.clock import parse_time
from console.model.journal import NO_TIME, JournalRow
from console.services.sqlite_reading import Undecoded

COLUMNS = "seq, time, kind, change_id, hub, body, mac"
ANCHORED = "anchored"
"""Member of the body of every row whose journal has its head outside: a copy from before that is told apart."""
_KINDS = frozenset({"intent", "outcome", "read"})
_LONGEST = 20
"""Digits of the longest whole number in a row; nothing that is written here comes near it."""

Fields = tuple[Any, ...]


def mac_of(key: bytes, previous: object, fields: Fields) -> str:
    """Return the link of the chain of a row after another one; of what no row can hold, one that fits nothing."""
    try:
        text = json.dumps([previous, *fields]).encode()
    except TypeError:  # a BLOB
        return ""
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def head_mac(key: bytes, seq: int, mac: object) -> str:
    """Return the signature of the last row."""
    return hmac.new(key, f"head:{seq}:{mac}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def same(one: str, other: object) -> bool:
    """Whether a link is the one that was computed; the computed one is empty for what fits nothing."""
    return bool(one) and isinstance(other, str) and other.isascii() and hmac.compare_digest(one, other)


def is_anchored(body: object) -> bool:
    """Whether a row was written by a version that keeps the head outside the database."""
    return isinstance(body, str) and f'"{ANCHORED}":true' in body


def row_of(fields: Fields) -> JournalRow:
    """Return a row; one that cannot be read says so in `trouble`."""
    seq, time, kind, change_id, hub, body, mac = fields
    troubles: list[str] = []
    for name, value in (("time", time), ("kind", kind), ("change", change_id), ("hub", hub), ("link", mac)):
        if not isinstance(value, str):
            troubles.append(f"its {name} is {_sort(value)}")
    moment = _moment(time)
    if moment is None and isinstance(time, str):
        troubles.append("its time is none")
    if isinstance(kind, str) and kind not in _KINDS:
        troubles.append("its kind is not known")
    found, trouble = _body(body)
    troubles += [trouble] if trouble else []
    return JournalRow(
        int(seq),
        moment or NO_TIME,
        _text(kind),
        change_id if isinstance(change_id, str) and change_id else f"row-{seq}",
        _text(hub),
        found,
        _text(mac),
        f"row {seq} cannot be read: {', '.join(troubles)}" if troubles else "",
    )


def _moment(time: object) -> datetime | None:
    try:
        return parse_time(time)
    except (ValueError, OverflowError):
        return None


def _body(body: object) -> tuple[dict[str, Any], str]:
    if not isinstance(body, str):
        return {}, f"its content is {_sort(body)}"
    try:
        found = json.loads(body, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
        body.encode("utf-8")
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # an escaped half of a pair is no text either
    except (ValueError, RecursionError):
        return {}, "its content is no JSON that is written here"
    return (found, "") if isinstance(found, dict) else ({}, "its content is no JSON object")


def _refuse(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("not finite")
    return value


def _whole(text: str) -> int:
    if len(text) > _LONGEST:
        raise ValueError("too long")
    return int(text)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _sort(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, Undecoded):
        return "no UTF-8"
    return "binary" if isinstance(value, bytes) else "a number"
