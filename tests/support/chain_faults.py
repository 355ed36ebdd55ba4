"""How our reasons and openssl's error numbers go together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.chains import NOW, Judgement, Node, openssl_verify

from console.model.certificate import ChainVerdict, Fault, Purpose
from console.rules.certificate_chain import Anchor, verify_leaf

MEANS: dict[int, set[Fault]] = {
    2: {Fault.NO_ISSUER},
    6: {Fault.WEAK, Fault.UNREADABLE},
    7: {Fault.BAD_SIGNATURE},
    9: {Fault.NOT_YET_VALID},
    10: {Fault.EXPIRED},
    18: {Fault.UNTRUSTED_ROOT},
    19: {Fault.UNTRUSTED_ROOT},
    20: {Fault.NO_ISSUER},
    21: {Fault.NO_ISSUER},
    22: {Fault.TOO_LONG},
    24: {Fault.NOT_A_CA, Fault.KEY_USAGE, Fault.UNREADABLE},
    25: {Fault.PATH_LENGTH},
    26: {Fault.WRONG_PURPOSE, Fault.NOT_A_CA, Fault.KEY_USAGE, Fault.MALFORMED, Fault.UNREADABLE},
    32: {Fault.KEY_USAGE, Fault.UNREADABLE},
    34: {Fault.CRITICAL_EXTENSION},
    47: {Fault.NAME_CONSTRAINT},
    48: {Fault.NAME_CONSTRAINT},
    51: {Fault.NAME_CONSTRAINT},
    52: {Fault.NAME_CONSTRAINT},
    53: {Fault.NAME_CONSTRAINT},
    66: {Fault.WEAK},
    77: {Fault.BAD_SIGNATURE},
    78: {Fault.MALFORMED, Fault.BAD_SIGNATURE},
    79: {Fault.NOT_A_CA, Fault.KEY_USAGE, Fault.UNREADABLE},
    **{number: {Fault.MALFORMED, Fault.UNREADABLE} for number in range(80, 96)},
}


def ours(
    leaf: Node,
    others: Sequence[Node],
    roots: Sequence[Node],
    purpose: str = "sslclient",
    partial: bool = False,
    strict: bool = True,
) -> ChainVerdict:
    """Ask our own verifier."""
    anchors = [Anchor(one.der, "roots", complete=partial) for one in roots]
    return verify_leaf(leaf.der, [one.der for one in others], anchors, NOW, Purpose(purpose), strict=strict)


def both(
    folder: Path,
    leaf: Node,
    others: Sequence[Node],
    roots: Sequence[Node],
    purpose: str = "sslclient",
    partial: bool = False,
) -> tuple[ChainVerdict, Judgement]:
    """Ask our own verifier and openssl."""
    theirs = openssl_verify(folder, leaf, others, roots, purpose=purpose, partial=partial)
    return ours(leaf, others, roots, purpose, partial), theirs


def check_agreement(verdict: ChainVerdict, theirs: Judgement) -> None:
    """Fail unless verdicts are equal and each complaint of openssl's is one of ours, about the same certificate."""
    assert verdict.trusted == theirs.trusted, (verdict.faults, theirs.text)
    for number, depth in theirs.errors:
        assert number in MEANS, theirs.text
        assert any(one.fault in MEANS[number] and (one.depth == depth or number == 22) for one in verdict.faults), (
            number,
            depth,
            verdict.faults,
            theirs.text,
        )
