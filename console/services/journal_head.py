"""The journal's head outside its database: how many rows, the first and the last; told apart from what is found there.

It lies in `journal.head` beside the key: two lines of fixed length, written in place and in turn, each signed by the
journal's key. It is written after a row is committed: it may lag behind rows that are only just written, or whose
writer died at once, and never leads. So a journal is as its head says when it holds the head's row at its place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.model.journal import Head
from console.services.private_files import sync_folder

LINE = 512
"""Bytes of a line: one sector of a disk, so that it is written whole or not at all."""
_FIRST = 64
"""Characters of the first row's change that are kept."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the file says. `head` is None when no line of it can be used; `ours` is whether this key signed it."""

    head: Head | None
    ours: bool


class HeadFile:
    """`journal.head` (0600). All methods raise OSError when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def data(self) -> bytes | None:
        """Return what the file holds now, None when there is none."""
        try:
            with self.path.open("rb") as file:
                return file.read(2 * LINE)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, key: bytes) -> Anchor | None:
        """Return what it says now, None when there is no file."""
        data = self.data()
        return None if data is None else anchor_of(data, key)

    def begin(self, key: bytes) -> None:
        """Make the file for a journal without a head; call it under the database's lock, which keeps it for one."""
        temporary = self.path.with_name(f".{self.path.name}.new")  # of a fixed name: what a crash leaves is used again
        lines = _line(key, Head(0, "", "")) + b" " * (LINE - 1) + b"\n"
        with suppress(FileNotFoundError):
            temporary.unlink()
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
            sync_folder(self.path.parent)  # a row that is on disk without its head would look like tampering
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise

    def check_writable(self) -> None:
        """Raise OSError when the file could not be written: before anything depends on it."""
        os.close(os.open(self.path, os.O_RDWR))

    def advance(self, key: bytes, head: Head) -> None:
        """Note a head, on disk when this returns; one that is not newer than what is there changes nothing."""
        handle = os.open(self.path, os.O_RDWR)
        try:
            with _alone(handle):
                anchor = anchor_of(os.pread(handle, 2 * LINE, 0), key)
                if anchor.ours and anchor.head is not None and anchor.head.count >= head.count:
                    return
                os.pwrite(handle, _line(key, head), head.count % 2 * LINE)
                os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _alone(handle: int) -> Iterator[None]:
    """Keep other consoles out; where a file system knows no locks, a head may lag behind the other console's."""
    import fcntl

    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    yield  # closing the file ends it


def anchor_of(data: bytes, key: bytes | None) -> Anchor:
    """Return the newest head in a file's content that the key signed, else one of another key."""
    found = [item for start in (0, LINE) if (item := _item(data[start : start + LINE])) is not None]
    ours = [head for head, sign in found if key is not None and hmac.compare_digest(_sign(key, head), sign)]
    heads = ours or [head for head, _ in found]
    return Anchor(max(heads, key=lambda head: head.count, default=None), bool(ours))


def _item(line: bytes) -> tuple[Head, str] | None:
    try:
        item: Any = json.loads(line)
        head = Head(item["count"], item["last"], item["first"])
        sign = item["sign"].encode("ascii").decode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (head, sign) if type(head.count) is int and type(head.last) is type(head.first) is str else None


def _line(key: bytes, head: Head) -> bytes:
    item = {"count": head.count, "first": head.first, "last": head.last, "sign": _sign(key, head)}
    return json.dumps(item).encode("ascii").ljust(LINE - 1) + b"\n"


def _sign(key: bytes, head: Head) -> str:
    text = json.dumps(["anchor", head.count, head.last, head.first])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def first_of(change_id: object) -> str:
    """Return the first row's change as a head holds it."""
    text = str(change_id)[:_FIRST]
    return (
        text if text.isascii() and text.isprintable() else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    )
