"""The journal's head outside its database: an emptied, older, deleted, new or other journal is told from this one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.journals import FILES, begun, change, copied, done, filled, made_anew, tamper, without

from console.model.errors import ConsoleError
from console.services.journal import Journal
from console.services.journal_head import LINE, HeadFile

ROOT = Path(__file__).parents[2]


def emptied(folder: Path, apart: Path) -> None:
    tamper(folder, "DELETE FROM rows", "DELETE FROM head")


def emptied_with_its_head(folder: Path, apart: Path) -> None:
    emptied(folder, apart)
    without(folder, "journal.head")


def emptied_for_a_file(folder: Path, apart: Path) -> None:
    without(folder, *FILES)
    (folder / "journal.db").touch(0o600)


def emptied_for_a_file_without_head(folder: Path, apart: Path) -> None:
    emptied_for_a_file(folder, apart)
    without(folder, "journal.head")


def dropped(folder: Path, apart: Path) -> None:
    without(folder, *FILES)


def dropped_with_its_head(folder: Path, apart: Path) -> None:
    without(folder, *FILES, "journal.head")


def dropped_with_key(folder: Path, apart: Path) -> None:
    without(folder, *FILES, "journal.key")


def older(folder: Path, apart: Path) -> None:
    without(folder, *FILES)
    copied(apart, folder, *FILES)


def begun_anew(folder: Path, apart: Path) -> None:
    """Somebody takes all away, makes another journal there, and puts the head back."""
    copied(folder, apart / "kept", "journal.head")
    without(folder, *FILES, "journal.key", "journal.head")
    filled(folder)
    copied(apart / "kept", folder, "journal.head")


def begun_anew_with_the_key(folder: Path, apart: Path) -> None:
    copied(folder, apart / "kept", "journal.head")
    made_anew(folder)
    filled(folder)
    copied(apart / "kept", folder, "journal.head")


def replaced(folder: Path, apart: Path) -> None:
    """Another end for the same beginning, chained with the same key."""
    copied(folder, apart / "kept", "journal.head")
    without(folder, *FILES, "journal.head")
    copied(apart, folder, *FILES, "journal.head")
    filled(folder)
    copied(apart / "kept", folder, "journal.head")


def of_another_key(folder: Path, apart: Path) -> None:
    filled(apart / "other")
    without(folder, *FILES)
    copied(apart / "other", folder, *FILES)


def another_key(folder: Path, apart: Path) -> None:
    filled(apart / "other", 1)
    copied(apart / "other", folder, "journal.key")


def no_key(folder: Path, apart: Path) -> None:
    without(folder, "journal.key")


def damaged_key(folder: Path, apart: Path) -> None:
    (folder / "journal.key").write_bytes(b"\xff" * 64)


def no_head(folder: Path, apart: Path) -> None:
    without(folder, "journal.head")


def damaged_head(folder: Path, apart: Path) -> None:
    (folder / "journal.head").write_bytes(b"\0" * 2 * LINE)


def older_without_head(folder: Path, apart: Path) -> None:
    older(folder, apart)
    without(folder, "journal.head")


def anothers_head(folder: Path, apart: Path) -> None:
    filled(apart / "other")
    copied(apart / "other", folder, "journal.head")


CASES: list[tuple[Callable[[Path, Path], None], str]] = [
    (emptied, "emptied: its head knows of 8 rows"),
    (emptied_with_its_head, "emptied: all its rows are missing"),
    (emptied_for_a_file_without_head, "emptied: all its rows are missing"),
    (dropped_with_its_head, "journal.db is gone, though its key is there"),
    (emptied_for_a_file, "emptied: its head knows of 8 rows"),
    (dropped, "journal.db is gone: its head knows of 8 rows"),
    (dropped_with_key, "journal.db is gone, and so is journal.key: its head knows of 8 rows"),
    (older, "older copy was put in its place: it ends with row 4, and its head knows of 8"),
    (begun_anew, "begun anew with another key, or journal.head is another journal's: that head knows of 8 rows"),
    (begun_anew_with_the_key, "begun anew, or another one put in its place"),
    (replaced, "replaced: its row 8 is not the one that its head knows"),
    (of_another_key, "chained with another key"),
    (another_key, "journal.key is not the key that the journal was written with"),
    (no_key, "journal.key is gone or damaged"),
    (damaged_key, "journal.key is gone or damaged"),
    (no_head, "its head journal.head is gone"),
    (damaged_head, "its head journal.head is damaged"),
    (older_without_head, "its head journal.head is gone"),
    (anothers_head, "or journal.head is another journal's"),
]


@pytest.mark.parametrize(("spoil", "words"), CASES)
def test_what_was_done_to_a_journal_is_told_apart_and_nothing_is_chained_to_it(
    tmp_path: Path, spoil: Callable[[Path, Path], None], words: str
) -> None:
    folder, apart = tmp_path / "state", tmp_path / "apart"
    filled(folder, 2)
    copied(folder, apart, *FILES, "journal.head")
    filled(folder, 2)
    spoil(folder, apart)
    check = Journal(folder).verify()
    assert not check.whole
    assert words in check.message
    with pytest.raises(ConsoleError, match="nothing was changed") as caught:
        begun(Journal(folder), change())
    assert caught.value.code == "journal"
    again = Journal(folder).verify()
    assert (again.whole, words in again.message) == (False, True), "the attempt hid nothing"


def test_the_command_says_it_and_fails(tmp_path: Path) -> None:
    filled(tmp_path)
    head = Journal(tmp_path).verify().head

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "console", "journal", "verify", *more]
        environment = {**os.environ, "HUBWARDEN_STATE_DIR": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)

    whole = run("--head", head)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert f"8 rows, head {head}" in whole.stdout
    assert run("--head", "8:zz").returncode == 2
    dropped(tmp_path, tmp_path)
    told = run()
    assert (told.returncode, told.stderr) == (1, "")
    assert "NOT whole: journal.db is gone" in told.stdout
    without(tmp_path, *FILES, "journal.key", "journal.head")
    assert run().returncode == 0, "nothing is left that could tell"
    noted = run("--head", head)
    assert noted.returncode == 1
    assert "the noted head is of row 8" in noted.stdout


def test_a_noted_head_is_held_against_a_journal_that_its_key_made_whole(tmp_path: Path) -> None:
    head = filled(tmp_path).head()
    count, digits = int(head.partition(":")[0]), head.partition(":")[2]
    filled(tmp_path, 1)
    assert Journal(tmp_path).verify((count, digits)).whole, "a longer one holds it"
    made_anew(tmp_path)
    filled(tmp_path)
    assert Journal(tmp_path).verify().whole
    assert "replaced" in Journal(tmp_path).verify((count, digits)).message


def test_only_a_noted_head_tells_older_copies_of_journal_and_head_together(tmp_path: Path) -> None:
    folder, apart = tmp_path / "state", tmp_path / "apart"
    filled(folder, 2)
    copied(folder, apart, *FILES, "journal.head")
    count, _, digits = filled(folder, 2).head().partition(":")
    without(folder, *FILES)
    copied(apart, folder, *FILES, "journal.head")
    assert Journal(folder).verify().whole, "the documented limit: both are as they were written"
    assert "the noted head is of row 8" in Journal(folder).verify((int(count), digits)).message


def test_a_crash_between_the_row_and_the_head_is_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = filled(tmp_path, 2)
    one = change()
    with monkeypatch.context() as patch:
        patch.setattr(HeadFile, "advance", lambda *_: None)
        begun(journal, one)
        assert Journal(tmp_path).verify().whole
    done(Journal(tmp_path), one)
    assert Journal(tmp_path).verify().whole
    tamper(tmp_path, "DELETE FROM rows WHERE seq = 6", "DELETE FROM head")
    assert not Journal(tmp_path).verify().whole


@pytest.mark.parametrize("left", [b"", b"{", b"x" * LINE])
def test_a_crash_while_the_head_is_made_is_no_alarm(tmp_path: Path, left: bytes) -> None:
    Journal(tmp_path).fingerprint(change().before.body["authorizationPolicies"][0]["primaryKey"])  # the key is made
    (tmp_path / ".journal.head.new").write_bytes(left)
    assert Journal(tmp_path).verify().whole
    filled(tmp_path)
    check = Journal(tmp_path).verify()
    assert (check.whole, check.rows) == (True, 8)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("torn", [0, 1, 100, LINE - 1])
def test_a_line_that_was_half_written_leaves_the_other(tmp_path: Path, torn: int) -> None:
    filled(tmp_path)
    path = tmp_path / "journal.head"
    lines = bytearray(path.read_bytes())
    lines[torn:LINE] = b"\0" * (LINE - torn)  # of the even rows: the last
    path.write_bytes(lines)
    assert Journal(tmp_path).verify().whole
    filled(tmp_path)
    assert Journal(tmp_path).verify().whole


def test_a_journal_of_an_earlier_version_is_whole_and_gets_its_head_with_the_next_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("console.services.journal_store.ANCHORED", "other")
        filled(tmp_path)
    without(tmp_path, "journal.head")
    check = Journal(tmp_path).verify()
    assert check.whole
    assert "earlier" in check.message or "a version" in check.message
    filled(tmp_path, 1)
    assert Journal(tmp_path).verify().message == ""
    without(tmp_path, "journal.head")
    assert not Journal(tmp_path).verify().whole


def test_verifying_while_others_write_gives_no_alarm(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    stop = threading.Event()
    failed: list[str] = []

    def write() -> None:
        journal = Journal(tmp_path)
        while not stop.is_set():
            begun(journal, change())

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(60):
        check = Journal(tmp_path).verify()
        failed += [] if check.whole else [check.message]
    stop.set()
    for writer in writers:
        writer.join(60)
    assert failed == []
    head = HeadFile(tmp_path / "journal.head").read(bytes.fromhex((tmp_path / "journal.key").read_text()))
    assert head is not None and head.head is not None
    assert head.head.count == Journal(tmp_path).verify().rows, "nothing is under way: the head is the last row"


def test_the_first_rows_of_several_consoles_give_no_alarm(tmp_path: Path) -> None:
    for number in range(15):
        folder = tmp_path / str(number)
        start = threading.Barrier(4)

        def write(folder: Path = folder, start: threading.Barrier = start) -> None:
            start.wait(20)
            begun(Journal(folder), change())

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        start.wait(20)
        checks = [Journal(folder).verify() for _ in range(5)]
        for writer in writers:
            writer.join(60)
        assert [check.message for check in checks if not check.whole] == []
        assert Journal(folder).verify().rows == 3
