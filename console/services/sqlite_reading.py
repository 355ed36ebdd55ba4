"""Opening a SQLite file to read it alone, also where nothing can be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_from_bytes

_UNOPENED = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR_SHM")


class Undecoded(bytes):
    """A text of the database that is not UTF-8."""


def text_of(data: bytes) -> str | Undecoded:
    """Return a text of the database; one that is no UTF-8 hides no other."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return Undecoded(data)


@contextmanager
def reading(path: Path, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a file that is there; it is not changed through this connection. Texts that are no UTF-8 are `Undecoded`.

    SQLite itself wants to write a file beside a write-ahead log even to read it. Where that fails, the file is read as
    it is, or a private copy of file and log: nobody can be writing there, else that file would be there. Raises
    sqlite3.Error, OSError.
    """
    with ExitStack() as stack:
        try:
            connection = _opened(path, seconds)
        except sqlite3.Error as error:
            if not getattr(error, "sqlite_errorname", "").startswith(_UNOPENED):
                raise
            path.open("rb").close()  # says why it cannot be read, where that is so
            if _log_is_empty(path):
                connection = _opened(path, seconds, "immutable=1")
            else:
                folder = stack.enter_context(TemporaryDirectory(prefix="hubwarden-"))
                connection = _opened(_copied(path, Path(folder)), seconds)
        stack.callback(connection.close)
        yield connection


def _log_is_empty(path: Path) -> bool:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size == 0
    except FileNotFoundError:
        return True


def _copied(path: Path, folder: Path) -> Path:
    for name in (path.name, f"{path.name}-wal"):
        source = path.with_name(name)
        if source.exists():
            shutil.copyfile(source, folder / name)
    return folder / path.name


def _opened(path: Path, seconds: float, how: str = "mode=rw") -> sqlite3.Connection:
    """Open a file; unlike the usual way, `mode=rw` makes none where there is none, and reads where none may write."""
    begin = "file://" if path.is_absolute() else "file:"
    address = f"{begin}{quote_from_bytes(os.fsencode(path))}?{how}"
    connection = sqlite3.connect(address, uri=True, timeout=seconds, isolation_level=None)
    try:
        connection.text_factory = text_of
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # opens it in earnest
    except BaseException:
        connection.close()
        raise
    return connection
