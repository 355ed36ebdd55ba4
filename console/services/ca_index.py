"""The index of a CA: what it signed, in SQLite; several processes may write to it at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from console.model.certificate import CertificateKind, CertificateRecord, RecordStatus
from console.model.clock import format_time, parse_time
from console.model.errors import ConsoleError, ErrorKind
from console.services.private_files import refused

NAME = "index.db"
CERTIFICATE = "cert.pem"
KEY = "key.pem"
VERSION = 1
_APPLICATION = 0x68756277  # "hubw": an index of ours, and no other program's database
WAIT_SECONDS = 20.0
EXISTS = "its files are there already, and a key in them may be in use"
_PARAMETERS = 500  # of one statement; SQLite before 3.32 takes 999
_COLUMNS = (
    "serial, kind, subject, common_name, issuer, sha1, sha256, not_before, not_after, status, device_id, module_id, "
    "key_type, folder, stem, parts, run"
)
_INSERT = f"INSERT INTO certificates ({_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS certificates (
  serial TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, common_name TEXT NOT NULL, issuer TEXT NOT NULL,
  sha1 TEXT NOT NULL, sha256 TEXT NOT NULL, not_before TEXT NOT NULL, not_after TEXT NOT NULL, status TEXT NOT NULL,
  device_id TEXT NOT NULL, module_id TEXT NOT NULL, key_type TEXT NOT NULL,
  folder TEXT NOT NULL, stem TEXT NOT NULL, parts TEXT NOT NULL, run TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_place ON certificates (folder, stem);
CREATE INDEX IF NOT EXISTS by_thumbprint ON certificates (sha256);
CREATE INDEX IF NOT EXISTS unfinished ON certificates (status) WHERE status = 'pending';
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {VERSION};
"""


@dataclass(frozen=True)
class Entry:
    """A row: the certificate, and the files that hold it.

    Attributes:
        folder: where they are; empty for one that has no files (a proof).
        stem: how their names begin.
        parts: how their names end, in the order they are put there; the certificate is the last.
        run: where they are prepared, as seen from `folder`: the staging folder of their process, then, behind two
            slashes, a folder in it.
    """

    record: CertificateRecord
    folder: str = ""
    stem: str = ""
    parts: tuple[str, ...] = ()
    run: str = ""

    def path(self, part: str) -> str:
        """Return where a part is."""
        return f"{self.folder}/{self.stem}.{part}"

    def staged(self, part: str) -> str:
        """Return where a part is prepared."""
        return f"{self.folder}/{self.run}/{self.stem}.{part}"

    @property
    def place(self) -> str:
        """The folder in the staging folder, empty where there is none."""
        return self.run.partition("//")[2]

    def moved(self, folder: str, stem: str) -> Entry:
        """Return the same with its files in another place."""
        return replace(self, folder=folder, stem=stem)

    @property
    def staging(self) -> str:
        """The staging folder of the process that makes them."""
        return os.path.normpath(f"{self.folder}/{self.run.partition('//')[0]}")


