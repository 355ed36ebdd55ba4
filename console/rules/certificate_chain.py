"""Building a chain from a leaf to something trusted, trying every issuer that may fit; OpenSSL's order decides ties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from console.model.certificate import ChainFault, ChainVerdict, Fault, Inspected, Purpose, Unread
from console.model.trust_settings import TrustSettings
from console.rules.certificate_checks import check, signature_holds
from console.rules.certificate_facts import Facts, facts
from console.rules.certificate_places import place
from console.rules.certificate_unread import UNORDERED, instead_of, notes_on, readable, reason_of, refused, weighed
from console.rules.issuing_match import likely_issued, mismatch, self_signed
from console.rules.trust_settings import Standing, standing

DEEPEST = 102
"""Leaf, 100 CAs and the root: OpenSSL's default depth."""
_MOST_STEPS = 20_000
"""Candidates looked at before the search gives up: hostile bundles let every CA be the issuer of every other."""
_MOST_CHAINS = 64
_ONLY_STRICT = "only the strict rules refuse it (openssl verify -x509_strict); without them openssl verify trusts it"
_MOST_RANKED = 16
_PLAIN = Standing()


@dataclass(frozen=True)
class Anchor:
    """A certificate to trust, and how to call it.

    Attributes:
        der: the certificate.
        label: where it is from.
        complete: it ends a chain although it is not self-signed (a CA at the hub).
        verified: False: it is at the hub, and the hub does not trust it yet.
        settings: OpenSSL's trust settings that stood behind it, None for none.
        unread: why the certificate cannot be read, where a reader said so; None: it is read here.
    """

    der: bytes
    label: str
    complete: bool = False
    verified: bool = True
    unread: Unread | None = None
    settings: TrustSettings | None = None


@dataclass(frozen=True)
class _Trusted:
    facts: Facts
    anchor: Anchor


@dataclass(frozen=True)
class _Path:
    """A chain, leaf first; `anchor` is what ended it, None for a dead end. `own`: how many are not from the anchors.

    `standing`: how what ended it stands by the settings that were given with it.
    """

    links: tuple[Facts, ...]
    anchor: Anchor | None
    own: int
    standing: Standing = _PLAIN


def leaf_of(ders: Sequence[bytes]) -> bytes:
    """Return the certificate that a bundle is about: one that issued no other of them, a non-CA first, else the first.

    Raises ValueError where none can be read.
    """
    known = _readable(ders)
    if not known:
        raise ValueError("no certificate")
    if len(known) > 200:  # a bundle of roots: the first is as good as any
        return known[0].der
    parents = {
        id(parent)
        for parent in known
        for child in known
        if child.der != parent.der and child.issuer == parent.subject and likely_issued(parent, child)
    }
    ends = [one for one in known if id(one) not in parents] or known
    return next((one for one in ends if not one.authority), ends[0]).der


def judged_leaf(held: Inspected, what: str) -> bytes:
    """Return the certificate that a source is about: a host's first, else the leaf of a bundle.

    Raises ConsoleError BAD_INPUT (code "unread"; `what` begins the sentence) when that may be one that cannot be read.
    """
    ders = [one.der for one in held.certificates]
    leaf = None if not ders else ders[0] if held.tls else leaf_of(ders)
    lost = instead_of(held, leaf)
    if lost is not None or leaf is None:
        raise refused(held, lost or Unread("the source", "no certificate is in it", 0), what)
    return leaf


def lost_of(anchors: Sequence[Anchor]) -> list[Unread]:
    """Return what of the certificates to trust cannot be read; what a hub does not trust yet does not count."""
    lost = []
    for one in anchors:
        if one.unread is not None:
            lost.append(one.unread)
        elif one.verified and not readable(one.der):
            lost.append(Unread(one.label, reason_of(one.der), 0, one.der))
    return lost


