"""What can be wrong with a chain once it is built: extensions, purpose, path length, signatures, times, names.

The rules and their order are those of RFC 5280 as OpenSSL applies them (`openssl verify -x509_strict`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from console.model.certificate import ChainFault, Fault, Purpose
from console.model.text import clean
from console.rules.certificate_der import rsa_bits
from console.rules.certificate_facts import NETSCAPE_TYPE, Facts
from console.rules.certificate_places import place
from console.rules.certificate_strictness import critical_problem, strict_problem
from console.rules.issuing_match import self_signed
from console.rules.name_constraints import violation
from console.rules.signature_check import UNREADABLE_KEY, Outcome, strange_algorithm, unknown_key
from console.rules.signature_check import check as check_signature

_CLIENT, _SERVER = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"
_GATED = ("1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1")  # old words for TLS servers, which OpenSSL still takes
_LEAST_RSA = 1024
_REISSUE = "Issue it anew"


def check(
    links: Sequence[Facts],
    now: datetime,
    purpose: Purpose = Purpose.CLIENT,
    *,
    strict: bool = True,
    vouched: bool = False,
) -> list[ChainFault]:
    """Return everything that is wrong with a chain (leaf first, what ends it last), in OpenSSL's order.

    `vouched`: the last is trusted for the purpose in so many words, whatever it says of its purposes itself.
    """
    faults: list[ChainFault] = []
    below = 0
    for depth, one in enumerate(links):
        held_to = Purpose.ANY if vouched and depth + 1 == len(links) else purpose
        faults += _extension_faults(links, depth, held_to, strict=strict)
        if depth > 1 and one.path_length is not None and below > one.path_length:
            text = f"{place(one, depth)} allows {one.path_length} CAs below it, and there are {below}"
            faults.append(
                ChainFault(Fault.PATH_LENGTH, depth, text, "Issue the leaf by it directly, or remake that CA")
            )
        if depth and not one.self_issued:
            below += 1
    for depth in range(len(links) - 1, -1, -1):
        one = links[depth]
        if depth + 1 < len(links):
            faults += _signature_faults(one, links[depth + 1], depth)
        elif one.self_issued and (strange := strange_algorithm(one.parts.named)):
            faults.append(_unknown(strange, f"the signature of {place(one, depth)}", depth))
        faults += _time_faults(one, depth, now)
    return faults + _name_faults(links)


def _extension_faults(links: Sequence[Facts], depth: int, purpose: Purpose, *, strict: bool) -> list[ChainFault]:
    one, alone, last = links[depth], len(links) == 1, depth + 1 == len(links)
    role = (depth == 0, alone, last, purpose, strict)
    if role in one.sound:
        return []
    where = place(one, depth)
    faults: list[ChainFault] = []

    def add(fault: Fault, text: str, hint: str = _REISSUE) -> None:
        faults.append(ChainFault(fault, depth, text, hint))

    if unknown := unknown_key(one.parts.spki, one.key):
        if depth == 0:  # of an issuer it is said where its key would be needed
            faults.append(_unknown(unknown, f"the public key of {where}", depth))
    elif one.key is None and 0 < rsa_bits(one.parts.spki) < _LEAST_RSA:
        text = f"the public key of {where} is too small to be checked here: {one.info.key}"
        faults.append(ChainFault(Fault.WEAK, depth, text, _REISSUE, unknown=True))
    elif one.key is None:
        text = f"the public key of {where} cannot be read here: it is damaged, or written in an unusual way"
        faults.append(ChainFault(Fault.UNREADABLE, depth, text, "Ask `openssl verify`", unknown=True))
    if not alone and one.explicit_curve:
        add(Fault.MALFORMED, f"{where} spells out the curve of its key instead of naming it", "Make a key on P-256")
    if critical := critical_problem(one):
        add(Fault.CRITICAL_EXTENSION, f"{where} has {critical}")
    if one.unread_extensions:
        why = "; ".join(one.unread_extensions[:3])
        text = f"of {where} is not known what verifying needs: {why}"
        faults.append(ChainFault(Fault.UNREADABLE, depth, text, "Ask `openssl verify`", unknown=True))
        return faults  # the rest hangs on what could not be read
    if one.invalid:
        why = "; ".join(one.problems[:3])
        add(Fault.MALFORMED, f"{where} has extensions that break the rules: {why}")
    authority = authority_grade(one)
    if depth == 0:
        if strict and authority not in (0, 1):
            add(Fault.NOT_A_CA, f"{where} may sign certificates by its key usage, but is no CA by basicConstraints")
    elif authority == 0 or ((not last or strict) and authority != 1):
        if not _may_sign(one):
            text = f"{where} issued a certificate, though its key usage has no keyCertSign"
            add(Fault.KEY_USAGE, text, "Remake that CA with keyCertSign")
        if not one.authority:
            say = (
                "says that it is no CA" if one.authority is False else "does not say that it is a CA (basicConstraints)"
            )
            say = f"is of version 1 and {say}" if one.version == 1 else say
            add(Fault.NOT_A_CA, f"{where} {say}", "Remake it with basicConstraints CA:TRUE, or issue by a CA")
    if strict and not alone and (problem := strict_problem(one, last=last)):
        add(Fault.MALFORMED, f"{where} {problem}")
    if purpose is not Purpose.ANY and (problem := _purpose_problem(one, purpose, leaf=depth == 0)):
        add(Fault.WRONG_PURPOSE, f"{where} {problem}", "Issue it for client authentication (clientAuth)")
    if not faults:
        one.sound.add(role)
    return faults


def authority_grade(one: Facts) -> int:
    """Return 0 for no CA, 1 for a CA, else on what old habit it may be taken for one (as OpenSSL's X509_check_ca)."""
    if not _may_sign(one):
        return 0
    if one.authority is not None:
        return 1 if one.authority else 0
    if one.version == 1 and self_signed(one):
        return 3
    return 4 if one.usage is not None else 0


def _may_sign(one: Facts) -> bool:
    return one.usage is None or "keyCertSign" in one.usage


def _purpose_problem(one: Facts, purpose: Purpose, *, leaf: bool) -> str:
    return _usage_problem(one, purpose, leaf=leaf) or (_netscape_problem(one, purpose) if leaf else "")


def _netscape_problem(one: Facts, purpose: Purpose) -> str:
    """Say what Netscape's certificate type, older than extendedKeyUsage, has against a leaf; OpenSSL still minds it."""
    bit, word = (0x80, "clients") if purpose is Purpose.CLIENT else (0x40, "servers")
    if NETSCAPE_TYPE not in one.extensions or (one.netscape_type or 0) & bit:
        return ""
    return f"is not for TLS {word} by its Netscape certificate type (nsCertType)"


def _usage_problem(one: Facts, purpose: Purpose, *, leaf: bool) -> str:
    accepted = (_CLIENT,) if purpose is Purpose.CLIENT else (_SERVER, *_GATED)
    word = "clientAuth" if purpose is Purpose.CLIENT else "serverAuth"
    if one.purposes is not None and not set(one.purposes) & set(accepted):
        named = ", ".join(one.info.extended_usage) or "nothing"
        return f"is only for {named} (extendedKeyUsage), not for {word}"
    needed = ["digitalSignature", "keyAgreement"]
    if purpose is Purpose.SERVER:
        needed.append("keyEncipherment")
    if leaf and one.usage is not None and not set(one.usage) & set(needed):
        named = ", ".join(one.usage) or "nothing"
        return f"may not sign in TLS: its keyUsage is {named}, without {' or '.join(needed)}"
    return ""


def _signature_faults(one: Facts, issuer: Facts, depth: int) -> list[ChainFault]:
    outcome = signature_outcome(one, issuer)
    if outcome.holds or outcome.unknown == UNREADABLE_KEY:  # that is said of the issuer already
        return []
    if outcome.unknown:
        return [_unknown(outcome.unknown, f"the signature of {place(one, depth)}", depth)]
    if one.algorithms_differ:
        text = f"the signature of {place(one, depth)} does not count: two algorithms are named for it, one inside"
        return [ChainFault(Fault.BAD_SIGNATURE, depth, f"{text} and one beside what is signed", _REISSUE)]
    text = f"the signature of {place(one, depth)} was not made by the key of “{issuer.info.subject}”"
    why = "it was altered after it was issued, or its issuer is another CA of the same name"
    return [ChainFault(Fault.BAD_SIGNATURE, depth, f"{text}: {why}", "Get it, and its issuer's certificate, afresh")]


def _unknown(name: str, what: str, depth: int) -> ChainFault:
    """Return the fault for an algorithm that is not known here: nothing is said against the certificate."""
    text = f"{clean(name, limit=60)}: {what} cannot be checked here"
    hint = "Ask `openssl verify`, or issue it with RSA or EC P-256, and SHA-256"
    return ChainFault(Fault.UNKNOWN_ALGORITHM, depth, text, hint, unknown=True)


@lru_cache(maxsize=512)
def signature_outcome(one: Facts, issuer: Facts) -> Outcome:
    """Return whether a certificate's signature is by another's key, whatever their names."""
    parts = one.parts
    if one.algorithms_differ:
        return Outcome(False)
    return check_signature(parts.algorithm, issuer.parts.spki, issuer.key, parts.signature, parts.signed)


def signature_holds(one: Facts, issuer: Facts) -> bool:
    """Say whether a certificate's signature is by another's key; False for what is not known."""
    return signature_outcome(one, issuer).holds


def _time_faults(one: Facts, depth: int, now: datetime) -> list[ChainFault]:
    if now < one.not_before:
        text = f"{place(one, depth)} is not valid before {_moment(one.not_before)}"
        return [ChainFault(Fault.NOT_YET_VALID, depth, text, "Check the clock here and where it was issued")]
    if now.replace(microsecond=0) >= one.not_after:  # its last second is past, as OpenSSL counts
        text = f"{place(one, depth)} has expired: it was valid until {_moment(one.not_after)}"
        hint = "Renew that CA, then reissue or rebuild the chain" if depth else "Renew the device's certificate"
        return [ChainFault(Fault.EXPIRED, depth, text, hint)]
    return []


def _name_faults(links: Sequence[Facts]) -> list[ChainFault]:
    faults: list[ChainFault] = []
    for depth in range(len(links) - 1, -1, -1):
        one = links[depth]
        if depth and one.self_issued:
            continue
        for above in range(len(links) - 1, depth, -1):
            why = violation(one, links[above], leaf=depth == 0)
            if why:
                text = f"{place(one, depth)} {why}, says {place(links[above], above)}"
                faults.append(ChainFault(Fault.NAME_CONSTRAINT, depth, text, "Issue it with a permitted name"))
    return faults


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment.year >= 1000 else "a time that cannot be read"
