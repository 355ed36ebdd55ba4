"""On a terminal nothing raw is printed, JSON neither, and it is the same JSON; in a pipe it is exact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support.terminal import Terminal
from support.waiting import until

from console.cli.output import json_text, print_table
from console.model.change import Change
from console.model.document import Document, Target, TargetKind
from console.rules.planning import change_of
from console.services.journal import Journal

ROOT = Path(__file__).parents[2]
HOSTILE = "a\x9b31m\u202eb\u3164\U000e0041\x7f\x07c"
RAW = [char.encode() for char in "\x9b\u202e\u3164\U000e0041\x7f\x07"]


def change() -> Change:
    before = Document({"note": HOSTILE}, "e1")
    return change_of("network.set", HOSTILE, Target(TargetKind.HUB, "/hub"), before, {"note": "x"})


def export(state: Path) -> tuple[list[str], dict[str, str]]:
    journal = Journal(state)
    journal.intend(change(), hub="plants", who=HOSTILE, accepted=[])
    command = [sys.executable, "-m", "console", "journal", "export"]
    return command, {"HUBWARDEN_STATE_DIR": str(state), "PYTHONPATH": str(ROOT)}


def test_an_export_is_exact_in_a_pipe_and_harmless_on_a_terminal(tmp_path: Path) -> None:
    command, env = export(tmp_path)
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=True)
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(rows) == 1
    with Terminal(command, 2000, 24, env) as terminal:
        assert terminal.wait_exit(60) == 0
        until(lambda: b"\n" in terminal.raw, "the export")
        shown = bytes(terminal.raw)
    assert not [char for char in RAW if char in shown]
    assert [json.loads(line) for line in shown.decode().split("\n") if line.strip()] == rows


def test_an_export_to_a_file_is_exact(tmp_path: Path) -> None:
    command, env = export(tmp_path / "state")
    piped = subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=True).stdout
    with Terminal([*command, "--out", str(tmp_path / "rows")], 80, 24, env) as terminal:
        assert terminal.wait_exit(60) == 0
    assert (tmp_path / "rows").read_bytes() == piped


def test_json_in_a_pipe_is_valid_whatever_is_in_it(tmp_path: Path) -> None:
    program = "from console.cli.streams import prepare; prepare(); from console.cli.output import print_json; "
    program += "print_json({'x': 'a\\udcffb\\x9b\\ud800'})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout.decode()) == {"x": "a\udcffb\x9b\ud800"}
    assert json.loads(json_text({"x": HOSTILE})) == {"x": HOSTILE}


def test_a_table_is_aligned_by_cells_and_one_long_value_moves_its_own_row_alone(capsys) -> None:
    print_table(("NAME", "STATE"), [("東京", "on"), ("e\u0301", "off"), ("k" * 10_000, "on"), ("ab", "on")])
    head, wide, accent, long, short = capsys.readouterr().out.splitlines()
    assert head == "NAME  STATE"
    assert wide == "東京  on"
    assert accent == "e\u0301     off"
    assert long == "k" * 10_000 + "  on"
    assert short == "ab    on"
