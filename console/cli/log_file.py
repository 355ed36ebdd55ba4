"""The console's log: a private rotating file in the state folder; nothing secret in it, nothing of it on the screen."""

from __future__ import annotations

import logging
import os
import re
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO

from console.model.address import without_userinfo
from console.model.text import clean

MAX_BYTES, OLDER_FILES = 1_000_000, 2
_SECRETS = re.compile(
    r"(?i)(?P<name>\b(?:shared ?access ?key(?:name)?|client_secret|client_assertion|password|sig|access_token|skn)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s;&,\"']+"
    r"|(?P<scheme>\b(?:Bearer|SharedAccessSignature) )\S.*"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a token by itself
    r"|(?<![\w/+-])[A-Za-z0-9+/]{42,}={1,2}"  # a key by itself
)


class Redacted(logging.Formatter):
    """Writes what happened and where; values that look like secrets, and the texts of exceptions, are left out."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text without secrets or terminal escapes."""
        return clean(redact(super().format(record)), multiline=True)

    def formatException(  # noqa: N802 - the name that logging calls
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the frames and the type: the message of an exception may quote data."""
        name = ei[0].__name__ if ei[0] else ""
        return "".join(traceback.format_tb(ei[2])) + name


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> IO[str]:  # type: ignore[override]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), self.mode, encoding="utf-8", errors="replace")


def redact(text: str) -> str:
    """Return text with keys, signatures, tokens and passwords replaced by dots, those in addresses left out."""
    return _SECRETS.sub(lambda match: f"{match['name'] or match['scheme'] or ''}••••", without_userinfo(text))


def start_log(state: Path) -> None:
    """Send warnings and worse, the SDKs' too, to `log/hubwarden.log` (0600) in the state folder.

    A folder that cannot be written means no log: the console matters more.
    """
    folder = state / "log"
    handler: logging.Handler
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handler = _PrivateFile(folder / "hubwarden.log", maxBytes=MAX_BYTES, backupCount=OLDER_FILES, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(Redacted())
    logging.getLogger().addHandler(handler)
