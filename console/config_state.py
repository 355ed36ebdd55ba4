"""Where things are: the folder of state, for commands that need no profile."""

from __future__ import annotations

import os
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.model.home import home_path as home_path

APP = "hubwarden"


def state_dir() -> Path:
    """Return the folder for journals and caches (0700, made when absent); HUBWARDEN_STATE_DIR overrides the default.

    Raises ConsoleError NOT_CONFIGURED when it cannot be made or written.
    """
    folder = _place()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK | os.X_OK) else "it cannot be written"
    except OSError as error:
        why = f"it cannot be made ({error.strerror})"
    if why:
        raise ConsoleError(
            ErrorKind.NOT_CONFIGURED,
            f"The state folder {folder} cannot be used",
            why,
            "Give yourself the right to write there, or name another folder in HUBWARDEN_STATE_DIR",
        )
    return folder


def state_dir_to_read() -> Path:
    """Return the same folder also where it cannot be made or written: then nothing is kept, and nothing is changed.

    What is written there says so itself, before anything depends on it.
    """
    try:
        return state_dir()
    except ConsoleError:
        return _place()


def _place() -> Path:
    given = os.environ.get("HUBWARDEN_STATE_DIR")
    if given:
        return Path(given)
    import platformdirs

    return platformdirs.user_state_path(APP, appauthor=False)
