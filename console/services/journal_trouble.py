"""Why the journal cannot be used, told with what helps: it is moved away only when it itself is the trouble."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind

FILES = "journal.db, journal.key and journal.head"
ANEW = f"Keep {FILES} as they are: all three moved away together, a new journal begins"
_RIGHTS = "Give yourself the right to write there, or name another state folder in HUBWARDEN_STATE_DIR"
_ROOM = "Make room on that disk, or name another state folder in HUBWARDEN_STATE_DIR"
_WAIT = "Another process holds it: try again when that one is done, and leave the files where they are"
_HINTS = {
    "SQLITE_BUSY": _WAIT,
    "SQLITE_LOCKED": _WAIT,
    "SQLITE_PROTOCOL": _WAIT,
    "SQLITE_FULL": _ROOM,
    "SQLITE_IOERR": f"Is the disk full or failing? {_ROOM}",
    "SQLITE_NOMEM": "Try again with more memory free",
    "SQLITE_READONLY": _RIGHTS,
    "SQLITE_CANTOPEN": _RIGHTS,
    "SQLITE_PERM": _RIGHTS,
    "SQLITE_AUTH": _RIGHTS,
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class JournalTroubleError(sqlite3.DatabaseError):
    """What is wrong with the journal itself, as the end of a sentence."""


def refused(path: Path, error: Exception) -> ConsoleError:
    """Return the sentence for an exception of SQLite, of a file, or of a text that cannot be stored."""
    if isinstance(error, OSError):
        why = (error.strerror or type(error).__name__).lower()
        hint = _ROOM if error.errno in _FULL else _RIGHTS
    elif isinstance(error, JournalTroubleError):
        why, hint = str(error), f"hubwarden journal verify tells more. {ANEW}"
    elif isinstance(error, UnicodeError):
        why, hint = "what is to be written is no text", "Look for odd characters in the reason or in a name"
    else:
        name = getattr(error, "sqlite_errorname", "")
        why = str(error)
        hint = next((text for begin, text in _HINTS.items() if name.startswith(begin)), ANEW)
    return ConsoleError(ErrorKind.NOT_CONFIGURED, f"The journal {path} cannot be used", why, hint, code="journal")
