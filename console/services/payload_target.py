"""Where payloads and their keys are written to: decided before anything is read, and never in the place of a device."""

from __future__ import annotations

import stat
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.services.private_files import refused


def usable_target(target: Path, *, replace: bool = False, instead: str = "") -> Path:
    """Return where to write for a path that was named: what a link leads to, so that the link stays.

    `instead`: what to do about a file that is there. Raises ConsoleError BAD_INPUT (code "exists" for a file that may
    not be replaced, else "usage"), NOT_CONFIGURED when it cannot be looked at.
    """
    what = f"The file {target} was not written"
    try:
        real = target.resolve()
        mode = real.stat().st_mode
    except FileNotFoundError:
        return real
    except RuntimeError:  # links that lead to each other
        why = "its links lead in a circle"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Choose another", code="usage") from None
    except OSError as error:
        raise refused(what, error) from None
    if stat.S_ISDIR(mode):
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is a folder", "Name a file in it", code="usage")
    if not stat.S_ISREG(mode):
        why = "it is a pipe or a device, and a file would take its place"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Leave --out out and redirect standard output", code="usage")
    if not replace:
        hint = instead or "Choose another name, or say that it may be replaced (--replace)"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "there is one already", hint, code="exists")
    return real
