"""Output for a terminal whose encoding has no such characters: one ASCII character per cell, so that nothing shifts."""

from __future__ import annotations

import codecs
import unicodedata

HANDLER = "hubwarden-plain"
_SAME = {
    "-": "·–—─",
    "*": "•●",
    "o": "○",
    "#": "■□",
    ">": "▸›→",
    "<": "◂",
    "v": "↓▼✓",
    "^": "↑▲",
    "~": "…",
    '"': "“”",
    "'": "‘’",
    "x": "×✗",
    "|": "│┤▏▎▍▌▋▊▉▐",
    "+": "├┼┬┴└┘┌┐",
}
_NEAREST = str.maketrans({char: plain for plain, chars in _SAME.items() for char in chars})


def plain(text: str) -> str:
    """Return text with every character beyond ASCII replaced by the nearest one, "?" where there is none."""
    parts = []
    for char in text.translate(_NEAREST):
        if char.isascii():
            parts.append(char)
        elif "\u2580" <= char <= "\u259f":  # blocks
            parts.append("#")
        else:
            base = unicodedata.normalize("NFKD", char)[0]
            cells = 2 if unicodedata.east_asian_width(char) in "WF" else 1
            parts.append(base if base.isascii() and base.isprintable() else "?" * cells)
    return "".join(parts)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


def register() -> None:
    """Make HANDLER known: what an encoding cannot express becomes the nearest ASCII character."""
    codecs.register_error(HANDLER, _replace)
