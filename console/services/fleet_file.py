"""The file that keeps a hub's fleet: SQLite, one table per generation; what is current is always whole and valid."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from console.model.clock import Clock, format_time, parse_time
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_snapshot import DeviceRow, Snapshot
from console.model.text import clean
from console.services.fleet_connections import FleetConnections

GHOST_SECONDS = 3600.0
"""So long the query index is expected to go on listing a device that is gone (seen: up to half an hour)."""
_UNORDERED, _ORDERED, _DENSE = 0, 1, 2
LEASE_SECONDS = 60.0
"""A refresh whose console has not been heard of for so long may be taken over by another."""
COLUMNS = "id, status, auth, connection, seen, edge, reason, prints, etag, tags"
_TABLE = (
    "n INTEGER PRIMARY KEY, id TEXT, status INT, auth INT, connection INT, seen INT, edge INT, reason TEXT, prints TEXT"
)
INDEXED = ("status", "auth", "connection", "seen")
"""The columns, beside the id, by which the whole fleet is sorted and filtered at once."""


class FleetFile(FleetConnections):
    """The snapshot file of one hub, 0600; made at the first write. Safe with several threads and consoles.

    All methods raise ConsoleError; a file that is broken is set aside (see `take_note`), and what was asked for is
    answered as if there were none.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, clock)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"

    # --- reading ------------------------------------------------------------------------------------------------

    def current(self) -> Snapshot | None:
        """Return the newest whole generation, else the one that grows, None where there is nothing."""
        if not self.path.exists():
            return None
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT generation, state, started, finished, count, numbering FROM generations "
                "ORDER BY state = 'whole' DESC, generation DESC"
            ).fetchall()
            first = _snapshot(rows[0]) if rows else None
            return first if first is not None and (first.whole or first.count) else None

    def unfinished(self) -> tuple[Snapshot, str] | None:
        """Return the generation that a refresh has begun and not ended, and where it goes on."""
        if not self.path.exists():
            return None
        with self.reading() as connection:
            row = connection.execute(
                "SELECT generation, state, started, finished, count, numbering, continuation FROM generations "
                "WHERE state = 'growing' ORDER BY generation DESC LIMIT 1"
            ).fetchone()
            return (_snapshot(row), str(row[6])) if row else None

    def choice(self, name: str) -> str:
        """Return what was chosen for how the list looks; empty when nothing was."""
        if not self.path.exists():
            return ""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM choices WHERE name = ?", (name,)).fetchone()
            return str(row[0]) if row else ""

    def choose(self, name: str, value: str) -> None:
        """Keep what was chosen."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO choices VALUES (?, ?)", (name, value))

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Let this thread read what is there now, whatever others write meanwhile; it must write nothing itself."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT count(*) FROM generations").fetchone()  # from now on
                yield
            finally:
                connection.execute("ROLLBACK")

    # --- one refresh --------------------------------------------------------------------------------------------

    def begin(self, *, anew: bool = False) -> tuple[Snapshot, str]:
        """Begin a generation, or go on with one that was begun; return it and its continuation (empty: the start).

        Raises ConsoleError CONFLICT (code "refreshing-elsewhere") while another console refreshes.
        """
        with self._writing() as connection:
            self._take_lease(connection)
            row = connection.execute(
                "SELECT generation, state, started, finished, count, numbering, continuation FROM generations "
                "WHERE state = 'growing' ORDER BY generation DESC LIMIT 1"
            ).fetchone()
            if row and not anew:
                return _snapshot(row), str(row[6])
            for old in connection.execute("SELECT generation FROM generations WHERE state != 'whole'").fetchall():
                self._drop(connection, old[0])
            whole = connection.execute(
                "SELECT generation FROM generations WHERE state = 'whole' ORDER BY generation DESC"
            ).fetchall()
            for old in whole[1:]:
                self._drop(connection, old[0])
            last = connection.execute("SELECT max(generation) FROM generations").fetchone()[0] or 0
            generation, now = last + 1, self._clock()
            connection.execute(f"CREATE TABLE devices_{generation} ({_TABLE}, etag TEXT, tags TEXT)")
            connection.execute(
                "INSERT INTO generations VALUES (?, 'growing', ?, NULL, '', 0, 0)", (generation, format_time(now))
            )
            return Snapshot(generation, 0, False, now), ""

    def add(self, generation: int, pages: Iterable[list[DeviceRow]], continuation: str) -> int:
        """Keep pages of a generation, and where the next one begins, in one transaction; return its size now."""
        with self._writing() as connection:
            self._take_lease(connection)
            count, gone = 0, self._gone(connection)
            for page in pages:
                rows = [row for row in page if gone.get(row[0]) != (row[8] or "")] if gone else page
                connection.executemany(
                    f"INSERT INTO devices_{generation} ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    rows,
                )
                count += len(rows)
            connection.execute(
                "UPDATE generations SET count = count + ?, continuation = ? WHERE generation = ?",
                (count, continuation, generation),
            )
            found = connection.execute("SELECT count FROM generations WHERE generation = ?", (generation,)).fetchone()
            return int(found[0])

    def finish(self, generation: int) -> Snapshot:
        """Put a generation that was read to its end into id order, index it, and make it the current one.

        A device that came twice (the index moved while it was paged through) is kept as it came last.
        """
        with self._writing() as connection:
            self._take_lease(connection)
            table, made = f"devices_{generation}", f"ordered_{generation}"
            connection.execute(f"DROP TABLE IF EXISTS {made}")
            connection.execute(f"CREATE TABLE {made} ({_TABLE}, etag TEXT, tags TEXT)")
            connection.execute(
                f"INSERT INTO {made} ({COLUMNS}) SELECT {COLUMNS} FROM {table} AS d "  # noqa: S608
                f"ORDER BY d.id COLLATE NOCASE, d.id, d.n"
            )
            connection.execute(
                f"DELETE FROM {made} WHERE n IN "  # noqa: S608
                f"(SELECT a.n FROM {made} a JOIN {made} b ON b.n = a.n + 1 AND b.id = a.id)"
            )
            doubles = connection.execute("SELECT changes()").fetchone()[0]
            if doubles:  # row numbers must run without a gap
                connection.execute(f"DROP TABLE {table}")
                connection.execute(f"ALTER TABLE {made} RENAME TO {table}")
                connection.execute(f"CREATE TABLE {made} ({_TABLE}, etag TEXT, tags TEXT)")
                connection.execute(
                    f"INSERT INTO {made} ({COLUMNS}) SELECT {COLUMNS} FROM {table} ORDER BY n"  # noqa: S608
                )
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE {made} RENAME TO {table}")
            connection.execute(f"CREATE UNIQUE INDEX id_{generation} ON {table} (id)")
            for column in INDEXED:
                connection.execute(f"CREATE INDEX {column}_{generation} ON {table} ({column})")
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            connection.execute(
                "UPDATE generations SET state = 'whole', finished = ?, continuation = '', count = ?, numbering = ? "
                "WHERE generation = ?",
                (format_time(self._clock()), count, _DENSE, generation),
            )
            connection.execute("DELETE FROM lease")
            row = connection.execute(
                "SELECT generation, state, started, finished, count, numbering FROM generations WHERE generation = ?",
                (generation,),
            ).fetchone()
            return _snapshot(row)

    def beat(self) -> None:
        """Say that the refresh of this console goes on though it waits. Raises ConsoleError as `begin`."""
        with self._writing() as connection:
            self._take_lease(connection)

    def leave(self) -> None:
        """Let another console refresh: this one stopped."""
        if self.path.exists():
            with self._writing() as connection:
                connection.execute("DELETE FROM lease WHERE holder = ?", (self._holder,))

    # --- single devices -----------------------------------------------------------------------------------------

    def change(self, rows: Mapping[str, DeviceRow | None]) -> None:
        """Keep devices as they were read just now; None forgets one that is gone, in whatever is being read as well.

        The query index may list one that is gone for a while: pages that are read then leave it out, unless its ETag
        is another one (it was made anew).
        """
        if not self.path.exists():
            return
        with self._writing() as connection:
            self._remember(connection, rows)
            for generation, state in connection.execute("SELECT generation, state FROM generations").fetchall():
                table = f"devices_{generation}"
                # a device that is there is read again by a refresh under way; one that is gone might have been already
                mine = rows if state == "whole" else {name: row for name, row in rows.items() if row is None}
                numbering = min((_change(connection, table, *one) for one in mine.items()), default=_DENSE)
                if numbering != _DENSE:
                    connection.execute(
                        f"UPDATE generations SET numbering = min(numbering, ?), "  # noqa: S608
                        f"count = (SELECT count(*) FROM {table}) WHERE generation = ?",
                        (numbering, generation),
                    )

    def _remember(self, connection: sqlite3.Connection, rows: Mapping[str, DeviceRow | None]) -> None:
        now = self._clock().timestamp()
        connection.execute("DELETE FROM gone WHERE at < ?", (now - GHOST_SECONDS,))
        for name, row in rows.items():
            if row is not None:
                connection.execute("DELETE FROM gone WHERE id = ?", (name,))
                continue
            held = connection.execute("SELECT generation FROM generations ORDER BY generation DESC").fetchall()
            for (generation,) in held:
                known = connection.execute(f"SELECT etag FROM devices_{generation} WHERE id = ?", (name,)).fetchone()  # noqa: S608
                if known is not None:
                    connection.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (name, known[0] or "", now))
                    break

    def _gone(self, connection: sqlite3.Connection) -> dict[str, str]:
        since = self._clock().timestamp() - GHOST_SECONDS
        return dict(connection.execute("SELECT id, etag FROM gone WHERE at >= ?", (since,)).fetchall())

    # --- the file -----------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _take_lease(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT holder, beat FROM lease").fetchone()
        now = self._clock().timestamp()
        fresh = row and row[0] != self._holder and abs(now - float(row[1])) < LEASE_SECONDS
        if fresh and not _ended(str(row[0])):
            what, why = "The device list is not refreshed from here", f"another console does it ({clean(row[0])})"
            raise ConsoleError(
                ErrorKind.CONFLICT, what, why, "Its result is shown here, too", code="refreshing-elsewhere"
            )
        connection.execute("INSERT OR REPLACE INTO lease VALUES (1, ?, ?)", (self._holder, now))

    def _drop(self, connection: sqlite3.Connection, generation: int) -> None:
        connection.execute(f"DROP TABLE IF EXISTS devices_{generation}")
        connection.execute(f"DROP TABLE IF EXISTS ordered_{generation}")
        connection.execute("DELETE FROM generations WHERE generation = ?", (generation,))


def _ended(holder: str) -> bool:
    """Return whether the holder was a process of this machine that is not there any more."""
    host, _, rest = holder.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _change(connection: sqlite3.Connection, table: str, device_id: str, row: DeviceRow | None) -> int:
    """Change one row; return what that leaves of the numbering."""
    if row is None:
        went = connection.execute(f"DELETE FROM {table} WHERE id = ?", (device_id,)).rowcount > 0  # noqa: S608
        return _ORDERED if went else _DENSE
    sets = ", ".join(f"{name.strip()} = ?" for name in COLUMNS.split(","))
    if connection.execute(f"UPDATE {table} SET {sets} WHERE id = ?", (*row, device_id)).rowcount:  # noqa: S608
        return _DENSE
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({COLUMNS}) VALUES ({marks})", row)  # noqa: S608
    return _UNORDERED


def _snapshot(row: tuple[object, ...]) -> Snapshot:
    """Return a generation. Raises sqlite3.DatabaseError for a row that this module never writes: the file is broken."""
    generation, state, started, finished, count, numbering = row[:6]
    begun: datetime | None = parse_time(started)
    if begun is None or not isinstance(generation, int) or not isinstance(count, int):
        raise sqlite3.DatabaseError("its list of readings is damaged")
    return Snapshot(
        generation, count, state == "whole", begun, parse_time(finished), numbering == _DENSE, numbering != _UNORDERED
    )
