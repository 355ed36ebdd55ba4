"""Whether one certificate may be the issuer of another by names, key identifiers and kind of key; no signature yet."""

from __future__ import annotations

from cryptography import x509

from console.rules.certificate_facts import Facts, guarded
from console.rules.signature_check import fits
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
    if akid.authority_cert_serial_number is not None and issuer.parts.serial != akid.authority_cert_serial_number:
        return False
    names = [one for one in akid.authority_cert_issuer or () if isinstance(one, x509.DirectoryName)]
    if names:
        wanted = guarded(lambda: canonical(names[0].value.public_bytes()), None, [], "")
        return wanted is None or wanted == issuer.issuer
    return True


def algorithm_fits(issuer: Facts, child: Facts) -> bool:
    """Say whether the child's signature algorithm is one of the issuer's kind of key, or may be."""
    return fits(child.parts.named, issuer.parts.spki)
