"""JSON from clients, read strictly: whatever is taken can be kept, compared and written back to other clients."""

from __future__ import annotations

import json
import math
from typing import Any

DEPTH_LIMIT = 100
"""How deep objects and lists may nest: ours, so that no answer is ever too deep to write."""

_HUGE = 10**308


def loads(data: bytes | str, *, once: bool = False) -> Any:
    """Return the value of a JSON text in UTF-8; `once`: a name that is there twice in an object is refused.

    Raises ValueError for what is no JSON, and for JSON that is none for others: NaN and infinities, numbers beyond a
    double's range, halves of surrogate pairs, and nesting deeper than `DEPTH_LIMIT`.
    """
    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    try:
        value = json.loads(text, object_pairs_hook=_named_once if once else None)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    _check(value)
    return value


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is there twice")
    return found


def _check(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                for key in item:
                    _check_text(key)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                _check_text(item)
            elif isinstance(item, float):
                if not math.isfinite(item):
                    raise ValueError("a number is not finite")
            elif isinstance(item, int) and not -_HUGE < item < _HUGE:
                raise ValueError("a number is out of range")
        if not below:
            return
        level = below
    raise ValueError("it is nested too deep")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a surrogate pair") from None
