"""The folder and the files of a local hub: only what is its own is ever taken over or written anew."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from pathlib import Path

MARKER = ".hubwarden-localhub"
_TEXT = "The files beside this one belong to `hubwarden localhub serve`, which writes them anew at each start.\n"


class OwnFolder:
    """A folder for this hub alone: a temporary one without `path`; else a new or empty one, or one of an earlier hub.

    Raises OSError when it cannot be made, holds something else, or another hub is using it.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock: int | None = None
        if path is None:
            self.path = Path(tempfile.mkdtemp(prefix="hubwarden-localhub-"))  # 0700
            return
        for above in reversed(path.parents):  # `parents` would make them with the umask's rights
            if not above.exists():
                above.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        self.path = path.resolve()
        self._claim()

    def _claim(self) -> None:
        marker = self.path / MARKER
        if not marker.is_file() and any(self.path.iterdir()):
            raise OSError(f"{self.path} holds files that are not a local hub's; nothing in it was changed")
        lock = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise OSError(f"another local hub is using {self.path}") from None
        self._lock = lock
        os.ftruncate(lock, 0)
        os.write(lock, _TEXT.encode())

    def release(self) -> None:
        """Let the next hub have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def drop_ready_file(path: Path) -> None:
    """Remove the ready file of an earlier hub. Raises OSError when the file is something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        ours = isinstance(found, dict) and "hub_host" in found
    except FileNotFoundError:
        return
    except (ValueError, RecursionError):
        ours = False
    if not ours and path.stat().st_size:  # an empty one is what mktemp made
        raise OSError(f"{path} is not the ready file of a local hub, and was not changed")
    path.unlink(missing_ok=True)
