"""Folders in which files are prepared: locked while their process lives, cleared away by the next one if it dies."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from console.services.private_files import refused

PREFIX = ".hubwarden-"
_TRIES = 5
_LAST = {".cert.pem": (".key.pem", ".p12", ".chain.pem"), ".csr.pem": (".key.pem",)}
"""The file of a set that gets its name last, and those that get it before."""
_GET_FLAGS, _SET_FLAGS, _TOP_OF_HIERARCHY = 0x80086601, 0x40086602, 0x20000  # ioctl_iflags(2), on 64-bit Linux


class Staging:
    """A folder (0700) inside another, with a lock that ends with its process, also when that is killed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def make(cls, folder: Path, prefix: str = PREFIX) -> Staging:
        """Make one in `folder`. Raises ConsoleError NOT_CONFIGURED when that cannot be written."""
        for _ in range(_TRIES):
            path = folder / f"{prefix}{secrets.token_hex(6)}"
            try:
                path.mkdir(mode=0o700)
            except OSError as error:
                raise refused(f"Nothing can be written to the folder {folder}", error) from None
            taken = _take(path)
            if taken is not None:  # else somebody cleared it away in the moment before it was locked
                return taken
        raise refused(f"Nothing can be written to the folder {folder}", OSError("its lock is not granted"))

    def spread(self) -> None:
        """Ask ext4 to put the folders in it far apart, where thousands of files are to be made in them.

        Near a folder whose files were just deleted ext4 takes up to 40 times as long for each new file: it passes over
        every inode that was freed in the last minute (kernel, fs/ext4/ialloc.c, recently_deleted; measured).
        """
        with contextlib.suppress(ImportError, OSError, OverflowError):  # a hint, which other file systems do not know
            import array
            import fcntl

            flags = array.array("l", [0])
            fcntl.ioctl(self._descriptor, _GET_FLAGS, flags)
            flags[0] |= _TOP_OF_HIERARCHY
            fcntl.ioctl(self._descriptor, _SET_FLAGS, flags)

    def remove(self) -> None:
        """Remove it with what is in it, and let go of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let go of it, wherever it is by now."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def abandoned(path: Path) -> Staging | None:
    """Return a folder whose process is gone, locked for whoever clears it away; None when it is in use or not there."""
    return _take(path) if path.is_dir() and not path.is_symlink() else None


def clear_abandoned(folder: Path, prefix: str = PREFIX) -> None:
    """Remove every folder that a killed process left in `folder`, and the files that it put there of half a set.

    The process may have worked for another CA, or for none: there may be no index that would tell of its files.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False):
                found = abandoned(Path(entry.path))
                if found is not None:
                    _take_back_halves(found.path, folder)
                    found.remove()


def _take_back_halves(staging: Path, folder: Path) -> None:
    for place, _, names in os.walk(staging):
        for name in names:
            for last, before in _LAST.items():
                if not name.endswith(last) or _same(f"{place}/{name}", f"{folder}/{name}"):
                    continue
                stem = name.removesuffix(last)
                for part in before:
                    if _same(f"{place}/{stem}{part}", f"{folder}/{stem}{part}"):
                        os.unlink(f"{folder}/{stem}{part}")  # noqa: PTH108


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False


def sync_files(folder: Path) -> None:
    """Put everything that was written to the file system of a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if sys.platform == "linux":
            sync = ctypes.CDLL(None, use_errno=True).syncfs
            if sync(descriptor) == 0:
                return
        for place, _, names in os.walk(folder):
            for name in (*names, "."):
                with _opened(f"{place}/{name}") as file:
                    os.fsync(file)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(path: Path) -> Staging | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    if not _lock(descriptor) or not _still_there(path, descriptor):
        os.close(descriptor)
        return None
    return Staging(path, descriptor)


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # no locks of this kind: what one process left is cleared away when its files are made again
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        there, ours = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
