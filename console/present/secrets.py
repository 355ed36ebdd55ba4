"""Something secret on a page: hidden, or spelled out for a moment; and how long times are written by hand."""

from __future__ import annotations

import re

from console.model.secret import Secret
from console.model.text import clean
from console.present.lines import Line, text_width
from console.present.words import DAY, HOUR, MINUTE, plural

MOST_LINES = 200
"""Most lines of something secret that are spelled out."""

_UNITS = {"": 1, "s": 1, "sec": 1, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
_PART = re.compile(r"\s*(\d{1,9})\s*([a-z]*)")


def shortened(secret: Secret) -> str:
    """Return what may be seen of a text that was pasted: its end when it is long, and its size."""
    text = secret.reveal().strip()
    lines = text.count("\n") + 1
    size = plural(len(text), "character") + (f" on {plural(lines, 'line')}" if lines > 1 else "")
    return f"{clean(Secret(text))}  {size}"


def secret_lines(
    secret: Secret, width: int, *, left: int, hidden: str = "", keys: str = "v", indent: int = 3
) -> list[Line]:
    """Return something secret hidden (`left` 0), or spelled out with the seconds that are left.

    Line feeds in it are kept, everything else that is no text is spelled out. `hidden` stands for it while it is
    hidden; without, its end is shown. `keys` is the key that shows it.
    """
    room = max(width - indent - 1, 8)
    if not left:
        return [
            (
                (" " * indent + (clean(hidden) or clean(secret)), "accent"),
                (f"   {keys}", "key"),
                (" shows it for 20 s", "dim"),
            )
        ]
    lines: list[Line] = []
    parts = secret.reveal().split("\n")
    for part in parts[:MOST_LINES]:
        text = clean(part)
        for piece in _chunks(text, room):
            lines.append(((" " * indent + piece, "head"),))
    if len(parts) > MOST_LINES:
        lines.append(((f"{' ' * indent}… and {plural(len(parts) - MOST_LINES, 'more line', 'more lines')}", "dim"),))
    return [*lines, ((f"{' ' * indent}hides itself in {left} s", "warn"),)]


def _chunks(text: str, room: int) -> list[str]:
    """Return text in pieces of at most `room` cells, cut anywhere: it has to be copied exactly."""
    if text.isascii():
        return [text[start : start + room] for start in range(0, len(text), room)] or [""]
    pieces = [""]
    for char in text:
        if text_width(pieces[-1]) + text_width(char) > room:
            pieces.append("")
        pieces[-1] += char
    return pieces


def seconds_of(text: str) -> int:
    """Return how many seconds a time written by hand has: "3600", "90m", "1h 30m", "2 d".

    Raises ValueError with a sentence when it is none.
    """
    total, place, text = 0, 0, text.strip().casefold()
    while place < len(text):
        part = _PART.match(text, place)
        if part is None or part[2] not in _UNITS:
            raise ValueError(_HOW)
        total += int(part[1]) * _UNITS[part[2]]
        place = part.end()
    if not text:
        raise ValueError(_HOW)
    return total


_HOW = "write it as 90m, 12h, 2d or in seconds"


def lifetime_problem(text: str) -> str:
    """Return what is wrong with a lifetime, empty when nothing is."""
    if text.strip().startswith("-"):
        return "a token has to live for a second at least"
    try:
        seconds = seconds_of(text)
    except ValueError as error:
        return str(error)
    return "" if seconds > 0 else "a token has to live for a second at least"


def optional_age_problem(text: str) -> str:
    """Return what is wrong with a greatest age that may be left out."""
    if not text.strip():
        return ""
    try:
        return "" if seconds_of(text) > 0 else "a second at least, or leave it empty"
    except ValueError as error:
        return str(error)
