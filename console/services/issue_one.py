"""Issuing one certificate: made into a staging folder, put in its place and into the index; or renewed there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509

from console.model.certificate import CertificateKind, Issued, KeyType, LeafOrder, RecordStatus
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_keys import is_encrypted, key_type_of, private_from_pem, spki
from console.rules.certificate_names import file_stem
from console.rules.certificates import Authority, PublicKey
from console.services.ca_index import CERTIFICATE, CaIndex, Entry
from console.services.ca_store import CaStore
from console.services.issue_files import PKCS12, LeafFiles
from console.services.issuing import entry_for, not_issued, publish, thumbprint_of
from console.services.private_files import read_file, refused
from console.services.renewing import FOLDER, check_renewable, publish_renewed
from console.services.staging import Staging, clear_abandoned

_LABELS = {"cert.pem": "certificate", "key.pem": "key", "chain.pem": "chain", "p12": "PKCS#12"}


@dataclass(frozen=True)
class Renewal:
    """How to renew: `key_type_kept` takes the old one's kind of key instead of the order's."""

    key_type_kept: bool = True


def issue_one(
    store: CaStore,
    issuer: Authority,
    order: LeafOrder,
    folder: Path,
    now: datetime,
    passphrase: Secret | None = None,
    *,
    public_key: PublicKey | None = None,
    renewal: Renewal | None = None,
) -> Issued:
    """Issue one leaf to `folder`: with a new key, or for a `public_key` whose private one is elsewhere.

    Raises ConsoleError: code "exists" when there is one and it is not to be renewed.
    """
    with store.index() as index:
        clear_abandoned(folder)
        old: Entry | None = None
        if renewal is not None:
            old = check_renewable(find_issued(index, folder, order.name), public_key is None, clean(order.name), folder)
            order = _like(old, order, renewal)
        staging = Staging.make(folder)
        try:
            files = LeafFiles(issuer, order, now, str(staging.path), passphrase)
            if public_key is None:
                made = files.make(order.name)
            else:
                built = files.maker.sign(order.name, public_key)
                made = files.place(order.name, built.certificate, built.notes)
            entry = entry_for(made, order, files, clean(store.name), folder, staging)
            if public_key is not None:
                entry = replace(entry, record=replace(entry.record, key_type=key_type_of(public_key)))
            if old is None:
                issued, failed = publish(index, [entry], folder)
            else:
                issued, failed = publish_renewed(index, [(entry, old)], folder)
        except OSError as error:
            raise refused(f"The files in {folder} cannot be written", error) from None
        finally:
            staging.remove()
    if failed:
        raise not_issued(*failed[0])
    paths = {part: Path(entry.path(part)) for part in reversed(entry.parts)}
    record = replace(
        issued[0].record,
        status=RecordStatus.ISSUED,
        certificate_file=paths.get("cert.pem"),
        key_file=paths.get("key.pem"),
        store=store.folder,
    )
    notes = (*made.notes, renewed_note(folder)) if old is not None else made.notes
    if public_key is not None:
        notes += _note_on_key(folder / f"{issued[0].stem}.key.pem", public_key)
    return Issued(record, tuple((_LABELS[part], path) for part, path in paths.items()), notes)


def find_issued(index: CaIndex, folder: Path, name: str) -> Entry | None:
    """Return what is issued to a name in a folder and there; what was moved there is entered in the index."""
    stem = file_stem(name)
    path = f"{folder}/{stem}.{CERTIFICATE}"
    try:
        thumbprint = thumbprint_of(path)
    except OSError:
        return None
    entry = index.issued_at(str(folder), stem)
    if entry is not None and entry.record.sha256 == thumbprint:
        return entry
    entry = index.with_thumbprint(thumbprint)
    if entry is None or not entry.folder or entry.record.common_name != name:
        return None
    if entry.record.status is not RecordStatus.ISSUED:
        return None
    moved = entry.moved(str(folder), stem)
    index.move([moved])
    return moved


def renewed_note(folder: Path) -> str:
    """Return what is to be known after a renewal."""
    return (
        f"What was there before is kept in {folder / FOLDER}. A hub that knows a device by thumbprint lets it in only "
        "when the new one is registered (hubwarden cert register)"
    )


def _like(old: Entry, order: LeafOrder, renewal: Renewal) -> LeafOrder:
    if old.record.kind is not order.kind:
        what = f"The certificate of “{clean(order.name)}” was not renewed"
        why = f"it is for a {old.record.kind}, and one for a {order.kind} was asked for"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "--server is for servers", code="usage")
    if renewal.key_type_kept and old.record.key_type in list(KeyType):
        order = replace(order, key_type=KeyType(old.record.key_type))
    if order.kind is CertificateKind.SERVER and not order.hosts:
        order = replace(order, hosts=_hosts_in(Path(old.path(CERTIFICATE))))
    return replace(order, pkcs12=order.pkcs12 or PKCS12 in old.parts)


def _note_on_key(path: Path, public_key: PublicKey) -> tuple[str, ...]:
    """Say when a key lies beside a certificate that it does not belong to: a device would be refused with the two."""
    try:
        data = read_file(path)
        if is_encrypted(data) or spki(private_from_pem(data, None, str(path))) == spki(public_key):
            return ()
    except ConsoleError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return ()
    return (f"The key in {path} does not belong to this certificate",)


def _hosts_in(path: Path) -> tuple[str, ...]:
    try:
        found = x509.load_pem_x509_certificate(read_file(path))
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *(str(one) for one in addresses))
