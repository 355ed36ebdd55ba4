"""Putting a new certificate in the place of an old one, whose files are kept; a stop leaves the old or the new."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.services.ca_index import CERTIFICATE, EXISTS, CaIndex, Entry
from console.services.private_files import private_folder, read_file, refused, sync_folder, write_file
from console.services.staging import sync_files

FOLDER = "replaced"
"""The folder, in the one of the certificates, that keeps what was renewed: NAME.SERIAL.key.pem and so on."""


def publish_renewed(
    index: CaIndex, pairs: Sequence[tuple[Entry, Entry]], folder: Path
) -> tuple[list[Entry], list[tuple[Entry, str]]]:
    """Exchange old files for prepared ones (pairs of new and old), durable when this returns.

    The order makes every stop recoverable: new files on disk; rows PENDING beside the old ISSUED ones; old files linked
    to `replaced/`; new ones renamed over the old, the certificate last; names on disk; rows ISSUED and REPLACED.
    Returns those issued, and those that were not, with the reason.

    Raises ConsoleError when the disk or the index refuses.
    """
    if not pairs:
        return [], []
    free = [(new, old) for new, old in pairs if not _in_the_way(new, old)]
    failed = [(new, EXISTS) for new, old in pairs if _in_the_way(new, old)]
    done: list[tuple[Entry, Entry]] = []
    try:
        sync_files(Path(pairs[0][0].staging))
        begun, not_begun = index.begin_renewal(free)
        for new, old in begun:
            try:
                _exchange(new, old)
            except OSError:
                restore(new, old)
                raise
            done.append((new, kept(old)))
    except OSError as error:
        raise refused(f"The files in {folder} cannot be written", error) from None
    sync_folder(folder)
    index.finish_renewal(done)
    return [new for new, _ in done], [*failed, *not_begun]


def kept(old: Entry) -> Entry:
    """Return where the files of an old one are kept, of those that are."""
    safe = old.moved(f"{old.folder}/{FOLDER}", f"{old.stem}.{old.record.serial}")
    return replace(safe, parts=tuple(part for part in old.parts if os.path.lexists(safe.path(part))))


def restore(new: Entry, old: Entry) -> None:
    """Take an exchange back that was stopped before the certificate had its name."""
    safe = kept(old)
    for part in set(new.parts) - set(old.parts):
        if not os.path.lexists(new.staged(part)):  # it was moved to its place, where nothing was before
            _remove(new.path(part))
    for part in safe.parts:
        if not _same(safe.path(part), old.path(part)):
            beside = f"{old.folder}/.{FOLDER}-{old.record.serial}"
            _remove(beside)
            _copy(safe.path(part), beside)
            os.replace(beside, old.path(part))  # noqa: PTH105
    sync_folder(Path(old.folder))
    for part in safe.parts:
        _remove(safe.path(part))
    with contextlib.suppress(OSError):
        os.rmdir(safe.folder)  # noqa: PTH106 (when it is empty)


def tidy(new: Entry, old: Entry) -> None:
    """Remove files of an old one that the new one has none of: they are kept, and would not fit the new ones."""
    for part in set(old.parts) - set(new.parts):
        _remove(old.path(part))


def check_renewable(old: Entry | None, new_key: bool, name: str, folder: Path) -> Entry:
    """Return the one to renew. Raises ConsoleError when there is none, or with `new_key` when its key is elsewhere."""
    what = f"The certificate of “{name}” was not renewed"
    if old is None:
        why, hint = f"this CA issued none to {folder} that is still there", "To issue one, leave --renew out"
        raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint)
    if new_key and "key.pem" not in old.parts:
        why, hint = "its key was made elsewhere", "Sign a new request of its holder: hubwarden cert sign --renew"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint)
    return old


def _in_the_way(new: Entry, old: Entry) -> bool:
    return any(os.path.lexists(new.path(part)) for part in set(new.parts) - set(old.parts))


def _exchange(new: Entry, old: Entry) -> None:
    safe = old.moved(f"{old.folder}/{FOLDER}", f"{old.stem}.{old.record.serial}")
    place = private_folder(Path(safe.folder))
    if place.is_symlink():
        raise NotADirectoryError(20, f"{FOLDER} in it is a symbolic link")
    if os.name == "posix" and place.stat().st_mode & 0o022:
        raise PermissionError(1, f"others than its owner may exchange the keys in {FOLDER}")
    for part in old.parts:
        with contextlib.suppress(FileNotFoundError):  # a key that was moved away needs no keeping
            _copy(old.path(part), safe.path(part))
    sync_folder(place)
    assert new.parts[-1] == CERTIFICATE
    for part in new.parts:
        os.replace(new.staged(part), new.path(part))  # noqa: PTH105
    tidy(new, old)


def _copy(source: str, target: str) -> None:
    """Give a file a second name, or its content to a second file where there are no links. What is there, stays."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        mode = os.stat(source).st_mode & 0o777  # noqa: PTH116
        try:
            write_file(Path(target), read_file(Path(source)), mode=mode, replace=True)
        except ConsoleError as error:
            raise OSError(5, error.why) from None


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False
