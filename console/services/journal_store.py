"""The journal's rows in SQLite: appended only, chained by HMAC, safe with several consoles at once."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from console.model.clock import format_time, parse_time
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import JournalCheck, JournalRow
from console.services.key_file import make_key, make_private, read_key
from console.services.sqlite_wal import use_wal

WAIT_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, change_id TEXT NOT NULL,
  hub TEXT NOT NULL, body TEXT NOT NULL, mac TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, mac TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS rows_of_change ON rows (change_id);
CREATE TRIGGER IF NOT EXISTS rows_stay BEFORE UPDATE ON rows BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS rows_remain BEFORE DELETE ON rows BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_COLUMNS = "seq, time, kind, change_id, hub, body, mac"
_FULL = ("full", "disk i/o error", "readonly", "read-only")


class JournalStore:
    """`journal.db` and `journal.key` (0600) in a folder; made at the first row.

    Every method opens its own connection, so threads and processes may share the file. All raise ConsoleError
    NOT_CONFIGURED when the journal cannot be used, with the reason.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self._key_path = folder / "journal.key"
        self._key: bytes | None = None

    def append(self, time: datetime, kind: str, change_id: str, hub: str, body: dict[str, Any]) -> int:
        """Add one row, on disk when this returns; return its number."""
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        with self._open(write=True) as connection:
            key = self._secret(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                last = connection.execute("SELECT seq, mac FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
                seq, previous = (last[0] + 1, last[1]) if last else (1, "")
                self._check_head(connection, key, last)
                fields = (seq, format_time(time), kind, change_id, hub, text)
                mac = _mac(key, previous, fields)
                connection.execute(f"INSERT INTO rows ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", (*fields, mac))  # noqa: S608
                connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (seq, _head_mac(key, seq, mac)))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return seq

    def rows(self, change_id: str = "") -> list[JournalRow]:
        """Return all rows (of one change), oldest first; none when there is no journal yet."""
        if not self.path.exists():
            return []
        where, values = ("WHERE change_id = ?", (change_id,)) if change_id else ("", ())
        with self._open() as connection:
            if _is_new(connection):
                return []
            found = connection.execute(f"SELECT {_COLUMNS} FROM rows {where} ORDER BY seq", values)  # noqa: S608
            return [_row(fields) for fields in found]

    def fingerprint(self, value: str) -> str:
        """Return the keyed hash that stands for a key in the journal (hexadecimal, 32 digits)."""
        key = self._key
        if key is None:
            with self._open(write=True) as connection:
                key = self._secret(connection)
        return hmac.new(key, b"fingerprint:" + value.encode(), hashlib.sha256).hexdigest()[:32]

    def verify(self) -> JournalCheck:
        """Recompute the chain. It proves accident, and tampering by anyone who does not have the key file."""
        if not self.path.exists():
            if self._key_path.exists():
                return JournalCheck(0, False, 1, f"{self.path.name} is gone, though its key is there")
            return JournalCheck(0, True, None, "There is no journal yet")
        with self._open() as connection:
            if _is_new(connection):
                return JournalCheck(0, True, None, "There is no journal yet")
            key = self._secret(connection)
            previous, expected, count = "", 1, 0
            for fields in connection.execute(f"SELECT {_COLUMNS} FROM rows ORDER BY seq"):  # noqa: S608
                *kept, mac = fields
                if kept[0] != expected:
                    return JournalCheck(count, False, expected, f"row {expected} is missing")
                if not hmac.compare_digest(_mac(key, previous, tuple(kept)), str(mac)):
                    return JournalCheck(count, False, expected, f"row {expected} was changed, or one before it")
                previous, expected, count = str(mac), expected + 1, count + 1
            head = connection.execute("SELECT seq, mac FROM head").fetchone()
            if (head is not None or count) and (
                head is None or head[0] != count or head[1] != _head_mac(key, count, previous)
            ):
                return JournalCheck(count, False, count + 1, f"rows after row {count} are missing")
        return JournalCheck(count, True, None, "")

    # --- inside -------------------------------------------------------------------------------------------------

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if write:
                make_private(self.path)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
                if write:
                    use_wal(connection, WAIT_SECONDS)
                    connection.execute("PRAGMA synchronous = FULL")  # a row is on disk before the write is made
                    connection.executescript(_SCHEMA)
                yield connection
        except (sqlite3.Error, UnicodeError) as error:
            raise _trouble(self.path, str(error)) from error
        except OSError as error:
            raise _trouble(self.path, error.strerror or str(error)) from error

    def _check_head(self, connection: sqlite3.Connection, key: bytes, last: tuple[int, str] | None) -> None:
        """Raise unless the last row is the one that was signed last: nothing is chained to a journal that was cut."""
        head = connection.execute("SELECT seq, mac FROM head").fetchone()
        if last is None and head is None:
            return
        if last is None or head is None or head[0] != last[0] or head[1] != _head_mac(key, last[0], str(last[1])):
            raise _trouble(
                self.path, "its newest rows are missing or were changed (hubwarden journal verify tells more)"
            )

    def _secret(self, connection: sqlite3.Connection) -> bytes:
        if self._key is not None:
            return self._key
        if not self._key_path.exists():
            if connection.execute("SELECT 1 FROM rows LIMIT 1").fetchone():
                raise _trouble(self.path, f"its key {self._key_path.name} is gone, so rows could not be chained to it")
            make_key(self._key_path)
        self._key = read_key(self._key_path)
        if self._key is None:
            raise _trouble(self.path, f"its key {self._key_path.name} is damaged")
        return self._key


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether another console is only just making the file: it has no tables yet."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _mac(key: bytes, previous: str, fields: tuple[Any, ...]) -> str:
    return hmac.new(key, json.dumps([previous, *fields]).encode(), hashlib.sha256).hexdigest()


def _head_mac(key: bytes, seq: int, mac: str) -> str:
    return hmac.new(key, f"head:{seq}:{mac}".encode(), hashlib.sha256).hexdigest()


def _row(fields: tuple[Any, ...]) -> JournalRow:
    seq, time, kind, change_id, hub, body, mac = fields
    moment = parse_time(time)
    if moment is None:
        raise sqlite3.DatabaseError(f"row {seq} has no time")
    try:
        parsed = json.loads(body)
    except ValueError:
        raise sqlite3.DatabaseError(f"row {seq} cannot be read") from None
    return JournalRow(int(seq), moment, str(kind), str(change_id), str(hub), parsed, str(mac))


def _trouble(path: Path, why: str) -> ConsoleError:
    full = any(word in why.casefold() for word in _FULL)
    hint = (
        "Make room on that disk, or name another state folder in HUBWARDEN_STATE_DIR"
        if full
        else "Move journal.db and journal.key away together to begin a new journal, and keep them"
    )
    return ConsoleError(ErrorKind.NOT_CONFIGURED, f"The journal {path} cannot be used", why, hint, code="journal")