def verify(
    held: Inspected, anchors: Sequence[Anchor], now: datetime, purpose: Purpose = Purpose.CLIENT, *, strict: bool = True
) -> ChainVerdict:
    """Return whether the leaf among certificates chains up to an anchor, and if not, every reason.

    `strict` holds each certificate against RFC 5280's rules for its extensions too, as `openssl verify -x509_strict`.
    Raises ConsoleError (code "unread") when the leaf may be a certificate that cannot be read.
    """
    ders = [one.der for one in held.certificates]
    leaf = judged_leaf(held, f"{held.source} was not verified")
    verdict = verify_leaf(leaf, ders, anchors, now, purpose, strict=strict, unread=held.unread_certificates)
    used = {one.der for one in verdict.chain}
    unused = sum(1 for der in set(ders) if der not in used)
    notes = []
    if unused:
        noun = "certificate" if unused == 1 else "certificates"
        notes.append(f"{unused} more {noun} in {held.source} did not belong to the chain")
    if ders[0] != leaf and not held.tls and not UNORDERED & set(held.forms):
        notes.append("the leaf is not the first in the file: TLS stacks present a file in its order, leaf first")
    if strict and not verdict.trusted and not verdict.unknown:
        lenient = verify_leaf(leaf, ders, anchors, now, purpose, strict=False, unread=held.unread_certificates)
        if lenient.trusted:
            notes.append(_ONLY_STRICT)
    lost = [*held.unread_certificates, *lost_of(anchors)]
    notes += notes_on([one for one in lost if not any(one.place in fault.message for fault in verdict.faults)])
    return replace(verdict, notes=tuple(notes), unread=tuple(lost))


def verify_leaf(
    leaf: bytes,
    others: Iterable[bytes],
    anchors: Sequence[Anchor],
    now: datetime,
    purpose: Purpose = Purpose.CLIENT,
    *,
    strict: bool = True,
    unread: Sequence[Unread] = (),
) -> ChainVerdict:
    """Return the verdict on one leaf (DER); `others` may be links of its chain. Raises ValueError where it is none.

    `unread` are what else was with them and cannot be read: what one of these could turn over is not known.
    """
    verdict = _verdict(leaf, others, anchors, now, purpose, strict=strict)
    return weighed(verdict, [*unread, *lost_of(anchors)])


def _verdict(
    leaf: bytes, others: Iterable[bytes], anchors: Sequence[Anchor], now: datetime, purpose: Purpose, *, strict: bool
) -> ChainVerdict:
    start = facts(leaf)
    pool = [one for one in _readable(dict.fromkeys(others)) if one.der != leaf]
    told = [anchor for anchor in anchors if anchor.unread is None]
    known = [_Trusted(one, anchor) for anchor in told for one in _readable([anchor.der])]
    trusted = [one for one in known if one.anchor.verified]
    builder = _Builder(start, pool, trusted, now, purpose)
    best: ChainVerdict | None = None
    dead: _Path | None = None
    for number, path in enumerate(builder.paths()):
        if path.anchor is None:
            if dead is None or (number < _MOST_CHAINS and _signed(path) and not _signed(dead)):
                dead = path
            continue
        faults = [*_rejection(path)]
        faults += check(path.links, now, purpose, strict=strict, vouched=path.standing.vouched)
        if best is None or len(faults) < len(best.faults):
            infos = tuple(one.info for one in path.links)
            best = ChainVerdict(infos, tuple(faults), path.anchor.label, purpose)
        if not faults or number >= _MOST_CHAINS:
            break
    if best is not None:
        return best
    return _unverified(start, pool, known, now, purpose, strict=strict) or _dead_end(
        dead or _Path((start,), None, 1), pool, trusted, now, purpose, strict=strict
    )


