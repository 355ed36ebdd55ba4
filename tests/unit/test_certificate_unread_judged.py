"""What cannot be read is not judged, and nothing else in its place; where it may be an issuer, nothing is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from support.chains import DAY, NOW, Node, make, tampered
from support.unreadable import UNREADABLE, armour, changed, with_members

from console.model.certificate import Answer, ChainVerdict, Fault, Purpose, Registered, Unread
from console.model.change import Severity
from console.model.device import AuthType
from console.model.errors import ConsoleError
from console.present.certificates import inspected_lines, tree_lines
from console.present.lines import plain
from console.rules.ca_upload import check_proof
from console.rules.certificate_chain import Anchor, verify
from console.rules.certificate_compare import compare
from console.rules.certificate_lint import Lint, failed
from console.rules.certificate_one import only_certificate
from console.rules.certificate_reading import of_host, read
from console.rules.registering import leaf_of
from console.rules.registration_run import card_of

ROOT = make("Root", ca=True, number=1, not_after=NOW + 3000 * DAY)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, not_after=NOW + 2000 * DAY)
LEAF = make("press-1", MIDDLE, number=3)
ANCHORS = [Anchor(ROOT.der, "root.pem")]
AT_HUB = [Anchor(ROOT.der, "root (at the hub)", complete=True)]
DEVICE = Registered("press-1", "", exists=True, enabled=True, auth=AuthType.CA, by_ca=True)
CUT = LEAF.pem[:300] + b"\n-----END CERTIFICATE-----\n"


def bad(node: Node = LEAF, by: Node = MIDDLE, kind: str = "critical FALSE") -> bytes:
    return armour(changed(node, by, UNREADABLE[kind]))


CRITICAL = UNREADABLE["critical FALSE"]
LEAVES = {**{kind: bad(kind=kind) for kind in UNREADABLE}, "cut": CUT}
JUDGES: dict[str, Callable[[bytes], object]] = {
    "verify": lambda data: verify(read(data, "chain.pem"), ANCHORS, NOW),
    "compare": lambda data: compare(read(data, "chain.pem"), DEVICE, AT_HUB, NOW),
    "register": lambda data: leaf_of(data, "Nothing was registered"),
    "upload, prove, dps create": lambda data: only_certificate(data, "Nothing was sent"),
    "dps register": lambda data: card_of(read(data, "chain.pem"), "press-1", NOW),
}


def verdict(*blocks: bytes, anchors: list[Anchor] | None = None) -> ChainVerdict:
    return verify(read(b"".join(blocks), "chain.pem"), ANCHORS if anchors is None else anchors, NOW)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("leaf", LEAVES)
def test_no_judge_takes_the_issuer_in_the_leafs_place(judge: str, leaf: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        JUDGES[judge](LEAVES[leaf] + MIDDLE.pem)
    assert caught.value.code == "unread"
    assert "block 1 (CERTIFICATE) cannot be read: " in caught.value.sentence()


@pytest.mark.parametrize("judge", [one for one in JUDGES if one != "dps register"])
def test_nor_in_another_order(judge: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        JUDGES[judge](MIDDLE.pem + CUT)
    assert "block 2 (CERTIFICATE) cannot be read" in caught.value.sentence()


@pytest.mark.parametrize("upload", [False, True])
@pytest.mark.parametrize("leaf", LEAVES)
def test_lint_says_it_and_nothing_of_others(leaf: str, upload: bool) -> None:
    found = Lint(read(LEAVES[leaf] + MIDDLE.pem, "chain.pem"), NOW, anchors=AT_HUB, for_upload=upload).findings()
    assert [(one.id, one.severity) for one in found] == [("not-readable", Severity.HIGH)]
    assert found[0].message.startswith("block 1 (CERTIFICATE) cannot be read")
    assert failed(found)


def test_a_file_of_cas_may_be_judged_when_what_cannot_be_read_stands_above() -> None:
    held = read(MIDDLE.pem + bad(ROOT, ROOT), "chain.pem")
    found = verify(held, ANCHORS, NOW, Purpose.ANY)
    assert found.trusted
    assert found.chain[0].subject == "CN=Issuing"
    assert any("block 2 (CERTIFICATE) cannot be read" in note for note in found.notes)


# --- an issuer -----------------------------------------------------------------------------------------------------


def test_an_issuer_that_cannot_be_read_is_not_missing() -> None:
    found = verdict(LEAF.pem, bad(MIDDLE, ROOT))
    assert (found.trusted, found.unknown) == (False, True)
    (fault,) = found.faults
    assert (fault.fault, fault.depth, fault.unknown) == (Fault.UNREADABLE, 0, True)
    assert "block 2 (CERTIFICATE), which cannot be read" in fault.message
    text = "\n".join(plain(line) for line in tree_lines(found, NOW, 100))
    assert "NOT KNOWN" in text and "NOT TRUSTED" not in text and "is not here" not in text


def test_in_a_pkcs7_the_place_of_an_issuer_says_nothing() -> None:
    plain = pkcs7.serialize_certificates([LEAF.certificate], serialization.Encoding.DER)
    lost = changed(MIDDLE, ROOT, CRITICAL)
    for at, members in enumerate(([lost, LEAF.der], [LEAF.der, lost]), start=1):
        found = verify(read(with_members(plain, members), "chain.p7b"), ANCHORS, NOW)
        assert found.unknown
        assert f"certificate {at} of the PKCS#7" in found.faults[0].message
    lost = changed(LEAF, MIDDLE, CRITICAL)
    for at, members in enumerate(([lost, MIDDLE.der], [MIDDLE.der, lost]), start=1):
        with pytest.raises(ConsoleError) as caught:
            verify(read(with_members(plain, members), "chain.p7b"), ANCHORS, NOW)
        assert f"certificate {at} of the PKCS#7 cannot be read" in caught.value.why


def test_nor_one_among_the_roots() -> None:
    lost = Unread("block 1 (CERTIFICATE) of root.pem", "it is cut off", 0, ROOT.der[:-4])
    for anchor in (Anchor(lost.der, "root.pem", unread=lost), Anchor(lost.der, "root.pem")):
        found = verdict(LEAF.pem, MIDDLE.pem, anchors=[anchor])
        assert found.unknown
        assert "root.pem, which cannot be read" in found.faults[0].message
        found = verdict(LEAF.pem, MIDDLE.pem, ROOT.pem, anchors=[anchor])
        assert found.unknown, "its root may be the one that cannot be read"


def test_one_of_another_name_is_missing_for_certain() -> None:
    other = make("Other", ca=True, number=9, not_after=NOW + 3000 * DAY)
    found = verdict(LEAF.pem, bad(other, other))
    assert [one.fault for one in found.faults] == [Fault.NO_ISSUER]
    assert any("block 2 (CERTIFICATE) cannot be read" in note for note in found.notes)


def test_a_chain_that_holds_without_it_is_trusted() -> None:
    found = verdict(LEAF.pem, MIDDLE.pem, CUT)
    assert found.trusted
    assert any("block 3 (CERTIFICATE) cannot be read" in note for note in found.notes)
    assert [one.place for one in found.unread] == ["block 3 (CERTIFICATE)"]


def test_another_key_is_no_accusation_while_the_issuer_may_be_unread() -> None:
    twin = make("Issuing", ROOT, ca=True, number=8, not_after=NOW + 2000 * DAY)
    leaf = make("press-1", MIDDLE, number=3, aki=None)
    found = verdict(leaf.pem, twin.pem)
    assert Fault.BAD_SIGNATURE in {one.fault for one in found.faults}
    found = verdict(leaf.pem, twin.pem, bad(MIDDLE, ROOT))
    assert Fault.BAD_SIGNATURE not in {one.fault for one in found.faults}
    assert Fault.UNREADABLE in {one.fault for one in found.faults}


def test_what_is_wrong_whoever_issued_it_stays() -> None:
    old = make("press-1", MIDDLE, number=3, not_after=NOW - DAY)
    found = verdict(old.pem, bad(MIDDLE, ROOT))
    assert {one.fault for one in found.faults} == {Fault.EXPIRED, Fault.UNREADABLE}
    assert not found.unknown
    found = verdict(tampered(LEAF).pem, MIDDLE.pem, CUT)
    assert Fault.BAD_SIGNATURE in {one.fault for one in found.faults}, "its issuer is here by the key's identifier"


def test_compare_does_not_know_it_either() -> None:
    found = compare(read(LEAF.pem + bad(MIDDLE, ROOT), "chain.pem"), DEVICE, AT_HUB, NOW)
    assert (found.answer, "block 2 (CERTIFICATE)" in found.why) == (Answer.UNKNOWN, True)


def test_compare_by_thumbprint_names_it_beside_its_answer() -> None:
    held = read(LEAF.pem + bad(MIDDLE, ROOT), "chain.pem")
    prints = (held.certificates[0].sha256, "")
    found = compare(held, Registered("press-1", "", True, True, "", AuthType.THUMBPRINT_SHA256, prints), None, NOW)
    assert found.answer is Answer.YES
    assert ("cannot be read", held.unread[0].sentence()) in found.facts


def test_lint_names_it_and_accuses_nobody() -> None:
    held = read(LEAF.pem + bad(MIDDLE, ROOT), "chain.pem")
    found = Lint(held, NOW, device_id="press-1", anchors=AT_HUB).findings()
    by_id = {one.id: one for one in found}
    assert "ca-not-at-hub" not in by_id
    assert by_id["chain-incomplete"].unknown and by_id["ca-at-hub"].unknown
    assert "block 2 (CERTIFICATE)" in by_id["not-readable"].message
    assert failed(found)


# --- files that are to be used -------------------------------------------------------------------------------------


def test_a_leaf_beside_its_unread_issuer_can_be_registered() -> None:
    info, notes = leaf_of(LEAF.pem + bad(MIDDLE, ROOT), "Nothing was registered")
    assert info.subject == "CN=press-1"
    assert any("block 2 (CERTIFICATE) cannot be read" in note for note in notes)
    with pytest.raises(ConsoleError):
        leaf_of(LEAF.pem + bad(make("press-2", MIDDLE, number=5)), "Nothing was registered")


def test_a_file_with_anything_unread_is_not_sent() -> None:
    with pytest.raises(ConsoleError) as caught:
        only_certificate(MIDDLE.pem + CUT, "Nothing was sent")
    assert (caught.value.code, "block 2" in caught.value.why) == ("unread", True)


def test_a_ca_at_the_hub_that_cannot_be_read_is_no_other_key() -> None:
    info = read(make("CODE", MIDDLE, number=6).der, "proof").certificates[0]
    with pytest.raises(ConsoleError) as caught:
        check_proof(MIDDLE.der[:-3], info, "CODE", NOW, "plants")
    assert "cannot be read" in caught.value.why and "another key" not in caught.value.why


def test_a_device_shows_what_cannot_be_read_too() -> None:
    card = card_of(read(LEAF.pem + MIDDLE.pem + bad(ROOT, ROOT), "chain.pem"), "press-1", NOW)
    assert (card.sent, card.complete) == (3, False)
    assert "block 3 (CERTIFICATE) cannot be read" in card.unread


def test_a_host_whose_leaf_cannot_be_read_is_not_verified() -> None:
    held = of_host("host:443", (changed(LEAF, MIDDLE, UNREADABLE["names"]), MIDDLE.der), "TLSv1.3")
    with pytest.raises(ConsoleError) as caught:
        verify(held, ANCHORS, NOW)
    assert "certificate 1 cannot be read" in caught.value.why


def test_inspecting_names_it() -> None:
    text = "\n".join(plain(line) for line in inspected_lines(read(CUT + MIDDLE.pem, "chain.pem"), NOW, 120))
    assert "1 certificate that cannot be read" in text
    assert "block 1 (CERTIFICATE) cannot be read" in text
