"""One certificate of a file that is to leave this machine: a file with a private key is refused before anything."""

from __future__ import annotations

from console.model.certificate import CertificateInfo, Inspected
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_der import take_apart
from console.rules.certificate_facts import facts
from console.rules.certificate_reading import read
from console.rules.certificate_unread import refused
from console.rules.der import DerError
from console.rules.signature_check import Outcome, check
from console.rules.x509_names import COMMON_NAME, values, words

_SHOWN = 6


def opened(content: bytes, what: str, passphrase: Secret | None = None) -> Inspected:
    """Return what a file holds; `what` begins the sentence when it holds nothing that can be read.

    Raises ConsoleError BAD_INPUT: code "no-certificate", "passphrase".
    """
    try:
        return read(content, "the file", passphrase)
    except ConsoleError as error:
        raise ConsoleError(error.kind, what, f"the file: {error.why}", error.hint, code=error.code) from error


def holds_private_key(content: bytes) -> bool:
    """Whether a file holds, or may hold, a private key: PEM of any kind, DER, PKCS#8 (encrypted too), PKCS#12.

    A PEM block that is cut off counts, and so does a PKCS#12 file that nobody can look into.
    """
    if b"PRIVATE KEY" in content.replace(b"\0", b""):  # a PEM file saved as UTF-16 is still one
        return True
    try:
        found = read(content, "the file")
    except ConsoleError as error:
        return error.code == "passphrase"
    return bool(found.private_keys) or "PKCS#12" in found.forms


def only_certificate(content: bytes, what: str) -> CertificateInfo:
    """Return the certificate of a file that holds this one and nothing secret.

    Raises ConsoleError BAD_INPUT: code "private-key", "several", "no-certificate", "unread" for a file of which a
    certificate cannot be read, whichever it is.
    """
    if holds_private_key(content):
        why = "the file holds a private key (or is a PKCS#12 file, which may hold one)"
        hint = "Give a file with the certificate alone; a private key never leaves the machine it belongs to"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="private-key")
    found = opened(content, what)
    if found.unread_certificates:
        raise refused(found, found.unread_certificates[0], what)
    if not found.certificates:
        why = "the file holds no certificate" + (", but a signing request" if found.requests else "")
        notes = "".join(f" ({note})" for note in found.notes[:1])
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, why + notes, "Give a certificate in PEM or DER", code="no-certificate"
        )
    if len(found.certificates) > 1:
        why = f"the file holds {len(found.certificates)} certificates ({named(found.certificates)})"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give a file with just one of them", code="several")
    return found.certificates[0]


def named(certificates: tuple[CertificateInfo, ...]) -> str:
    """Return the subjects of some certificates for a sentence."""
    names = "; ".join(clean(one.subject, limit=80) or "(no name)" for one in certificates[:_SHOWN])
    return names + ("; …" if len(certificates) > _SHOWN else "")


def subject_names(der: bytes) -> list[str]:
    """Return the common names in a certificate's subject, as they are: not clean."""
    try:
        return values(take_apart(der).subject, COMMON_NAME)
    except DerError:
        return []


def issuer_names(der: bytes, authority: bytes) -> tuple[str, str]:
    """Return a certificate's issuer and a CA's subject, clean."""
    try:
        return words(take_apart(der).issuer), words(take_apart(authority).subject)
    except DerError:
        return "not readable", "another"


def signed_by(der: bytes, authority: bytes) -> Outcome:
    """Return whether a certificate names a CA as its issuer and is signed by that CA's key."""
    try:
        one, above = facts(der), facts(authority)
    except ValueError:
        return Outcome(False)
    if one.issuer != above.subject or one.algorithms_differ:
        return Outcome(False)
    return check(one.parts.algorithm, above.parts.spki, above.key, one.parts.signature, one.parts.signed)
