"""One certificate taken apart: what it says, and what of it could not be read; nothing here fails on strange bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from console.model.certificate import CertificateInfo
from console.model.text import clean
from console.rules import der as asn1
from console.rules.certificate_der import Extension, Parts, broken_name, key_name, reason, rsa_bits, take_apart
from console.rules.extension_values import BASIC, alone, basic_of, extension_word
from console.rules.library_words import in_our_words
from console.rules.object_names import PURPOSES
from console.rules.signature_check import hash_word, unknown_key
from console.rules.x509_names import COMMON_NAME, TEXT_LIMIT, canonical, general_name, oddities, values, words

T = TypeVar("T")
E = TypeVar("E", bound=x509.ExtensionType)

NETSCAPE_TYPE = "2.16.840.1.113730.1.1"
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_HEX_LIMIT = 64
_MOST_ISSUERS = 1024
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
_ISSUERS: dict[bytes, str] = {}
_CURVES = {"secp256r1": "P-256", "prime256v1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_USAGES = (
    ("digital_signature", "digitalSignature"),
    ("content_commitment", "nonRepudiation"),
    ("key_encipherment", "keyEncipherment"),
    ("data_encipherment", "dataEncipherment"),
    ("key_agreement", "keyAgreement"),
    ("key_cert_sign", "keyCertSign"),
    ("crl_sign", "cRLSign"),
)


def guarded(call: Callable[[], T], default: T, problems: list[str], what: str) -> T:
    """Return what a call of the cryptography library gives; where it fails, note that and return the default.

    The library's panics (pyo3's PanicException) are no `Exception`, and strange certificates bring them about.
    """
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        problems.append(f"{what} cannot be read ({short(error)})")
        return default


def short(error: BaseException) -> str:
    """Return a library's complaint in our words."""
    return clean(in_our_words(error), limit=120)


