"""Whether one certificate may be the issuer of another by names, key identifiers and kind of key; no signature yet."""

from __future__ import annotations

from cryptography import x509

from console.rules.certificate_der import algorithm_of
from console.rules.certificate_facts import Facts, guarded
from console.rules.object_names import SIGNATURES
from console.rules.signature_check import fits
from console.rules.x509_names import canonical, name_text


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


def mismatch(issuer: Facts, child: Facts) -> str:
    """Return why a certificate is not the one that issued another, though it bears the issuer's name; empty if it may.

    The words for people are in the order in which `likely_issued` looks.
    """
    akid = child.akid
    if not identifiers_fit(issuer, child) and akid is not None:
        wanted, have = akid.key_identifier, issuer.skid
        if wanted is not None and have is not None and wanted != have:
            return f"it wants the key {_short(wanted)}, that one has {_short(have)}"
        serial = akid.authority_cert_serial_number
        if serial is not None and serial != issuer.parts.serial:
            return f"it wants the serial number {_number(serial)}, that one has {_number(issuer.parts.serial)}"
        names = [one for one in akid.authority_cert_issuer or () if isinstance(one, x509.DirectoryName)]
        asked = name_text(names[0].value) or "(empty name)"
        return f"it wants one that “{asked}” issued, that one was issued by “{issuer.info.issuer or '(empty name)'}”"
    if not algorithm_fits(issuer, child):
        family, _ = SIGNATURES[algorithm_of(child.parts.named)[0]]
        return f"it says that it is signed with a key of {family.upper()}, and the key of that one is {issuer.info.key}"
    return ""


def _short(octets: bytes) -> str:
    digits = octets.hex().upper()
    return f"{digits[:8]}…{digits[-4:]}" if len(digits) > 16 else digits or "(empty)"


def _number(serial: int) -> str:
    digits = f"{abs(serial):X}"
    return ("-" if serial < 0 else "") + (f"{digits[:8]}…{digits[-4:]}" if len(digits) > 16 else digits)


def algorithm_fits(issuer: Facts, child: Facts) -> bool:
    """Say whether the child's signature algorithm is one of the issuer's kind of key, or may be."""
    return fits(child.parts.named, issuer.parts.spki)
