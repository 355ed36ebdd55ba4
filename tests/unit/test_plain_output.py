"""A terminal without UTF-8 gets one ASCII character per cell, on the screen and on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.plain_output import plain
from console.present.lines import text_width

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from console.cli.main import run
code = run(["--profile", "no-such-file.toml", "connections"])
print("“●” … ▸ ü 東", file=sys.stdout)
print("▂█ │", file=sys.stderr)
sys.exit(code)
"""


def ascii_source(program: str) -> str:
    return program.encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize("text", ["·▸…●○■›•↓→▐", "12┤ ▅█▃ ┼┬──", "é ü ß 東京", "“x” – y"])
def test_every_cell_keeps_its_place(text: str) -> None:
    assert plain(text).isascii()
    assert text_width(plain(text)) == text_width(text)


def test_no_escape_and_no_defect_where_the_encoding_is_ascii() -> None:
    environment = dict(os.environ, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    environment.pop("PYTHONIOENCODING", None)
    done = subprocess.run(
        [sys.executable, "-c", ascii_source(PROGRAM)], cwd=ROOT, capture_output=True, env=environment, check=False
    )
    assert done.returncode == 2
    assert done.stdout.decode("ascii").strip() == '"*" ~ > u ??'
    assert done.stderr.decode("ascii").splitlines()[-1] == "## |"
    assert b"\\u" not in done.stderr


def test_a_full_disk_under_the_output_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "console", "schema", "plan"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "hubwarden: The output could not be written: no space left on device.\n"
