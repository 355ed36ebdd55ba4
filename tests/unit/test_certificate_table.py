"""The table of certificates: every one stands there once, below its CA; what is due is counted and said in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from support.fake_credentials import FOLDER, NOW, authority, record

from console.model.certificate import CertificateKind, CertificateRecord, RecordStatus
from console.model.hub import HubCertificate
from console.present.certificate_table import (
    due,
    due_line,
    expiry_piece,
    here_word,
    hub_expiry,
    hub_lines,
    matches,
    ours_of,
    row_cells,
    theirs_of,
    tree,
)
from console.present.lines import plain

NAMES = st.sampled_from(("root", "lyon", "genoa", "a", "b", "c"))


@st.composite
def records(draw: st.DrawFn) -> CertificateRecord:
    name, kind = draw(NAMES), draw(st.sampled_from(list(CertificateKind)))
    made = record(name, kind, days=draw(st.integers(-400, 4000)), issuer=draw(NAMES), store=FOLDER / draw(NAMES))
    return replace(made, sha256=draw(st.sampled_from("ABCDEFGH")) * 64)


@given(st.lists(records(), max_size=12), st.lists(NAMES, max_size=3, unique=True))
def test_every_certificate_stands_there_once_whatever_the_links(found: list[CertificateRecord], cas: list[str]) -> None:
    authorities = [authority(name, issuer="lyon" if index else "") for index, name in enumerate(cas)]
    rows = tree(found, authorities)
    wanted = {one.sha256 for one in found} | {one.record.sha256 for one in authorities}
    assert len(rows) == len(wanted) and {row.key for row in rows} == wanted
    for above, row in pairwise(rows):
        assert row.depth <= above.depth + 1, "nothing stands deeper than one below the line above it"


def test_cas_that_issued_each_other_are_shown_too() -> None:
    one, other = authority("one", issuer="other"), authority("other", issuer="one")
    assert {row.record.common_name for row in tree([], [one, other])} == {"one", "other"}


def test_leaves_stand_below_the_ca_of_their_folder_the_soonest_to_expire_first() -> None:
    twins = [authority("ca"), replace(authority("ca"), folder=FOLDER / "other")]
    twins[1] = replace(twins[1], record=replace(twins[1].record, sha256="E" * 64, not_after=NOW))
    leaves = [record(name, days=days, store=FOLDER / where, issuer="ca") for name, days, where in (
        ("late", 300, "ca"), ("soon", 3, "ca"), ("elsewhere", 5, "other"),
    )]  # fmt: skip
    rows = [(row.depth, row.record.common_name) for row in tree(leaves, twins)]
    assert rows == [(0, "ca"), (1, "elsewhere"), (0, "ca"), (1, "soon"), (1, "late")]


def test_what_is_due_is_said_in_words() -> None:
    assert expiry_piece(record("a", days=300), NOW) == ("300 d", "")
    assert expiry_piece(record("a", days=40), NOW) == ("renew, 40 d", "warn")
    assert expiry_piece(record("a", days=-3), NOW) == ("EXPIRED 3 d", "bad")
    assert expiry_piece(record("a", status=RecordStatus.PENDING), NOW)[0] == "not finished"
    found = [record("a", days=300), record("b", days=40), record("c", days=-3), record("d", days=-9)]
    found.append(record("e", days=-9, status=RecordStatus.REPLACED))
    assert due(found, NOW) == (2, 1)
    assert plain(due_line(2, 1)).strip() == "1 needs renewal, 2 expired"
    assert due_line(0, 0) == ()


def test_a_ca_of_the_hub_is_recognised_by_its_thumbprint() -> None:
    ca = authority("lyon", has_key=False)
    colons = ":".join(ca.record.sha1[i : i + 2].lower() for i in range(0, 40, 2))
    at_hub = HubCertificate("x", "CN=other", colons, NOW + timedelta(days=9), True)
    assert ours_of(at_hub, [ca]) is ca and theirs_of(ca.record, [at_hub]) is at_hub
    assert here_word(at_hub, [ca]) == "no key here" and here_word(at_hub, []) == "-"
    assert hub_expiry(at_hub, NOW) == ("renew, 9 d", "warn")
    assert hub_expiry(HubCertificate("x", "", "", None, True), NOW)[0] == "not known"


def test_a_verified_ca_is_not_said_to_be_proved_for_the_hub_does_not_tell() -> None:
    def possession(verified: bool) -> str:
        one = HubCertificate("x", "CN=x", "AA", NOW + timedelta(days=9), verified)
        return " ".join(" ".join(plain(line).split()) for line in hub_lines(one, None, NOW, 200))

    assert "possession verified (by proof, or on upload without: the hub does not tell): devices get" in possession(
        True
    )
    assert "NOT PROVED: it lets nobody in" in possession(False)


def test_the_filter_takes_words_and_their_absence() -> None:
    row = tree([record("lyon-press-1")], [])[0]
    assert matches(row, "LYON device") and matches(row, row.record.sha256[:12])
    assert not matches(row, "lyon !press") and matches(row, "!genoa") and matches(row, "!") is False


def test_hostile_text_is_cleaned() -> None:
    evil = record("ev\x1b]52;c;AAAA\x07il", issuer="x\x9b31m")
    for text, _ in row_cells(tree([evil], [])[0], NOW):
        assert text.isprintable()
