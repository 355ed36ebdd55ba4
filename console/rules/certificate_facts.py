"""One certificate taken apart: what it says, and what of it could not be read; nothing here fails on strange bytes."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from console.model.certificate import CertificateInfo
from console.model.text import clean
from console.rules import der as asn1
from console.rules.x509_names import canonical, common_name, general_name, name_text

T = TypeVar("T")
E = TypeVar("E", bound=x509.ExtensionType)

# Strange bytes are told in notes; no line of the library about them may reach the terminal.
for _words in ("Parsed a serial number", r"PKCS#(7|12) ", ".*country code", ".*NULL parameter"):
    warnings.filterwarnings("ignore", message=_words)

NETSCAPE_TYPE = "2.16.840.1.113730.1.1"
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_HEX_LIMIT = 64
_MOST_ISSUERS = 1024
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
_ISSUERS: dict[bytes, str] = {}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_HASHES = {"sha1": "SHA-1", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_USAGES = (
    ("digital_signature", "digitalSignature"),
    ("content_commitment", "nonRepudiation"),
    ("key_encipherment", "keyEncipherment"),
    ("data_encipherment", "dataEncipherment"),
    ("key_agreement", "keyAgreement"),
    ("key_cert_sign", "keyCertSign"),
    ("crl_sign", "cRLSign"),
)
_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}


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
    """Return a library's complaint in a few words, clean."""
    text = clean(str(error).partition("\n")[0], limit=120).rstrip(".")
    return text or type(error).__name__


