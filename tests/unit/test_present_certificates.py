"""Certificates in words: what must stand in the lines, at every width, whatever the certificate says."""

from __future__ import annotations

import pytest
from support.chains import DAY, NOW, make, name

from console.model.certificate import Answer, Comparison, LintFinding
from console.model.change import Severity
from console.present.certificates import (
    comparison_lines,
    inspected_lines,
    lint_lines,
    spaced,
    tree_lines,
    validity_words,
)
from console.present.lines import Line, line_width, plain
from console.rules.certificate_chain import Anchor, verify
from console.rules.certificate_reading import read

ROOT = make("Root", ca=True, number=1)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, not_after=NOW - 3 * DAY)
LEAF = make(name("press-1", organization_name="A very long name of a company " * 2), MIDDLE, number=3)


def text(lines: list[Line]) -> str:
    return "\n".join(plain(line) for line in lines)


def held(*nodes, more: bytes = b""):
    return read(b"".join(one.pem for one in nodes) + more, "bundle.pem")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_what_a_file_holds_is_told_within_the_width(width: int) -> None:
    lines = inspected_lines(held(LEAF, MIDDLE, ROOT, more=LEAF.key_pem), NOW, width)
    assert all(line_width(line) <= width for line in lines)
    shown = text(lines)
    words = " ".join(shown.split())
    assert "1 private key, NOT encrypted" in words
    assert "CERTIFICATE 2 OF 3: CA" in shown
    assert "EXPIRED 3 d ago" in shown
    assert held(LEAF).certificates[0].sha256[:20] in shown
    assert "not verified" in words


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_chain_is_a_tree_root_first_with_the_reason_at_its_certificate(width: int) -> None:
    verdict = verify(held(LEAF, MIDDLE), [Anchor(ROOT.der, "root.pem")], NOW)
    lines = tree_lines(verdict, NOW, width)
    assert all(line_width(line) <= width for line in lines)
    rows = [plain(line) for line in lines]
    assert rows[0].startswith(" NOT TRUSTED for sslclient: 1 reason")
    places = [
        next(i for i, row in enumerate(rows) if mark in row) for mark in ("✓ CN=Root", "✗ CN=Issuing", "✓ CN=press-1")
    ]
    assert places == sorted(places)
    between = " ".join(" ".join(rows[places[1] : places[2]]).split())
    assert "certificate has expired" in between
    assert "Renew that CA" in between


def test_a_trusted_chain_names_what_trusts_it() -> None:
    good = make("Issuing", ROOT, ca=True, number=2)
    verdict = verify(held(make("press-1", good), good), [Anchor(ROOT.der, "root.pem")], NOW)
    shown = text(tree_lines(verdict, NOW, 80))
    assert shown.startswith(" TRUSTED for sslclient, by root.pem")
    assert "✗" not in shown


def test_a_long_chain_stays_within_the_width() -> None:
    nodes = [ROOT]
    for number in range(30):
        nodes.append(make(f"CA {number}", nodes[-1], ca=True, number=100 + number))
    verdict = verify(held(make("press-1", nodes[-1]), *nodes[1:]), [Anchor(ROOT.der, "root.pem")], NOW)
    lines = tree_lines(verdict, NOW, 80)
    assert verdict.trusted
    assert all(line_width(line) <= 80 for line in lines)
    assert "CN=press-1" in text(lines)


def test_others_in_the_file_are_mentioned() -> None:
    verdict = verify(held(make("press-1", ROOT), make("X")), [Anchor(ROOT.der, "root.pem")], NOW)
    assert "1 more certificate in bundle.pem did not belong to the chain" in text(tree_lines(verdict, NOW, 80))


def test_validity_in_words() -> None:
    for options, words, token in (
        ({}, "valid, 365 d left", "ok"),
        ({"not_before": NOW - 300 * DAY, "not_after": NOW + 30 * DAY}, "needs renewal, 30 d left", "warn"),
        ({"not_after": NOW - DAY}, "EXPIRED 24 h ago", "bad"),
        ({"not_before": NOW + 3 * DAY}, "NOT YET VALID, in 3 d", "bad"),
    ):
        info = held(make("x", **options)).certificates[0]
        assert validity_words(info, NOW) == (words, token)


def test_findings_and_comparisons_in_words() -> None:
    findings = [
        LintFinding("expired", Severity.HIGH, "it expired", "Renew it", "CN=x"),
        LintFinding("ca-at-hub", Severity.MEDIUM, "not known", unknown=True),
    ]
    shown = text(lint_lines(findings, 60))
    assert "HIGH    expired" in " ".join(shown.split("\n")[:1])
    assert "UNKNOWN ca-at-hub" in shown
    assert "Renew it" in shown
    assert "OK" in text(lint_lines([], 60))
    for answer, word in ((Answer.YES, "WOULD AUTHENTICATE"), (Answer.NO, "WOULD NOT"), (Answer.UNKNOWN, "NOT KNOWN")):
        shown = text(comparison_lines(Comparison(answer, "press-1", "because", "do this", (("CN", "x"),)), 60))
        assert word in shown
        assert "because" in shown
        assert "do this" in shown


def test_digits_with_colons() -> None:
    assert spaced("ABCDEF", colons=True) == "AB:CD:EF"
    assert spaced("ABCDEF") == "ABCDEF"
