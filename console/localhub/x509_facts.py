"""What a hub or a provisioning service needs to know of one certificate, and whether one was signed by another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

LEAST_RSA = 2048
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
KNOWN = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    }
)
"""Extensions that may be critical."""

UNREADABLE = (
    ValueError,
    TypeError,  # a name's part of a kind that its value cannot have
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises over a certificate that is none."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the hub needs to know of one certificate. Thumbprints are upper-case hex.

    Attributes:
        common_name: empty where there is none, or more than one: then nobody says whose it is.
        is_authority: it may sign certificates; `path_length` is how many CAs may follow below, None for any number.
        handshake: its key can be used in the service's TLS suites.
        strong: it is signed with a hash that still counts.
        sound: it is for clients, and has no critical extension unknown here.
        constraints: which names may stand below it; `dns_names` are its own.
    """

    certificate: x509.Certificate
    common_name: str
    not_before: datetime
    not_after: datetime
    sha1: str
    sha256: str
    is_authority: bool
    path_length: int | None
    handshake: bool
    strong: bool
    sound: bool
    constraints: x509.NameConstraints | None
    dns_names: tuple[str, ...]


@lru_cache(maxsize=65536)
def facts(der: bytes) -> CertificateFacts | None:
    """Return the facts of a certificate in DER, None when it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        extensions = certificate.extensions
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        _ = certificate.issuer  # read when asked for, as all names
        authority, path_length = _authority(extensions)
        handshake = _fits_handshake(certificate)
        strong = _strong_hash(certificate)
        sound = _for_clients(extensions) and _understood(extensions)
        constraints, dns_names = _names(extensions)
    except (UnsupportedAlgorithm, *UNREADABLE):
        return None
    return CertificateFacts(
        certificate,
        str(names[0].value) if len(names) == 1 else "",
        begin,
        end,
        hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        hashlib.sha256(der).hexdigest().upper(),
        authority,
        path_length,
        handshake,
        strong,
        sound,
        constraints,
        dns_names,
    )


def _authority(extensions: x509.Extensions) -> tuple[bool, int | None]:
    try:
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False, None
    try:
        signs = extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        signs = True
    return basic.ca and signs, basic.path_length


def _fits_handshake(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= LEAST_RSA
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)


def _strong_hash(certificate: x509.Certificate) -> bool:
    try:
        used = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return isinstance(used, hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512)


def _for_clients(extensions: x509.Extensions) -> bool:
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes


def _names(extensions: x509.Extensions) -> tuple[x509.NameConstraints | None, tuple[str, ...]]:
    try:
        constraints = extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        constraints = None
    try:
        own = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return constraints, ()
    return constraints, tuple(own.get_values_for_type(x509.DNSName))


def _understood(extensions: x509.Extensions) -> bool:
    return all(not one.critical or one.oid in KNOWN for one in extensions)


@lru_cache(maxsize=65536)
def signed_by(der: bytes, issuer_der: bytes) -> bool:
    """Say whether one certificate's signature is by another's key; neither ever changes, so the answer may be kept."""
    certificate, issuer = facts(der), facts(issuer_der)
    if certificate is None or issuer is None:
        return False
    try:
        certificate.certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, UnsupportedAlgorithm, *UNREADABLE):
        return False
    return True


def validity(found: CertificateFacts, now: datetime) -> str:
    """Return why a certificate is not valid at a time; empty when it is."""
    if now > found.not_after:
        return f"Certificate '{found.common_name}' has expired: not valid after {_stamp(found.not_after)}"
    if now < found.not_before:
        return f"Certificate '{found.common_name}' is not valid before {_stamp(found.not_before)}"
    return ""


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_issuer(der: bytes, candidate: bytes) -> bool:
    """Say whether a certificate (DER) may have issued another: it is a CA's, and the signature is by its key."""
    found = facts(candidate)
    return found is not None and found.is_authority and signed_by(der, candidate)
