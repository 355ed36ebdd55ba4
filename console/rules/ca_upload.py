"""What may be uploaded to a hub as a CA certificate, what that risks, and whether a proof of possession would hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from console.model.certificate import CertificateInfo
from console.model.change import Risk, Severity
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import HubCertificate
from console.model.text import clean
from console.rules.certificate_one import issuer_names, signed_by, subject_names
from console.rules.certificate_unread import readable, reason_of

CERTIFICATE_LIMIT = 25
"""CA certificates of one hub by the service's usual quota."""
_WEAK_RSA = 2048
_CURVES = ("EC P-256", "EC P-384", "EC P-521")
_SOON = timedelta(days=30)
_SKEW = timedelta(minutes=5)
"""So far apart the clocks of the machine that signed and of this one may be."""


def check_authority(info: CertificateInfo, what: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "no-ca") unless a certificate says that it is a CA's."""
    if info.authority:
        return
    missing = "it has no basic constraints" if info.authority is None else "its basic constraints say so"
    hint = (
        "Upload the CA that signed it; a single certificate is registered by its thumbprint instead: "
        "hubwarden cert register"
    )
    raise ConsoleError(ErrorKind.BAD_INPUT, what, f"{info.subject} is no CA ({missing})", hint, code="no-ca")


def upload_risks(
    info: CertificateInfo, *, verified: bool, others: Sequence[HubCertificate], now: datetime
) -> list[Risk]:
    """Return what uploading a CA risks. `others` are the hub's certificates, without one that is replaced."""
    risks = [*_key_risks(info), *_time_risks(info, now)]
    if verified:
        text = (
            "it counts as verified without proof of possession: nobody checks that whoever uploads it holds its key. "
            "Whoever can upload could so let in the devices of a CA that is not theirs"
        )
        hint = "Leave out “verified” and prove possession: hubwarden cert prove"
        risks.append(Risk("verified-on-upload", Severity.MEDIUM, text, hint=hint))
    twins = [clean(one.name) for one in others if one.thumbprint.casefold() == info.sha1.casefold()]
    if twins:
        text = f"the hub has this very certificate already, under the name {', '.join(twins)}"
        risks.append(Risk("uploaded-already", Severity.LOW, text))
    if len(others) >= CERTIFICATE_LIMIT:
        text = f"the hub has {len(others)} certificates, {CERTIFICATE_LIMIT} are allowed: it will refuse this one"
        risks.append(Risk("limit", Severity.HIGH, text, blocking=True, hint="Delete one that no device needs"))
    return risks


def _key_risks(info: CertificateInfo) -> list[Risk]:
    risks = []
    if info.key.startswith("RSA"):
        if info.key_bits < _WEAK_RSA:
            text = f"its key is too short ({info.key}): it can be broken, and anybody could then issue for your devices"
            risks.append(Risk("weak-key", Severity.HIGH, text, blocking=True, hint="Make a CA with a longer key"))
    elif info.key not in _CURVES:
        text = f"its key is {info.key}; IoT Hub documents RSA and the NIST curves only, devices would not get in by it"
        risks.append(Risk("unsupported-key", Severity.HIGH, text, blocking=True, hint="Use RSA or EC P-256 / P-384"))
    if info.signature_hash in {"SHA-1", "MD5"}:
        text = f"it is signed with {info.signature_hash}, which can be forged with effort"
        risks.append(Risk("sha1-signature", Severity.MEDIUM, text, hint="Have it signed again with SHA-256"))
    if info.key_usage and "keyCertSign" not in info.key_usage:
        text = "its key usage does not allow to sign certificates: chains that lead to it fail"
        risks.append(Risk("no-signing", Severity.HIGH, text, blocking=True))
    return risks


