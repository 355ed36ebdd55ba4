"""Whether a journal is whole: the chain of its rows, and its end as the head outside the database tells it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

from console.model.journal import Head, JournalCheck
from console.services.journal_head import Anchor, anchor_of, first_of
from console.services.journal_rows import COLUMNS, Fields, head_mac, is_anchored, mac_of, row_of, same

NONE_YET = "There is no journal yet"
_KEY = "journal.key"
_HEAD = "journal.head"


@dataclass
class _Walk:
    """What a walk along the chain found; `fits` is whether the head's row is at its place."""

    count: int = 0
    last: str = ""
    first: str = ""
    first_fits: bool = True
    fits: bool = False
    anchored: bool = False
    broken_at: int | None = None
    trouble: str = ""

    def check(self, trouble: str = "") -> JournalCheck:
        """Return the result, with another trouble than that of the chain where there is one."""
        head = str(Head(self.count, self.last, self.first)) if self.count else ""
        if trouble:
            return JournalCheck(self.count, False, self.count + 1, trouble, head)
        return JournalCheck(self.count, not self.trouble, self.broken_at, self.trouble, head)


def check_without_rows(said: bytes | None, key: bytes | None, *, file: bool, cut: bool = False) -> JournalCheck:
    """Return the result where there is no database (`file` False), or one without any row.

    `said` is what the head's file holds; `cut` is whether the database itself tells that it had rows.
    """
    anchor = None if said is None else anchor_of(said, key)
    count = anchor.head.count if anchor is not None and anchor.head is not None else 0
    if anchor is not None and anchor.head is None:
        return JournalCheck(0, False, 1, f"journal.db holds no row, and its head {_HEAD} is damaged")
    if count and anchor is not None:
        first = f", the first of them {anchor.head.first}" if anchor.head is not None and anchor.head.first else ""
        what = "the journal was emptied" if file else "journal.db is gone"
        also = f", and so is {_KEY}" if key is None else ""
        sign = "" if anchor.ours or key is None else ", signed with another key than the one that is here"
        return JournalCheck(0, False, 1, f"{what}{also}: its head knows of {count:,} rows{first}{sign}")
    if cut:
        return JournalCheck(0, False, 1, "the journal was emptied: all its rows are missing")
    if not file and key is not None and anchor is None:
        return JournalCheck(0, False, 1, "journal.db is gone, though its key is there")
    return JournalCheck(0, True, None, NONE_YET)


def check_rows(
    connection: sqlite3.Connection, said: bytes | None, key: bytes | None, late: Callable[[], bytes | None]
) -> JournalCheck:
    """Return the result for a database with rows; `late` reads the head's file once more.

    `said` is what that file held before the rows were read.
    """
    anchor = None if said is None else anchor_of(said, key)
    if key is None:
        count = connection.execute("SELECT count(*) FROM rows").fetchone()[0]
        return JournalCheck(0, False, 1, f"{_KEY} is gone or damaged, so none of its {count:,} rows can be checked")
    known = anchor.head if anchor is not None and anchor.ours else None
    walk = _walk(connection, key, known)
    if anchor is not None and anchor.head is not None and not anchor.ours:
        return walk.check(_of_two_keys(walk, anchor.head))
    if not walk.first_fits:
        second = _second_fits(connection, key)
        if not second and walk.broken_at == 1:
            return walk.check("its rows were chained with another key: the journal or its key was replaced")
    if walk.trouble:
        return walk.check()
    return _end(walk, anchor, known, late)


def check_noted(
    check: JournalCheck, connection: sqlite3.Connection | None, noted: tuple[int, str] | None
) -> JournalCheck:
    """Return the result with what a head says that somebody noted: a row's number and how its link begins."""
    if noted is None or not check.whole:
        return check
    count, begins = noted
    row = None
    if connection is not None:
        row = connection.execute("SELECT mac FROM rows WHERE seq = ?", (count,)).fetchone()
    if row is None:
        text = f"it holds {check.rows:,} rows, and the noted head is of row {count:,}: it was cut or begun anew"
    elif not str(row[0]).startswith(begins):
        text = f"its row {count:,} is not the one of the noted head: it was replaced"
    else:
        return check
    return replace(check, whole=False, broken_at=min(count, check.rows + 1), message=text)


