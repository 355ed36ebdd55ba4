"""One certificate of a file that is to leave this machine: a file with a private key is refused before anything."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from console.model.certificate import CertificateInfo
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

T = TypeVar("T")
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES = {b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"}


def certificates_in(content: bytes, what: str) -> list[CertificateInfo]:
    """Return the certificates of a PEM or DER file, in order.

    Raises ConsoleError BAD_INPUT (code "no-certificate") when there is none or one cannot be read.
    """
    content = content.replace(b"\0", b"") if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else content
    blocks = [match for match in _BLOCK.finditer(content) if match[1] in _CERTIFICATES]
    ders = [_decoded(match[2]) for match in blocks] if blocks else [_bare(content)]
    return [_info(der, what) for der in ders]


def holds_private_key(content: bytes) -> bool:
    """Whether a file holds, or may hold, a private key: PEM of any kind, DER, PKCS#8 (encrypted too), PKCS#12."""
    text = content.replace(b"\0", b"")  # a PEM file saved as UTF-16 is still one
    if b"PRIVATE KEY" in text:
        return True
    return any(_is_key(der) for der in (content, _bare(content)))


def only_certificate(content: bytes, what: str) -> CertificateInfo:
    """Return the certificate of a file that holds this one and nothing secret.

    Raises ConsoleError BAD_INPUT: code "private-key", "several", "no-certificate".
    """
    if holds_private_key(content):
        why = "the file holds a private key (or is a PKCS#12 file, which may hold one)"
        hint = "Give a file with the certificate alone; a private key never leaves the machine it belongs to"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="private-key")
    found = certificates_in(content, what)
    if len(found) > 1:
        names = "; ".join(clean(one.subject, limit=80) for one in found[:6])
        why = f"the file holds {len(found)} certificates ({names}{'; …' if len(found) > 6 else ''})"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give a file with just one of them", code="several")
    return found[0]


def subject_names(der: bytes) -> list[str]:
    """Return the common names in a certificate's subject."""

    def read() -> list[str]:
        subject = x509.load_der_x509_certificate(der).subject
        return [str(one.value) for one in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]

    return guarded(read) or []


def issuer_names(der: bytes, authority: bytes) -> tuple[str, str]:
    """Return a certificate's issuer and a CA's subject, clean."""

    def read() -> tuple[str, str]:
        one, other = x509.load_der_x509_certificate(der), x509.load_der_x509_certificate(authority)
        return clean(one.issuer.rfc4514_string(), limit=120), clean(other.subject.rfc4514_string(), limit=120)

    return guarded(read) or ("?", "?")


def signed_by(der: bytes, authority: bytes) -> bool:
    """Whether a certificate names a CA as its issuer and is signed by that CA's key."""

    def check() -> bool:
        x509.load_der_x509_certificate(der).verify_directly_issued_by(x509.load_der_x509_certificate(authority))
        return True

    return guarded(check) is True


def guarded(read: Callable[[], T]) -> T | None:
    """Return what a reading of foreign bytes gives, None when it fails in whatever way (panics of Rust included)."""
    try:
        return read()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # pyo3's PanicException is no Exception
        return None


def _is_key(der: bytes) -> bool:
    """Tell by the outermost values: PKCS#1, PKCS#8, SEC 1 and PKCS#12 begin with a version, certificates do not."""
    if der[:1] != b"\x30" or len(der) < 8:
        return False
    first = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    if der[first : first + 2] == b"\x02\x01":
        return True
    try:
        load_der_private_key(der, None)
    except TypeError:  # encrypted: it asks for a passphrase
        return True
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return False
    return True


def _bare(content: bytes) -> bytes:
    """Return a file as DER: as it is, or base64 without armour decoded."""
    if content[:1] == b"\x30" and content[1:2] != b"":
        return content
    return _decoded(content)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _info(der: bytes, what: str) -> CertificateInfo:
    def read() -> CertificateInfo:
        certificate = x509.load_der_x509_certificate(der)
        raw = certificate.public_bytes(Encoding.DER)
        key, bits = _key_of(certificate)
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        hashed = certificate.signature_hash_algorithm
        return CertificateInfo(
            subject=clean(certificate.subject.rfc4514_string()),
            common_name=clean(names[0].value) if names else "",
            issuer=clean(certificate.issuer.rfc4514_string()),
            serial=f"{certificate.serial_number:X}",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            sha1=hashlib.sha1(raw, usedforsecurity=False).hexdigest().upper(),
            sha256=hashlib.sha256(raw).hexdigest().upper(),
            key=key,
            key_bits=bits,
            signature_hash=hashed.name.upper().replace("SHA", "SHA-") if hashed is not None else "",
            self_issued=certificate.subject == certificate.issuer,
            authority=_authority(certificate),
            key_usage=_usage(certificate),
            der=raw,
        )

    info = guarded(read)
    if info is None:
        hint = "Give a certificate in PEM or DER"
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, "the file holds no certificate that can be read", hint, code="no-certificate"
        )
    return info


def _key_of(certificate: x509.Certificate) -> tuple[str, int]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        names = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
        return f"EC {names.get(key.curve.name, key.curve.name)}", key.key_size
    return type(key).__name__.removesuffix("PublicKey").lstrip("_"), 0


def _authority(certificate: x509.Certificate) -> bool | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return None


def _usage(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        name
        for name, given in (("digitalSignature", usage.digital_signature), ("keyCertSign", usage.key_cert_sign))
        if given
    ) or ("none",)
