"""Why a certificate that bears the issuer's name is not the issuer: the reason that is there, not one that may be."""

from __future__ import annotations

import pytest
from support.chain_house import House
from support.chains import NOW, inside, parts_of, tlv
from support.unreadable import Change, changed

from console.model.certificate import Fault
from console.model.certificate import Unread as Lost
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.certificate_facts import facts

H = House()
ROOT = H.ca("Root")
MIDDLE = H.ca("Issuing", ROOT, 2)
LEAF = H.leaf(MIDDLE, "press-42")
NAMES = tlv(0xA1, tlv(0xA4, parts_of(inside(MIDDLE.certificate.tbs_certificate_bytes))[5]))
SERIAL = MIDDLE.certificate.serial_number.to_bytes(9, "big").lstrip(b"\0")


def put(oid: str, value: bytes) -> Change:
    def change(parts: list[bytes]) -> list[bytes]:
        number = bytes.fromhex(oid)
        others = [one for one in parts_of(inside(inside(parts[-1]))) if not inside(one).startswith(number)]
        made = tlv(0x30, number + tlv(0x04, value))
        return [*parts[:-1], tlv(0xA3, tlv(0x30, b"".join([*others, made])))]

    return change


CASES = {
    "key": (tlv(0x30, tlv(0x80, b"k" * 20)), "it wants the key 6B6B6B6B…6B6B, that one has"),
    "no key": (tlv(0x30, tlv(0x80, b"")), "it wants the key (empty), that one has"),
    "serial": (tlv(0x30, NAMES + tlv(0x82, b"\x05")), "it wants the serial number 5, that one has"),
    "issuer": (
        tlv(0x30, NAMES + tlv(0x82, SERIAL)),
        "it wants one that “CN=Issuing” issued, that one was issued by “CN=Root",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_reason_is_the_one_that_is_there(case: str) -> None:
    value, words = CASES[case]
    leaf = changed(LEAF, MIDDLE, put("0603551d23", value))
    (fault,) = faults_of(leaf, MIDDLE.der)
    assert fault.fault is Fault.NO_ISSUER
    assert words in fault.message
    if "key" not in case:
        assert "key" not in fault.message.partition("that is here")[2]


def test_another_kind_of_key_is_told_with_both_kinds() -> None:
    rsa = House("rsa-2048")
    other = rsa.ca("Issuing", ROOT, 3)
    leaf = changed(LEAF, MIDDLE, put("0603551d23", tlv(0x30, b"")))
    (fault, *_) = faults_of(leaf, other.der)
    assert "signed with a key of EC, and the key of that one is RSA 2048" in fault.message


def faults_of(leaf: bytes, middle: bytes):
    return verify_leaf(leaf, [middle], [Anchor(ROOT.der, "root")], NOW).faults


def test_two_algorithms_for_one_signature_accuse_nobody_of_altering() -> None:
    signed, _, bits = parts_of(inside(LEAF.der))
    leaf = tlv(0x30, signed + bytes.fromhex("300506032a0304") + bits)
    messages = [one.message for one in faults_of(leaf, MIDDLE.der)]
    assert any("two algorithms are named for it" in one for one in messages)
    assert not any("altered" in one or "was not made by" in one for one in messages)


@pytest.mark.parametrize("tag", [0x19, 0x1B, 0x04])
def test_a_ca_whose_name_no_program_reads_may_be_the_missing_one(tag: int) -> None:
    def change(parts: list[bytes]) -> list[bytes]:
        name = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403") + tlv(tag, b"Issuing"))))
        return [*parts[:5], name, *parts[6:]]

    middle = changed(MIDDLE, ROOT, change)
    with pytest.raises(ValueError, match="of a kind"):
        facts(middle)
    lost = Lost("block 2", "the subject has a CN of a kind that names do not have", 1, middle)
    verdict = verify_leaf(LEAF.der, [], [Anchor(ROOT.der, "root")], NOW, unread=[lost])
    assert verdict.unknown
    assert "may be block 2" in verdict.faults[0].message


def test_limits_of_names_that_name_none_are_not_called_a_size_of_keys() -> None:
    leaf = changed(LEAF, MIDDLE, put("0603551d1e", b"\x30\x00"))
    (fault,) = faults_of(leaf, MIDDLE.der)
    assert fault.unknown
    assert "it limits names, and names none" in fault.message


def test_cas_that_certify_one_another_go_in_a_circle() -> None:
    other = H.ca("Other", MIDDLE, 5)
    middle = H.ca("Issuing", other, 2)
    verdict = verify_leaf(LEAF.der, [middle.der, other.der], [Anchor(ROOT.der, "root")], NOW)
    assert verdict.faults[0].fault is Fault.NO_ISSUER
    assert "go in a circle" in verdict.faults[0].message


def test_a_trusted_ca_that_is_no_root_is_told_from_a_missing_issuer() -> None:
    verdict = verify_leaf(LEAF.der, [ROOT.der], [Anchor(MIDDLE.der, "roots")], NOW)
    assert verdict.faults[0].fault is Fault.NO_ISSUER
    assert (
        "is trusted and no root, and its issuer, “CN=Root”, is not among what is trusted" in verdict.faults[0].message
    )


def test_a_leaf_is_not_called_altered_while_the_ca_that_signed_it_is_here() -> None:
    old = H.ca("Plants", None, 8)
    new = H.ca("Plants", ROOT, 9)  # of the same name and another key, and in front: it is trusted
    leaf = H.leaf(old, aki=None)
    verdict = verify_leaf(leaf.der, [old.der], [Anchor(new.der, "roots")], NOW)
    assert verdict.faults[0].fault is Fault.UNTRUSTED_ROOT
    assert not any(one.fault is Fault.BAD_SIGNATURE for one in verdict.faults)
