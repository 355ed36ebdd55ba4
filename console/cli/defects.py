"""Our own mistakes: written to a private file without any local variable, told in one sentence."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime

from console.config import state_dir
from console.model.errors import ConsoleError


def report(error: BaseException) -> str:
    """Write the traceback of a defect to the log folder (0600) and return the sentence for the user."""
    name = type(error).__name__
    try:
        folder = state_dir() / "log"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"defect-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
        frames = "".join(traceback.format_tb(error.__traceback__))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{name}\n{frames}")  # the message is left out: it may quote data
    except (OSError, ConsoleError):
        return f"Something broke inside hubwarden ({name}); please report it."
    return f"Something broke inside hubwarden ({name}); please report it with {path}."
