"""A row is as wide in a real terminal as we say: tmux is asked where its cursor stands after each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.depth import trials
from support.waiting import until

from console.model.text import clean
from console.present.lines import fit, text_width, wrap

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="there is no tmux")
WIDTH = 40
# Asks for the cursor after each row, a hundred rows at a time; a column of 0 when the row went on to another line.
PROGRAM = r"""
import os, re, sys, termios, tty
rows = open(sys.argv[1], encoding="utf-8").read().split("\n")
tty.setraw(0)
found, buffer = [], b""
for start in range(0, len(rows), 100):
    part = rows[start : start + 100]
    os.write(1, "".join(f"\x1b[2J\x1b[2;1H{row}\x1b[6n" for row in part).encode())
    while len(answers := re.findall(rb"\x1b\[(\d+);(\d+)R", buffer)) < len(part):
        buffer += os.read(0, 65536)
    found += [int(column) - 1 if line == b"2" else 0 for line, column in answers]
    buffer = b""
with open(sys.argv[2] + ".new", "w") as file:
    file.write("\n".join(map(str, found)))
os.rename(sys.argv[2] + ".new", sys.argv[2])
"""
HOSTILE = [
    "\u3164" * 30, "\uffa0a\uffa0", "a\u034fb", "\u180b\u180c\u180e\u180f", "\u17b4\u17b5", "\u115f\u1160",
    "x\ufe0f\ufe00\U000e0100", "\U0001d173\U0001d17a", "\U000e0041\U000e007f", "a" + "\u0301" * 500,
    "\u0301" * 9, "\u0e49" * 50, "東" + "\u0489" * 9, "👍🏽👩\u200d🔧❤\ufe0f☎\ufe0f", "🇫🇷🇩🇪", "1\ufe0f\u20e3",
    "ที่กดหมายเลขสี่", "בְּרֵאשִׁית", "اَلْمَكْبَس", "मुद्रणालय संख्या", "நிலையம்", "ཧཱུྃ", "한국 기계", "\u1112\u1161\u11ab", "\u1161\u1161",
    "ﾊﾟﾌﾟ", "東京工場四号機のプレス", "㉈㉏", "\u302e\u302f", "\u0378\uffff", "\u0600\u06dd", "\U00013430", "\u2028\u2029",
    "a\tb\nc", "\x1b[31mred\x9b31m", "\u202eabc\u2066", "\ud800", "x" * 500, "東" * 500, "a\u0301" * 500,
]  # fmt: skip


def columns(rows: list[str]) -> list[int]:
    """Return where tmux has its cursor after each row."""
    with TemporaryDirectory(prefix="cells-") as folder:  # not pytest's: the path of a socket must be short
        return ask_tmux(rows, Path(folder))


def ask_tmux(rows: list[str], folder: Path) -> list[int]:
    program, given, found = folder / "program.py", folder / "rows", folder / "columns"
    program.write_text(PROGRAM, encoding="utf-8")
    given.write_text("\n".join(rows), encoding="utf-8")
    tmux = ["tmux", "-S", str(folder / "socket"), "-f", os.devnull]
    environment = {name: value for name, value in os.environ.items() if name not in {"TMUX", "LC_CTYPE", "LANG"}}
    command = f"exec '{sys.executable}' '{program}' '{given}' '{found}'"
    subprocess.run(
        [*tmux, "-u", "new-session", "-d", "-x", "80", "-y", "24", command],
        env={**environment, "LC_ALL": "C.UTF-8"}, check=True,
    )  # fmt: skip
    try:
        until(found.exists, "the answer of tmux")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
    return [int(line) for line in found.read_text().split()]


def test_hostile_rows_keep_their_columns() -> None:
    texts = [clean(text) for text in HOSTILE]
    fitted = [fit(text, WIDTH) for text in texts] + [fit(text, WIDTH, "right") for text in texts]
    assert columns(fitted) == [WIDTH] * len(fitted)


def test_wrapped_lines_are_as_wide_as_we_say() -> None:
    lines = [line for text in HOSTILE for line in wrap(clean(text), 17)]
    assert columns([f"|{line}" for line in lines]) == [1 + text_width(line) for line in lines]
    assert all(text_width(line) <= 17 for line in lines)


def known_here(char: str) -> bool:
    """Return whether this machine's C library, which tmux asks, knows a character: Python's Unicode may be newer."""
    import ctypes
    import locale

    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    return ctypes.CDLL(None).wcwidth(ctypes.c_wchar(char)) >= 0


def test_every_character_takes_the_cells_that_we_say() -> None:
    step = trials(test=37, deep=3, full=1)
    points = [point for point in range(0x20, 0x110000, step) if point < 0x3400 or point > 0x9FFF or point % 11 == 0]
    kept = [char for char in map(chr, points) if clean(f"x{char}") == f"x{char}" and not "\ue000" <= char <= "\uf8ff"]
    kept = [char for char in kept if char < "\U000f0000" and known_here(char)]
    rows = [f"x{char}|" for char in kept]
    wrong = [
        f"{ord(char):x}: {found - 2}"
        for char, found in zip(kept, columns(rows), strict=True)
        if found - 2 != text_width(char)
    ]
    assert not wrong
