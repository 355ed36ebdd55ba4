"""A certificate that cannot be read is told with its place and its reason, and none is taken in its place."""

from __future__ import annotations

import base64
import subprocess
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from support.chains import DAY, NOW, OPENSSL, make, needs_openssl, tlv
from support.unreadable import UNREADABLE, armour, changed, with_members

from console.model.certificate import Inspected
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.certificate_reading import of_host, read

ROOT = make("Root", ca=True, number=1, not_after=NOW + 3000 * DAY)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, not_after=NOW + 2000 * DAY)
LEAF = make("press-1", MIDDLE, number=3)
DER = serialization.Encoding.DER
CUT = LEAF.pem[:-60]


@cache
def bad(kind: str) -> bytes:
    return changed(LEAF, MIDDLE, UNREADABLE[kind])


@pytest.mark.parametrize("kind", UNREADABLE)
def test_each_strange_certificate_is_told_with_place_and_reason(kind: str) -> None:
    held = read(armour(bad(kind)) + MIDDLE.pem, "chain.pem")
    (one,) = held.unread
    assert (one.place, one.before, one.der) == ("block 1 (CERTIFICATE)", 0, bad(kind))
    assert held.first_unread is one
    assert [info.subject for info in held.certificates] == ["CN=Issuing"]
    assert one.sentence() in held.notes
    assert "ParseError" not in one.reason and "::" not in one.reason


LINES = {
    "no end line": (CUT, "no end line"),
    "another end line": (LEAF.pem.replace(b"END CERTIFICATE", b"END X509 CRL"), "end line"),
    "four dashes": (LEAF.pem[1:], "first line is damaged"),
    "no first line": (LEAF.pem.partition(b"\n")[2], "no first line"),
    "begin misspelt": (LEAF.pem.replace(b"BEGIN", b"BEGXN"), "no first line"),
    "not base64": (LEAF.pem.replace(b"M", b"!", 1), "not base64"),
    "a line is lost": (
        b"".join(LEAF.pem.splitlines(keepends=True)[:3] + LEAF.pem.splitlines(keepends=True)[4:]),
        "cut",
    ),
    "a blank behind the label": (armour(b"\x30\x03\x02\x01\x01", "CERTIFICATE "), ""),
    "another label": (armour(b"\x30\x03\x02\x01\x01", "CERT"), ""),
    "a label of nothing": (armour(LEAF.der[:-9], "CE TIFICATE"), "cut off"),
    "empty": (armour(b""), "nothing in it"),
    "an empty list": (armour(b"\x30\0"), ""),
}


@pytest.mark.parametrize("damage", LINES)
def test_damaged_blocks_are_no_gaps(damage: str) -> None:
    text, words = LINES[damage]
    held = read(text + MIDDLE.pem, "chain.pem")
    assert [one.subject for one in held.certificates] == ["CN=Issuing"]
    assert held.first_unread is not None
    assert words in held.first_unread.reason


@pytest.mark.parametrize(
    "text",
    [
        b"--- BEGIN LICENSE BLOCK ---\nfree\n--- END LICENSE BLOCK ---\n",
        armour(b"some words", "LICENSE"),
        armour(b"\x30\x06\x02\x01\x17\x04\x01\x02", "DH PARAMETERS"),
        armour(LEAF.der[:-50], "X509 CRL"),
        armour(LEAF.der[:90], "PUBLIC KEY"),
        armour(b"\x99\x01", "PGP PUBLIC KEY BLOCK"),
        b"-----BEGIN PGP MESSAGE-----\nVersion: 1\n",
    ],
)
def test_other_blocks_are_no_certificates(text: bytes) -> None:
    held = read(text + LEAF.pem, "bundle.pem")
    assert (len(held.certificates), held.unread) == (1, ())


def test_what_only_looks_like_a_block_is_text() -> None:
    words = b"-- begin certificate chain --\n- BEGIN of the list\nsubject=CN = Root\n---\nserver certificate END\n"
    held = read(words + LEAF.pem + words + MIDDLE.pem + words, "chain.pem")
    assert (len(held.certificates), held.unread) == (2, ())


def test_keys_and_parameters_in_between_are_no_certificates() -> None:
    parameters = armour(bytes.fromhex("06082a8648ce3d030107"), "EC PARAMETERS")
    held = read(parameters + LEAF.key_pem[:80] + b"\n" + LEAF.pem, "both.pem")
    assert (len(held.certificates), held.unread) == (1, ())
    assert any("no end line" in note for note in held.notes)


def test_two_certificates_in_one_block() -> None:
    held = read(armour(LEAF.der + MIDDLE.der) + ROOT.pem, "chain.pem")
    assert [one.subject for one in held.certificates] == ["CN=press-1", "CN=Root"]
    assert [(one.before, "what follows" in one.place) for one in held.unread] == [(1, True)]


@pytest.mark.parametrize(
    ("data", "places"),
    [
        (LEAF.der + MIDDLE.der[:-4], [("element 2", 1)]),
        (bad("times") + MIDDLE.der, [("element 1", 0)]),
        (LEAF.der + bad("times") + ROOT.der, [("element 2", 1)]),
        (LEAF.der + b"\x02\x01\x05" + ROOT.der, [("element 2", 1)]),
        (LEAF.der + b"some text", [("element 2", 1)]),
        (LEAF.der + b"\n\n", []),
        (LEAF.der + b"\0\0\0", []),
        (tlv(0x30, LEAF.der[:200]) + MIDDLE.der, [("element 1", 0)]),
        (LEAF.der + b"\n" + CUT + ROOT.pem, [("block 1 (CERTIFICATE)", 1)]),
    ],
)
def test_elements_of_der(data: bytes, places: list[tuple[str, int]]) -> None:
    held = read(data, "chain.der")
    assert [(one.place, one.before) for one in held.unread] == places


