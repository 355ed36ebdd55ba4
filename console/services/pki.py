"""CAs and what they issue: made in folders, offline, without a hub."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import (
    LEAF_LIFETIME,
    AuthorityOrder,
    AuthorityRecord,
    CertificateKind,
    CertificateRecord,
    Issued,
    LeafOrder,
    RecordStatus,
)
from console.model.clock import Clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_keys import check_passphrase, private_pem
from console.rules.certificate_names import check_name, file_stem, kind_of
from console.rules.certificate_requests import agreed_name, build_request, read_request
from console.rules.certificates import DER, PEM, LeafMaker, build_authority
from console.services import ca_making
from console.services.ca_index import Entry
from console.services.ca_store import CERTIFICATE, KEY, CaStore
from console.services.issue_files import sha1, sha256
from console.services.issue_one import Renewal, issue_one
from console.services.known_cas import KnownCas
from console.services.ports import NEVER_CANCELLED, Cancel
from console.services.private_files import private_folder
from console.services.request_files import write_request

PROOF_LIFETIME = timedelta(days=1)


class Pki:
    """Makes CAs, issues certificates, signs requests, and knows what was issued.

    Args:
        folder: where CAs are made when no place is given, and where the list of known CA folders is kept; None keeps
            none.
        clock: the time.

    Every method raises ConsoleError only: code "passphrase" when that is missing or wrong, "exists" when a file would
    be replaced, "usage" when the order is wrong.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._folder = folder
        self._list = KnownCas(folder)
        self._clock = clock

    def create_root(self, order: AuthorityOrder, out: Path | None, passphrase: Secret | None) -> Issued:
        """Make a root CA in a new folder."""
        place = self._place(order, out, passphrase)
        issued = ca_making.make(build_authority(order, None, self._clock()), place, passphrase, None, None)
        self._list.add(place, issued.record.sha256)
        return issued

    def create_intermediate(
        self,
        order: AuthorityOrder,
        ca: str,
        out: Path | None,
        ca_passphrase: Secret | None = None,
        passphrase: Secret | None = None,
    ) -> Issued:
        """Make a CA below another, in a new folder; the other's index gets it too."""
        place = self._place(order, out, passphrase)
        store = self._open(ca)
        issuer = store.unlock(ca_passphrase)
        with store.index() as index:
            issued = ca_making.make(build_authority(order, issuer, self._clock()), place, passphrase, store, index)
        self._list.add(place, issued.record.sha256)
        return issued

    def issue(
        self,
        order: LeafOrder,
        ca: str,
        out: Path,
        ca_passphrase: Secret | None = None,
        passphrase: Secret | None = None,
        *,
        renewal: Renewal | None = None,
    ) -> Issued:
        """Make a leaf with its key: NAME.cert.pem, NAME.key.pem (0600), NAME.chain.pem, and NAME.p12 when asked for.

        The chain is the leaf and all CAs up to the root: what a device presents to IoT Hub. A name that is no file name
        is written with %XX. A `renewal` takes the place of the one that is there, whose files go to `replaced/`.
        """
        check_name(order.kind, order.name)
        if passphrase is not None:
            check_passphrase(passphrase)
        store = self._open(ca)
        issuer = store.unlock(ca_passphrase)
        return issue_one(store, issuer, order, out_folder(out), self._clock(), passphrase, renewal=renewal)

    def issue_many(
        self,
        names: Sequence[str],
        template: LeafOrder,
        ca: str,
        out: Path,
        ca_passphrase: Secret | None = None,
        passphrase: Secret | None = None,
        on_progress: Callable[[BulkProgress], None] | None = None,
        cancel: Cancel = NEVER_CANCELLED,
        *,
        renewal: Renewal | None = None,
    ) -> BulkIssued:
        """Make leaves for many devices and modules on all cores; called again with the same `out` it goes on.

        With a `renewal` those that need it (two thirds of their lifetime) are renewed, and no others made.
        """
        from console.services.bulk_issue import issue_many

        if passphrase is not None:
            check_passphrase(passphrase)
        store = self._open(ca)
        issuer = store.unlock(ca_passphrase)
        folder = out_folder(out)
        return issue_many(
            store, issuer, names, template, folder, self._clock(), passphrase, on_progress, cancel, renewal
        )

    def due(self, ca: str, out: Path) -> tuple[str, ...]:
        """Return the devices and modules whose certificates in a folder, issued by a CA, need renewal."""
        now = self._clock()
        with self._open(ca).index() as index:
            found = [one.record for one in index.issued_to(str(out.resolve())).values()]
        kinds = {CertificateKind.DEVICE, CertificateKind.MODULE}
        return tuple(sorted(one.common_name for one in found if one.kind in kinds and one.needs_renewal(now)))

    def request(self, order: LeafOrder, out: Path, passphrase: Secret | None = None) -> tuple[tuple[str, Path], ...]:
        """Make a key and a signing request: NAME.csr.pem, NAME.key.pem (0600). Return (what it is, where)."""
        if passphrase is not None:
            check_passphrase(passphrase)
        request, key = build_request(order)
        folder = out_folder(out)
        return write_request(folder, file_stem(order.name), request.public_bytes(PEM), private_pem(key, passphrase))

    def sign(
        self,
        csr: bytes,
        ca: str,
        out: Path,
        *,
        name: str = "",
        kind: CertificateKind = CertificateKind.DEVICE,
        lifetime: timedelta = LEAF_LIFETIME,
        hosts: tuple[str, ...] = (),
        ca_passphrase: Secret | None = None,
        renewal: Renewal | None = None,
    ) -> Issued:
        """Sign a request (PEM or DER): of it only the key and the common name are taken over; write NAME.cert.pem and
        NAME.chain.pem.
        """
        request = read_request(csr)
        agreed = agreed_name(request, name)
        if kind is CertificateKind.DEVICE:
            kind = kind_of(agreed)
        check_name(kind, agreed)
        store = self._open(ca)
        issuer = store.unlock(ca_passphrase)
        order = LeafOrder(kind, agreed, lifetime=lifetime, hosts=hosts)
        notes: tuple[str, ...] = ()
        if request.left_out:
            notes = (f"Asked for in the request and left out: {', '.join(request.left_out)}",)
        key = request.public_key
        issued = issue_one(store, issuer, order, out_folder(out), self._clock(), public_key=key, renewal=renewal)
        return replace(issued, notes=(*issued.notes, *notes))

    def proof(self, ca: str, code: str, ca_passphrase: Secret | None = None) -> bytes:
        """Return the certificate (PEM) that proves possession of a CA's key: CN = verification code, for one day."""
        order = LeafOrder(CertificateKind.PROOF, code, lifetime=PROOF_LIFETIME)
        check_name(order.kind, code)
        store = self._open(ca)
        maker = LeafMaker(store.unlock(ca_passphrase), order, self._clock())
        certificate = maker.make(code).certificate
        der = certificate.public_bytes(DER)
        record = CertificateRecord(
            serial=f"{certificate.serial_number:X}",
            kind=order.kind,
            subject=f"CN={code}",
            common_name=code,
            issuer=clean(store.name),
            sha1=sha1(der),
            sha256=sha256(der),
            not_before=maker.not_before,
            not_after=maker.not_after,
            status=RecordStatus.PENDING,
            key_type=order.key_type.value,
        )
        with store.index() as index:  # signed with the CA's key, so it is in its index; no file is kept
            entry = Entry(record)
            index.begin([entry], lambda _: False)
            index.finish([entry])
        return certificate.public_bytes(PEM)

    def authorities(self) -> tuple[AuthorityRecord, ...]:
        """Return the CAs known here that can be read, by name."""
        found = []
        for store in self._list.stores()[0]:
            with suppress(ConsoleError):
                found.append(store.summary())
        return tuple(sorted(found, key=lambda one: (one.record.common_name.lower(), str(one.folder))))

    def unreadable(self) -> tuple[ConsoleError, ...]:
        """Return why known CAs cannot be read, or that they are gone: what they issued is missing from `inventory`."""
        stores, problems = self._list.stores()
        for store in stores:
            try:
                store.summary()
                _records(store)  # a row that cannot be read hides all of the CA's
            except ConsoleError as error:
                problems.append(error)
        return tuple(problems)

    def forget(self, folder: Path) -> bool:
        """Take a CA's folder off the list of those known here, and touch nothing in it; return whether it was on it."""
        return self._list.forget(folder)

    def authority(self, ca: str) -> AuthorityRecord:
        """Return one CA. Raises ConsoleError NOT_FOUND, or BAD_INPUT when several have the name."""
        return self._open(ca).summary()

    def inventory(self) -> tuple[CertificateRecord, ...]:
        """Return the CAs known here and what they issued (proofs and replaced ones left out), soonest to expire first.

        What cannot be read is left out; `unreadable` tells.
        """
        found: list[CertificateRecord] = []
        for store in self._list.stores()[0]:
            with suppress(ConsoleError):
                found += _records(store)
        return _soonest_first(found)

    def inventory_of(self, ca: str) -> tuple[CertificateRecord, ...]:
        """Return one CA and what it issued, as `inventory` does. Raises ConsoleError when it cannot be read."""
        return _soonest_first(_records(self._open(ca)))

    def _place(self, order: AuthorityOrder, out: Path | None, passphrase: Secret | None) -> Path:
        check_name(CertificateKind.ROOT, order.name)
        if passphrase is not None:
            check_passphrase(passphrase)
        if out is None:
            if self._folder is None:
                why, hint = "it is not said where", "Give a folder with --out"
                raise ConsoleError(ErrorKind.BAD_INPUT, "The CA was not made", why, hint, code="usage")
            out = private_folder(self._folder) / file_stem(order.name)
        return ca_making.check_place(out)

    def _named(self, ca: str) -> list[CaStore]:
        known, _ = self._list.stores()
        named = [store for store in known if ca in {store.name, clean(store.name)}]
        return named or [store for store in known if store.name.lower() == ca.lower()]

    def _open(self, ca: str) -> CaStore:
        path = Path(ca)
        if ca and path.is_dir() and (any((path / one).exists() for one in (CERTIFICATE, KEY)) or not self._named(ca)):
            store = CaStore(path)
            self._list.add(store.folder, store.thumbprint)
            return store
        named = self._named(ca)
        if len(named) == 1:
            return named[0]
        shown = clean(ca, limit=80)
        if named:
            places = ", ".join(str(store.folder) for store in named)
            what = f"It is not clear which CA “{shown}” is"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"there is one in each of {places}", "Give the folder")
        what, why = f"There is no CA “{shown}”", "there is no such folder, and no CA of this name is known here"
        _, problems = self._list.stores()
        if problems:
            why += f"; of those known {len(problems)} cannot be read, as: {problems[0].sentence().rstrip('.')}"
        hint = "Give its folder, or make one: hubwarden cert ca --name NAME --out FOLDER"
        raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint)


