"""Making a CA's folder: whole, by one rename, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from console.model.certificate import CertificateKind, Issued
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.rules.certificate_keys import private_pem
from console.rules.certificates import DER, Built
from console.services import ca_index
from console.services.ca_index import CaIndex, Entry
from console.services.ca_store import CERTIFICATE, CHAIN, KEY, ROOT, CaStore, record_of
from console.services.issue_files import pem
from console.services.private_files import PUBLIC, private_folder, refused, sync_folder, write_file
from console.services.staging import Staging, clear_abandoned


def check_place(out: Path) -> Path:
    """Return where a CA may be made, absolute. Raises ConsoleError BAD_INPUT when something is there."""
    what = f"The CA was not made in {out}"
    if out.is_symlink():
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is a symbolic link", "Name the folder itself")
    place = out.resolve()
    if (place / CERTIFICATE).exists() or (place / KEY).exists():
        why = "there is a CA in it already" if (place / CERTIFICATE).exists() else "the key of a CA is in it"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Choose another folder", code="exists")
    if place.exists() and not place.is_dir():
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is a file", "Choose another name", code="exists")
    if place == Path.cwd():
        hint = "Give it a folder of its own, for example --out ca/"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is the folder you are in", hint, code="usage")
    if place.is_dir() and any(place.iterdir()):
        why, hint = "it is not empty", "Give the CA a folder of its own: whatever is in it belongs to the CA"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="exists")
    return place


def make(built: Built, out: Path, passphrase: Secret | None, issuer: CaStore | None, index: CaIndex | None) -> Issued:
    """Write a new CA's folder; `issuer` and its open `index` for an intermediate.

    Raises ConsoleError BAD_INPUT when there is something, NOT_CONFIGURED when it cannot be written.
    """
    place = check_place(out)
    assert built.key is not None
    parent = place.parent
    if not parent.exists():
        private_folder(parent)
    prefix = f".{place.name[:80]}.hubwarden-"
    clear_abandoned(parent, prefix)
    staging = Staging.make(parent, prefix)
    try:
        chain = (built.certificate, *(issuer.chain if issuer else ()))
        texts = [pem(one.public_bytes(DER)) for one in chain]
        write_file(staging.path / KEY, private_pem(built.key, passphrase))
        write_file(staging.path / CHAIN, b"".join(texts), mode=PUBLIC)
        if issuer:
            write_file(staging.path / ROOT, texts[-1], mode=PUBLIC)
        write_file(staging.path / CERTIFICATE, texts[0], mode=PUBLIC)
        CaIndex(staging.path).close()
        kind = CertificateKind.INTERMEDIATE if issuer else CertificateKind.ROOT
        record = record_of(built.certificate, kind, place / CERTIFICATE, place / KEY, place)
        parts = (ca_index.KEY, ca_index.CERTIFICATE)
        entry = Entry(record, str(place), "ca", parts, os.path.relpath(staging.path, place))
        if index:
            index.begin([entry], lambda _: False)
        try:
            if place.is_dir():
                place.rmdir()  # empty, as was checked; a rename over it is not possible everywhere
            staging.path.rename(place)
        except OSError as error:
            if index:
                index.finish([], [entry])
            raise refused(f"The folder {out} cannot be made", error) from None
        sync_folder(parent)
        if index:
            index.finish([entry])
    finally:
        staging.remove()
    files = [("certificate", place / CERTIFICATE), ("key", place / KEY), ("chain", place / CHAIN)]
    if issuer:
        files.append(("root", place / ROOT))
    return Issued(record, tuple(files), built.notes)
