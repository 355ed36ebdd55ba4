"""The journal: append-only, chained, without keys in it, and honest about what it does not know."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.journals import KEY, begun, change, done, filled, tamper

from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError
from console.model.journal import EntryState, Fingerprint
from console.model.secret import Secret
from console.services.journal import Journal
from console.services.journal_store import JournalStore


def test_a_change_is_found_again_with_everything_about_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    one = change()
    begun(journal, one)
    done(journal, one)
    entry = Journal(tmp_path).entry(one.id)
    assert (entry.state, entry.who, entry.accepted, entry.title) == (
        EntryState.APPLIED,
        "ana@contoso",
        ("keys-lost",),
        "policy x",
    )
    assert entry.edits[0].before["primaryKey"] == journal.fingerprint(Secret(KEY))
    assert [step if isinstance(step, str) else step.value for step in entry.edits[0].path] == [
        "authorizationPolicies",
        "x",
    ]


def test_no_key_is_in_the_files(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    one = change()
    begun(journal, one)
    done(journal, one)
    for file in tmp_path.iterdir():
        assert KEY.encode() not in file.read_bytes()


def test_fingerprints_are_keyed_by_the_journal(tmp_path: Path) -> None:
    here, there = Journal(tmp_path / "a"), Journal(tmp_path / "b")
    assert here.fingerprint(Secret(KEY)) == here.fingerprint(Secret(KEY)) != there.fingerprint(Secret(KEY))
    assert isinstance(here.fingerprint(Secret(KEY)), Fingerprint)


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    begun(journal, change())
    for name in ("journal.db", "journal.key", "journal.head"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_whole_journal_verifies(tmp_path: Path) -> None:
    check = filled(tmp_path).verify()
    assert (check.whole, check.rows) == (True, 8)


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE rows SET body = replace(body, 'policy 1', 'policy 9') WHERE seq = 3", 3),
        ("UPDATE rows SET time = '2020-01-01T00:00:00Z' WHERE seq = 2", 2),
        ("DELETE FROM rows WHERE seq = 5", 5),
        ("DELETE FROM rows WHERE seq >= 7", 7),
        ("UPDATE rows SET mac = 'ff' WHERE seq = 8", 8),
    ],
)
def test_every_tampering_is_found_and_placed(tmp_path: Path, statement: str, broken_at: int) -> None:
    journal = filled(tmp_path)
    tamper(tmp_path, statement)
    check = journal.verify()
    assert (check.whole, check.broken_at) == (False, broken_at)


def test_rows_cannot_be_changed_or_removed_through_the_database(tmp_path: Path) -> None:
    filled(tmp_path)
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            connection.execute("UPDATE rows SET body = '{}'")
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            connection.execute("DELETE FROM rows")
    connection.close()


def test_without_its_key_nothing_more_is_written(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "journal.key").unlink()
    with pytest.raises(ConsoleError, match=r"journal\.key is gone"):
        begun(Journal(tmp_path), change())


def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database, however long it is" * 100)
    with pytest.raises(ConsoleError, match="cannot be used") as caught:
        begun(Journal(tmp_path), change())
    assert caught.value.code == "journal"


def test_several_consoles_write_at_once_and_the_chain_holds(tmp_path: Path) -> None:
    def work(number: int) -> None:
        journal = Journal(tmp_path)  # its own key cache and connections, as another process has
        for step in range(10):
            one = change(f"{number}.{step}")
            begun(journal, one)
            done(journal, one)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    check = Journal(tmp_path).verify()
    assert (check.whole, check.rows) == (True, 120)
    assert all(entry.state is EntryState.APPLIED for entry in Journal(tmp_path).entries())


_WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.journals import begun, change
from console.services.journal import Journal
journal = Journal(Path(sys.argv[1]))
for step in range(int(sys.argv[2])):
    begun(journal, change(f"from {sys.argv[3]}"))
"""
ROOT = Path(__file__).parents[2]


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", _WORKER, str(tmp_path), "10", str(number)], cwd=ROOT)
        for number in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    check = Journal(tmp_path).verify()
    assert (check.whole, check.rows) == (True, 30)


def test_a_process_that_died_leaves_an_unknown_outcome(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _WORKER, str(tmp_path), "1", "dead"], cwd=ROOT, check=True)
    (entry,) = Journal(tmp_path).unfinished()
    assert (entry.state, entry.title) == (EntryState.UNKNOWN, "from dead")


def test_a_change_under_way_here_is_not_unknown(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    begun(journal, change())
    assert journal.entries()[0].state is EntryState.IN_PROGRESS
    assert journal.unfinished() == []


def test_a_settled_outcome_is_known_from_then_on(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _WORKER, str(tmp_path), "1", "dead"], cwd=ROOT, check=True)
    journal = Journal(tmp_path)
    journal.resolve(journal.unfinished()[0], EntryState.NOT_APPLIED, "as before")
    assert journal.unfinished() == []
    assert journal.entries()[0].message == "as before"


def test_a_full_disk_is_told_and_leaves_the_journal_whole(tmp_path: Path) -> None:
    journal = filled(tmp_path, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(file.stat().st_size for file in tmp_path.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(ConsoleError) as caught:
            for number in range(2000):
                begun(journal, change(f"big {number} " + "x" * 2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "journal"
    assert journal.verify().whole


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConsoleError) as caught:
        begun(Journal(blocked / "state"), change())
    assert caught.value.code == "journal"


def test_the_beginning_of_an_id_is_enough_when_it_is_the_only_one(tmp_path: Path) -> None:
    journal = filled(tmp_path, 2)
    first, _ = journal.entries()
    assert journal.entry(first.id[:-2]).id == first.id
    with pytest.raises(ConsoleError, match="was not found"):
        journal.entry(first.id[:4])
    with pytest.raises(ConsoleError, match="was not found"):
        journal.entry("nothing")


def test_a_privileged_read_is_an_entry_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.note_read("policy.keys", "policy keys", Target(TargetKind.POLICIES, "/hub"), hub="plants", who="ana")
    assert journal.entries()[0].state is EntryState.READ


def test_the_store_has_no_rows_before_the_first(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    assert store.rows() == []
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_only_just_being_made_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch(0o600)
    journal = Journal(tmp_path)
    assert journal.entries() == []
    assert journal.verify().whole


def test_a_journal_whose_rows_were_dropped_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    tamper(tmp_path, "DROP TABLE rows")
    with pytest.raises(ConsoleError, match="cannot be used"):
        journal.entries()
    with pytest.raises(ConsoleError, match="cannot be used"):
        journal.verify()


@pytest.mark.parametrize("cut", ["DELETE FROM rows", "DELETE FROM rows WHERE seq > 2"])
def test_nothing_is_chained_to_a_journal_that_was_cut(tmp_path: Path, cut: str) -> None:
    journal = filled(tmp_path)
    tamper(tmp_path, cut)
    assert not journal.verify().whole
    with pytest.raises(ConsoleError, match="newest rows are missing"):
        begun(journal, change())
    assert not journal.verify().whole


def test_a_journal_that_is_gone_while_its_key_is_there_is_not_whole(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    assert not journal.verify().whole


def test_a_row_of_another_version_hides_no_other(tmp_path: Path) -> None:
    journal = filled(tmp_path, 2)
    tamper(tmp_path, "UPDATE rows SET body = replace(body, '\"policies\"', '\"unheard-of\"') WHERE seq = 1")
    assert [entry.state for entry in journal.entries()] == [EntryState.APPLIED, EntryState.UNREADABLE]


def test_a_reason_that_is_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError):
        begun(Journal(tmp_path), change("\udcff"))
