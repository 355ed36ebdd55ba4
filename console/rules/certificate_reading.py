"""What a file holds: PEM, DER, PKCS#7, PKCS#12, requests, bundles, base64; told by content, never by its name."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from console.model.certificate import CertificateInfo, Inspected, RequestInfo
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules import der as asn1
from console.rules.certificate_facts import facts, guarded
from console.rules.pem import Block, blocks, decoded, guess, text_of, unarmoured
from console.rules.request_facts import request_info

MAX_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 5000
MAX_NOTES = 20
_NAMES = {"crl": "a revocation list", "public-key": "a public key"}


def read(data: bytes, source: str, passphrase: Secret | None = None) -> Inspected:
    """Return what bytes hold, in the order found; members that cannot be read become notes.

    Private keys are counted and not looked into; `passphrase` opens PKCS#12. Raises ConsoleError BAD_INPUT: nothing was
    found (it says what the bytes seem to be), too large, and with code "passphrase" when one is missing or wrong.
    """
    source = clean(source)
    if len(data) > MAX_BYTES:
        raise _refused(source, f"it is larger than {MAX_BYTES // 1024 // 1024} MB", "Give a file of certificates")
    reader = _Reader(source, passphrase)
    reader.anything(data)
    found = reader.result()
    if not (found.certificates or found.requests or found.private_keys):
        why = "; ".join(found.notes[:3]) or guess(data)
        raise _refused(source, why, "Give PEM, DER, PKCS#7, PKCS#12 or base64")
    return found


def _refused(source: str, why: str, hint: str) -> ConsoleError:
    return ConsoleError(
        ErrorKind.BAD_INPUT, f"{source} could not be read as certificates", why, hint, code="no-certificate"
    )


class _Reader:
    def __init__(self, source: str, passphrase: Secret | None) -> None:
        self._source = source
        self._passphrase = passphrase
        self._forms: list[str] = []
        self._certificates: list[CertificateInfo] = []
        self._requests: list[RequestInfo] = []
        self._keys = self._encrypted = 0
        self._notes: list[str] = []

    def result(self) -> Inspected:
        notes = list(dict.fromkeys(self._notes))
        if len(notes) > MAX_NOTES:
            notes[MAX_NOTES:] = [f"and {len(notes) - MAX_NOTES} more"]
        return Inspected(
            self._source,
            tuple(dict.fromkeys(self._forms)),
            tuple(self._certificates),
            tuple(self._requests),
            self._keys,
            self._encrypted,
            tuple(notes),
        )

    def anything(self, data: bytes) -> None:
        """Read bytes of whatever form."""
        if data[:1] == b"\x30" and asn1.shape(data):
            self._binary(data)
            return
        text = text_of(data)
        if b"-----BEGIN" in text:
            self._pem(text)
            return
        plain = unarmoured(text)
        if plain[:1] == b"\x30":
            self._form("base64")
            self._binary(plain)
        elif b"-----BEGIN" in plain:
            self._form("base64")
            self._pem(plain)

    def _pem(self, text: bytes) -> None:
        for number, block in enumerate(blocks(text), start=1):
            if self._full(number):
                return
            self._form("PEM")
            self._block(block, number)

    def _block(self, block: Block, number: int) -> None:
        place = f"block {number} ({clean(block.label, limit=40)})"
        if not block.ended:
            self._notes.append(f"{place} has no end line")
            return
        if "PRIVATE KEY" in block.label:
            self._keys += 1
            self._encrypted += block.encrypted
            return
        content = decoded(block.body)
        if content is None:
            self._notes.append(f"{place} is not base64")
        elif not self._member(content, place) and "PARAMETERS" not in block.label:
            self._notes.append(f"{place} is neither certificate nor request")

    def _binary(self, data: bytes) -> None:
        for number, member in enumerate(asn1.elements(data), start=1):
            if self._full(number):
                return
            place = "it" if len(member) == len(data) else f"element {number}"
            if not self._member(member, place, "DER"):
                self._notes.append("what follows is no certificate" if number > 1 else f"{place} is no certificate")
                return

    def _full(self, number: int) -> bool:
        if number > MAX_MEMBERS:
            self._notes.append(f"only the first {MAX_MEMBERS} parts were read")
            return True
        return False

    def _form(self, name: str) -> None:
        self._forms.append(name)

    def _member(self, data: bytes, place: str, form: str = "") -> bool:
        """Read one member by its outline; say whether it is known."""
        kind = asn1.shape(data)
        if form and kind in ("certificate", "request", "key", "encrypted-key"):
            self._form(form)
        if kind == "certificate":
            first = next(asn1.elements(data), data)  # a TRUSTED CERTIFICATE has openssl's trust settings behind it
            self._certificate(first, place)
            if len(first) != len(data):
                self._notes.append(f"{place} has trust settings, which were not read")
        elif kind == "request":
            self._request(data, place)
        elif kind in ("key", "encrypted-key"):
            self._keys += 1
            self._encrypted += kind == "encrypted-key"
        elif kind == "pkcs7":
            self._form("PKCS#7")
            self._pkcs7(data, place)
        elif kind == "pkcs12":
            self._form("PKCS#12")
            self._pkcs12(data, place)
        elif kind in _NAMES:
            self._notes.append(f"{place} is {_NAMES[kind]}")
        return bool(kind)

    def _certificate(self, data: bytes, place: str) -> None:
        try:
            info = facts(data).info
        except ValueError as error:
            self._notes.append(f"{place}: the certificate {clean(error)}")
            return
        self._certificates.append(info)

    def _request(self, data: bytes, place: str) -> None:
        try:
            self._requests.append(request_info(data))
        except ValueError as error:
            self._notes.append(f"{place}: the request cannot be read ({clean(error)})")

    def _pkcs7(self, data: bytes, place: str) -> None:
        none: list[x509.Certificate] = []
        what = f"{place}: the PKCS#7"
        found = guarded(lambda: pkcs7.load_der_pkcs7_certificates(data), none, self._notes, what)
        if not found:
            self._notes.append(f"{place}: the PKCS#7 holds no certificate that can be read")
        for one in found[:MAX_MEMBERS]:
            self._loaded(one, place)

    def _loaded(self, certificate: x509.Certificate, place: str) -> None:
        data = guarded(lambda: certificate.public_bytes(serialization.Encoding.DER), b"", self._notes, place)
        if data:
            self._certificate(data, place)

    def _pkcs12(self, data: bytes, place: str) -> None:
        if asn1.hard_work(data):
            self._notes.append(f"{place}: the PKCS#12 is damaged, or asks for more work than any program's would")
            return
        tries: list[bytes | None] = [None, b""]
        if self._passphrase:
            tries.append(self._passphrase.reveal().encode("utf-8", "surrogatepass"))
        problems: list[str] = []
        for secret in tries:
            held: Any = guarded(lambda secret=secret: pkcs12.load_pkcs12(data, secret), None, problems, "")  # type: ignore[misc]
            if held is None:
                continue
            self._keys += held.key is not None
            self._encrypted += held.key is not None and bool(secret)
            if held.cert is not None:
                self._loaded(held.cert.certificate, place)
            for one in held.additional_certs[:MAX_MEMBERS]:
                self._loaded(one.certificate, place)
            return
        if not any("password" in problem for problem in problems):
            self._notes.append(f"{place}: the PKCS#12{problems[-1]}")
            return
        what = f"{self._source} could not be opened"
        if self._passphrase:
            why, hint = "the passphrase is wrong, or the file is damaged", "Try again"
        else:
            why, hint = "it is PKCS#12 under a passphrase", "Give the passphrase"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="passphrase")


def of_host(source: str, chain: tuple[bytes, ...], tls: str) -> Inspected:
    """Return what a host presents, as sent."""
    certificates: list[CertificateInfo] = []
    notes: list[str] = []
    for number, data in enumerate(chain[:MAX_MEMBERS], start=1):
        try:
            certificates.append(facts(data).info)
        except ValueError as error:
            notes.append(f"certificate {number} {clean(error)}")
    if not certificates:
        raise _refused(source, "; ".join(notes) or "it presents no certificate", "Check the port")
    return Inspected(source, (), tuple(certificates), notes=tuple(notes), tls=clean(tls))