class _Builder:
    """Yields chains depth first: trusted issuers before others, valid ones before others, as OpenSSL chooses."""

    def __init__(
        self, leaf: Facts, pool: list[Facts], trusted: list[_Trusted], now: datetime, purpose: Purpose
    ) -> None:
        self._leaf = leaf
        self._standings = _standings(trusted, purpose)
        self._now = now
        self._steps = 0
        self._pool: dict[bytes, list[Facts]] = {}
        for one in pool:
            self._pool.setdefault(one.subject, []).append(one)
        self._trusted: dict[bytes, list[_Trusted]] = {}
        for mine in trusted:
            self._trusted.setdefault(mine.facts.subject, []).append(mine)
        self._complete = {mine.facts.der: mine for mine in trusted if mine.anchor.complete}

    def paths(self) -> Iterator[_Path]:
        leaf = self._leaf
        if leaf.der in self._complete:
            yield self._ended((leaf,), self._complete[leaf.der].anchor, 0)
        yield from self._extend((leaf,), 1, None)

    def _extend(self, links: tuple[Facts, ...], own: int, last: Anchor | None) -> Iterator[_Path]:
        """Yield what becomes of a chain; `last` is the anchor that its last link is from, None for one of its own."""
        current = links[-1]
        ends = True
        if self._steps < _MOST_STEPS and len(links) < DEEPEST:
            if last is None and self_signed(current):
                same = [one for one in self._issuers(current) if one.facts.der == current.der]
                if same:
                    yield self._ended(links, same[0].anchor, own - 1)
                    return
            else:
                for parent in self._issuers(current):
                    if any(parent.facts.der == one.der for one in links):
                        continue
                    ends = False
                    grown = (*links, parent.facts)
                    if parent.anchor.complete or self_signed(parent.facts) or self._decided(parent.facts):
                        yield self._ended(grown, parent.anchor, own)
                    else:
                        yield from self._extend(grown, own, parent.anchor)
                if last is None:
                    for other in self._others(current):
                        # a copy of what was rejected is no way around it
                        if any(other.der == one.der for one in links) or self._decided(other):
                            continue
                        ends = False
                        yield from self._extend((*links, other), own + 1, None)
        if ends:
            yield _Path(links, None, own)

    def _decided(self, one: Facts) -> bool:
        """Say whether the settings that were given with a certificate alone end a chain with it, for good or bad."""
        found = self._standings.get(one.der)
        return found is not None and found.decided

    def _ended(self, links: tuple[Facts, ...], anchor: Anchor, own: int) -> _Path:
        return _Path(links, anchor, own, self._standings.get(links[-1].der, _PLAIN))

    def _issuers(self, child: Facts) -> list[_Trusted]:
        named = self._trusted.get(child.issuer, ())
        self._steps += 1 + len(named)
        found = [one for one in named if likely_issued(one.facts, child)]
        several = 1 < len(found) <= _MOST_RANKED
        return sorted(found, key=lambda one: self._rank(one.facts, child, several))

    def _others(self, child: Facts) -> list[Facts]:
        named = self._pool.get(child.issuer, ())
        self._steps += 1 + len(named)
        found = [one for one in named if likely_issued(one, child)]
        several = 1 < len(found) <= _MOST_RANKED
        return sorted(found, key=lambda one: self._rank(one, child, several))

    def _rank(self, parent: Facts, child: Facts, several: bool) -> tuple[bool, bool, float]:
        """Sort by: signed it, valid now, else the latest to expire (the sort is stable: then by place)."""
        valid = parent.not_before <= self._now <= parent.not_after
        signed = not several or signature_holds(child, parent)
        return (not signed, not valid, 0.0 if valid else -_seconds(parent.not_after))


def _signed(path: _Path) -> bool:
    """Say whether each link of a chain is signed by the next."""
    return all(signature_holds(one, above) for one, above in pairwise(path.links))


def _standings(trusted: list[_Trusted], purpose: Purpose) -> dict[bytes, Standing]:
    found: dict[bytes, list[TrustSettings | None]] = {}
    for one in trusted:
        found.setdefault(one.facts.der, []).append(one.anchor.settings)
    return {der: standing(several, purpose) for der, several in found.items() if any(several)}


def _rejection(path: _Path) -> list[ChainFault]:
    top, found = len(path.links) - 1, path.standing
    if not (found.rejected or found.unsure):
        return []
    hint = "Give it with other settings (openssl x509 -addtrust, -clrreject), or without any"
    text = f"{place(path.links[top], top)} {found.rejected or found.unsure}"
    return [ChainFault(Fault.REJECTED, top, text, hint, unknown=bool(found.unsure))]


