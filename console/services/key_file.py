"""A key of our own in the state folder, for keyed hashes; made once, also when two processes begin at the same time."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from console.services.private_files import sync_folder

KEY_BYTES = 32


def read_key(path: Path) -> bytes | None:
    """Return the key in a file; None when the file does not hold one. Raises OSError when it cannot be read."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def make_key(path: Path) -> None:
    """Write a new key (0600) whole, under a name of its own first: of two processes one wins. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # the other process's key is ours too
            os.link(temporary, path)
            sync_folder(path.parent)  # rows that are on disk need it
    finally:
        temporary.unlink(missing_ok=True)


def clear_left(path: Path) -> None:
    """Delete what a process that died while it made this key left behind: a copy of the key, or half of one."""
    with suppress(OSError):
        for left in path.parent.glob(f".{path.name}.*"):
            pid = left.name.removeprefix(f".{path.name}.").partition(".")[0]
            if pid.isdecimal() and not _runs(int(pid)):
                left.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def make_private(path: Path) -> None:
    """Make an empty file (0600) and its folder (0700) where there is none. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