class Facts:
    """A certificate in DER, read once. Raises ValueError, with the reason in our words, where no program takes it.

    `tolerant`: read also what the cryptography library, or OpenSSL, does not take: to be shown, not to be judged.
    """

    def __init__(self, data: bytes, *, tolerant: bool = False) -> None:
        self.der = data
        self.parts: Parts = take_apart(data)
        if not tolerant:
            _check(data, self.parts)
        self.problems: list[str] = []
        parts = self.parts
        self.signature_oid = parts.signature_oid
        self.issuer = canonical(parts.issuer)
        self.subject = self.issuer if parts.subject == parts.issuer else canonical(parts.subject)
        self.self_issued = self.issuer == self.subject
        # the algorithm inside what is signed and the one beside it must be the same (RFC 5280 §4.1.1.2)
        self.algorithms_differ = parts.algorithms_differ
        self.invalid = False  # an extension that verifying needs cannot be read, or stands there twice
        self.unread_extensions: list[str] = []  # those that verifying needs and that cannot be read here
        self.not_before, self.not_after = parts.not_before, parts.not_after
        self.key: Any = self._read(lambda: load_der_public_key(parts.spki), None, "the public key")
        self.extensions = self._extensions()
        basic = next((basic_of(one.value) for one in parts.extensions if one.oid == BASIC), None)
        self.authority: bool | None = None if basic is None else basic[0]
        self.path_length: int | None = None if basic is None else basic[1]
        self.usage = _usages(self.value(x509.KeyUsage))
        if self.usage == () and _no_bits(self.parts.extensions):
            self.invalid = True
            self.problems.append("its keyUsage names no use")
        purposes = self.value(x509.ExtendedKeyUsage)
        self.purposes = None if purposes is None else tuple(one.dotted_string for one in purposes)
        self.skid = getattr(self.value(x509.SubjectKeyIdentifier), "digest", None)
        self.akid = self.value(x509.AuthorityKeyIdentifier)
        self.names = self.value(x509.SubjectAlternativeName)
        if NETSCAPE_TYPE in self.extensions and self.netscape_type is None:
            self.invalid = True
            self.problems.append("Netscape's certificate type cannot be read")
        self.version = parts.version
        self.sound: set[tuple[object, ...]] = set()  # the roles in chains in which nothing was found against it

    def _read(self, call: Callable[[], T], default: T, what: str) -> T:
        return guarded(call, default, self.problems, what)

    def value(self, kind: type[E]) -> E | None:
        """Return the value of an extension, None where it is missing or cannot be read."""
        found = self.extensions.get(kind.oid.dotted_string)
        return found.value if found is not None and isinstance(found.value, kind) else None

    def critical(self, oid: str) -> bool:
        """Say whether an extension is there and critical."""
        found = self.extensions.get(oid)
        return found is not None and found.critical

    @cached_property
    def netscape_type(self) -> int | None:
        """The bits of Netscape's certificate type (0x80: TLS clients), None where there is none that can be read."""
        found = self.extensions.get(NETSCAPE_TYPE)
        try:
            text = b"" if found is None else getattr(found.value, "value", b"")
            bits = asn1.read(text)
        except asn1.DerError:
            return None
        content = bits.content(text)
        if bits.tag != asn1.BIT_STRING or not content or content[0] > 7:
            return None
        return content[1] if len(content) > 1 else 0

    @cached_property
    def explicit_curve(self) -> bool:
        """Whether its curve is spelled out instead of named, which TLS and OpenSSL's chains do not take."""
        try:
            spki = self.parts.spki
            algorithm = asn1.children(spki, asn1.read(spki))[0]
            parts = asn1.children(spki, algorithm)
        except (asn1.DerError, IndexError):
            return False
        return parts[0].content(spki) == _EC_KEY and parts[-1].tag == asn1.SEQUENCE

    # --- extensions ----------------------------------------------------------------------------------------------

    def _extensions(self) -> dict[str, Any]:
        """Return the extensions that can be read, by number: each is read in a certificate that has no other."""
        found: dict[str, Any] = {}
        for text in self.parts.extensions:
            if text.oid in found:
                self.problems.append(f"the extension {extension_word(text.oid)} is there twice")
                self.invalid = self.invalid or text.oid in _DECIDING
                continue
            one: Any = guarded(lambda text=text: alone(text), None, [], "")  # type: ignore[misc]
            if one is None:
                one = _Unreadable(text.oid, text.critical)
                self._not_read(text)
            elif text.oid in _NOT_CHECKED:
                self.unread_extensions.append(f"the extension {_NOT_CHECKED[text.oid]} is not checked here")
            elif text.oid == BASIC and basic_of(text.value) is None:
                self.unread_extensions.append("the extension basicConstraints is not written as it must be")
            found[text.oid] = one
        return found

    def _not_read(self, text: Extension) -> None:
        """Take note of an extension that the library does not read; what a chain needs of it may be readable here."""
        why: list[str] = []
        guarded(lambda: alone(text), None, why, f"the extension {extension_word(text.oid)}")
        if text.oid == BASIC and basic_of(text.value) is not None:
            return
        self.problems += why
        if text.oid in _DECIDING:
            self.unread_extensions += why

    # --- for people ----------------------------------------------------------------------------------------------

    @cached_property
    def info(self) -> CertificateInfo:
        """The certificate for people: clean text, both thumbprints."""
        problems, parts = list(self.problems), self.parts
        names = values(parts.subject, COMMON_NAME)
        key, bits = key_words(self.key, parts.spki)
        serial = parts.serial
        if serial <= 0:
            problems.append("its serial number is not a positive number")
        akid = getattr(self.akid, "key_identifier", None)
        return CertificateInfo(
            subject=words(parts.subject),
            common_name=clean(names[0], limit=TEXT_LIMIT) if names else "",
            issuer=self._issuer_text(),
            serial=f"{serial:X}" if serial >= 0 else f"-{-serial:X}",
            not_before=self.not_before,
            not_after=self.not_after,
            sha1=hashlib.sha1(self.der, usedforsecurity=False).hexdigest().upper(),
            sha256=hashlib.sha256(self.der).hexdigest().upper(),
            key=key,
            key_bits=bits,
            signature_hash=hash_word(parts.algorithm),
            self_issued=self.self_issued,
            authority=self.authority,
            path_length=self.path_length,
            key_usage=self.usage or (),
            extended_usage=tuple(PURPOSES.get(one, one) for one in self.purposes or ()),
            alternative_names=tuple(general_name(one) for one in list(self.names or ())[:_HEX_LIMIT]),
            subject_key_id=(self.skid or b"")[:_HEX_LIMIT].hex().upper(),
            authority_key_id=(akid or b"")[:_HEX_LIMIT].hex().upper(),
            version=self.version,
            der=self.der,
            problems=tuple(problems[:16]),
            oddities=(*parts.unusual, *oddities(parts.subject))[:16],
            pointers=self._pointers(),
        )

    def _issuer_text(self) -> str:
        """Return the issuer for people; most certificates share theirs with others."""
        raw = self.parts.issuer
        text = _ISSUERS.get(raw)
        if text is None:
            text = words(raw)
            if text and len(_ISSUERS) < _MOST_ISSUERS:
                _ISSUERS[raw] = text
        return text

    def _pointers(self) -> tuple[str, ...]:
        points = [
            f"CRL {general_name(name)}"
            for point in self.value(x509.CRLDistributionPoints) or ()
            for name in point.full_name or ()
        ]
        access = [
            f"OCSP {general_name(one.access_location)}"
            for one in self.value(x509.AuthorityInformationAccess) or ()
            if one.access_method == AuthorityInformationAccessOID.OCSP
        ]
        return tuple([*points, *access][:8])