def _seconds(moment: datetime) -> float:
    return moment.toordinal() * 86400.0 + moment.hour * 3600 + moment.minute * 60 + moment.second


def _unverified(
    leaf: Facts, pool: list[Facts], known: list[_Trusted], now: datetime, purpose: Purpose, *, strict: bool
) -> ChainVerdict | None:
    """Return the verdict when only a CA that is at the hub, but not verified, ends the chain; None when none does."""
    if all(one.anchor.verified for one in known):
        return None
    for path in _Builder(leaf, pool, known, now, purpose).paths():
        if path.anchor is None or path.anchor.verified:
            continue
        top = len(path.links) - 1
        reason = ChainFault(
            Fault.UNVERIFIED_CA,
            top,
            f"{place(path.links[top], top)} is at the hub as {path.anchor.label.removesuffix(' (at the hub)')}, "
            "but nobody proved to hold its key, so the hub lets no device in by it",
            "Prove possession: hubwarden cert prove",
        )
        faults = check(path.links, now, purpose, strict=strict)
        return ChainVerdict(tuple(one.info for one in path.links), (reason, *faults), "", purpose)
    return None


def _dead_end(
    path: _Path, pool: list[Facts], trusted: list[_Trusted], now: datetime, purpose: Purpose, *, strict: bool
) -> ChainVerdict:
    """Return the verdict on a chain that ends before anything trusted: why it ends, and what else is wrong with it."""
    top = len(path.links) - 1
    current = path.links[top]
    where = place(current, top)
    if len(path.links) >= DEEPEST:
        fault = ChainFault(Fault.TOO_LONG, top, f"the chain is longer than {DEEPEST} certificates", "Check for a loop")
    elif self_signed(current):
        fault = ChainFault(Fault.UNTRUSTED_ROOT, top, *_untrusted_words(current, where, trusted))
    else:
        fault = ChainFault(Fault.NO_ISSUER, top, *_no_issuer_words(path.links, where, pool, trusted))
    rest = [one for one in check(path.links, now, purpose, strict=strict) if one.depth <= top]
    return ChainVerdict(tuple(one.info for one in path.links), (fault, *rest), "", purpose)


def _untrusted_words(current: Facts, where: str, trusted: list[_Trusted]) -> tuple[str, str]:
    named = [one for one in trusted if one.facts.subject == current.subject]
    if named:
        return (
            f"{where} is self-signed and bears the name of what is trusted ({named[0].anchor.label}), but is another",
            "Compare their thumbprints: the CA was made anew, or somebody imitates it",
        )
    return f"{where} is self-signed and not among what is trusted", "Trust it only if you know it: give it as a root"


def _no_issuer_words(links: Sequence[Facts], where: str, pool: list[Facts], trusted: list[_Trusted]) -> tuple[str, str]:
    current = links[-1]
    issuer = current.info.issuer or "(empty name)"
    named = [*links, *pool, *(one.facts for one in trusted)]
    named = [one for one in named if one.subject == current.issuer and one.der != current.der]
    if not named:
        return f"the issuer of {where}, “{issuer}”, is not here", f"Add the certificate of “{issuer}” to the file"
    fitting = [one.der for one in named if not mismatch(one, current)]
    if not fitting:
        return (
            f"{where} was not issued by the certificate of “{issuer}” that is here, but by another of that name: "
            + mismatch(named[0], current),
            "The CA was renewed, or made anew: add the certificate that it was issued by, or issue anew",
        )
    hint = "Trust that issuer's root, or the CA at the hub (--at-hub)"
    if any(one.der in fitting for one in links):
        return f"{where} was issued by “{issuer}”, which is below it: the CAs go in a circle, and none is a root", hint
    if not any(one.facts.der in fitting for one in trusted):
        return f"{where} is trusted and no root, and its issuer, “{issuer}”, is not among what is trusted", hint
    return f"of {where} too many may be the issuer, “{issuer}”: the search was given up", "Give fewer certificates"


def _readable(ders: Iterable[bytes]) -> list[Facts]:
    found = []
    for der in ders:
        try:
            found.append(facts(der))
        except ValueError:
            continue
    return found
