"""Whether one certificate may be the issuer of another by names, key identifiers and kind of key; no signature yet."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from console.rules.certificate_facts import Facts, guarded
from console.rules.x509_names import canonical


def likely_issued(issuer: Facts, child: Facts) -> bool:
    """Say whether names, authority key identifier and signature algorithm fit; the signature is another matter."""
    return child.issuer == issuer.subject and identifiers_fit(issuer, child) and algorithm_fits(issuer, child)


def self_signed(one: Facts) -> bool:
    """Say whether a certificate is to be taken for self-signed; its signature is not checked."""
    return one.self_issued and likely_issued(one, one)


def identifiers_fit(issuer: Facts, child: Facts) -> bool:
    """Say whether an authority key identifier, where there is one, means this issuer."""
    akid = child.akid
    if akid is None:
        return True
    if akid.key_identifier is not None and issuer.skid is not None and akid.key_identifier != issuer.skid:
        return False
    if akid.authority_cert_serial_number is not None:
        serial = guarded(lambda: issuer.certificate.serial_number, None, [], "")
        if serial != akid.authority_cert_serial_number:
            return False
    names = [one for one in akid.authority_cert_issuer or () if isinstance(one, x509.DirectoryName)]
    if names:
        wanted = guarded(lambda: canonical(names[0].value.public_bytes()), None, [], "")
        return wanted is None or wanted == issuer.issuer
    return True


def algorithm_fits(issuer: Facts, child: Facts) -> bool:
    """Say whether the child's signature algorithm is one of the issuer's kind of key."""
    return child.signature_oid in _algorithms(issuer.key)


_ECDSA = frozenset({"1.2.840.10045.4.1", *(f"1.2.840.10045.4.3.{number}" for number in range(1, 5))})
_RSA = frozenset(f"1.2.840.113549.1.1.{number}" for number in (2, 3, 4, 5, *range(10, 17)))
_DSA = frozenset({"1.2.840.10040.4.3", *(f"2.16.840.1.101.3.4.3.{number}" for number in range(1, 5))})


def _algorithms(key: Any) -> frozenset[str]:
    """Return the signature algorithms of a key's kind, those that OpenSSL knows."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _ECDSA
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA
    if isinstance(key, ed25519.Ed25519PublicKey):
        return frozenset({"1.3.101.112"})
    if isinstance(key, ed448.Ed448PublicKey):
        return frozenset({"1.3.101.113"})
    return _DSA if isinstance(key, dsa.DSAPublicKey) else frozenset()
