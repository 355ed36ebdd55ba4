"""Hundreds of chains broken at random, several ways at once: never another verdict than openssl's without cause."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support.chain_faults import MEANS, ours
from support.chains import (
    ANY,
    CLIENT,
    DAY,
    NOW,
    SERVER,
    Node,
    make,
    name,
    needs_openssl,
    openssl_verify,
    tampered,
    usage,
)

from console.model.certificate import ChainVerdict

pytestmark = needs_openssl
CASES, BATCHES = 60, 8
_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.7"), b"\5\0")


def _options(dice: random.Random, *, ca: bool, wild: float) -> dict[str, Any]:
    """Return options of a certificate; each is off with a chance of `wild`."""
    found: dict[str, Any] = {"ca": ca}

    def off() -> bool:
        return dice.random() < wild

    if off():
        found["not_after"] = NOW - dice.choice([1, 400]) * DAY
        found["not_before"] = NOW - 800 * DAY
    elif off():
        found["not_before"] = NOW + DAY
    if off():
        found["basic"] = dice.choice([None, *(x509.BasicConstraints(flag, None) for flag in (True, False))])
    if off():
        found["basic_critical"] = False
    if ca and off():
        found["path_length"] = dice.choice([0, 0, 1, 2])
    if off():
        words = ("digital_signature", "key_cert_sign", "crl_sign", "key_encipherment", "key_agreement")
        found["key_usage"] = dice.choice([None, usage(*dice.sample(words, dice.randint(1, 3)))])
    if off():
        found["purposes"] = dice.choice([None, [CLIENT], [SERVER], [ANY], [SERVER, CLIENT]])
    if off():
        found["ski"] = dice.choice([None, b"other"])
    if off():
        found["aki"] = dice.choice([None, x509.AuthorityKeyIdentifier(b"other", None, None)])
    if off():
        found["more"] = [(_UNKNOWN, dice.random() < 0.5)]
    if ca and off():
        permitted = dice.choice(["contoso.com", ".contoso.com", "fabrikam.com"])
        found.setdefault("more", []).append((x509.NameConstraints([x509.DNSName(permitted)], None), True))
    if not ca and off():
        found["names"] = [x509.DNSName(dice.choice(["a.contoso.com", "contoso.com", "b.fabrikam.com"]))]
    return found


def _made(dice: random.Random) -> tuple[Node, list[Node], list[Node]]:
    """Return a leaf, other certificates in any order, and roots."""
    wild = dice.choice([0.02, 0.05, 0.15])
    roots = [make(f"Root {n}", number=300 + n, **_options(dice, ca=True, wild=wild / 2)) for n in range(2)]
    above, pool = list(roots), []
    for level in range(dice.randint(0, 3)):
        made = []
        for _ in range(dice.choice([1, 1, 2])):
            subject = dice.choice([f"CA {level}", f"CA {level}", f"CA {max(level - 1, 0)}", "Root 0"])
            by = dice.choice(above)
            made.append(
                make(subject, by, number=310 + 4 * level + dice.randint(0, 2), **_options(dice, ca=True, wild=wild))
            )
        pool += made
        above = made
    leaf = make(
        dice.choice(["press-1", "press-1.contoso.com"]),
        dice.choice(above),
        number=7,
        **_options(dice, ca=False, wild=wild),
    )
    if dice.random() < 0.1:
        leaf = tampered(leaf, signature=dice.random() < 0.5)
    if pool and dice.random() < 0.1:
        pool[dice.randrange(len(pool))] = tampered(dice.choice(pool))
    if dice.random() < 0.15:
        pool.append(make(name("Root 0"), roots[1], ca=True, number=300))  # cross-signed
    others = [one for one in pool if dice.random() < 0.95]
    if dice.random() < 0.3:
        others.append(dice.choice(roots))
    dice.shuffle(others)
    return leaf, others, [one for one in roots if dice.random() < 0.9] or roots[:1]


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("partial", [False, True], ids=["roots", "partial"])
def test_verdicts_agree(tmp_path: Path, batch: int, partial: bool) -> None:
    dice = random.Random(f"{batch}-{partial}")
    trusted = better = 0
    for number in range(CASES // 2):
        leaf, others, roots = _made(dice)
        if partial and others and dice.random() < 0.5:
            roots = [dice.choice(others)]
        theirs = openssl_verify(tmp_path, leaf, others, roots, partial=partial)
        verdict = ours(leaf, others, roots, partial=partial)
        context = (batch, number, verdict.faults, theirs.text)
        if theirs.trusted:
            assert verdict.trusted, context
        elif verdict.trusted:
            assert _confirmed(tmp_path, verdict, leaf, roots, partial), context
            better += 1
        else:
            assert _share_a_reason(verdict, theirs.numbers), context
        trusted += verdict.trusted
    assert 0 < trusted < CASES // 2  # the dice make both sorts
    assert better <= 3


def _confirmed(folder: Path, verdict: ChainVerdict, leaf: Node, roots: list[Node], partial: bool) -> bool:
    """Say whether openssl trusts our chain when it is given nothing else: it chose another issuer of the same name."""
    used = {one.der for one in verdict.chain}
    middle = [Node(x509.load_der_x509_certificate(one.der), None) for one in verdict.chain[1:-1]]
    top = [one for one in roots if one.der in used]
    return openssl_verify(folder, leaf, middle, top, partial=partial).trusted


def _share_a_reason(verdict: ChainVerdict, numbers: set[int]) -> bool:
    """Say whether a complaint of openssl's is one of ours; both may have looked at another of several chains."""
    mine = {one.fault for one in verdict.faults}
    return any(MEANS[number] & mine for number in numbers) or len(verdict.chain) > 1
