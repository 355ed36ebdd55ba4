"""Connections to the file that keeps a fleet: few, shared by threads; a file that is broken is set aside."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.model.clock import Clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.private_files import private_folder
from console.services.sqlite_wal import use_wal

VERSION = 2
WAIT_SECONDS = 10.0
_MOST_IDLE = 2
_SCHEMA = f"""
CREATE TABLE generations (
  generation INTEGER PRIMARY KEY, state TEXT NOT NULL, started TEXT NOT NULL, finished TEXT, continuation TEXT NOT NULL,
  count INT NOT NULL, numbering INT NOT NULL);
CREATE TABLE choices (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE gone (id TEXT PRIMARY KEY, etag TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE lease (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, beat REAL NOT NULL);
PRAGMA user_version = {VERSION};
"""


class FleetConnections:
    """Gives connections to one file, 0600, made at the first use. Safe with several threads and consoles."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._local = threading.local()
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._epoch = 0  # counts the files that were set aside: connections to those are dropped
        self._note = ""

    def take_note(self) -> str:
        """Return once what happened to the file (set aside as broken); empty when nothing did."""
        with self._lock:
            note, self._note = self._note, ""
        return note

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection; a broken file is set aside, and NOT_FOUND (code "fleet-file") is raised.

        Within it this thread gets the same one again.
        """
        epoch = self._epoch
        try:
            with self._pooled() as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # the generation went while it was read
                raise ConsoleError(
                    ErrorKind.NOT_FOUND, "The device list was replaced", "a refresh ended", code="fleet-file"
                ) from error
            raise _unusable(self.path, error) from error
        except sqlite3.DatabaseError as error:
            self._set_aside(error, epoch)
            what = "The kept device list was broken"
            raise ConsoleError(
                ErrorKind.NOT_FOUND, what, clean(error), "It was set aside and is read anew", code="fleet-file"
            ) from error

    @contextmanager
    def _pooled(self) -> Iterator[sqlite3.Connection]:
        """Give an idle connection, or a new one; one for each thread would leave a cache behind with every thread."""
        held: sqlite3.Connection | None = getattr(self._local, "held", None)
        if held is not None:
            yield held
            return
        with self._lock:
            epoch, connection = self._epoch, self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
        self._local.held = connection
        try:
            yield connection
        finally:
            self._local.held = None
            with self._lock:
                keep = epoch == self._epoch and len(self._idle) < _MOST_IDLE and not connection.in_transaction
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        if not self.path.exists():
            private_folder(self.path.parent)
            self.path.touch(mode=0o600)
        connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        use_wal(connection, WAIT_SECONDS)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -8000")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._make(connection)
        elif version != VERSION:
            connection.close()
            raise sqlite3.DatabaseError(f"it is of version {version}, not {VERSION}")
        return connection

    @staticmethod
    def _make(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:  # another console may have been quicker
                for statement in _SCHEMA.split(";"):
                    if statement.strip():
                        connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _set_aside(self, error: sqlite3.DatabaseError, epoch: int) -> None:
        with self._lock:
            if epoch != self._epoch:
                return  # another thread did it already
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            aside = self.path.with_name(f"{self.path.name}.corrupt-{self._clock():%Y%m%dT%H%M%S}")
            try:
                self.path.replace(aside)
            except OSError as trouble:
                raise _unusable(self.path, trouble) from trouble
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            self._epoch += 1
            self._note = f"the kept device list was broken ({clean(error)}): it was set aside as {aside.name}"


def _unusable(path: Path, error: Exception) -> ConsoleError:
    what = f"The kept device list {path.name} cannot be used"
    return ConsoleError(ErrorKind.NOT_CONFIGURED, what, clean(error), "Check the state folder and its rights")