@lru_cache(maxsize=512)
def facts(der: bytes) -> Facts:
    """Return the facts of a certificate in DER; the same certificate is read once. Raises ValueError."""
    return Facts(der)


def anyhow(der: bytes) -> tuple[CertificateInfo | None, str]:
    """Return what can be shown of a certificate that `facts` refuses, None for nothing, and why it is refused."""
    try:
        facts(der)
    except ValueError as error:
        why = clean(error)
    else:
        why = ""
    try:
        return Facts(der, tolerant=True).info, why
    except ValueError:
        return None, why


def _check(data: bytes, parts: Parts) -> None:
    """Raise ValueError where the library or OpenSSL does not take a certificate."""
    try:
        x509.load_der_x509_certificate(data)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # the library's panics are no Exception
        raise ValueError(reason(data, short(error))) from None
    if why := broken_name(parts):
        raise ValueError(why)


class _Unreadable(NamedTuple):
    """Stands for an extension whose value the library does not read."""

    dotted: str
    critical: bool
    value: None = None

    @property
    def oid(self) -> str:
        return self.dotted


_DECIDING = frozenset((*(f"2.5.29.{number}" for number in (19, 15, 37, 14, 35, 17, 30, 31)), NETSCAPE_TYPE))


_NOT_CHECKED = {
    "1.3.6.1.5.5.7.1.7": "with blocks of addresses (RFC 3779)",
    "1.3.6.1.5.5.7.1.8": "with numbers of networks (RFC 3779)",
    "1.3.6.1.5.5.7.1.14": "of a proxy certificate (RFC 3820)",
}
"""Extensions that OpenSSL holds a chain against by rules of their own, and that count nothing at IoT Hub."""


def _usages(usage: x509.KeyUsage | None) -> tuple[str, ...] | None:
    if usage is None:
        return None
    words = [word for attribute, word in _USAGES if getattr(usage, attribute)]
    if usage.key_agreement:
        words += [
            word
            for flag, word in ((usage.encipher_only, "encipherOnly"), (usage.decipher_only, "decipherOnly"))
            if flag
        ]
    return tuple(words)


def _no_bits(extensions: tuple[Extension, ...]) -> bool:
    """Say whether keyUsage is a list without a single bit, which OpenSSL takes for an error."""
    value = next((one.value for one in extensions if one.oid == ExtensionOID.KEY_USAGE.dotted_string), b"")
    return not any(value[3:])  # behind tag, length and the count of unused bits


def key_words(key: Any, spki: bytes) -> tuple[str, int]:
    """Return a public key's kind and size: ("EC P-256", 256); of one that cannot be read what its DER says."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, clean(key.curve.name))}", key.curve.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 456
    family, name = key_name(spki)
    if unknown := unknown_key(spki, key):
        size = re.search(r"\d{3}", name)
        return (f"EC {unknown}" if family == "ec" else unknown), int(size[0]) if family == "ec" and size else 0
    if bits := rsa_bits(spki):
        return f"RSA {bits}", bits
    return f"not readable ({name})", 0


SUBJECT_ALTERNATIVE = ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string
