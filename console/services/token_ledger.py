"""The ledger of tokens minted here: SQLite in the state folder; a token stands in it as a keyed hash alone."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.token import LedgerEntry
from console.services.key_file import make_key, make_private, read_key

WAIT_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, resource TEXT NOT NULL, policy TEXT NOT NULL,
  minted INTEGER NOT NULL, expires INTEGER NOT NULL, who TEXT NOT NULL)
"""
_COLUMNS = "fingerprint, resource, policy, minted, expires, who"


class TokenLedger:
    """`ledger.db` and `ledger.key` (0600) in a folder; made at the first token.

    Every method opens its own connection, so threads and processes may share the file. All raise ConsoleError
    NOT_CONFIGURED (code "ledger") when the ledger cannot be used, with the reason.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self._key_path = folder / "ledger.key"

    def add(self, token: Secret, resource: str, policy: str, minted: datetime, expires: datetime, who: str) -> None:
        """Note a token; on disk when this returns."""
        with self._open(write=True) as connection:
            key = self._key(connection)
            row = (_fingerprint(key, token), resource, policy, int(minted.timestamp()), int(expires.timestamp()), who)
            connection.execute(f"INSERT INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return every token noted, newest first; none when there is no ledger yet."""
        if not self.path.exists():
            return ()
        with self._open() as connection:
            if _is_new(connection):
                return ()
            found = connection.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY id DESC").fetchall()  # noqa: S608
            return tuple(map(_entry, found))

    def find(self, token: Secret) -> LedgerEntry | None:
        """Return what was noted of a token, None when it was not minted here."""
        if not self.path.exists() or not self._key_path.exists():
            return None
        with self._open() as connection:
            key = read_key(self._key_path)
            if key is None or _is_new(connection):
                return None
            query = f"SELECT {_COLUMNS} FROM tokens WHERE fingerprint = ? ORDER BY id LIMIT 1"  # noqa: S608
            row = connection.execute(query, (_fingerprint(key, token),)).fetchone()
            return None if row is None else _entry(row)

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if write:
                make_private(self.path)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
                if write:
                    connection.execute(_SCHEMA)
                yield connection
        except (sqlite3.Error, UnicodeError, OverflowError, ValueError, TypeError) as error:
            raise _trouble(self.path, str(error), getattr(error, "sqlite_errorname", "")) from error
        except OSError as error:
            raise _trouble(self.path, error.strerror or str(error), "SQLITE_CANTOPEN") from error

    def _key(self, connection: sqlite3.Connection) -> bytes:
        if not self._key_path.exists():
            used = connection.execute("SELECT 1 FROM tokens LIMIT 1").fetchone() is not None
            if used and not self._key_path.is_file():  # looked for again: another process makes it before its first row
                raise sqlite3.DatabaseError(f"its key {self._key_path.name} is gone")
            if not used:
                make_key(self._key_path)
        key = read_key(self._key_path)
        if key is None:
            raise sqlite3.DatabaseError(f"its key {self._key_path.name} is damaged")
        return key


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether another process is only just making the file: it has no table yet."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _fingerprint(key: bytes, token: Secret) -> str:
    return hmac.digest(key, b"token:" + token.reveal().encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


def _entry(row: tuple[str, str, str, int, int, str]) -> LedgerEntry:
    fingerprint, resource, policy, minted, expires, who = row
    return LedgerEntry(str(fingerprint), str(resource), str(policy), _moment(minted), _moment(expires), str(who))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


_HINTS = {
    "SQLITE_FULL": "Make room on the disk",
    "SQLITE_IOERR": "Is the disk full or failing?",
    "SQLITE_BUSY": "Another process holds it: try again",
    "SQLITE_LOCKED": "Another process holds it: try again",
    "SQLITE_READONLY": "Give yourself the right to write there",
    "SQLITE_CANTOPEN": "Check the state folder and its rights",
    "SQLITE_PERM": "Check the state folder and its rights",
}


def _trouble(path: Path, why: str, name: str = "") -> ConsoleError:
    """Return what is wrong with the ledger; `name` is SQLite's of the error, with or without its second part."""
    damaged = "Move ledger.db and ledger.key away together to begin a new ledger, and keep them"
    hint = next((text for begin, text in _HINTS.items() if name.startswith(begin)), damaged)
    return ConsoleError(ErrorKind.NOT_CONFIGURED, f"The ledger {path} cannot be used", why, hint, code="ledger")
