"""The files of a leaf: made into a staging folder, by this process or by a worker of bulk issuing."""

from __future__ import annotations

import hashlib
import os
import shutil
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from console.model.certificate import LeafOrder
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.certificate_keys import SigningKey, pkcs12_bundle, private_pem
from console.rules.certificate_names import file_stem
from console.rules.certificates import DER, Authority, LeafMaker
from console.services.private_files import PRIVATE, PUBLIC

CERTIFICATE, CHAIN, KEY, PKCS12 = "cert.pem", "chain.pem", "key.pem", "p12"
_MODES = {CERTIFICATE: PUBLIC, CHAIN: PUBLIC, KEY: PRIVATE, PKCS12: PRIVATE}


@dataclass(frozen=True)
class Made:
    """A leaf whose files are in the staging folder. `parts` are the ends of their names, the certificate's last."""

    name: str
    serial: str
    sha1: str
    sha256: str
    parts: tuple[str, ...]
    notes: tuple[str, ...] = ()
    place: str = ""  # the folder in the staging folder, where there is one


class LeafFiles:
    """Makes leaves of one template and writes their files into one folder."""

    def __init__(
        self, issuer: Authority, template: LeafOrder, now: datetime, folder: str, passphrase: Secret | None
    ) -> None:
        self.maker = LeafMaker(issuer, template, now)
        self._issuer = issuer
        self._pkcs12 = template.pkcs12
        self._staging = folder
        self._place = ""
        self._passphrase = passphrase
        # with the root: what is registered at the hub may be any of them, and a client presents this file as it is
        self._chain = b"".join(pem(one.public_bytes(DER)) for one in issuer.chain)

    def enter(self, place: str) -> None:
        """Write to a new folder in the staging folder from now on: writers to one folder wait for each other."""
        self._place = place
        os.mkdir(f"{self._staging}/{place}", 0o700)  # noqa: PTH102

    def clear(self, places: Sequence[str]) -> None:
        """Remove folders whose files have their names elsewhere by now."""
        for place in places:
            shutil.rmtree(f"{self._staging}/{place}", ignore_errors=True)

    def make(self, name: str) -> Made:
        """Make key and certificate. Raises ConsoleError for the name, OSError for the folder."""
        built = self.maker.make(name)
        assert built.key is not None
        return self._write(name, built.certificate, built.key, built.notes)

    def make_all(self, names: Sequence[str]) -> tuple[list[Made], list[tuple[str, str]]]:
        """Make many; return those made, and those refused with the sentence."""
        made: list[Made] = []
        refused: list[tuple[str, str]] = []
        for name in names:
            try:
                made.append(self.make(name))
            except ConsoleError as error:
                refused.append((name, error.sentence()))
        return made, refused

    def place(self, name: str, certificate: x509.Certificate, notes: tuple[str, ...]) -> Made:
        """Write a certificate whose key is elsewhere."""
        return self._write(name, certificate, None, notes)

    def _write(self, name: str, certificate: x509.Certificate, key: SigningKey | None, notes: tuple[str, ...]) -> Made:
        der = certificate.public_bytes(DER)
        text = pem(der)
        stem = f"{self._staging}/{self._place}/{file_stem(name)}"
        parts = []
        if key is not None:
            _put(stem, KEY, private_pem(key, self._passphrase))
            parts.append(KEY)
            if self._pkcs12:
                _put(stem, PKCS12, pkcs12_bundle(name, key, certificate, self._issuer.chain, self._passphrase))
                parts.append(PKCS12)
        _put(stem, CHAIN, text + self._chain)
        _put(stem, CERTIFICATE, text)
        return Made(
            name,
            f"{certificate.serial_number:X}",
            sha1(der),
            sha256(der),
            (*parts, CHAIN, CERTIFICATE),
            notes,
            self._place,
        )


def pem(der: bytes) -> bytes:
    """Return a certificate as PEM."""
    text = b64encode(der)
    lines = b"\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n"


def sha1(der: bytes) -> str:
    """Return a SHA-1 thumbprint in upper-case hexadecimal."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def sha256(der: bytes) -> str:
    """Return a SHA-256 thumbprint in upper-case hexadecimal."""
    return hashlib.sha256(der).hexdigest().upper()


def _put(stem: str, part: str, data: bytes) -> None:
    descriptor = os.open(f"{stem}.{part}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODES[part])
    try:
        if _MODES[part] != PRIVATE:
            os.fchmod(descriptor, _MODES[part])  # others may read it, whatever the umask
        written = os.write(descriptor, data)
        while written < len(data):  # a disk that fills up takes a part, and refuses only the next one
            written += os.write(descriptor, data[written:])
    finally:
        os.close(descriptor)
