"""Where fleets are kept: below the state folder, or for one run alone; old ones are cleared away."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from console.model.errors import ConsoleError
from console.services.private_files import private_folder

UNUSED_DAYS = 90
"""A list that nobody looked at for so long is cleared away; it is read anew when it is asked for."""
BROKEN_DAYS = 14
_held: list[TemporaryDirectory[str]] = []
"""Folders that go when the process ends."""


def folder_for(state_dir: Path | None) -> tuple[Path, str]:
    """Return the folder that has, or gets, the folder `fleet`; and what to tell about it, empty as a rule."""
    why = "there is no state folder"
    if state_dir is not None:
        try:
            folder = private_folder(state_dir / "fleet")
            if os.access(folder, os.W_OK | os.X_OK):
                clear(folder)
                return state_dir, ""
            why = f"{folder} cannot be written to"
        except ConsoleError as error:
            why = f"{error.what}: {error.why}"
    _held.append(TemporaryDirectory(prefix="hubwarden-"))
    return Path(_held[-1].name), f"the device list is kept for this run alone ({why})"


def clear(folder: Path) -> None:
    """Delete lists that were not used for long, and broken ones after a while; never raises."""
    now = time.time()
    with suppress(OSError):
        for path in list(folder.iterdir()):
            days = BROKEN_DAYS if ".corrupt-" in path.name else UNUSED_DAYS
            if ".db" in path.name and now - _used(path) > days * 86_400:
                path.unlink(missing_ok=True)


def _used(path: Path) -> float:
    """Return when a list was last written or opened: its newest file tells, for SQLite has up to three."""
    base = path.name.removesuffix("-wal").removesuffix("-shm")
    return max((one.stat().st_mtime for one in path.parent.glob(f"{base}*") if one.exists()), default=0.0)
