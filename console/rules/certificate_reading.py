"""What a file holds: PEM, DER, PKCS#7, PKCS#12, requests, bundles, base64; told by content, never by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from console.model.certificate import CertificateInfo, Inspected, Unread
from console.model.certificate_request import RequestInfo
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules import der as asn1
from console.rules.certificate_facts import anyhow, facts, guarded
from console.rules.certificate_unread import reason_of
from console.rules.other_files import label_words, what_is
from console.rules.pem import Block, blocks, decoded, guess, text_of, unarmoured
from console.rules.pkcs7_members import members
from console.rules.pkcs12_members import Bags, bags
from console.rules.request_facts import request_info
from console.rules.trust_settings import read_settings

MAX_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 5000
_ALONE = "the certificate"
MAX_NOTES = 20
_NAMES = {
    "crl": "a revocation list",
    "public-key": "a public key",
    "request": "a signing request",
    "key": "a private key",
    "encrypted-key": "an encrypted private key",
}
_HELD = {"certificate": "a certificate", "pkcs7": "certificates (PKCS#7)"}
_HOLDERS = ("certificate", "pkcs7", "pkcs12")
_LONG = (b"\x80", b"\x81", b"\x82", b"\x83", b"\x84")
_PADDING = b"\0 \t\r\n\f\v\x1a"


def read(data: bytes, source: str, passphrase: Secret | None = None) -> Inspected:
    """Return what bytes hold, in the order found; members that cannot be read are told, none is left out in silence.

    Private keys are counted and not looked into; `passphrase` opens PKCS#12. Raises ConsoleError BAD_INPUT: nothing was
    found (it says what the bytes seem to be; code "unread" when it is what should be certificates), too large, and with
    code "passphrase" when one is missing or wrong.
    """
    source = clean(source)
    if len(data) > MAX_BYTES:
        raise _refused(source, f"it is larger than {MAX_BYTES // 1024 // 1024} MB", "Give a file of certificates")
    reader = _Reader(source, passphrase)
    reader.anything(data)
    found = reader.result()
    told = any(one.info is not None for one in found.unread)
    if not (found.certificates or found.requests or found.private_keys or told):
        why = "; ".join(found.notes[:3] or tuple(reader.others[:3])) or guess(data)
        code = "unread" if found.unread_certificates else "no-certificate"
        raise _refused(source, why, "Give PEM, DER, PKCS#7, PKCS#12 or base64", code)
    return found


def _refused(source: str, why: str, hint: str, code: str = "no-certificate") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, f"{source} could not be read as certificates", why, hint, code=code)


class _Reader:
    def __init__(self, source: str, passphrase: Secret | None) -> None:
        self._source = source
        self._passphrase = passphrase
        self._forms: list[str] = []
        self._certificates: list[CertificateInfo] = []
        self._requests: list[RequestInfo] = []
        self._keys = self._encrypted = 0
        self._notes: list[str] = []
        self._unread: list[Unread] = []
        self.others: list[str] = []

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
            unread=tuple(self._unread),
        )

    def anything(self, data: bytes) -> None:
        """Read bytes of whatever form."""
        if data[:1] == b"\x30" and (asn1.shape(data) or what_is(data) or data[1:2] in _LONG):
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

    def _lost(self, place: str, reason: str, der: bytes = b"", *, request: bool = False) -> None:
        info = anyhow(der)[0] if der and not request and asn1.shape(der) == "certificate" else None
        one = Unread(place, reason, len(self._certificates), der, info, request)
        self._unread.append(one)
        self._notes.append(one.sentence())

    # --- forms -------------------------------------------------------------------------------------------------------

    def _pem(self, text: bytes) -> None:
        for number, block in enumerate(blocks(text), start=1):
            if self._full(number):
                return
            self._form("PEM")
            self._block(block, number)

    def _block(self, block: Block, number: int) -> None:
        label = clean(block.label, limit=40)
        place = f"block {number} ({label})" if label.strip() else f"block {number}"
        content = None if block.flaw else decoded(block.body)
        if "PRIVATE KEY" in block.label and not block.flaw:
            self._keys += 1
            self._encrypted += block.encrypted
            if content and asn1.shape(content) in ("certificate", "pkcs7"):
                self._lost(place, f"its label says that it is a private key, and it holds {_HELD[asn1.shape(content)]}")
        elif content is None:
            self._damaged(block, place, block.flaw or "it is not base64")
        elif block.for_certificates:
            self._promised(content, place)
        elif not self._member(content, place):
            self._unnamed(block, place, content)

    def _damaged(self, block: Block, place: str, flaw: str) -> None:
        sealed = block.body.lstrip()[:3] == b"MII" and not block.for_others
        if block.suspicious or block.for_request or sealed:
            self._lost(place, flaw, request=block.for_request)
        else:
            words = label_words(block.label)
            self._notes.append(f"{place} is {words}" if words else f"{place} cannot be read: {flaw}")

    def _unnamed(self, block: Block, place: str, content: bytes) -> None:
        """Tell of a block whose label promises no certificate and whose content is nothing that is known."""
        if block.for_request:
            self._lost(place, "it is no request by its outline", content, request=True)
        elif block.suspicious or (content[:1] == b"\x30" and not block.for_others):
            self._lost(place, reason_of(content), content)
        else:
            words = label_words(block.label) or what_is(content)
            told = f"{place} is {words}" if words else f"{place} is neither certificate nor request"
            # parameters stand before many a key, and nobody misses them
            (self.others if "PARAMETERS" in block.label else self._notes).append(told)

    def _promised(self, content: bytes, place: str) -> None:
        """Read a block whose label promises certificates: what it holds else stands in the place of one."""
        kind = asn1.shape(content)
        if kind in _HOLDERS:
            self._member(content, place)
        elif kind:
            self._member(content, place)
            self._lost(place, f"it holds {_NAMES.get(kind, kind)} and no certificate", content)
        else:
            self._lost(place, reason_of(content), content)

    def _binary(self, data: bytes) -> None:
        at, number = 0, 0
        while at < len(data):
            number += 1
            if self._full(number):
                return
            try:
                member = asn1.read(data, at)
            except asn1.DerError as error:
                self._rest(data[at:], number, f"it is damaged or cut off ({error})")
                return
            if member.tag != asn1.SEQUENCE:
                self._rest(data[at:], number, "it is no certificate by its outline")
                return
            alone = member.after == len(data) and number == 1
            self._element(member.whole(data), _ALONE if alone else f"element {number}")
            at = member.after

    def _element(self, member: bytes, place: str) -> None:
        kind = asn1.shape(member)
        if place == _ALONE and not kind and (what := what_is(member)):
            self._notes.append(f"it is {what}")
        elif not kind or (kind == "crl" and not _is_crl(member)):
            self._lost(place, reason_of(member), member)
        else:
            self._member(member, place, "DER")

    def _rest(self, rest: bytes, number: int, reason: str) -> None:
        """Tell of what follows elements and is none; blanks and zeros are no part of it."""
        if number > 1 and not rest.strip(_PADDING):
            self._notes += ["what follows is no certificate"] if rest.strip() else []
        elif b"-----BEGIN" in rest:
            self._pem(text_of(rest))
        else:
            self._lost(f"element {number}" if number > 1 else _ALONE, reason, rest)

    def _full(self, number: int) -> bool:
        if number > MAX_MEMBERS:
            self._lost(f"part {number} and what follows", f"only the first {MAX_MEMBERS} parts are read")
            return True
        return False

    def _form(self, name: str) -> None:
        self._forms.append(name)

    # --- members -----------------------------------------------------------------------------------------------------

    def _member(self, data: bytes, place: str, form: str = "") -> bool:
        """Read one member by its outline; say whether it is known."""
        kind = asn1.shape(data)
        if form and kind in ("certificate", "request", "key", "encrypted-key"):
            self._form(form)
        if kind == "certificate":
            first = next(asn1.elements(data), data)
            self._certificate(first, place, data[len(first) :])
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
            self._notes.append(f"{'it' if place == _ALONE else place} is {_NAMES[kind]}")
        return bool(kind)

    def _certificate(self, data: bytes, place: str, behind: bytes = b"") -> None:
        """Read a certificate; a TRUSTED CERTIFICATE has openssl's trust settings `behind` it."""
        settings = read_settings(behind) if behind else None
        try:
            info = facts(data).info
        except ValueError:
            self._lost(place, reason_of(data), data)
        else:
            self._certificates.append(replace(info, settings=settings) if settings else info)
        if behind and settings is None:
            holds = any(asn1.shape(one) == "certificate" for one in asn1.elements(behind))
            why = "a block holds one certificate" if holds else "these are no trust settings"
            self._lost(f"what follows the certificate in {place}", why, behind)

    def _request(self, data: bytes, place: str) -> None:
        try:
            self._requests.append(request_info(data))
        except ValueError as error:
            self._lost(place, clean(error), data, request=True)

    def _pkcs7(self, data: bytes, place: str) -> None:
        number, owner = 0, "the PKCS#7" if place == _ALONE else f"the PKCS#7 in {place}"
        try:
            for number, one in enumerate(members(data), start=1):
                if self._full(number):
                    return
                self._element_of(one, f"certificate {number} of {owner}")
        except asn1.DerError as error:
            self._lost(owner if not number else f"certificate {number + 1} of {owner}", f"{error}", data)
            return
        if not number:
            self._notes.append(f"{owner} holds no certificate")

    def _element_of(self, member: bytes, place: str) -> None:
        """Read what stands in the place of a certificate in a form that holds several."""
        if asn1.shape(member) == "certificate":
            self._certificate(member, place)
        else:
            self._lost(place, reason_of(member), member)

    def _loaded(self, certificate: x509.Certificate, place: str) -> None:
        none: list[str] = []
        data = guarded(lambda: certificate.public_bytes(serialization.Encoding.DER), b"", none, place)
        if data:
            self._certificate(data, place)
        else:
            self._lost(place, "it does not follow the standard")

    def _pkcs12(self, data: bytes, place: str) -> None:
        owner = "the PKCS#12" if place == _ALONE else f"the PKCS#12 in {place}"
        if asn1.hard_work(data):
            self._lost(owner, "it is damaged, or asks for more work than any program's would")
            return
        tries: list[bytes | None] = [None, b""]
        if self._passphrase:
            tries.append(self._passphrase.reveal().encode("utf-8", "surrogatepass"))
        problems: list[str] = []
        for secret in tries:
            held: Any = guarded(lambda secret=secret: pkcs12.load_pkcs12(data, secret), None, problems, "")  # type: ignore[misc]
            if held is None:
                if "password" in problems[-1]:
                    continue
                self._bags(data, secret, owner)
                return
            self._keys += held.key is not None
            self._encrypted += held.key is not None and bool(secret)
            every = [held.cert, *held.additional_certs[:MAX_MEMBERS]]
            for number, one in enumerate((one for one in every if one is not None), start=1):
                self._loaded(one.certificate, f"certificate {number} of {owner}")
            self._left_out(data, secret, owner)
            return
        what = f"{self._source} could not be opened"
        if self._passphrase:
            why, hint = "the passphrase is wrong, or the file is damaged", "Try again"
        else:
            why, hint = "it is PKCS#12 under a passphrase", "Give the passphrase"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="passphrase")

    def _bags(self, data: bytes, secret: bytes | None, owner: str) -> None:
        """Read the certificates of a PKCS#12 file one by one: the library refuses all for one."""
        found: Bags | None = guarded(lambda: bags(data, secret), None, [], "")
        if found is None:
            self._lost(owner, "something in it does not follow the standard, a certificate or the whole")
            return
        self._keys += found.keys
        self._encrypted += found.encrypted
        for number, one in enumerate(found.certificates[:MAX_MEMBERS], start=1):
            self._element_of(one, f"certificate {number} of {owner}")

    def _left_out(self, data: bytes, secret: bytes | None, owner: str) -> None:
        """Tell of certificates that the library left out of what it read."""
        found: Bags | None = guarded(lambda: bags(data, secret), None, [], "")
        read_here = {one.der for one in self._certificates} | {one.der for one in self._unread}
        for number, one in enumerate(found.certificates if found is not None else (), start=1):
            if one not in read_here:
                self._lost(f"certificate {number} of {owner}", reason_of(one), one)


def _is_crl(data: bytes) -> bool:
    return guarded(lambda: x509.load_der_x509_crl(data) is not None, False, [], "")


def of_host(source: str, chain: tuple[bytes, ...], tls: str) -> Inspected:
    """Return what a host presents, as sent."""
    certificates: list[CertificateInfo] = []
    unread: list[Unread] = []
    for number, data in enumerate(chain[:MAX_MEMBERS], start=1):
        try:
            certificates.append(facts(data).info)
        except ValueError:
            unread.append(Unread(f"certificate {number}", reason_of(data), len(certificates), data))
    notes = tuple(one.sentence() for one in unread[:MAX_NOTES])
    if not certificates:
        why, code = ("; ".join(notes), "unread") if notes else ("it presents no certificate", "no-certificate")
        raise _refused(source, why, "Check the port", code)
    return Inspected(source, (), tuple(certificates), notes=notes, tls=clean(tls), unread=tuple(unread))