@pytest.mark.parametrize(
    "encode", [bytes, lambda der: armour(der, "PKCS7"), base64.b64encode], ids=["DER", "PEM", "base64"]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_each_member_of_pkcs7_counts(at: int, encode) -> None:
    plain = pkcs7.serialize_certificates([LEAF.certificate, MIDDLE.certificate], DER)
    members = [LEAF.der, MIDDLE.der]
    members.insert(at, bad("critical FALSE"))
    held = read(encode(with_members(plain, members)), "chain.p7b")
    assert [one.der for one in held.certificates] == [LEAF.der, MIDDLE.der]
    (one,) = held.unread
    assert one.before == at
    assert one.place.startswith(f"certificate {at + 1} of the PKCS#7")


def test_a_pkcs7_that_is_damaged_behind_its_first_member() -> None:
    plain = pkcs7.serialize_certificates([LEAF.certificate, MIDDLE.certificate], DER)
    held = read(with_members(plain, [LEAF.der, MIDDLE.der[:60]]), "chain.p7b")
    assert [(one.place, one.before) for one in held.unread] == [("certificate 2 of the PKCS#7", 1)]


WAYS = {
    "as new programs do": [],
    "not at all": ["-certpbe", "NONE", "-keypbe", "NONE", "-nomac"],
    "in its own way": ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    "by two keys": ["-certpbe", "PBE-SHA1-2DES"],
    "with AES-128": ["-certpbe", "AES-128-CBC"],
    "without a key": ["-nokeys"],
}


@needs_openssl
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", [None, 0, 1, 2])
def test_each_member_of_pkcs12_counts(tmp_path: Path, way: str, at: int | None) -> None:
    members = [LEAF.der, MIDDLE.der, ROOT.der]
    wanted = [one for number, one in enumerate(members) if number != at]
    if at is not None:
        owner = [MIDDLE, ROOT, ROOT][at]
        members[at] = changed([LEAF, MIDDLE, ROOT][at], owner, UNREADABLE["critical FALSE"])
    passphrase = "" if way == "not at all" else "pässword"
    (tmp_path / "key.pem").write_bytes(LEAF.key_pem)
    (tmp_path / "all.pem").write_bytes(b"".join(armour(one) for one in members))
    command = [OPENSSL or "openssl", "pkcs12", "-export", "-in", "all.pem", "-inkey", "key.pem", "-out", "all.p12"]
    command += ["-passout", f"pass:{passphrase}", *WAYS[way]]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=30)
    held = read((tmp_path / "all.p12").read_bytes(), "all.p12", Secret(passphrase))
    assert {one.der for one in held.certificates} == set(wanted)
    assert [one.place for one in held.unread] == ([] if at is None else [f"certificate {at + 1} of the PKCS#12"])
    assert held.private_keys == (0 if way == "without a key" else 1)


def test_a_pkcs7_without_certificates_is_called_so() -> None:
    data = tlv(0x30, bytes.fromhex("06092a864886f70d010703") + tlv(0xA0, tlv(0x30, b"\x02\x01\x00")))
    with pytest.raises(ConsoleError) as caught:
        read(data, "message.p7m")
    assert "encrypted" in caught.value.why


def test_a_host_whose_first_certificate_cannot_be_read() -> None:
    held: Inspected = of_host("host:443", (bad("names"), MIDDLE.der), "TLSv1.3")
    assert held.first_unread is not None
    assert (held.first_unread.place, held.first_unread.before) == ("certificate 1", 0)
    held = of_host("host:443", (LEAF.der, MIDDLE.der[:-3]), "TLSv1.3")
    assert held.first_unread is None
    assert [(one.place, one.before) for one in held.unread] == [("certificate 2", 1)]
    with pytest.raises(ConsoleError) as caught:
        of_host("host:443", (bad("names"),), "TLSv1.3")
    assert (caught.value.code, "certificate 1 cannot be read" in caught.value.why) == ("unread", True)


def test_a_request_that_cannot_be_read_is_no_certificate() -> None:
    held = read(armour(b"\x30\x03\x02\x01\x01", "CERTIFICATE REQUEST") + LEAF.pem, "both.pem")
    assert [one.request for one in held.unread] == [True]
    assert (held.unread_certificates, held.first_unread) == ((), None)


def test_more_parts_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rules.certificate_reading.MAX_MEMBERS", 2)
    held = read(LEAF.pem + MIDDLE.pem + ROOT.pem, "chain.pem")
    assert [(one.place, one.before) for one in held.unread] == [("part 3 and what follows", 2)]


@pytest.mark.parametrize(
    "unit", [b"\x30\x82\x00\x02\x05\x00", b"--BEGIN X\n", b"-----BEGIN CERTIFICAX-----\n", b"--END X\n"]
)
def test_a_large_file_of_broken_pieces_ends_in_a_sentence(unit: bytes) -> None:
    with pytest.raises(ConsoleError) as caught:
        read(unit * (4_000_000 // len(unit)) + b"-----BEGIN CERTIFICATE-----\n", "broken")
    assert caught.value.code in ("unread", "no-certificate")
