"""The journal's rows in SQLite: appended only, chained by HMAC, safe with several consoles at once."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from console.model.clock import format_time
from console.model.journal import Head, JournalCheck, JournalRow
from console.services.journal_head import HeadFile, anchor_of, first_of
from console.services.journal_rows import ANCHORED, COLUMNS, head_mac, is_anchored, mac_of, row_of, same
from console.services.journal_trouble import JournalTroubleError, refused
from console.services.key_file import clear_left, make_key, make_private, read_key
from console.services.sqlite_reading import reading, text_of
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


_OBJECTS = (
    "SELECT count(*) FROM sqlite_master WHERE name IN ('rows', 'head', 'rows_of_change', 'rows_stay', 'rows_remain')"
)


class JournalStore:
    """`journal.db`, `journal.key` and `journal.head` (0600) in a folder; made at the first row.

    Every method opens its own connection, so threads and processes may share the file. All raise ConsoleError
    NOT_CONFIGURED when the journal cannot be used, with the reason. Reading needs no right to write.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self._key_path = folder / "journal.key"
        self._head = HeadFile(folder / "journal.head")
        self._key: bytes | None = None
        self._cleared = False

    @property
    def exists(self) -> bool:
        """Whether there is a database. Raises ConsoleError when that cannot be seen."""
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise refused(self.path, error) from error
        return True

    def append(self, time: datetime, kind: str, change_id: str, hub: str, body: dict[str, Any]) -> int:
        """Add one row, on disk when this returns; return its number."""
        text = json.dumps({**body, ANCHORED: True}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        with self._writing() as connection:
            key = self._secret(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                seq, previous = self._end(connection, key)
                first = self._prepare_head(connection, key, seq)
                seq += 1
                fields = (seq, format_time(time), kind, change_id, hub, text)
                mac = mac_of(key, previous, fields)
                connection.execute(f"INSERT INTO rows ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", (*fields, mac))  # noqa: S608
                connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (seq, head_mac(key, seq, mac)))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            with suppress(OSError):  # it could be written a moment ago; the next row brings it up
                self._head.advance(key, Head(seq, mac, first or first_of(change_id)))
        return seq

    def rows(self, change_id: str = "") -> list[JournalRow]:
        """Return all rows (of one change), oldest first; none when there is no journal yet."""
        if not self.exists:
            return []
        where, values = ("WHERE change_id = ?", (change_id,)) if change_id else ("", ())
        with self._reading() as connection:
            if _is_new(connection):
                return []
            found = connection.execute(f"SELECT {COLUMNS} FROM rows {where} ORDER BY seq", values)  # noqa: S608
            return [row_of(fields) for fields in found]

    def fingerprint(self, value: str) -> str:
        """Return the keyed hash that stands for a key in the journal (hexadecimal, 32 digits)."""
        if self._key is None and self._key_there() is None:
            with self._writing() as connection:
                self._secret(connection)
        assert self._key is not None, "it was read or made just now"
        data = b"fingerprint:" + value.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()[:32]

    def head(self) -> str:
        """Return the end of what is there, in short; empty where there is nothing."""
        if not self.exists:
            return ""
        with self._reading() as connection:
            last = None
            if not _is_new(connection):
                last = connection.execute("SELECT seq, mac FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
            return str(Head(last[0], str(last[1]), "")) if last is not None else ""

    def verify(self, noted: tuple[int, str] | None = None) -> JournalCheck:
        """Recompute the chain and hold its end against the head, and one that somebody noted. Nothing is written.

        It proves accident, and tampering by anyone who does not have the key file.
        """
        from console.services.journal_check import check_noted, check_rows, check_without_rows

        try:
            said = self._head.data()  # before the rows: so it never knows of one that is not read
            if not self.exists:
                return check_noted(check_without_rows(said, self._key_now(), file=False), None, noted)
            with self._reading() as connection:
                connection.execute("BEGIN")  # rows and head of one moment, whatever others write
                new = _is_new(connection)
                key = self._key_now()  # after the rows: it is made before the first of them
                if new or connection.execute("SELECT 1 FROM rows LIMIT 1").fetchone() is None:
                    if new and key is not None:  # the tables are made before the key: are they there by now?
                        connection.execute("ROLLBACK")
                    cut = _is_new(connection) if new and key is not None else not new and _had_rows(connection)
                    return check_noted(check_without_rows(said, key, file=True, cut=cut), None, noted)
                return check_noted(check_rows(connection, said, key, self._head.data), connection, noted)
        except OSError as error:
            raise refused(self.path, error) from error

    # --- inside -------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with reading(self.path, WAIT_SECONDS) as connection:
                yield connection
        except (sqlite3.Error, UnicodeError, OSError) as error:
            raise refused(self.path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.exists:
                self._refuse_lost("journal.db is gone")
                if self._key_now() is not None and not self.exists:  # the file is made before the key, by any console
                    raise JournalTroubleError(f"journal.db is gone, though its key {self._key_path.name} is there")
            make_private(self.path)
            if not self._cleared:
                self._cleared = True
                clear_left(self._key_path)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
                connection.text_factory = text_of
                use_wal(connection, WAIT_SECONDS)
                connection.execute("PRAGMA synchronous = FULL")  # a row is on disk before the write is made
                if _is_new(connection) and self._key_now() is not None and _is_new(connection):
                    raise JournalTroubleError(f"journal.db was emptied: its key {self._key_path.name} is there")
                if connection.execute(_OBJECTS).fetchone()[0] < _SCHEMA.count("CREATE"):
                    connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")  # all or none, for those who read
                yield connection
        except (sqlite3.Error, UnicodeError, OSError) as error:
            raise refused(self.path, error) from error

    def _refuse_lost(self, what: str) -> None:
        """Raise JournalTroubleError when the head knows of rows: then something is not yet to be made, but missing."""
        said = self._head.data()
        head = anchor_of(said, None).head if said is not None else None
        if head is not None and head.count:
            raise JournalTroubleError(f"{what}, and its head knows of {head.count:,} rows")

    def _end(self, connection: sqlite3.Connection, key: bytes) -> tuple[int, str]:
        """Return number and link of the last row; zero and nothing before the first.

        Raises JournalTroubleError unless the last row is the one that was signed last: nothing is chained to a journal
        that was cut. A link that alone was damaged is computed again.
        """
        head = connection.execute("SELECT seq, mac FROM head").fetchone()
        last = connection.execute(f"SELECT {COLUMNS} FROM rows ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608
        if last is None and head is None and not _had_rows(connection):
            return 0, ""
        if last is not None and head is not None and head[0] == last[0]:
            seq, *_, mac = last
            before = connection.execute("SELECT mac FROM rows WHERE seq = ?", (seq - 1,)).fetchone()
            for link in (mac, mac_of(key, before[0] if before else "", last[:-1])):
                if isinstance(link, str) and link and same(head_mac(key, seq, link), head[1]):
                    return seq, link
        raise JournalTroubleError("its newest rows are missing or were changed (hubwarden journal verify tells more)")

    def _prepare_head(self, connection: sqlite3.Connection, key: bytes, seq: int) -> str:
        """See that the head can be written, and that the journal is the one it tells of, before a row is added.

        Returns the first row's change, empty before there is one.
        """
        anchor = self._head.read(key)
        if anchor is None:
            last = connection.execute("SELECT body FROM rows WHERE seq = ?", (seq,)).fetchone()
            if last is not None and is_anchored(last[0]):
                raise JournalTroubleError(f"its head {self._head.path.name} is gone")
            self._head.begin(key)
        elif anchor.head is None:
            raise JournalTroubleError(f"its head {self._head.path.name} is damaged")
        elif not anchor.ours:
            raise JournalTroubleError("its head was signed with another key: one of the two was replaced")
        elif anchor.head.count:
            row = connection.execute("SELECT mac FROM rows WHERE seq = ?", (anchor.head.count,)).fetchone()
            if row is None:
                raise JournalTroubleError(
                    f"it holds {seq:,} rows and its head knows of {anchor.head.count:,}: it was cut or replaced"
                )
            if row[0] != anchor.head.last and not self._repaired(connection, key, anchor.head):
                raise JournalTroubleError(f"row {anchor.head.count} is not the one that its head knows")
        self._head.check_writable()
        if anchor is not None and anchor.head is not None and anchor.head.first:
            return anchor.head.first  # as it was, whatever became of that row
        row = connection.execute("SELECT change_id FROM rows ORDER BY seq LIMIT 1").fetchone()
        return first_of(row[0]) if row is not None else ""

    @staticmethod
    def _repaired(connection: sqlite3.Connection, key: bytes, head: Head) -> bool:
        """Whether the head's row is the one it knows, and its link alone was damaged."""
        row = connection.execute(f"SELECT {COLUMNS} FROM rows WHERE seq = ?", (head.count,)).fetchone()  # noqa: S608
        before = connection.execute("SELECT mac FROM rows WHERE seq = ?", (head.count - 1,)).fetchone()
        return same(mac_of(key, before[0] if before else "", row[:-1]), head.last)

    def _key_there(self) -> bytes | None:
        """Return the key, None where there is none. Raises ConsoleError when it cannot be read or is none."""
        if self._key is None:
            try:
                self._key = read_key(self._key_path)
                if self._key is None:
                    raise JournalTroubleError(f"its key {self._key_path.name} is damaged")
            except (FileNotFoundError, NotADirectoryError):
                return None
            except (OSError, JournalTroubleError) as error:
                raise refused(self.path, error) from error
        return self._key

    def _key_now(self) -> bytes | None:
        """Return the key that the file holds now, whatever was read before; None when it holds none.

        Raises OSError when it cannot be read.
        """
        try:
            return read_key(self._key_path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _secret(self, connection: sqlite3.Connection) -> bytes:
        key = self._key_there()
        if key is None:
            if connection.execute("SELECT 1 FROM rows LIMIT 1").fetchone():
                key = self._key_there()  # looked for again: another process makes it before its first row
                if key is None:
                    raise JournalTroubleError(
                        f"its key {self._key_path.name} is gone, so rows could not be chained to it"
                    )
                return key
            self._refuse_lost(f"its key {self._key_path.name} is gone")
            make_key(self._key_path)
            key = self._key_there()
            assert key is not None, "it was made just now"
        return key


def _had_rows(connection: sqlite3.Connection) -> bool:
    """Whether a database without rows tells that it had some: by its own head, or by the numbers it gave."""
    if connection.execute("SELECT 1 FROM head").fetchone() is not None:
        return True
    return connection.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'rows' AND seq > 0").fetchone() is not None


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether another console is only just making the file: it has no tables yet."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
