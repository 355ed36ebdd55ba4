"""The one function that makes text from outside safe to show in a terminal."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: terminal escapes start here
    "\u00ad\u061c\u115f\u1160\u180e"  # soft hyphen and invisible letters
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, line separators, bidi controls
    "\ud800-\udfff"  # lone surrogates cannot be encoded for the terminal
    "\U000e0000-\U000e007f]"  # tag characters: invisible text
)
_UNSAFE_MULTILINE = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))


def _visible(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def clean(value: object, *, multiline: bool = False, limit: int | None = None) -> str:
    r"""Return `value` as text in which every control, bidi and invisible character is spelled out (`\x1b`).

    Args:
        value: anything; `None` gives the empty string.
        multiline: keep line feeds and tabs (for JSON viewers only).
        limit: longest result in characters; a longer one ends in an ellipsis.
    """
    text = "" if value is None else str(value)
    if not text.isascii() or not text.isprintable():
        text = (_UNSAFE_MULTILINE if multiline else _UNSAFE).sub(_visible, text)
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    return text
