"""A row that cannot be read blocks only itself; a journal that cannot be used says why, and what helps."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.depth import trials
from support.journals import begun, change, filled, loosened, tamper

from console.model.errors import ConsoleError
from console.model.journal import EntryState
from console.services import journal_store
from console.services.journal import Journal

ROOT = Path(__file__).parents[2]
SPOILED = [
    "x'00ff1b5b'",
    "NULL",
    "''",
    "CAST(x'c328' AS TEXT)",
    "CAST(x'ff' AS TEXT)",
    "42",
    "9223372036854775807",
    "1e300",
    "'9999-12-31T23:59:59-23:59'",
    "'\x1b[31m'",
    "'{'",
    "'[]'",
    "'null'",
    "'\"x\"'",
    "'{\"kind\": ' || printf('%.5000d', 7) || '}'",
    "'{\"pid\": 1e999}'",
    "'{\"who\": NaN}'",
    '\'{"who": "\\ud800"}\'',
    "replace(printf('%50000d', 0), ' ', '[')",
    '\'{"target": 5, "edits": {"a": 1}, "result": [], "answer": "x", "process": 3}\'',
    '\'{"target": {"kind": []}, "before": [1], "after": "x", "accepted": 9, "edits": [{"path": 3}]}\'',
]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console", "journal", *arguments]
    environment = {**os.environ, "HUBWARDEN_STATE_DIR": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


COLUMNS = ["time", "kind", "change_id", "hub", "body", "mac"]
ROWS = [1, 3, 4, 8]
CASES = [(value, column, seq) for value in SPOILED for column in COLUMNS for seq in ROWS]


def test_a_value_that_cannot_be_read_blocks_only_its_row(tmp_path: Path) -> None:
    filled(tmp_path / "one")
    loosened(tmp_path / "one")
    step = trials(test=11, deep=1)  # 11 fits into none of the lengths: every value, column and row has its turn
    for number, (value, column, seq) in enumerate(CASES[::step]):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "one", folder)
        _check(folder, value, column, seq)
        shutil.rmtree(folder)


def _check(folder: Path, value: str, column: str, seq: int) -> None:
    journal = Journal(folder)
    touched = journal.rows()[seq - 1].change_id
    others = {entry.id for entry in journal.entries()} - {touched}
    tamper(folder, f"UPDATE rows SET {column} = {value} WHERE seq = {seq}")
    entries = {entry.id: entry for entry in journal.entries("plants")}
    assert all(entries[one].state is EntryState.APPLIED and entries[one].edits for one in others), (value, column)
    for entry in entries.values():
        assert journal.entry(entry.id).id == entry.id
    check = journal.verify()
    assert (check.whole, check.broken_at) == (False, seq), (value, column)
    assert f"row {seq} " in check.message, (value, column)
    json.dumps([row.body for row in journal.rows()], allow_nan=False)
    one = change("goes on")
    begun(journal, one)
    assert journal.entry(one.id).title == "goes on"
    assert (journal.verify().whole, journal.verify().broken_at) == (False, seq)


def test_every_command_shows_the_rest(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    first = journal.entries()[0]
    loosened(tmp_path)
    tamper(
        tmp_path,
        "UPDATE rows SET body = x'00ff' WHERE seq = 1",
        "UPDATE rows SET time = NULL, change_id = 7.5 WHERE seq = 3",
        "UPDATE rows SET body = CAST(x'ff1b' AS TEXT) WHERE seq = 6",
    )
    listed = run(tmp_path, "list", "--all-hubs", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert [item["result"] for item in json.loads(listed.stdout)["items"]].count("unreadable") >= 3
    spoken = run(tmp_path, "list", "--all-hubs")
    assert "row 1 cannot be read: its content is binary" in spoken.stdout
    assert "row 3 cannot be read: its time is missing, its change is a number" in spoken.stdout
    for shown in ("row-3", first.id):
        result = run(tmp_path, "show", shown)
        assert (result.returncode, result.stderr) == (0, ""), shown
    assert "its content is no UTF-8" in run(tmp_path, "list", "--all-hubs", "--json").stdout
    assert run(tmp_path, "export").returncode == 0
    verified = run(tmp_path, "verify")
    assert verified.returncode == 1
    assert "row 1 was changed: its content is binary" in verified.stdout


# --- what cannot be used ---------------------------------------------------------------------------------------------


def test_a_journal_that_another_process_holds_is_left_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    monkeypatch.setattr(journal_store, "WAIT_SECONDS", 0.05)
    holder = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert Journal(tmp_path).entries(), "reading goes on"
    assert Journal(tmp_path).verify().whole
    _held(tmp_path)
    holder.execute("ROLLBACK")
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    _held(tmp_path)
    holder.close()
    begun(Journal(tmp_path), change())


def _held(folder: Path) -> None:
    with pytest.raises(ConsoleError) as caught:
        begun(Journal(folder), change())
    said = caught.value.sentence()
    assert "locked" in said and "Another process holds it" in said and "nothing was changed" in said
    assert "away" not in said


@pytest.mark.parametrize("name", ["journal.db", "journal.key", "journal.head"])
def test_a_folder_in_the_place_of_a_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    filled(tmp_path)
    for path in tmp_path.glob(f"{name}*"):
        path.unlink()
    (tmp_path / name).mkdir()
    journal = Journal(tmp_path)
    for call in (lambda: begun(journal, change()), journal.verify):
        with pytest.raises(ConsoleError) as caught:
            call()
        assert caught.value.code == "journal"
    result = run(tmp_path, "verify")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1 and "broke" not in result.stderr


# --- where it lies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "50%20?mode=ro#x", "ümlaut", "\udcff", "q'uote\"s;"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    filled(folder)
    assert Journal(folder).verify().whole
    assert len(Journal(Path(f"/{folder}")).entries()) == 4
    assert len(list(tmp_path.iterdir())) == 1


def test_a_path_from_the_folder_one_is_in_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filled(Path("state"))
    assert Journal(Path("state")).verify().rows == 8


def test_what_a_process_that_died_left_of_a_key_goes(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(60)
    left, kept = tmp_path / f".journal.key.{ended.pid}.ab12", tmp_path / f".journal.key.{os.getpid()}.ab12"
    for path in (left, kept):
        path.write_text("11" * 32)
    filled(tmp_path)
    assert (left.exists(), kept.exists()) == (False, True), "a process that lives may be making its key"
