"""SQLite's write-ahead log, switched on by several consoles at once."""

from __future__ import annotations

import sqlite3
import time

_PAUSE = 0.01


def use_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Switch a file to its write-ahead log, waiting up to `seconds` for others that do the same.

    SQLite's own time-out does not cover this step: the lock that it needs is refused at once. Raises
    sqlite3.OperationalError when the time is over.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return
