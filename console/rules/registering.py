"""A device's certificate whose thumbprint is to be registered: which of a file it is, what speaks against it."""

from __future__ import annotations

from datetime import datetime

from console.model.certificate import CertificateInfo, Inspected
from console.model.change import Risk, Severity
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_facts import facts
from console.rules.certificate_one import named, opened
from console.rules.certificate_strength import key_doubt
from console.rules.certificate_unread import names_of, notes_on, refused


def leaf_of(content: bytes, what: str, passphrase: Secret | None = None) -> tuple[CertificateInfo, list[str]]:
    """Return a file's certificate of a device, and notes; the one that is no CA when there are several.

    Raises ConsoleError BAD_INPUT: code "several", "no-certificate", "passphrase", "unread" when one that cannot be read
    may be the device's.
    """
    notes = []
    held = opened(content, what, passphrase)
    found = held.certificates
    _check_read(held, what)
    if not found:
        why = "the file holds no certificate" + (", but a signing request" if held.requests else "")
        hint = "Give the device's certificate, in any form"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="no-certificate")
    if held.private_keys:
        notes.append("the file holds a private key: it is not looked into, and nothing but the thumbprint is sent")
    leaves = [one for one in found if not one.authority]
    if len(found) > 1 and len(leaves) != 1:
        why = f"which of the file's {len(found)} certificates is the device's cannot be told ({named(found)})"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give a file with just that one", code="several")
    if len(found) > 1:
        notes.append(f"of the file's {len(found)} certificates the one that is no CA is taken: {leaves[0].subject}")
    return leaves[0] if leaves else found[0], [*notes, *notes_on(held.unread_certificates)]


def _check_read(held: Inspected, what: str) -> None:
    """Raise ConsoleError (code "unread") unless all that cannot be read issued one of those that can be."""
    issuers = {facts(one.der).issuer for one in held.certificates}
    for one in held.unread_certificates:
        names = names_of(one.der)
        if one is held.first_unread or names is None or names.subject not in issuers:
            raise refused(held, one, what)


def register_risks(info: CertificateInfo, device_id: str, now: datetime) -> list[Risk]:
    """Return what registering this certificate for a device risks.

    The hub checks by thumbprint nothing but that it fits and that the certificate is valid now; any certificate will do
    (IoT Hub's documents on X.509 authentication).
    """
    risks = []
    if now > info.not_after:
        text = f"it expired on {info.not_after:%Y-%m-%d}: the hub refuses it"
        risks.append(Risk("expired", Severity.HIGH, text, blocking=True, hint="Issue a new one: hubwarden cert issue"))
    elif now < info.not_before:
        text = f"it is valid only from {info.not_before:%Y-%m-%d %H:%M} UTC: until then the hub refuses it"
        risks.append(Risk("not-yet-valid", Severity.MEDIUM, text))
    elif info.needs_renewal(now):
        days = (info.not_after - now).days
        text = f"two thirds of its lifetime are over: it expires on {info.not_after:%Y-%m-%d}, in {days} days"
        risks.append(Risk("expires-soon", Severity.MEDIUM, text))
    if text := key_doubt(info):
        risks.append(Risk("key", Severity.HIGH, text, hint="Issue it with RSA 2048 or more, EC P-256 or P-384"))
    if info.authority:
        text = "it is a CA's certificate: whoever holds that CA's key signs in as this device"
        risks.append(Risk("ca-certificate", Severity.MEDIUM, text, hint="Register a certificate of its own"))
    if info.common_name != device_id:
        shown = f"“{clean(info.common_name, limit=80)}”" if info.common_name else "nobody"
        text = f"it is made out to {shown}; by thumbprint the hub takes any name, but is it the right file?"
        risks.append(Risk("other-name", Severity.LOW, text))
    return risks