class CaIndex:
    """An open index; close it. All methods raise ConsoleError when the file is damaged, foreign, newer or locked."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._what = f"The index of the CA in {folder} cannot be used"
        self.writable = os.access(folder, os.W_OK)
        with self._told():
            if self.writable:
                self._make()
            elif not self._path.exists():
                raise sqlite3.OperationalError("unable to open database file")
            mode = "rw" if self.writable else "ro"
            uri = f"{self._path.absolute().as_uri()}?mode={mode}"
            self._connection = sqlite3.connect(
                uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._check()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def begin(
        self, entries: Sequence[Entry], there: Callable[[Entry], bool]
    ) -> tuple[list[Entry], list[tuple[Entry, str]]]:
        """Commit entries as PENDING; an ISSUED one of the same place becomes REPLACED when its files are gone.

        Args:
            entries: the new rows.
            there: asked while the index is locked: whether the files of that other one are there.

        Returns those begun, and those that were not, with the reason: EXISTS, or a sentence's part.
        """
        begun: list[Entry] = []
        not_begun: list[tuple[Entry, str]] = []
        replaced: list[tuple[str]] = []
        with self._write() as connection:
            others = _in_the_same_places(connection, entries)
            for entry in entries:
                serial, status = others.get((entry.folder, entry.stem), ("", ""))
                if status == RecordStatus.PENDING:
                    not_begun.append((entry, "another process is making it right now"))
                elif serial and there(entry):
                    not_begun.append((entry, EXISTS))
                else:
                    begun.append(entry)
                    if serial:
                        replaced.append((serial,))
            connection.executemany("UPDATE certificates SET status = 'replaced' WHERE serial = ?", replaced)
            connection.executemany(_INSERT, map(_row, begun))
        return begun, not_begun

    def begin_renewal(
        self, pairs: Sequence[tuple[Entry, Entry]]
    ) -> tuple[list[tuple[Entry, Entry]], list[tuple[Entry, str]]]:
        """Commit new entries as PENDING beside the old ISSUED ones (pairs of new and old) of the same places.

        Returns those begun, and those that were not because another process works on them, with the reason.
        """
        begun: list[tuple[Entry, Entry]] = []
        not_begun: list[tuple[Entry, str]] = []
        with self._write() as connection:
            others = _in_the_same_places(connection, [new for new, _ in pairs])
            for new, old in pairs:
                if others.get((new.folder, new.stem)) == (old.record.serial, RecordStatus.ISSUED):
                    begun.append((new, old))
                else:
                    not_begun.append((new, "another process is renewing it right now, or has just done so"))
            connection.executemany(_INSERT, [_row(new) for new, _ in begun])
        return begun, not_begun

    def finish_renewal(self, pairs: Sequence[tuple[Entry, Entry]]) -> None:
        """Commit new entries as ISSUED, and the old ones, whose files are where they say now, as REPLACED."""
        if not pairs:
            return
        with self._write() as connection:
            connection.executemany(
                "UPDATE certificates SET status = 'replaced', folder = ?, stem = ?, parts = ? WHERE serial = ?",
                [(old.folder, old.stem, " ".join(old.parts), old.record.serial) for _, old in pairs],
            )
            connection.executemany(
                "UPDATE certificates SET status = 'issued', run = '' WHERE serial = ?",
                [(new.record.serial,) for new, _ in pairs],
            )

    def finish(self, issued: Iterable[Entry], dropped: Iterable[Entry] = ()) -> None:
        """Commit entries as ISSUED, and take others out again that came to nothing."""
        with self._write() as connection:
            connection.executemany(
                "UPDATE certificates SET status = 'issued', run = '' WHERE serial = ?",
                [(one.record.serial,) for one in issued],
            )
            connection.executemany(
                "DELETE FROM certificates WHERE serial = ? AND status = 'pending'",
                [(one.record.serial,) for one in dropped],
            )

    def move(self, entries: Sequence[Entry]) -> None:
        """Commit that the files of entries are where these say now."""
        if not entries:
            return
        with self._write() as connection:
            places = [(one.folder, one.stem) for one in entries]
            connection.executemany(
                "UPDATE certificates SET status = 'replaced' WHERE folder = ? AND stem = ? AND status = 'issued'",
                places,
            )
            connection.executemany(
                "UPDATE certificates SET folder = ?, stem = ?, status = 'issued' WHERE serial = ?",
                [(one.folder, one.stem, one.record.serial) for one in entries],
            )

    def pending(self) -> list[Entry]:
        """Return entries whose files were being written when they were read."""
        return self._select("status = 'pending'", ())

    def issued_to(self, folder: str) -> dict[str, Entry]:
        """Return what was issued to a folder, by the beginning of its file names."""
        return {one.stem: one for one in self._select("status = 'issued' AND folder = ?", (folder,))}

    def issued_at(self, folder: str, stem: str) -> Entry | None:
        """Return what was issued to a place, None when nothing was."""
        found = self._select("status = 'issued' AND folder = ? AND stem = ?", (folder, stem))
        return found[0] if found else None

    def with_thumbprint(self, sha256: str) -> Entry | None:
        """Return the entry of a certificate, None when it is not of this CA."""
        found = self._select("sha256 = ?", (sha256,))
        return found[0] if found else None

    def all(self) -> list[Entry]:
        """Return every entry, soonest to expire first."""
        return self._select("1 ORDER BY not_after, common_name", ())

    def count(self) -> int:
        """Return how many certificates it has issued."""
        with self._told():
            row = self._connection.execute("SELECT count(*) FROM certificates WHERE status != 'pending'").fetchone()
            return int(row[0])

    def _select(self, where: str, values: tuple[str, ...]) -> list[Entry]:
        with self._told():
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM certificates WHERE {where}", values).fetchall()  # noqa: S608
            try:
                return [_entry(row, self._path.parent) for row in rows]
            except (ValueError, TypeError) as error:
                raise sqlite3.DatabaseError(f"a row cannot be read ({error})") from None

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _make(self) -> None:
        """Make the file (0600) when there is none: SQLite would make it with the umask's rights."""
        if self._path.is_symlink():
            raise sqlite3.DatabaseError("it is a symbolic link")
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise refused(self._what, error) from None

    def _check(self) -> None:
        connection = self._connection
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if (version, application) == (VERSION, _APPLICATION):
            # not write-ahead: a CA's folder is copied and mounted, so its index is one file, and commits are few
            connection.execute("PRAGMA synchronous = EXTRA")
            return
        if application not in {0, _APPLICATION}:
            raise sqlite3.DatabaseError("it is another program's database")
        if version > VERSION:
            hint = "Use the newer hubwarden, or update this one"
            raise ConsoleError(ErrorKind.BAD_INPUT, self._what, "a newer version of hubwarden wrote it", hint)
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] and application == 0:
            raise sqlite3.DatabaseError("it is another program's database")
        connection.executescript(f"PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error).lower()
            if "locked" in text or "busy" in text:
                why, hint = "another process has been writing to it for long", "Try again when that has ended"
                raise ConsoleError(ErrorKind.CONFLICT, self._what, why, hint) from None
            raise ConsoleError(
                ErrorKind.NOT_CONFIGURED, self._what, text, "Check the folder, its rights, and the disk"
            ) from None
        except sqlite3.DatabaseError as error:
            hint = f"Restore {NAME} from a copy, or move it away: certificates stay valid, and the list begins anew"
            raise ConsoleError(ErrorKind.BAD_INPUT, self._what, str(error), hint) from None


def _in_the_same_places(
    connection: sqlite3.Connection, entries: Sequence[Entry]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Return serial and status of what is, or, where both are, is being made in the places of entries."""
    stems: dict[str, list[str]] = {}
    for entry in entries:
        if entry.stem:
            stems.setdefault(entry.folder, []).append(entry.stem)
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for folder, wanted in stems.items():
        for start in range(0, len(wanted), _PARAMETERS):
            part = wanted[start : start + _PARAMETERS]
            rows = connection.execute(
                "SELECT stem, serial, status FROM certificates "  # noqa: S608 (question marks)
                f"WHERE folder = ? AND status != 'replaced' AND stem IN ({', '.join('?' * len(part))}) "
                "ORDER BY status",  # the last counts: pending
                (folder, *part),
            )
            found.update(((folder, stem), (serial, status)) for stem, serial, status in rows)
    return found


@contextmanager
def opened(folder: Path) -> Iterator[CaIndex]:
    """Open the index of a folder and close it at the end."""
    with closing(CaIndex(folder)) as index:
        yield index


def _row(entry: Entry) -> tuple[str, ...]:
    one = entry.record
    return (
        one.serial,
        one.kind.value,
        one.subject,
        one.common_name,
        one.issuer,
        one.sha1,
        one.sha256,
        format_time(one.not_before),
        format_time(one.not_after),
        RecordStatus.PENDING.value,
        one.device_id,
        one.module_id,
        one.key_type,
        entry.folder,
        entry.stem,
        " ".join(entry.parts),
        entry.run,
    )


def _entry(row: tuple[str, ...], store: Path) -> Entry:
    folder, stem, parts = row[13], row[14], tuple(row[15].split())

    def file(part: str) -> Path | None:
        return Path(folder, f"{stem}.{part}") if part in parts else None

    record = CertificateRecord(
        serial=row[0],
        kind=CertificateKind(row[1]),
        subject=row[2],
        common_name=row[3],
        issuer=row[4],
        sha1=row[5],
        sha256=row[6],
        not_before=_time(row[7]),
        not_after=_time(row[8]),
        status=RecordStatus(row[9]),
        device_id=row[10],
        module_id=row[11],
        key_type=row[12],
        certificate_file=file(CERTIFICATE),
        key_file=file(KEY),
        store=store,
    )
    return Entry(record, folder, stem, parts, row[16])


def _time(text: str) -> datetime:
    value = parse_time(text)
    if value is None:
        raise ValueError("no time")
    return value
