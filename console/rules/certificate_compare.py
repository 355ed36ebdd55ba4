"""Whether a certificate would let a device in, by what the registry and the hub hold, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.certificate import Answer, CertificateInfo, Comparison, Fault, Inspected, Registered
from console.model.device import SHA1_DIGITS, AuthType
from console.model.text import clean
from console.rules.certificate_chain import Anchor, judged_leaf, verify_leaf
from console.rules.certificate_one import subject_names
from console.rules.certificate_places import unknown_words
from console.rules.certificate_strength import hash_doubt, key_doubt
from console.rules.certificate_unread import UNORDERED

_AUTH_WORDS = {
    AuthType.SAS: "symmetric key (SAS)",
    AuthType.THUMBPRINT_SHA1: "certificate thumbprint (SHA-1)",
    AuthType.THUMBPRINT_SHA256: "certificate thumbprint (SHA-256)",
    AuthType.THUMBPRINT_MISSING: "certificate thumbprint, none registered",
    AuthType.CA: "X.509 CA",
    AuthType.NONE: "nothing",
    AuthType.UNKNOWN: "in a way that this version does not know",
}
_LONGEST = 5
"""Certificates that a device presents: a longest chain is not documented, and one of more is not promised."""
_CERTAIN = (
    Fault.NO_ISSUER,
    Fault.UNTRUSTED_ROOT,
    Fault.UNVERIFIED_CA,
    Fault.EXPIRED,
    Fault.NOT_YET_VALID,
    Fault.BAD_SIGNATURE,
    Fault.NOT_A_CA,
)
"""What the hub is known to refuse (IoT Hub's documents on X.509); it is silent on the rest of RFC 5280."""
_MOST_NAMES = 4
_STRONGER = "Issue it with RSA 2048 or more, EC P-256 or P-384, and SHA-256"
_RENEW = "Issue a new one: hubwarden cert issue; register it: hubwarden cert register"


def compare(
    held: Inspected, registered: Registered, anchors: Sequence[Anchor] | None, now: datetime, problem: str = ""
) -> Comparison:
    """Return the answer for a source's leaf and an identity.

    `anchors` are the CA certificates at the hub, verified or not; None: they could not be read, because of `problem`.
    Raises ConsoleError (code "unread") when the leaf may be a certificate that cannot be read.
    """
    der = judged_leaf(held, f"{held.source} was not compared")
    leaf = next(one for one in held.certificates if one.der == der)
    answer, why, hint = _answer(held, leaf, registered, anchors, now, problem)
    if answer is Answer.YES:
        doubt, do = _doubt(held, leaf)
        if doubt:
            answer, why, hint = Answer.UNKNOWN, f"{why}; but {doubt}", do
    lost = [("cannot be read", one.sentence()) for one in held.unread_certificates[:_MOST_NAMES]]
    return Comparison(answer, registered.identity, why, hint, (*_facts(leaf, registered), *lost))


def _answer(
    held: Inspected,
    leaf: CertificateInfo,
    registered: Registered,
    anchors: Sequence[Anchor] | None,
    now: datetime,
    problem: str,
) -> tuple[Answer, str, str]:
    noun = "module" if registered.module_id else "device"
    if not registered.exists:
        text = f"the registry has no {noun} “{registered.identity}” (ids count upper and lower case)"
        return Answer.NO, text, "Create it: hubwarden devices create" if noun == "device" else "Check its name"
    if not registered.enabled:
        reason = f" ({registered.status_reason})" if registered.status_reason else ""
        return (
            Answer.NO,
            f"the device is disabled{reason}: it is refused whatever it presents (403012)",
            ("Enable it when that is meant: hubwarden devices enable"),
        )
    if registered.auth in (AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_SHA256):
        return _by_thumbprint(held, leaf, registered, now)
    if registered.auth is AuthType.CA:
        return _by_ca(held, leaf, registered, anchors, now, problem)
    if registered.auth is AuthType.UNKNOWN:
        return Answer.UNKNOWN, "the registry names a way to sign in that this version does not know", "Update hubwarden"
    if registered.auth is AuthType.THUMBPRINT_MISSING:
        text = f"the {noun} signs in by thumbprint, and none is registered"
        return Answer.NO, text, "Register this one: hubwarden cert register"
    text = f"the {noun} signs in by {_AUTH_WORDS[registered.auth]}, so no certificate lets it in"
    return Answer.NO, text, "Create it with X.509 authentication, or use its key"


def _doubt(held: Inspected, leaf: CertificateInfo) -> tuple[str, str]:
    """Return why a certificate that fits may not get as far as being judged, and what to do; empty for nothing."""
    first = held.certificates[0]
    if first.der != leaf.der and not held.tls and not UNORDERED & set(held.forms):
        text = f"the file begins with “{first.subject}”: TLS stacks present a file in its order, and that one would be"
        return f"{text} judged instead", "Put the leaf first, then its issuer, up to the root"
    if text := key_doubt(leaf):
        return text, _STRONGER
    return "", ""


def _by_thumbprint(
    held: Inspected, leaf: CertificateInfo, registered: Registered, now: datetime
) -> tuple[Answer, str, str]:
    slot = _slot(leaf, registered)
    if not slot:
        primary, secondary = (one or "empty" for one in registered.thumbprints)
        text = f"its thumbprint is not registered: it is {leaf.sha256} (SHA-1 {leaf.sha1}); primary is {primary}, "
        text += f"secondary {secondary}"
        for one in held.certificates:
            if other := _slot(one, registered):
                text += f"; {other.partition(' ')[0]} is that of “{one.subject}”, which is in the file, too"
        return Answer.NO, text, "Register it: hubwarden cert register"
    if problem := _validity(leaf, now):
        return Answer.NO, f"its thumbprint is registered ({slot}), but {problem}, which the hub checks too", _RENEW
    hint = ""
    if "SHA-1" in slot:
        hint = "SHA-1 thumbprints are deprecated: register the SHA-256 (hubwarden cert register)"
    elif leaf.needs_renewal(now):
        hint = f"It needs renewal: it expires on {leaf.not_after:%Y-%m-%d}"
    return Answer.YES, f"its thumbprint is the {slot} one registered, and it is valid now", hint


def _by_ca(
    held: Inspected,
    leaf: CertificateInfo,
    registered: Registered,
    anchors: Sequence[Anchor] | None,
    now: datetime,
    problem: str,
) -> tuple[Answer, str, str]:
    names = subject_names(leaf.der)
    if registered.identity not in names:
        return Answer.NO, _names_words(names, registered.identity), f"Issue it with CN = {registered.identity}"
    if bad := _validity(leaf, now):
        return Answer.NO, bad, "Issue a new one: hubwarden cert issue"
    if anchors is None:
        text = f"the hub's CA certificates could not be read, so the chain is not judged ({problem.rstrip('.')})"
        return Answer.UNKNOWN, text, "Sign in with a role that may read the hub (Reader)"
    if len(names) > 1:
        text = f"it has {len(names)} common names ({_shown(names)}); by which of them the hub knows a device is not"
        return Answer.UNKNOWN, f"{text} documented", f"Issue it with CN = {registered.identity} alone"
    presented = [one.der for one in held.certificates]
    verdict = verify_leaf(leaf.der, presented, anchors, now, strict=False, unread=held.unread_certificates)
    top = len(verdict.chain) - 1  # a CA at the hub that is none by its own words: what the hub makes of it is not known
    certain = [
        one for one in verdict.faults if one.fault in _CERTAIN and (one.fault, one.depth) != (Fault.NOT_A_CA, top)
    ]
    if certain:
        first = certain[0]
        text = first.message
        if first.fault in (Fault.NO_ISSUER, Fault.UNTRUSTED_ROOT):
            verified = sum(one.verified for one in anchors)
            text = f"its chain leads to no CA that is verified at the hub ({verified} are): {first.message}"
            hint = "Present the whole chain, or upload its CA: hubwarden cert upload, prove"
            return Answer.NO, text, hint
        return Answer.NO, text, first.hint
    if verdict.faults:
        first = verdict.faults[0]
        if first.unknown:
            return Answer.UNKNOWN, unknown_words(first), first.hint
        if not verdict.trusted_by:
            return Answer.UNKNOWN, f"no end of its chain was found: {first.message}", first.hint
        text = f"its chain leads to {verdict.trusted_by}, but breaks a rule that the hub may or may not enforce"
        return Answer.UNKNOWN, f"{text}: {first.message}", first.hint
    if len(verdict.chain) > _LONGEST + 1:
        text = f"its chain is of {len(verdict.chain)} certificates; how long a one the hub takes is not documented"
        return Answer.UNKNOWN, text, "Issue devices from a CA nearer to the one at the hub"
    if len(verdict.chain) == 1:
        text = f"it is itself a CA certificate at the hub ({verdict.trusted_by}); whether that lets a device in is not"
        return Answer.UNKNOWN, f"{text} documented", "Issue a leaf for the device: hubwarden cert issue"
    for number, one in enumerate(verdict.chain):
        doubt = (number and key_doubt(one)) or (number < top and hash_doubt(one))
        if doubt:
            text = f"its chain leads to {verdict.trusted_by}, but of “{one.subject}” is to be said: {doubt}"
            return Answer.UNKNOWN, text, _STRONGER
    hint = f"It needs renewal: it expires on {leaf.not_after:%Y-%m-%d}" if leaf.needs_renewal(now) else ""
    return (
        Answer.YES,
        f"its common name is the {_noun(registered)}'s, and its chain leads to {verdict.trusted_by}",
        hint,
    )


def _names_words(names: Sequence[str], wanted: str) -> str:
    """Return why none of a subject's common names is the one wanted."""
    if not names:
        return f"it has no common name, and must have “{wanted}”"
    have = "common name is" if len(names) == 1 else "common names are"
    near = any(one.casefold() == wanted.casefold() for one in names)
    return f"its {have} {_shown(names)}, and must be “{wanted}”" + (" (upper and lower case count)" if near else "")


def _shown(names: Sequence[str]) -> str:
    return ", ".join(f"“{clean(one, limit=80)}”" for one in names[:_MOST_NAMES])


def _noun(registered: Registered) -> str:
    return "module" if registered.module_id else "device"


def _slot(leaf: CertificateInfo, registered: Registered) -> str:
    """Return which registered thumbprint is the leaf's: "primary (SHA-256)"; empty for none."""
    for word, digits in zip(("primary", "secondary"), registered.thumbprints, strict=True):
        if digits and digits in (leaf.sha1, leaf.sha256):
            return f"{word} ({'SHA-1' if len(digits) == SHA1_DIGITS else 'SHA-256'})"
    return ""


def _validity(leaf: CertificateInfo, now: datetime) -> str:
    if now > leaf.not_after:
        return f"it expired on {_moment(leaf.not_after)}"
    if now < leaf.not_before:
        return f"it is not valid before {_moment(leaf.not_before)}"
    return ""


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment.year >= 1000 else "a time that cannot be read"


def _facts(leaf: CertificateInfo, registered: Registered) -> list[tuple[str, str]]:
    found = [
        ("certificate", leaf.subject or "(no subject)"),
        ("common name", leaf.common_name or "none"),
        ("valid", f"{_moment(leaf.not_before)} to {_moment(leaf.not_after)}"),
        ("SHA-256", leaf.sha256),
        ("SHA-1", leaf.sha1),
    ]
    if registered.exists:
        found.append(("signs in by", _AUTH_WORDS[registered.auth]))
        found.append(("status", "enabled" if registered.enabled else "disabled"))
        slots = zip(("primary", "secondary"), registered.thumbprints, strict=True)
        found += [(f"{word} slot", digits) for word, digits in slots if digits]
    return found
