"""What is pasted or piped in, before it is read: bytes as text, and the line breaks that a terminal puts into it."""

from __future__ import annotations

import codecs
import re

from console.model.token import TokenFinding
from console.rules import connection_string, sas_reading
from console.rules.sas_signature import key_text

_BREAKS = re.compile(r"[\r\n]+")
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def text_of(data: bytes) -> tuple[str, tuple[TokenFinding, ...]]:
    """Return bytes as text, and that they are UTF-16, as PowerShell writes files. Raises UnicodeDecodeError."""
    coding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    marked = bool(coding)
    half = len(data) // 2
    if not coding and half and not len(data) % 2:  # no text has zero bytes but UTF-16, and that has many
        for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            if data[start::2].count(0) > 0.8 * half > data[1 - start :: 2].count(0) * 4:
                coding = name
    if not coding:
        return data.decode("utf-8-sig"), ()
    how = "with its byte order mark" if marked else "without a byte order mark"
    message = f"it is UTF-16 text {how}, as PowerShell writes files; most programs take it for something else"
    note = TokenFinding("utf-16", message, "Write it as UTF-8: Out-File -Encoding utf8")
    return data.decode(coding).lstrip("\ufeff"), (note,)


def as_pasted(text: str) -> str:
    """Return pasted text without the line breaks that a terminal puts into long lines, unless it reads better with."""
    joined = _BREAKS.sub("", text)
    return text if joined != text and _faults(text) < _faults(joined) else joined


def _faults(text: str) -> int:
    if connection_string.looks_like_one(text):
        string, found = connection_string.read(text)
        if string.key is not None and not key_text(string.key)[1]:
            return 100 + len(found)
    else:
        token = sas_reading.read(text)
        found = token.findings
        if token.parts is None:
            return 100 + len(found)
    return sum(one.verdict is not None for one in found)
