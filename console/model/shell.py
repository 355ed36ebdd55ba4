"""The one place that writes command lines for people to copy: whatever a value holds, a shell gives it back."""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.model.text import clean

_BARE = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")
"""What no shell changes; a first `=` would be a path to zsh."""


def command_line(*words: str, operands: Iterable[str] = ()) -> str:
    """Return words as one line of a POSIX shell; plain ones stay bare.

    `operands` go to the end, after `--` where one begins with a hyphen, so that no value is taken for an option.
    """
    last = tuple(operands)
    guard = ("--",) if any(one.startswith("-") for one in last) else ()
    return " ".join(shell_word(one) for one in (*words, *guard, *last))


def shell_word(text: str) -> str:
    r"""Return a text as one word of a POSIX shell: bare, quoted, or by `printf` where it cannot be shown as it is.

    A NUL cannot be in any argument: it is spelled out (`\x00`).
    """
    text = text.replace("\0", "\\x00")
    if _BARE.fullmatch(text):
        return text
    if clean(text) == text:
        return _quoted(text)
    shown = text.rstrip("\n")  # what a shell takes away from the end of a command's output
    octal = "".join(f"\\{one:03o}" if _escaped(one) else chr(one) for one in _bytes(shown))
    octal = f"\\055{octal[1:]}" if octal.startswith("-") else octal  # else an option of printf
    return f"\"$(printf '{octal}')\"" + (_quoted(text[len(shown) :]) if len(shown) < len(text) else "")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _escaped(byte: int) -> bool:
    return not 0x20 <= byte < 0x7F or byte in b"'\\%"


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # an argument that was no UTF-8
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
