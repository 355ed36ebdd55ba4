"""Journals for tests: filled ones, and what is done to them behind the console's back."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from console.model.change import Change, Outcome, Result
from console.model.document import Document, Target, TargetKind
from console.model.secret import Secret
from console.rules.planning import change_of
from console.services.journal import Journal

KEY = "c2VjcmV0LWtleS1tYXRlcmlhbC1uZXZlci1zdG9yZWQ="
FILES = ("journal.db", "journal.db-wal", "journal.db-shm")


def change(title: str = "policy x", key: str = KEY) -> Change:
    before = Document({"authorizationPolicies": [{"keyName": "x", "primaryKey": Secret(key)}]}, "e1")
    return change_of("policy.delete", title, Target(TargetKind.POLICIES, "/hub"), before, {"authorizationPolicies": []})


def begun(journal: Journal, one: Change) -> None:
    journal.intend(one, hub="plants", who="ana@contoso", accepted=["keys-lost"])


def done(journal: Journal, one: Change, result: Result = Result.APPLIED) -> None:
    journal.conclude(Outcome(one, result, "done"), hub="plants")


def filled(folder: Path, count: int = 4) -> Journal:
    journal = Journal(folder)
    for number in range(count):
        one = change(f"policy {number}")
        begun(journal, one)
        done(journal, one)
    return journal


def tamper(folder: Path, *statements: str) -> None:
    """Run statements in the database, without the triggers that keep rows."""
    connection = sqlite3.connect(folder / "journal.db")
    with connection:
        for statement in ("DROP TRIGGER IF EXISTS rows_stay", "DROP TRIGGER IF EXISTS rows_remain", *statements):
            connection.execute(statement)
    connection.close()


def loosened(folder: Path) -> None:
    """Make the table of rows one that takes anything: no type, nothing required."""
    tamper(
        folder,
        "ALTER TABLE rows RENAME TO old",
        "CREATE TABLE rows (seq INTEGER PRIMARY KEY, time, kind, change_id, hub, body, mac)",
        "INSERT INTO rows SELECT * FROM old",
        "DROP TABLE old",
    )


def without(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def copied(folder: Path, to: Path, *names: str) -> None:
    to.mkdir(exist_ok=True)
    for name in names:
        if (folder / name).exists():
            shutil.copyfile(folder / name, to / name)


def made_anew(folder: Path) -> None:
    """Make a journal without a row in place of one, for its key, as whoever has that key can."""
    key = (folder / "journal.key").read_bytes()
    without(folder, *FILES, "journal.head", "journal.key")
    Journal(folder).fingerprint(Secret("x"))
    (folder / "journal.key").write_bytes(key)
