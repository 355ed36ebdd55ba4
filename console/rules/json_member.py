"""Finding a member in a line of JSON by its path, so that it alone is replaced and every other byte stays."""

from __future__ import annotations

import json
import re
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_DOT = re.compile(r"(?<!\\)\.")

_LONGEST_INDEX = 18  # digits

Path = tuple[str, ...]


class NotJsonError(ValueError):
    """A line is not JSON; the text says where."""


class AmbiguousError(ValueError):
    """Two members of one object have the name that was asked for: readers differ in which they take."""


def path_of(field: str) -> Path:
    """Return the steps of a dotted path: `body.temperature`, `readings.0.value`, `a\\.b` for a name with a dot.

    Raises ValueError when a step is empty.
    """
    steps = tuple(step.replace("\\.", ".") for step in _DOT.split(field))
    if not all(steps):
        raise ValueError("a step of the path is empty")
    return steps


def find(text: str, path: Path) -> tuple[int, int, Any] | None:
    """Return where the value at a path begins and ends in a JSON text, and the value; None where there is none.

    A name on the path that an object has twice is refused: one of the two would stay as it was, in clear or under the
    old key, and some readers take it. Raises NotJsonError, AmbiguousError.
    """
    value = load(text)
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and _is_index(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    start = _skip(text, 0)
    for step in path:
        start = _member(text, start, step) if text[start] == "{" else _element(text, start, int(step))
    return start, _end(text, start), value


def load(text: str) -> Any:
    """Return the value of a JSON text. Raises NotJsonError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos + 1}") from None
    except RecursionError:
        raise NotJsonError("it is nested too deeply") from None
    except ValueError as error:  # integers with more digits than Python turns into numbers
        raise NotJsonError(str(error).partition(";")[0].lower()) from None


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) <= _LONGEST_INDEX


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _end(text: str, at: int) -> int:
    return int(_DECODER.raw_decode(text, at)[1])


def _member(text: str, at: int, name: str) -> int:
    """Return where the value of the member of this name begins; `text` is JSON and has one. Raises AmbiguousError."""
    found = -1
    at = _skip(text, at + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)  # past the colon
        if key == name:
            if found >= 0:
                raise AmbiguousError(f"an object has {json.dumps(name[:60])} twice")
            found = start
        at = _skip(text, _end(text, start))
        if text[at] == "}":
            break
        at = _skip(text, at + 1)
    return found


def _element(text: str, at: int, index: int) -> int:
    at = _skip(text, at + 1)
    for _ in range(index):
        at = _skip(text, _skip(text, _end(text, at)) + 1)  # past the comma
    return at