def _of_two_keys(walk: _Walk, head: Head) -> str:
    knew = f"that head knows of {head.count:,} rows, the first of them {head.first or 'none'}"
    if walk.first_fits and walk.first != head.first:
        return f"the journal was begun anew with another key, or {_HEAD} is another journal's: {knew}"
    if walk.first_fits:
        return f"its head {_HEAD} was replaced: it was signed with another key"
    return f"{_KEY} is not the key that the journal was written with: it was replaced"


def _end(walk: _Walk, anchor: Anchor | None, known: Head | None, late: Callable[[], bytes | None]) -> JournalCheck:
    """Hold the end of a chain that fits in itself against the head."""
    if anchor is None:
        if not walk.anchored:
            text = "It was begun by a version that kept its head nowhere else: the next row puts it there too."
            return replace(walk.check(), message=text)
        if late() is None:  # else it was made between the two readings, with the first row
            return walk.check(f"its head {_HEAD} is gone, so nobody can say whether newer rows are missing")
        return walk.check()
    if known is None:
        return walk.check(f"its head {_HEAD} is damaged, so nobody can say whether newer rows are missing")
    if known.count and walk.first != known.first:
        return walk.check(
            f"the journal was begun anew, or another one put in its place: its first row is {walk.first}, and its head "
            f"knows of {known.count:,} rows, the first of them {known.first}"
        )
    if known.count > walk.count:
        return walk.check(
            f"an older copy was put in its place: it ends with row {walk.count:,}, and its head knows of "
            f"{known.count:,}"
        )
    if known.count and not walk.fits:
        return walk.check(f"the journal was replaced: its row {known.count:,} is not the one that its head knows")
    return walk.check()


def _walk(connection: sqlite3.Connection, key: bytes, known: Head | None) -> _Walk:
    walk = _Walk()
    for fields in connection.execute(f"SELECT {COLUMNS} FROM rows ORDER BY seq"):  # noqa: S608
        *kept, mac = fields
        number = walk.count + 1
        if number == 1:
            walk.first = first_of(kept[3])
        if kept[0] != number:
            walk.broken_at, walk.trouble = number, f"row {number} is missing"
            break
        if not same(mac_of(key, walk.last, tuple(kept)), mac):
            walk.first_fits = number > 1
            walk.broken_at, walk.trouble = number, _changed(number, fields)
            break
        walk.count, walk.last = number, mac
        walk.anchored = walk.anchored or is_anchored(kept[5])
        walk.fits = walk.fits or (known is not None and known.count == number and known.last == mac)
    else:
        head = connection.execute("SELECT seq, mac FROM head").fetchone()
        if head is None or head[0] != walk.count or not same(head_mac(key, walk.count, walk.last), head[1]):
            walk.broken_at, walk.trouble = walk.count + 1, f"rows after row {walk.count} are missing"
    return walk


def _changed(number: int, fields: Fields) -> str:
    trouble = row_of(fields).trouble.partition(": ")[2]
    return f"row {number} was changed: {trouble}" if trouble else f"row {number} was changed, or one before it"


def _second_fits(connection: sqlite3.Connection, key: bytes) -> bool:
    """Whether the second row follows the first as it is: then the first alone was changed, and the key is right."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM rows ORDER BY seq LIMIT 2").fetchall()  # noqa: S608
    if len(rows) < 2:
        return True
    links = (rows[0][-1], mac_of(key, "", tuple(rows[0][:-1])))  # as it is, and as it was when it alone was changed
    return any(same(mac_of(key, link, tuple(rows[1][:-1])), rows[1][-1]) for link in links)
