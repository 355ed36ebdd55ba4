r"""The one function that makes text from outside safe to show in a terminal.

What is spelled out: controls, bidirectional controls, everything with the property Default_Ignorable_Code_Point
(invisible, and no two terminals agree on its width), what Unicode has not assigned, and marks without end or without a
letter under them. What is left takes as many cells as `present.lines.text_width` says.
"""

from __future__ import annotations

import re
import unicodedata

# DerivedCoreProperties.txt of the Unicode Character Database, the same from Unicode 14 on.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: terminal escapes start here
    f"{_IGNORABLE}"
    "\u2028\u2029\ufff9-\ufffb\U00013430-\U0001345f"  # separators and layout controls
    "\U0001f3fb-\U0001f3ff"  # skin tones: two cells in one terminal, none in the next
    "\ud800-\udfff]"  # lone surrogates cannot be encoded for the terminal
)
_UNSAFE_MULTILINE = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
# A symbol that has an emoji form keeps its own form: the selector behind it says nothing else.
_EMOJI_FORM = re.compile(
    "(?<=[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff])\ufe0f"
    "|(?<=[#*0-9])\ufe0f(?=\u20e3)"
)
# What most text is made of, and needs no second look: Latin, Greek, Cyrillic, punctuation, kana, CJK, Hangul syllables.
_PLAIN = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0391-\u03a1\u03a3-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf"
    "\u2100-\u218b\u2190-\u23ff\u2500-\u27bf\u3000-\u3029\u3041-\u3096\u309b-\u30ff\u3400-\u9ffc\uac00-\ud7a3"
    "\uff01-\uff9f\U0001f300-\U0001f3fa\U0001f400-\U0001f64f]*"
)
MARKS = 4
"""So many marks may sit on one letter: Vietnamese and Thai need two, Tibetan three, pointed Hebrew four."""


def _visible(match: re.Match[str]) -> str:
    return _spelled(match[0])


def _spelled(char: str) -> str:
    point = ord(char)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


class _Kinds(dict[str, str]):
    """The kind of each character seen: m a mark, u unassigned, x spelled out later, b what a mark may sit on."""

    def __missing__(self, char: str) -> str:
        if takes_no_cell(char):
            kind = "m"
        elif unicodedata.category(char) == "Cn":
            kind = "u"
        else:
            kind = "x" if _UNSAFE.fullmatch(char) else "b"
        if len(self) > 8192:
            self.clear()
        self[char] = kind
        return kind


_KINDS = _Kinds()
_ODD = re.compile(f"u|(?<![bm])m|m{{{MARKS + 1}}}")


def takes_no_cell(char: str) -> bool:
    """Return whether a character sits on the one before it: a mark, or the second part of a Hangul syllable."""
    return unicodedata.category(char) in {"Mn", "Me"} or "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff"


def _settle(text: str) -> str:
    """Spell out what Unicode has not assigned, and marks that are too many or have nothing to sit on."""
    kinds = "".join([_KINDS[char] for char in text])
    if not _ODD.search(kinds):
        return text
    parts: list[str] = []
    room = 0
    for char, kind in zip(text, kinds, strict=True):
        fits = kind != "u" and (kind != "m" or room > 0)
        parts.append(char if fits else _spelled(char))
        room = MARKS if kind == "b" else room - 1 if kind == "m" else 0
    return "".join(parts)


def _spell_out(text: str, unsafe: re.Pattern[str]) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if not text.isascii():
        text = _settle(_EMOJI_FORM.sub("", text) if "\ufe0f" in text else text)
    return unsafe.sub(_visible, text)


def clean(value: object, *, multiline: bool = False, limit: int | None = None) -> str:
    r"""Return `value` as text in which everything that a terminal could obey or hide is spelled out (`\x1b`).

    Args:
        value: anything; `None` gives the empty string.
        multiline: keep line feeds and tabs (for JSON viewers only).
        limit: longest result in characters; a longer one ends in an ellipsis.
    """
    text = "" if value is None else str(value)
    if not text.isascii() or not text.isprintable():
        text = _spell_out(text, _UNSAFE_MULTILINE if multiline else _UNSAFE)
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    return text
