"""Putting prepared files in their place and into the index, so that a stop at any moment can be settled."""

from __future__ import annotations

import contextlib
import os
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path

from console.model.certificate import CertificateKind, CertificateRecord, LeafOrder, RecordStatus
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.certificate_names import file_stem, kind_for
from console.services import renewing
from console.services.ca_index import EXISTS, CaIndex, Entry
from console.services.issue_files import CERTIFICATE, LeafFiles, Made, sha256
from console.services.private_files import refused, sync_folder
from console.services.staging import Staging, abandoned, sync_files


def entry_for(made: Made, template: LeafOrder, files: LeafFiles, issuer: str, folder: Path, staging: Staging) -> Entry:
    """Return the row of a leaf whose files are prepared."""
    kind = kind_for(template.kind, made.name)
    device, module = "", ""
    if kind in {CertificateKind.DEVICE, CertificateKind.MODULE}:
        device, _, module = made.name.partition("/")
    record = CertificateRecord(
        serial=made.serial,
        kind=kind,
        subject=f"CN={made.name}",
        common_name=made.name,
        issuer=issuer,
        sha1=made.sha1,
        sha256=made.sha256,
        not_before=files.maker.not_before,
        not_after=files.maker.not_after,
        status=RecordStatus.PENDING,
        device_id=device,
        module_id=module,
        key_type=template.key_type.value,
    )
    run = f"{staging.path.name}//{made.place}"
    return Entry(record, str(folder), file_stem(made.name), made.parts, run)


def publish(index: CaIndex, entries: Sequence[Entry], folder: Path) -> tuple[list[Entry], list[tuple[Entry, str]]]:
    """Give prepared files their names in `folder` and put them into the index, durable when this returns.

    The order makes every stop recoverable: files prepared and on disk; rows PENDING; files linked, the certificate
    last; names on disk; rows ISSUED. What was prepared stays until its folder is removed. Returns those issued, and
    those that were not, with the reason.

    Raises ConsoleError when the disk or the index refuses.
    """
    if not entries:
        return [], []
    try:
        sync_files(Path(entries[0].staging))
    except OSError as error:
        raise refused(f"The files in {folder} cannot be written", error) from None
    begun, failed = index.begin(entries, _is_there)
    issued: list[Entry] = []
    dropped: list[Entry] = []
    for entry in begun:
        why = _link(entry)
        if why:
            dropped.append(entry)
            failed.append((entry, why))
        else:
            issued.append(entry)
    sync_folder(folder)
    index.finish(issued, dropped)
    return issued, failed


def settle(index: CaIndex) -> None:
    """Decide what became of rows whose process was stopped: ISSUED when all files are whole, else taken back."""
    if not index.writable:
        return
    runs: dict[str, list[Entry]] = {}
    for entry in index.pending():
        runs.setdefault(entry.staging, []).append(entry)
    for staging, entries in runs.items():
        path = Path(staging)
        held = abandoned(path)
        if held is None and path.is_dir():
            continue  # its process lives
        still = {one.record.serial for one in index.pending() if one.staging == staging}
        entries = [one for one in entries if one.record.serial in still]  # it may have ended since we looked
        whole: list[Entry] = []
        broken: list[Entry] = []
        renewed: list[tuple[Entry, Entry]] = []
        for entry in entries:
            old = index.issued_at(entry.folder, entry.stem) if entry.folder else None
            if is_whole(entry):
                if old is None:
                    whole.append(entry)
                else:
                    renewing.tidy(entry, old)
                    renewed.append((entry, renewing.kept(old)))
            else:
                broken.append(entry)
                if old is None:
                    _take_back(entry, prepared=held is not None)
                else:
                    _restore(entry, old)
        for folder in {one.folder for one in entries}:
            sync_folder(Path(folder))
        index.finish(whole, broken)
        index.finish_renewal(renewed)
        if held is not None:
            held.remove()


def _restore(entry: Entry, old: Entry) -> None:
    try:
        renewing.restore(entry, old)
    except OSError as error:
        raise refused(f"What was renewed in {entry.folder} cannot be put back", error) from None


def is_whole(entry: Entry) -> bool:
    """Return whether the files of an entry are there, and its certificate is the one of the index."""
    try:
        if any(os.stat(entry.path(part)).st_size == 0 for part in entry.parts):  # noqa: PTH116
            return False
        return thumbprint_of(entry.path(CERTIFICATE)) == entry.record.sha256
    except OSError:
        return False


def thumbprint_of(path: str) -> str:
    """Return the SHA-256 thumbprint of a certificate file in PEM, empty when it is none. Raises OSError."""
    with open(path, "rb") as file:  # noqa: PTH123 (thousands of times)
        data = file.read(65536)
    body = data.partition(b"-----BEGIN CERTIFICATE-----")[2].partition(b"-----END CERTIFICATE-----")[0]
    try:
        return sha256(b64decode(body)) if body else ""
    except ValueError:
        return ""


def not_issued(entry: Entry, why: str) -> ConsoleError:
    """Return why one certificate was not issued, as an error."""
    what = f"No certificate was issued for “{clean(entry.record.common_name)}”"
    if why == EXISTS:
        why = f"{entry.path(CERTIFICATE)} or another file of that name is there, and a key in it may be in use"
        hint = "Choose another folder, or move the files away"
        return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="exists")
    return ConsoleError(ErrorKind.CONFLICT, what, why, "Try again")


def _is_there(entry: Entry) -> bool:
    """Return whether the certificate of an earlier one is there; any other file is met when it is linked."""
    return os.path.lexists(entry.path(CERTIFICATE))


def _link(entry: Entry) -> str:
    """Link the files of an entry to their names; return why not, empty when done. On failure none of them is left."""
    try:
        link_all([(entry.staged(part), entry.path(part)) for part in entry.parts])
    except FileExistsError:
        return EXISTS
    except OSError as error:
        raise refused(f"The file {entry.path(CERTIFICATE)} cannot be written", error) from None
    return ""


def link_all(files: Sequence[tuple[str, str]]) -> None:
    """Give prepared files (source, target) their names, in this order; on failure none of them is left.

    Raises OSError; FileExistsError with the name that is taken.
    """
    linked: list[str] = []
    try:
        for source, target in files:
            _put(source, target)
            linked.append(target)
    except OSError:
        for target in linked:
            with contextlib.suppress(OSError):
                os.unlink(target)  # noqa: PTH108
        raise


def _put(source: str, target: str, link: Callable[[str, str], None] = os.link) -> None:
    try:
        link(source, target)  # fails where there is one already, unlike a rename
    except FileExistsError:
        raise FileExistsError(target) from None
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(source, target)  # noqa: PTH104 (a file system without links)


def _take_back(entry: Entry, *, prepared: bool) -> None:
    """Remove what was linked of an entry: files that are also in its staging folder, or were moved out of it."""
    for part in entry.parts:
        final, staged = entry.path(part), entry.staged(part)
        with contextlib.suppress(OSError):
            if Path(final).samefile(staged) if os.path.lexists(staged) else prepared:
                os.unlink(final)  # noqa: PTH108
