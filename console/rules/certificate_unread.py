"""What of a source could not be read as a certificate: why, whether it may be the leaf, whose issuer it may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from console.model.certificate import ChainFault, ChainVerdict, Fault, Inspected, Unread
from console.model.errors import ConsoleError, ErrorKind
from console.rules import der as asn1
from console.rules.certificate_facts import anyhow, facts
from console.rules.certificate_places import place
from console.rules.other_files import what_is
from console.rules.x509_names import broken, canonical

UNORDERED = frozenset({"PKCS#7", "PKCS#12"})
"""Forms out of which a program takes the leaf by its key, wherever it stands."""
_MOST_NAMED = 5
_ISSUED_BY = frozenset({Fault.NO_ISSUER, Fault.UNTRUSTED_ROOT, Fault.TOO_LONG, Fault.UNVERIFIED_CA})
"""What is said of a certificate because of who issued it, or because nobody here did."""


class Names(NamedTuple):
    """Issuer and subject in the spelling in which equal names are the same bytes."""

    issuer: bytes
    subject: bytes


def readable(der: bytes) -> bool:
    """Say whether bytes are a certificate that can be read."""
    try:
        facts(der)
    except ValueError:
        return False
    return True


def reason_of(der: bytes) -> str:
    """Return in our words why bytes are no certificate that can be read."""
    if not der:
        return "there is nothing in it"
    try:
        outer = asn1.read(der)
    except asn1.DerError as error:
        return f"it is damaged or cut off ({error})"
    if outer.tag != asn1.SEQUENCE:
        return "it is no certificate by its outline"
    if asn1.shape(der) != "certificate":
        what = what_is(der)
        return f"it is {what}, no certificate" if what else "it is no certificate by its outline"
    return anyhow(der)[1] or "its parts are not where they should be"


@lru_cache(maxsize=512)
def names_of(der: bytes) -> Names | None:
    """Return issuer and subject of what is no readable certificate, None where its outline does not show them."""
    try:
        signed = asn1.children(der, asn1.read(der))[0]
        parts = asn1.children(der, signed)
        parts = parts[1:] if parts[0].tag == asn1.CONTEXT_0 else parts
        if [one.tag for one in parts[:6]] != [asn1.INTEGER, *[asn1.SEQUENCE] * 5]:
            return None
        times = [one.tag for one in asn1.children(der, parts[3])]
        if len(times) != 2 or set(times) - {asn1.UTC_TIME, asn1.GENERALIZED_TIME}:
            return None
        issuer, subject = parts[2].whole(der), parts[4].whole(der)
        if not (_is_name(issuer) and _is_name(subject)) or broken(issuer) or broken(subject):
            return None
    except (asn1.DerError, IndexError):
        return None
    return Names(canonical(issuer), canonical(subject))


def _is_name(name: bytes) -> bool:
    for group in asn1.children(name, asn1.read(name)):
        if group.tag != asn1.SET:
            return False
        for pair in asn1.children(name, group):
            if pair.tag != asn1.SEQUENCE or [one.tag for one in asn1.children(name, pair)][:1] != [asn1.OID]:
                return False
    return True


# --- the leaf ------------------------------------------------------------------------------------------------------


def instead_of(held: Inspected, leaf: bytes | None) -> Unread | None:
    """Return the unread certificate that may be what a judgement of `leaf` should be about; None when none may be.

    That is one before the first that can be read; and any one that issued none of the others, where the leaf that was
    found is itself a CA's or self-signed, or where the order of a form says nothing.
    """
    unread, unordered = held.unread_certificates, bool(UNORDERED & set(held.forms))
    if leaf is None:
        return next(iter(unread), None)
    if not unordered and held.first_unread is not None:
        return held.first_unread
    found = facts(leaf)
    settled = not found.authority and not found.self_issued and not unordered
    if held.tls or settled:
        return None
    issuers = {facts(one.der).issuer for one in held.certificates}
    return next((one for one in unread if not _stands_above(one, issuers)), None)


def _stands_above(one: Unread, issuers: set[bytes]) -> bool:
    names = names_of(one.der)
    return names is not None and names.subject in issuers


def refused(held: Inspected, one: Unread, what: str) -> ConsoleError:
    """Return the refusal to judge or to use anything of a source in the place of what cannot be read."""
    hint = "Get that certificate afresh; no other one is taken in its place"
    where = "" if len(held.unread_certificates) < 2 else f" (and {len(held.unread_certificates) - 1} more)"
    return ConsoleError(ErrorKind.BAD_INPUT, what, f"{one.sentence()}{where}", hint, code="unread")


# --- a chain -------------------------------------------------------------------------------------------------------


def may_have_issued(lost: Iterable[Unread], issuer: bytes) -> list[Unread]:
    """Return those that may be the certificate of a name: of it, or of a name that cannot be read either."""
    named = [(one, names_of(one.der)) for one in lost]
    return [one for one, names in named if names is None or names.subject == issuer]


def weighed(verdict: ChainVerdict, lost: Sequence[Unread]) -> ChainVerdict:
    """Return a verdict without what an unread certificate could turn over: that becomes "not known".

    A chain that holds, holds without them. Else, from the first certificate on whose issuer may be one of them, what
    was said of issuers is taken back; what is wrong with the certificates below whoever issued them, stays.
    """
    if verdict.trusted or not lost:
        return verdict
    for depth, info in enumerate(verdict.chain):
        if depth and verdict.trusted_by and depth == len(verdict.chain) - 1:
            break
        found = may_have_issued(lost, facts(info.der).issuer)
        kept = [one for one in verdict.faults if one.depth <= depth and not _of_issuer(verdict, one, depth)]
        if found and len(kept) < len(verdict.faults):
            return _open_at(verdict, depth, found, kept)
    return verdict


def _open_at(verdict: ChainVerdict, depth: int, found: list[Unread], kept: list[ChainFault]) -> ChainVerdict:
    chain = verdict.chain[: depth + 1]
    rest = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    where = place(facts(chain[-1].der), depth)
    text = f"the issuer of {where} may be {found[0].place}, which cannot be read: {found[0].reason}{rest}"
    hint = "Get that certificate afresh: without it nothing is known of the chain"
    fault = ChainFault(Fault.UNREADABLE, depth, text, hint, unknown=True)
    return replace(verdict, chain=chain, faults=(*kept, fault), trusted_by="")


def _of_issuer(verdict: ChainVerdict, fault: ChainFault, depth: int) -> bool:
    """Say whether a fault may be gone once the issuer of the certificate at a depth is another one."""
    if fault.fault is Fault.NAME_CONSTRAINT:
        return True
    if fault.depth < depth:
        return False
    if fault.fault is Fault.BAD_SIGNATURE and depth + 1 < len(verdict.chain):
        wanted, have = verdict.chain[depth].authority_key_id, verdict.chain[depth + 1].subject_key_id
        return not wanted or wanted != have
    return fault.fault in _ISSUED_BY or fault.fault is Fault.BAD_SIGNATURE


def notes_on(lost: Sequence[Unread]) -> list[str]:
    """Return a note for each of the first of them, and how many more there are."""
    notes = [one.sentence() for one in lost[:_MOST_NAMED]]
    return notes + ([f"{len(lost) - _MOST_NAMED} more cannot be read"] if len(lost) > _MOST_NAMED else [])
