"""Files written whole or not at all, for their owner alone."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from console.model.errors import ConsoleError, ErrorKind

PRIVATE, PUBLIC = 0o600, 0o644
_FULL = {errno.ENOSPC, errno.EDQUOT}


def private_folder(folder: Path) -> Path:
    """Make a folder for its owner alone (0700) where there is none, those above it too, and return it.

    Raises ConsoleError NOT_CONFIGURED when it cannot be made, BAD_INPUT when something else has its name.
    """
    try:
        for above in reversed(folder.parents):  # `parents` would make them with the umask's rights: 0777 without one
            if not above.exists():
                above.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        why = "there is a file of this name"
        raise ConsoleError(ErrorKind.BAD_INPUT, f"The folder {folder} cannot be used", why, "Choose another") from None
    except OSError as error:
        raise refused(f"The folder {folder} cannot be made", error) from None
    return folder


def write_file(path: Path, data: bytes, *, mode: int = PRIVATE, replace: bool = False) -> None:
    """Write a file by way of a temporary one beside it: a stop at any moment leaves the old state or the new.

    Args:
        path: where; its folder must exist.
        data: the content.
        mode: the rights, independent of the umask: private unless said otherwise.
        replace: whether a file that is there may be replaced.

    Raises ConsoleError BAD_INPUT (code "exists") when there is one and it may not be, NOT_CONFIGURED when it cannot be
    written.
    """
    with writing(path, mode=mode, replace=replace) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path: Path, *, mode: int = PRIVATE, replace: bool = False) -> Iterator[IO[bytes]]:
    """Open a file to write as `write_file` does; when the block raises, nothing is left behind."""
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    try:  # from before the file is there: a signal may come between its making and the next line
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # fails where there is one already, unlike a rename
            temporary.unlink()
    except FileExistsError:
        _drop(temporary)
        raise exists(path) from None
    except OSError as error:
        _drop(temporary)
        raise refused(f"The file {path} cannot be written", error) from None
    except BaseException:
        _drop(temporary)
        raise
    sync_folder(path.parent)


def _drop(temporary: Path) -> None:
    with contextlib.suppress(OSError):  # it was never made, as a rule
        temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems cannot; the names are as durable as they make them
    finally:
        os.close(descriptor)


def exists(path: Path) -> ConsoleError:
    """Return the refusal to replace a file."""
    what, why = f"The file {path} was not written", "there is one already, and a key in it may be in use"
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, "Choose another folder, or move it away", code="exists")


def refused(what: str, error: OSError) -> ConsoleError:
    """Return what the system said of a file as a sentence."""
    why = error.strerror or type(error).__name__
    hint = "Free some space, and try again" if error.errno in _FULL else "Check the folder and its rights"
    return ConsoleError(ErrorKind.NOT_CONFIGURED, what, why[:1].lower() + why[1:], hint)


def read_file(path: Path, *, limit: int = 16 * 1024 * 1024) -> bytes:
    """Return what a file holds. Raises ConsoleError NOT_FOUND, BAD_INPUT when it is too large or not a file."""
    what = f"The file {path} cannot be read"
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise ConsoleError(ErrorKind.NOT_FOUND, what, "there is none", "Check the path") from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Check the path and its rights") from None
    if len(data) > limit:
        why = f"it has more than {limit // 1024 // 1024} MiB"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Is it the right file?")
    return data