def _records(store: CaStore) -> list[CertificateRecord]:
    found = [store.record()]
    with store.index() as index:
        for entry in index.all():
            hidden = entry.record.kind is CertificateKind.PROOF or entry.record.status is RecordStatus.REPLACED
            if not hidden:
                found.append(entry.record)
    return found


def _soonest_first(records: Sequence[CertificateRecord]) -> tuple[CertificateRecord, ...]:
    """Return records in order; an intermediate, which its own folder and its issuer's index tell of, once."""
    once: dict[str, CertificateRecord] = {}
    for one in records:
        if one.sha256 not in once or one.store == (one.certificate_file and one.certificate_file.parent):
            once[one.sha256] = one
    return tuple(sorted(once.values(), key=lambda one: (one.not_after, one.common_name)))


def out_folder(out: Path) -> Path:
    """Return the folder that gets certificates and keys, made (0700) when there is none, with links resolved.

    Raises ConsoleError BAD_INPUT when everybody may exchange what is in it.
    """
    folder = private_folder(out).resolve()
    mode = folder.stat().st_mode
    if os.name == "posix" and mode & 0o002 and not mode & 0o1000:
        what, why = f"Nothing was written to {out}", "everybody may exchange the files in it"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, f"chmod o-w {out}, or choose another folder")
    return folder
