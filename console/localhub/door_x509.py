"""Whether a client certificate proves a device: thumbprints, and chains to a CA the hub has verified."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from console.localhub.state import DeviceRecord, HubState

MAX_DEPTH = 5
UNREADABLE = (
    ValueError,
    TypeError,  # a name's part of a kind that its value cannot have
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises over a certificate that is none."""

NO_CERTIFICATE = "Authentication failed for this device, renew token or certificate and reconnect"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the hub needs to know of one certificate. Thumbprints are upper-case hex."""

    certificate: x509.Certificate
    common_name: str
    not_before: datetime
    not_after: datetime
    sha1: str
    sha256: str
    is_authority: bool


@lru_cache(maxsize=65536)
def facts(der: bytes) -> CertificateFacts | None:
    """Return the facts of a certificate in DER, None when it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        try:
            authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            authority = False
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        _ = certificate.issuer  # read when asked for, as all names
    except UNREADABLE:
        return None
    return CertificateFacts(
        certificate,
        str(names[0].value) if names else "",
        begin,
        end,
        hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        hashlib.sha256(der).hexdigest().upper(),
        authority,
    )


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


def check_thumbprint(record: DeviceRecord, chain: Sequence[bytes], now: datetime) -> str:
    """Return why a client certificate does not fit a device registered by thumbprint; empty when it fits.

    Either hash may be registered, in either slot; case does not count.
    """
    leaf = facts(chain[0]) if chain else None
    if leaf is None:
        return NO_CERTIFICATE
    registered = {(record.primary_thumbprint or "").upper(), (record.secondary_thumbprint or "").upper()} - {""}
    if leaf.sha1 not in registered and leaf.sha256 not in registered:
        return (
            f"Thumbprint does not match configuration: SHA1Hash={leaf.sha1}, SHA2Hash={leaf.sha256}; Configuration: "
            f"PrimaryThumbprint={record.primary_thumbprint or ''}, "
            f"SecondaryThumbprint={record.secondary_thumbprint or ''}"
        )
    return validity(leaf, now)


def check_chain(hub: HubState, name: str, chain: Sequence[bytes], now: datetime) -> str:
    """Return why a chain (leaf first, DER) does not prove an identity registered for a CA; empty when it does.

    The leaf's common name must be `name` (device id, or `device/module`), each certificate must be signed by the next
    or by a CA that is registered and verified at the hub, and all must be valid at `now`. Revocation lists are not
    read, as the service does not.
    """
    leaf = facts(chain[0]) if chain else None
    if leaf is None or leaf.common_name != name:
        return NO_CERTIFICATE
    with hub.lock:
        roots = [
            der
            for key, der in hub.certificate_ders.items()
            if (hub.certificates.get(key) or {}).get("properties", {}).get("isVerified") is True
        ]
    current = chain[0]
    for _ in range(MAX_DEPTH):
        found = facts(current)
        if found is None:
            return NO_CERTIFICATE
        if problem := validity(found, now):
            return problem
        for root in roots:
            if root == current:
                return ""
            if signed_by(current, root):
                above = facts(root)
                return validity(above, now) if above is not None else NO_CERTIFICATE
        issuer = next((der for der in chain[1:] if der != current and is_issuer(current, der)), None)
        if issuer is None:
            return NO_CERTIFICATE
        current = issuer
    return NO_CERTIFICATE


def is_issuer(der: bytes, candidate: bytes) -> bool:
    """Say whether a certificate (DER) may have issued another: it is a CA's, and the signature is by its key."""
    found = facts(candidate)
    return found is not None and found.is_authority and signed_by(der, candidate)