class Facts:
    """A certificate in DER, read once. Raises ValueError where it is none."""

    def __init__(self, data: bytes) -> None:
        self.der = data
        found: list[str] = []
        certificate = guarded(lambda: x509.load_der_x509_certificate(data), None, found, "it")
        if certificate is None:
            raise ValueError(found[0].removeprefix("it "))
        self.certificate: x509.Certificate = certificate
        self.problems: list[str] = []
        self._take_apart(data)
        oid = self._read(lambda: certificate.signature_algorithm_oid, None, "the signature's algorithm")
        self.signature_oid = "" if oid is None else oid.dotted_string
        self.subject_name = self._read(lambda: certificate.subject, None, "the subject")
        self.invalid = False  # an extension that verifying needs cannot be read, or stands there twice
        self.not_before = self._read(lambda: certificate.not_valid_before_utc, LONG_AGO, "the time it begins")
        self.not_after = self._read(lambda: certificate.not_valid_after_utc, LONG_AGO, "the time it ends")
        self.key: Any = self._read(certificate.public_key, None, "the public key")
        self.extensions = self._extensions()
        basic = self.value(x509.BasicConstraints)
        self.authority: bool | None = None if basic is None else basic.ca
        self.path_length: int | None = None if basic is None else basic.path_length
        self.usage = _usages(self.value(x509.KeyUsage))
        purposes = self.value(x509.ExtendedKeyUsage)
        self.purposes = None if purposes is None else tuple(one.dotted_string for one in purposes)
        self.skid = getattr(self.value(x509.SubjectKeyIdentifier), "digest", None)
        self.akid = self.value(x509.AuthorityKeyIdentifier)
        self.names = self.value(x509.SubjectAlternativeName)
        if NETSCAPE_TYPE in self.extensions and self.netscape_type is None:
            self.invalid = True
            self.problems.append("Netscape's certificate type cannot be read")
        self.version = 1 if certificate.version is x509.Version.v1 else 3
        self.sound: set[tuple[object, ...]] = set()  # the roles in chains in which nothing was found against it

    def _take_apart(self, data: bytes) -> None:
        """Keep where the parts are; `issuer` and `subject` are the same bytes for names that count as equal."""
        signed = asn1.read(data, asn1.read(data).body)
        parts = asn1.children(data, signed)
        self._parts = parts[1:] if parts[0].tag == asn1.CONTEXT_0 else parts  # begins with the serial number
        self._issuer, subject = self._parts[2].whole(data), self._parts[4].whole(data)
        self.issuer = canonical(self._issuer)
        self.subject = self.issuer if subject == self._issuer else canonical(subject)
        self.self_issued = self.issuer == self.subject
        # the algorithm inside what is signed and the one beside it must be the same (RFC 5280 §4.1.1.2)
        self.algorithms_differ = asn1.read(data, signed.after).whole(data) != self._parts[1].whole(data)

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
            text = b"" if found is None else found.value.value
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
            algorithm = asn1.children(self.der, self._parts[5])[0]
            parts = asn1.children(self.der, algorithm)
        except (asn1.DerError, IndexError):
            return False
        return parts[0].content(self.der) == _EC_KEY and parts[-1].tag == asn1.SEQUENCE

    # --- extensions ----------------------------------------------------------------------------------------------

    def _extensions(self) -> dict[str, Any]:
        try:
            return {one.oid.dotted_string: one for one in self.certificate.extensions}
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException:
            return self._one_by_one()

    def _one_by_one(self) -> dict[str, Any]:
        """Return the extensions that can be read: each is read in a certificate that has no other."""
        found: dict[str, Any] = {}
        try:
            raw = [one.whole(self.der) for one in asn1.children(self.der, _inner(self.der, self._parts[-1]))]
        except asn1.DerError:
            self.invalid = True
            self.problems.append("the extensions cannot be read")
            return found
        for text in raw:
            problems: list[str] = []
            one: Any = guarded(lambda text=text: self._alone(text), None, problems, "an extension")  # type: ignore[misc]
            if one is None:
                self.problems += problems
                self.invalid = self.invalid or _decides(text)
            elif one.oid.dotted_string in found:
                self.problems.append(f"the extension {_extension_name(one)} is there twice")
                self.invalid = self.invalid or _decides(text)
            else:
                found[one.oid.dotted_string] = one
        return found

    def _alone(self, extension: bytes) -> Any:
        parts = [one.whole(self.der) for one in self._parts[:6]]
        listed = asn1.encode(asn1.CONTEXT_3, asn1.encode(asn1.SEQUENCE, extension))
        signed = asn1.encode(asn1.SEQUENCE, b"\xa0\x03\x02\x01\x02" + b"".join(parts) + listed)
        outer = asn1.read(self.der)
        rest = b"".join(one.whole(self.der) for one in asn1.children(self.der, outer)[1:])
        made = x509.load_der_x509_certificate(asn1.encode(asn1.SEQUENCE, signed + rest))
        return next(iter(made.extensions))

    # --- for people ----------------------------------------------------------------------------------------------

    @cached_property
    def info(self) -> CertificateInfo:
        """The certificate for people: clean text, both thumbprints."""
        problems = list(self.problems)
        certificate, name = self.certificate, self.subject_name
        key, bits = key_words(self.key, certificate.public_key_algorithm_oid.dotted_string)
        serial = guarded(lambda: certificate.serial_number, 0, problems, "the serial number")
        if serial <= 0:
            problems.append("its serial number is not a positive number")
        akid = getattr(self.akid, "key_identifier", None)
        return CertificateInfo(
            subject="" if name is None else guarded(lambda: name_text(name), "", problems, "the subject"),
            common_name="" if name is None else guarded(lambda: common_name(name), "", [], ""),
            issuer=self._issuer_text(problems),
            serial=f"{serial:X}" if serial >= 0 else f"-{-serial:X}",
            not_before=self.not_before,
            not_after=self.not_after,
            sha1=hashlib.sha1(self.der, usedforsecurity=False).hexdigest().upper(),
            sha256=hashlib.sha256(self.der).hexdigest().upper(),
            key=key,
            key_bits=bits,
            signature_hash=guarded(lambda: _hash_word(certificate), "", problems, "the signature's algorithm"),
            self_issued=self.self_issued,
            authority=self.authority,
            path_length=self.path_length,
            key_usage=self.usage or (),
            extended_usage=tuple(_PURPOSES.get(one, one) for one in self.purposes or ()),
            alternative_names=tuple(general_name(one) for one in list(self.names or ())[:_HEX_LIMIT]),
            subject_key_id=(self.skid or b"")[:_HEX_LIMIT].hex().upper(),
            authority_key_id=(akid or b"")[:_HEX_LIMIT].hex().upper(),
            version=self.version,
            der=self.der,
            problems=tuple(problems[:16]),
            pointers=self._pointers(),
        )

    def _issuer_text(self, problems: list[str]) -> str:
        """Return the issuer for people; most certificates share theirs with others."""
        raw = self._issuer
        text = _ISSUERS.get(raw)
        if text is None:
            text = guarded(lambda: name_text(self.certificate.issuer), "", problems, "the issuer")
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


def _inner(data: bytes, element: asn1.Element) -> asn1.Element:
    if element.tag != asn1.CONTEXT_3:
        raise asn1.DerError("it has no extensions")
    return asn1.read(data, element.body, element.end)


_DECIDING = {
    bytes.fromhex(one)
    for one in ("551d13", "551d0f", "551d25", "551d0e", "551d23", "551d11", "551d1e", "551d1f", "6086480186f8420101")
}


def _decides(extension: bytes) -> bool:
    """Say whether verifying a chain needs this extension (basicConstraints, usages, identifiers, names, ...)."""
    try:
        first = asn1.children(extension, asn1.read(extension))[0]
    except (asn1.DerError, IndexError):
        return True
    return first.content(extension) in _DECIDING


def _extension_name(extension: Any) -> str:
    return clean(getattr(extension.oid, "_name", "") or extension.oid.dotted_string)


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


def key_words(key: Any, oid: str) -> tuple[str, int]:
    """Return a public key's kind and size: ("EC P-256", 256)."""
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
    return (f"not readable ({oid})" if key is None else type(key).__name__.removesuffix("PublicKey")), 0


def _hash_word(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    return "" if algorithm is None else _HASHES.get(algorithm.name, algorithm.name.upper())


SUBJECT_ALTERNATIVE = ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string
