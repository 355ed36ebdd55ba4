"""A CA's folder: its certificate, its key, its chain and the index of what it signed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from console.model.certificate import AuthorityRecord, CertificateKind, CertificateRecord, RecordStatus, Unread
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_keys import is_encrypted, key_type_of, private_from_pem, spki
from console.rules.certificate_reading import read
from console.rules.certificates import DER, Authority, name_in
from console.services import ca_index
from console.services.ca_index import CaIndex
from console.services.issue_files import sha1, sha256
from console.services.issuing import settle
from console.services.private_files import read_file

CERTIFICATE, KEY, CHAIN, ROOT = "ca.cert.pem", "ca.key.pem", "chain.pem", "root.cert.pem"
_OTHERS_WRITE, _OTHERS_READ = 0o022, 0o077


class CaStore:
    """One CA's folder, read and checked when opened.

    Raises ConsoleError NOT_FOUND when there is no CA in it, BAD_INPUT when what is in it cannot be trusted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._what = f"The CA in {folder} cannot be used"
        if not (self.folder / CERTIFICATE).exists():
            why = f"there is no {CERTIFICATE}" if self.folder.is_dir() else "there is no such folder"
            hint = "Make one with: hubwarden cert ca --name NAME --out FOLDER"
            if self.folder.is_dir() and (self.folder / KEY).exists():
                hint = "Its key is there, so restore the certificate from a copy"
            raise ConsoleError(ErrorKind.NOT_FOUND, f"There is no CA in {folder}", why, hint)
        self._check_rights()
        self.chain = self._read_chain()
        self.certificate = self.chain[0]

    @property
    def name(self) -> str:
        """The CA's common name, as it stands in the certificate."""
        return name_in(self.certificate.subject)

    @property
    def thumbprint(self) -> str:
        """The SHA-256 thumbprint of its certificate."""
        return sha256(self.certificate.public_bytes(DER))

    @property
    def kind(self) -> CertificateKind:
        """Whether it is a root or an intermediate."""
        root = self.certificate.subject == self.certificate.issuer
        return CertificateKind.ROOT if root else CertificateKind.INTERMEDIATE

    @property
    def has_key(self) -> bool:
        """Whether its key is here."""
        return (self.folder / KEY).exists()

    @property
    def encrypted(self) -> bool:
        """Whether its key asks for a passphrase."""
        return self.has_key and is_encrypted(read_file(self.folder / KEY))

    def record(self) -> CertificateRecord:
        """Return its certificate as a record."""
        key_file = self.folder / KEY if self.has_key else None
        return record_of(self.certificate, self.kind, self.folder / CERTIFICATE, key_file, self.folder)

    def summary(self) -> AuthorityRecord:
        """Return what a list of CAs shows."""
        issued = 0
        if (self.folder / ca_index.NAME).exists():
            with self.index() as index:
                issued = index.count()
        return AuthorityRecord(self.folder, self.record(), self.has_key, self.encrypted, issued)

    def unlock(self, passphrase: Secret | None) -> Authority:
        """Return the CA ready to sign.

        Raises ConsoleError NOT_FOUND without a key, BAD_INPUT when the key is another's or readable by others (code
        "passphrase" when that is missing or wrong).
        """
        path = self.folder / KEY
        if not path.exists():
            why = f"its key ({KEY}) is not here"
            raise ConsoleError(ErrorKind.NOT_FOUND, self._what, why, "Bring it back, or sign where the key is")
        if path.is_symlink() or not path.is_file():
            hint = "Put the key itself there"
            raise ConsoleError(ErrorKind.BAD_INPUT, self._what, f"{KEY} is no plain file", hint)
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & _OTHERS_READ:
            why, hint = f"others than its owner may read {KEY}", f"chmod 600 {path}"
            raise ConsoleError(ErrorKind.BAD_INPUT, self._what, why, hint)
        key = private_from_pem(read_file(path), passphrase, str(path))
        if spki(key) != spki(self.certificate.public_key()):
            why = f"{KEY} does not belong to {CERTIFICATE}: one of them was exchanged"
            raise ConsoleError(ErrorKind.BAD_INPUT, self._what, why, "Restore both from the same copy")
        return Authority(key, self.chain)

    @contextmanager
    def index(self) -> Iterator[CaIndex]:
        """Open the index; what a stopped process left in it is settled first."""
        with ca_index.opened(self.folder) as index:
            settle(index)
            yield index

    def _check_rights(self) -> None:
        if os.name != "posix":
            return
        for path in (self.folder, self.folder / CERTIFICATE, self.folder / CHAIN):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # said when it is read
            if found.st_mode & _OTHERS_WRITE:
                why = f"others than its owner may write to {path}, and exchange what is in it"
                raise ConsoleError(ErrorKind.BAD_INPUT, self._what, why, f"chmod go-w {path}")
            if found.st_uid not in {os.geteuid(), 0} and os.geteuid() != 0:
                why = f"{path} belongs to another user, who can exchange it"
                raise ConsoleError(
                    ErrorKind.BAD_INPUT, self._what, why, "Work as that user, or with a copy of your own"
                )

    def _read_chain(self) -> tuple[x509.Certificate, ...]:
        own: x509.Certificate = self._load(CERTIFICATE)[0]
        chain = (own,) if own.subject == own.issuer else self._load(CHAIN)
        if chain[0] != own:
            self._refuse(f"{CHAIN} does not begin with {CERTIFICATE}")
        for one, above in zip(chain, (*chain[1:], chain[-1]), strict=True):
            try:
                one.verify_directly_issued_by(above)
            except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
                named, issuer = clean(name_in(one.subject)), clean(name_in(above.subject))
                self._refuse(f"“{named}” in {CHAIN} is not signed by “{issuer}”")
            constraint = self._basic(one)
            if constraint is None or not constraint.ca:
                self._refuse(f"“{clean(name_in(one.subject))}” is the certificate of no CA")
        return chain

    def _basic(self, one: x509.Certificate) -> x509.BasicConstraints | None:
        try:
            return one.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (x509.ExtensionNotFound, ValueError):
            return None

    def _load(self, name: str) -> tuple[x509.Certificate, ...]:
        data = read_file(self.folder / name)
        unread = _unread(data)
        if unread is not None:
            self._refuse(f"of {name} {unread.sentence()}")
        try:
            found = tuple(x509.load_pem_x509_certificates(data))
            for one in found:  # what is read lazily, is read here, where it can be told
                _ = (one.subject, one.issuer, one.extensions, one.not_valid_after_utc, one.public_key())
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException:  # bytes that others may have changed: not all that is raised derives from Exception
            found = ()
        if not found:
            self._refuse(f"{name} holds no certificate that can be read")
        return found

    def _refuse(self, why: str) -> None:
        raise ConsoleError(ErrorKind.BAD_INPUT, self._what, why, "Restore the folder from a copy")


def _unread(data: bytes) -> Unread | None:
    """Return the first certificate of a file that cannot be read: the library leaves some out without a word."""
    try:
        found = read(data, "the file")
    except ConsoleError:
        return None  # it holds nothing, which is said where it is loaded
    return next(iter(found.unread_certificates), None)


def record_of(
    certificate: x509.Certificate, kind: CertificateKind, file: Path, key_file: Path | None, store: Path
) -> CertificateRecord:
    """Return a CA certificate as a record."""
    der = certificate.public_bytes(DER)
    return CertificateRecord(
        serial=f"{certificate.serial_number:X}",
        kind=kind,
        subject=clean(certificate.subject.rfc4514_string()),
        common_name=clean(name_in(certificate.subject)),
        issuer=clean(name_in(certificate.issuer)),
        sha1=sha1(der),
        sha256=sha256(der),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        status=RecordStatus.ISSUED,
        key_type=key_type_of(certificate.public_key()),
        certificate_file=file,
        key_file=key_file,
        store=store,
    )