def _time_risks(info: CertificateInfo, now: datetime) -> list[Risk]:
    if now > info.not_after:
        text = f"it expired on {info.not_after:%Y-%m-%d}: it lets no device in"
        return [Risk("expired", Severity.HIGH, text, blocking=True, hint="Upload the CA that follows it")]
    if now < info.not_before:
        text = f"it is valid only from {info.not_before:%Y-%m-%d %H:%M} UTC: until then it lets no device in"
        return [Risk("not-yet-valid", Severity.MEDIUM, text, hint="Check this machine's clock, too")]
    if info.not_after - now < _SOON:
        text = (
            f"it expires on {info.not_after:%Y-%m-%d}, in {(info.not_after - now).days} days: then its devices are cut"
        )
        return [Risk("expires-soon", Severity.MEDIUM, text)]
    return []


def loss_risks(*, verified: bool, devices: int | str, others: int, what: str) -> list[Risk]:
    """Return what it risks that a CA stops letting devices in.

    Args:
        verified: whether it lets them in now.
        devices: how many devices sign in by some CA, or why that is not known.
        others: how many other verified CAs the hub has.
        what: what happens to it: "is deleted".
    """
    if not verified:
        return []
    beside = f"{others} other verified {'CA' if others == 1 else 'CAs'}" if others else "no other verified CA"
    which = f"to which CA each one's certificate leads the hub does not tell; it has {beside}"
    hint = "Upload the CA that follows, let the devices move over to certificates of it, then do this"
    if isinstance(devices, str):
        text = (
            f"devices whose certificate leads to it are cut when it {what}; how many there are is not known ({devices})"
        )
    elif devices:
        many = f"{devices:,} {'device signs' if devices == 1 else 'devices sign'} in by CA"
        text = f"devices whose certificate leads to it are cut when it {what}: {many}, and {which}"
    else:
        text = "no device signs in by CA now; modules that do are not counted"
        return [Risk("ca-cut", Severity.LOW, text)]
    return [Risk("ca-cut", Severity.HIGH, text, blocking=True, hint=hint)]


def check_proof(authority: bytes, proof: CertificateInfo, code: str, now: datetime, name: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "proof") unless the service would take this proof; says what is wrong.

    The service wants a certificate whose common name is the verification code, signed by the CA's key (tutorial "Prove
    possession of a CA certificate"). `code` empty: the code is not known here, any common name that can be one will do.
    """
    what = f"This is no proof for {clean(name)}: nothing was sent"
    names = subject_names(proof.der)
    if len(names) != 1:
        why = f"its subject has {'several common names' if names else 'no common name'}"
        raise _no_proof(what, why, "Its subject must be the verification code alone: /CN=CODE")
    found = names[0]
    if code and found != code:
        near = " (only the case of letters differs)" if found.casefold() == code.casefold() else ""
        why = f"its common name is {clean(found, limit=70)}, and the verification code is {clean(code)}{near}"
        raise _no_proof(
            what, why, "Sign a certificate with the newest code: each new code makes the one before it void"
        )
    if not readable(authority):
        why = (
            f"the CA certificate at the hub cannot be read ({reason_of(authority)}), so whether its key signed this is"
        )
        raise _no_proof(what, f"{why} not known", "Upload that CA anew under another name")
    outcome = signed_by(proof.der, authority)
    if outcome.unknown:
        why = f"whether the CA's key signed it is not known: {clean(outcome.unknown)} cannot be checked here"
        raise _no_proof(what, why, "Sign it with RSA or EC P-256, and SHA-256")
    if not outcome.holds:
        issuer, subject = issuer_names(proof.der, authority)
        if proof.der == authority:
            why = "it is the CA certificate itself"
        elif issuer != subject:
            why = f"it was issued by “{issuer}”, and the CA is “{subject}”"
        else:
            why = "it was signed by another key than the one in the uploaded certificate"
        raise _no_proof(what, why, "Sign it with the key that belongs to the certificate at the hub")
    if now > proof.not_after:
        raise _no_proof(what, f"it expired on {proof.not_after:%Y-%m-%d %H:%M} UTC", "Sign a new one")
    if now + _SKEW < proof.not_before:
        why = f"it is valid only from {proof.not_before:%Y-%m-%d %H:%M} UTC"
        raise _no_proof(what, why, "Check the clock of the machine that signed it, and of this one")


def _no_proof(what: str, why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="proof")
