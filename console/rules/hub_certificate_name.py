"""The names that a hub takes for its CA certificates."""

from __future__ import annotations

import re

from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

NAME_LIMIT = 64
_NAME = re.compile(r"[A-Za-z0-9\-._]+")


def check_name(name: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless the hub takes this as a certificate's name.

    1 to 64 characters of `^[A-Za-z0-9-._]{1,64}$` (REST reference of IoT Hub, Certificates_CreateOrUpdate).
    """
    what = f"“{clean(name, limit=70)}” is no name for a certificate"
    if not name:
        raise _usage("The certificate has no name", "it is empty", "Give 1 to 64 letters, digits, - . or _")
    if len(name) > NAME_LIMIT:
        raise _usage(what, f"it has {len(name)} characters, {NAME_LIMIT} are allowed", "Give a shorter one")
    if not _NAME.fullmatch(name):
        wrong = next(letter for letter in name if not _NAME.fullmatch(letter))
        shown = "a blank" if wrong == " " else f"“{clean(wrong)}”"
        why = f"it holds {shown}"
        raise _usage(what, why, "Letters, digits, - . and _ are allowed, no others")
    if not name.strip("."):
        raise _usage(what, "in a web address it means another place", "Give it a letter or a digit")


def _usage(what: str, why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")
