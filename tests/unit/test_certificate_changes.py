"""Certificates with one change in their DER, signed anew: trusted or accused only as openssl does, else not known."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from support.chain_house import House
from support.chains import NOW, Node, needs_openssl, tlv
from support.corpus import Member, at, openssl_verdicts
from support.depth import trials
from support.der_changes import change_one

from console.model.certificate import Purpose, Unread
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.certificate_facts import anyhow

pytestmark = needs_openssl
H = House()
ROOT = H.ca("Root")
LEAF = H.leaf(ROOT, "press-42")
_ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")
_TRIALS = trials(test=240, deep=2400, full=24000)


def changed(node: Node, seed: int) -> bytes:
    """Return a certificate of which one element (now and then two) is changed, signed by the root."""
    signed = node.certificate.tbs_certificate_bytes
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 1, 2))):
        signed = change_one(signed, chance)
    signature = ROOT.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, signed + _ALGORITHM + tlv(0x03, b"\0" + signature))


def verdict(der: bytes, *, strict: bool) -> bool | None:
    """Return what we say of it; None: not known, or not taken, with a reason."""
    try:
        found = verify_leaf(der, [], [Anchor(ROOT.der, "root")], NOW, Purpose.CLIENT, strict=strict)
    except ValueError as error:
        assert str(error) and "ParseError" not in str(error)
        return None
    return True if found.trusted else None if found.unknown else False


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
def test_verdicts_on_changed_leaves_are_openssls_or_not_known(tmp_path: Path, strict: bool) -> None:
    leaves = [Member(str(seed), changed(LEAF, seed), False) for seed in range(_TRIALS)]
    root = Member("root", ROOT.der, False)
    options = [*at(), *(["-x509_strict"] if strict else [])]
    theirs = openssl_verdicts(tmp_path, leaves, [], [root], *options)
    counts = {True: 0, False: 0, None: 0}
    for one in leaves:
        mine = verdict(one.der, strict=strict)
        counts[mine] += 1
        assert mine is not True or theirs[one.name], f"trusted, and openssl refuses it: {one.name} {one.der.hex()}"
        assert mine is not False or not theirs[one.name], f"accused, and openssl trusts it: {one.name} {one.der.hex()}"
        anyhow(one.der)
    assert min(counts.values()) > _TRIALS // 50, counts


@pytest.mark.slow
@pytest.mark.parametrize("which", ["issuer", "root"])
def test_verdicts_below_a_changed_ca_are_openssls_or_not_known(tmp_path: Path, which: str) -> None:
    middle = H.ca("Issuing", ROOT, 2)
    leaf = H.leaf(middle, "press-42")
    for seed in range(trials(test=20, deep=150, full=1500)):
        der = changed(middle if which == "issuer" else ROOT, seed)
        middle_der, root_der = (der, ROOT.der) if which == "issuer" else (middle.der, der)
        members = [Member(name, one, False) for name, one in (("leaf", leaf.der), ("m", middle_der), ("r", root_der))]
        theirs = openssl_verdicts(tmp_path, members[:1], members[1:2], members[2:], *at())["leaf"]
        why = anyhow(middle_der)[1]
        lost = [Unread("block 2", why, 1, middle_der)] if why else []
        found = verify_leaf(leaf.der, [middle_der], [Anchor(root_der, "root")], NOW, strict=False, unread=lost)
        mine = True if found.trusted else None if found.unknown else False
        assert mine is None or mine == theirs, (seed, mine, found.faults, der.hex())
