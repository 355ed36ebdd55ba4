"""Lines of styled text: plain strings with a style token each; never markup."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from unicodedata import east_asian_width

from console.model.text import takes_no_cell

Piece = tuple[str, str]
"""Text and its style token.

The empty token is the default style; a token "on.x" has a background of its own, "a/b" is a on the background of b.
"""

Line = tuple[Piece, ...]
"""One line of the screen."""

ELLIPSIS = "…"
NARROW = 60


def text_width(text: str) -> int:
    """Return how many terminal cells `text` takes."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


@lru_cache(2048)
def _char_width(char: str) -> int:
    if takes_no_cell(char):
        return 0
    if "\u3248" <= char <= "\u324f" or "\u4dc0" <= char <= "\u4dff":
        return 2  # squared numbers and hexagrams: CJK fonts draw them square, and terminals follow
    return 2 if east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` cells, ending in an ellipsis when it was longer."""
    if width <= 0:
        return ""
    if text_width(text) <= width:
        return text
    if text.isspace():
        return text[:width]
    if text.isascii():
        return text[: width - 1] + ELLIPSIS
    kept, used = [], 0
    for char in text:
        size = _char_width(char)
        if used + size > width - 1:
            break
        kept.append(char)
        used += size
    return "".join(kept) + ELLIPSIS


def fit(text: str, width: int, align: str = "left") -> str:
    """Return `text` in exactly `width` cells: cut, or padded on the side away from `align`."""
    text = cut(text, width)
    gap = width - text_width(text)
    if gap <= 0:
        return text
    return " " * gap + text if align == "right" else text + " " * gap


def line_width(line: Iterable[Piece]) -> int:
    """Return the width of a line in cells."""
    return sum(text_width(text) for text, _ in line)


def fit_line(line: Line, width: int) -> Line:
    """Return `line` cut or padded to exactly `width` cells; neighbours of one style are joined."""
    pieces: list[Piece] = []
    left = width
    for text, token in line:
        if left <= 0:
            break
        text = cut(text, left)
        left -= text_width(text)
        _join(pieces, text, token)
    if left > 0:
        _join(pieces, " " * left, "")
    return tuple(pieces)


def _join(pieces: list[Piece], text: str, token: str) -> None:
    """Append; join with the last piece where the eye sees no difference: same style, or blanks on no own background."""
    last = pieces[-1][1] if pieces else None
    if last is not None and (last == token or (not text.strip() and "/" not in last and not last.startswith("on."))):
        pieces[-1] = (pieces[-1][0] + text, last)
    elif text:
        pieces.append((text, token))


def spread(left: Line, right: Line, width: int, gap: int = 2) -> Line:
    """Return `left` and, at the right edge, `right`; the left part is cut when both do not fit."""
    room = width - line_width(right)
    if not right or room < gap:
        return fit_line(left, width)
    return (*fit_line(left, max(room - gap, 0)), (" " * gap, ""), *right)


def plain(line: Line) -> str:
    """Return the text of a line without styles."""
    return "".join(text for text, _ in line)


def _head(word: str, width: int) -> str:
    """Return as much of a word as takes at most `width` cells, with the marks on its last letter."""
    if word.isascii():
        return word[:width]
    used = 0
    for end, char in enumerate(word):
        used += _char_width(char)
        if used > width:
            return word[:end]
    return word


def wrap(text: str, width: int) -> list[str]:
    """Return `text` broken into lines of at most `width` cells, at spaces where possible."""
    width = max(width, 8)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        current = ""
        for word in paragraph.split(" "):
            while text_width(word) > width:
                room = width - text_width(current) - (1 if current else 0)
                if room < width // 3:
                    lines.append(current)
                    current, room = "", width
                head = _head(word, room)
                current = f"{current} {head}" if current else head
                word = word[len(head) :]
                lines.append(current)
                current = ""
            candidate = f"{current} {word}" if current else word
            if text_width(candidate) > width:
                lines.append(current)
                candidate = word
            current = candidate
        lines.append(current)
    return lines


def paragraph(text: str, width: int, *, indent: int = 0, style: str = "") -> list[Line]:
    """Return wrapped text as lines of one style, indented."""
    return [((" " * indent + part, style),) for part in wrap(text, width - indent)]


def field(label: str, value: str, width: int, *, label_width: int = 18, style: str = "", indent: int = 3) -> list[Line]:
    """Return a labelled value; a long value continues under itself."""
    if width < NARROW:
        label_width -= 2
        indent -= 1
    parts = wrap(value, width - indent - label_width)
    lines: list[Line] = [((" " * indent + fit(label, label_width), "dim"), (parts[0], style))]
    lines += [((" " * (indent + label_width), ""), (part, style)) for part in parts[1:]]
    return lines
