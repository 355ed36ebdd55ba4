"""Our own mistakes: written to a private file without any local variable, told in one sentence."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

from console.config import state_dir
from console.model.errors import ConsoleError
from console.model.text import clean

_log = logging.getLogger(__name__)


def report(error: BaseException) -> str:
    """Write the traceback of a defect to the log folder (0600) and return the sentence for the user."""
    name = type(error).__name__
    try:
        folder = state_dir() / "log"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"defect-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.txt"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="replace") as file:
            file.write(_told(error))
    except (OSError, ConsoleError):
        return f"Something broke inside hubwarden ({name}); please report it."
    return f"Something broke inside hubwarden ({name}); please report it with {clean(path)}."


def _told(error: BaseException) -> str:
    """Return types and frames, that of what led to it first; never a message, which may quote data, or a variable."""
    parts: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        parts.append(f"{type(link).__name__}\n{''.join(traceback.format_tb(link.__traceback__))}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "which led to:\n".join(reversed(parts))


def catch_the_rest() -> None:
    """Send what breaks in threads and while objects are thrown away to the log: nobody waits for it, but all see it."""

    def in_thread(what: threading.ExceptHookArgs) -> None:
        _log.error("a thread broke", exc_info=what.exc_value)

    def unraisable(what: Any) -> None:
        _log.error("something broke while it was thrown away", exc_info=what.exc_value)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
