"""What most programs forgive: read by our own reader, named in our words, judged as openssl does or not at all."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from support.chain_house import House
from support.chains import NOW, OPENSSL, inside, needs_openssl, parts_of, tlv
from support.unreadable import Change, armour, changed

from console.model.certificate import Purpose
from console.rules.certificate_chain import Anchor, verify, verify_leaf
from console.rules.certificate_facts import anyhow, facts
from console.rules.certificate_lint import Lint
from console.rules.certificate_reading import read

pytestmark = needs_openssl
H = House()
ROOT = H.ca("Root")
MIDDLE = H.ca("Issuing", ROOT, 2)
LEAF = H.leaf(MIDDLE, "press-42")
CN = bytes.fromhex("0603550403")
VALID = b"200101000000Z", b"490101000000Z"


def subject(*groups: bytes) -> Change:
    return lambda parts: [*parts[:5], tlv(0x30, b"".join(groups)), *parts[6:]]


def one(tag: int, value: bytes, oid: bytes = CN) -> bytes:
    return tlv(0x31, tlv(0x30, oid + tlv(tag, value)))


def times(first: bytes, last: bytes, tag: int = 0x17) -> Change:
    return lambda parts: [*parts[:4], tlv(0x30, tlv(tag, first) + tlv(tag, last)), *parts[5:]]


def serial(content: bytes) -> Change:
    return lambda parts: [parts[0], tlv(0x02, content), *parts[2:]]


def version(*content: bytes) -> Change:
    return lambda parts: [tlv(0xA0, tlv(0x02, b"".join(content))), *parts[1:]]


def flag(value: bytes) -> Change:
    def change(parts: list[bytes]) -> list[bytes]:
        first, *rest = parts_of(inside(inside(parts[-1])))
        oid, *more = parts_of(inside(first))
        first = tlv(0x30, oid + tlv(0x01, value) + more[-1])
        return [*parts[:-1], tlv(0xA3, tlv(0x30, b"".join([first, *rest])))]

    return change


NAMES: dict[str, tuple[Change, str, str]] = {
    "T61": (subject(one(0x14, b"press\xe9-42")), "pressé-42", "T61String"),
    "BMP": (subject(one(0x1E, "press-42".encode("utf-16-be"))), "press-42", "BMPString"),
    "universal": (subject(one(0x1C, "press-42".encode("utf-32-be"))), "press-42", "UniversalString"),
    "IA5 beyond ASCII": (subject(one(0x16, b"press\xe9")), "pressé", ""),
    "empty part before": (subject(tlv(0x31, b""), one(0x0C, b"press-42")), "press-42", "empty part"),
    "empty part behind": (subject(one(0x0C, b"press-42"), tlv(0x31, b"")), "press-42", "empty part"),
    "65 letters": (subject(one(0x0C, b"p" * 65)), "p" * 65, "65 characters"),
    "a country of three": (
        subject(one(0x0C, b"press-42"), one(0x13, b"DEU", bytes.fromhex("0603550406"))),
        "press-42",
        "country",
    ),
    "an address of mail": (
        subject(one(0x0C, b"press-42"), one(0x16, b"a@example.org", bytes.fromhex("06092a864886f70d010901"))),
        "press-42",
        "",
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_common_name_is_read_however_it_is_written(tmp_path: Path, case: str) -> None:
    change, name, words = NAMES[case]
    der = changed(LEAF, MIDDLE, change)
    info = facts(der).info
    assert info.common_name == name and openssl_name(der) == name
    findings = Lint(read(armour(der), "a file"), NOW, device_id=name).findings()
    assert "no-common-name" not in {found.id for found in findings}
    assert bool(words) == any(words in found.message for found in findings if found.id == "unusual" and words)
    for strict in (False, True):
        assert ours(der, strict) == theirs(tmp_path, der, strict)


def test_mail_addresses_go_by_name() -> None:
    assert facts(changed(LEAF, MIDDLE, NAMES["an address of mail"][0])).info.subject.endswith(
        "emailAddress=a@example.org"
    )


def test_a_subject_of_one_empty_part_is_an_empty_subject(tmp_path: Path) -> None:
    der = changed(LEAF, MIDDLE, subject(tlv(0x31, b"")))
    assert ours(der, strict=True) is theirs(tmp_path, der, strict=True) is False
    assert ours(der, strict=False) is theirs(tmp_path, der, strict=False) is True


def test_what_only_the_strict_rules_refuse_is_told_apart() -> None:
    anchors = [Anchor(ROOT.der, "root")]
    empty = changed(LEAF, MIDDLE, subject(tlv(0x31, b"")))
    verdict = verify(read(armour(empty) + MIDDLE.pem, "a file"), anchors, NOW)
    assert not verdict.trusted and any("only the strict rules" in note for note in verdict.notes)
    altered = bytearray(LEAF.der)
    altered[-1] ^= 1
    verdict = verify(read(armour(bytes(altered)) + MIDDLE.pem, "a file"), anchors, NOW)
    assert not verdict.trusted and not any("strict" in note for note in verdict.notes)


def test_oddities_of_names_are_findings_and_no_warnings(tmp_path: Path) -> None:
    odd = subject(one(0x0C, b"p" * 70), one(0x13, b"DEU", bytes.fromhex("0603550406")))
    der = changed(LEAF, MIDDLE, lambda parts: serial(b"\xfb")(odd(parts)))
    (tmp_path / "odd.pem").write_bytes(armour(der))
    for command in ("inspect", "lint"):
        words = [sys.executable, "-W", "always", "-m", "console", "cert", command, str(tmp_path / "odd.pem")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
        assert done.stderr == ""
        text = " ".join(done.stdout.split())
        assert "70 characters; 64 are allowed" in text and "a code of two letters" in text and "Warning" not in text


REFUSED: dict[str, tuple[Change, str]] = {
    "no seconds": (times(b"2001010000Z", b"4901010000Z"), "no seconds"),
    "offset": (times(b"200101000000+0100", b"490101000000+0100"), "offset from UTC"),
    "fraction": (times(b"20200101000000.5Z", b"20490101000000.5Z", 0x18), "fraction of a second"),
    "no zone": (times(b"20200101000000", b"20490101000000", 0x18), "does not say that it is UTC"),
    "critical FALSE": (flag(b"\0"), "writes out critical FALSE"),
    "critical 1": (flag(b"\1"), "critical TRUE in an unusual way"),
    "version 1 written out": (version(b"\0"), "version 1 is written out"),
    "version 8": (version(b"\7"), "version 8"),
    "long version": (version(b"\0\2"), "version"),
    "serial number with zeros": (serial(b"\0\0\1"), "serial number is not written in its shortest form"),
    "unsorted": (
        subject(tlv(0x31, tlv(0x30, bytes.fromhex("060355040b") + tlv(0x0C, b"hall")) + inside(one(0x0C, b"p")))),
        "unsorted",
    ),
    "UTF-8 that is none": (subject(one(0x0C, b"press\xe9")), "says that its CN is UTF-8, and it is not"),
    "BMP of odd length": (subject(one(0x1E, b"\0p\0")), "not written in the character set"),
    "a visible string": (subject(one(0x1A, b"press")), "of a kind (tag 26)"),
    "a number for a name": (subject(one(0x02, b"\1")), "of a kind (tag 2)"),
    "no calendar": (times(b"200230000000Z", b"490101000000Z"), "no calendar"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_taken_says_why_and_shows_its_fields(tmp_path: Path, case: str) -> None:
    change, words = REFUSED[case]
    der = changed(LEAF, MIDDLE, change)
    with pytest.raises(ValueError, match=r"it|subject|extension|parts") as refused:
        facts(der)
    info, why = anyhow(der)
    assert words in why and why == str(refused.value) and "ParseError" not in why
    assert info is not None and info.serial and info.issuer == "CN=Issuing" and info.extended_usage == ("clientAuth",)
    held = read(armour(der) + MIDDLE.pem, "a file")
    assert held.first_unread is not None and held.first_unread.info == info and words in held.first_unread.reason


def test_times_are_read_with_their_offset() -> None:
    info, _ = anyhow(changed(LEAF, MIDDLE, times(b"200101010000+0100", b"4901010000Z")))
    assert info is not None
    assert (info.not_before.isoformat(), info.not_after.isoformat()) == (
        "2020-01-01T00:00:00+00:00",
        "2049-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize("content", [b"\xfb", b"\0", b"\x7f" * 21, b"\x7f" * 40])
def test_odd_serial_numbers(tmp_path: Path, content: bytes) -> None:
    der = changed(LEAF, MIDDLE, serial(content))
    info = facts(der).info
    assert int(info.serial, 16) == int.from_bytes(content, "big", signed=True)
    assert info.problems or any("serial number" in text for text in info.oddities)
    for strict in (False, True):
        assert ours(der, strict) == theirs(tmp_path, der, strict)


def ours(der: bytes, strict: bool) -> bool:
    return verify_leaf(der, [MIDDLE.der], [Anchor(ROOT.der, "root")], NOW, Purpose.CLIENT, strict=strict).trusted


def theirs(folder: Path, der: bytes, strict: bool) -> bool:
    assert OPENSSL is not None
    for name, content in (("leaf", der), ("middle", MIDDLE.der), ("root", ROOT.der)):
        (folder / f"{name}.pem").write_bytes(armour(content))
    command = [OPENSSL, "verify", "-trusted", "root.pem", "-untrusted", "middle.pem", "-purpose", "sslclient"]
    command += ["-attime", str(int(NOW.timestamp())), *(["-x509_strict"] if strict else []), "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60).returncode == 0


def openssl_name(der: bytes) -> str:
    assert OPENSSL is not None
    command = [OPENSSL, "x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "multiline,utf8,-esc_msb"]
    done = subprocess.run(command, input=der, capture_output=True, timeout=60)
    lines = [line for line in done.stdout.decode().splitlines() if "commonName" in line]
    return lines[0].partition("= ")[2]


def test_a_certificate_ends_with_its_last_second(tmp_path: Path) -> None:
    for last, holds in (
        (NOW.strftime("%y%m%d%H%M%SZ"), False),
        ((NOW + timedelta(seconds=1)).strftime("%y%m%d%H%M%SZ"), True),
    ):
        der = changed(LEAF, MIDDLE, times(VALID[0], last.encode()))
        assert ours(der, strict=True) is theirs(tmp_path, der, strict=True) is holds


def test_an_empty_list_of_names_breaks_the_strict_rules(tmp_path: Path) -> None:
    names = tlv(0x30, bytes.fromhex("0603551d11") + tlv(0x04, tlv(0x30, b"")))

    def change(parts: list[bytes]) -> list[bytes]:
        others = [one for one in parts_of(inside(inside(parts[-1]))) if bytes.fromhex("551d11") not in one]
        return [*parts[:-1], tlv(0xA3, tlv(0x30, b"".join([*others, names])))]

    der = changed(LEAF, MIDDLE, change)
    assert ours(der, strict=False) is theirs(tmp_path, der, strict=False) is True
    assert ours(der, strict=True) is theirs(tmp_path, der, strict=True) is False
