"""Algorithms that cannot be checked here are named, and nothing is said against what was signed with them."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import CertificateSigningRequestBuilder
from cryptography.x509.oid import AttributeOID
from support.chain_house import House
from support.chains import NOW, OPENSSL, inside, key, name, needs_openssl, parts_of, tlv
from support.corpus import Member, openssl_requests
from support.depth import trials
from support.der_changes import change_one
from support.unreadable import armour

from console.cli.main import cli
from console.model.certificate import Fault, Purpose
from console.model.errors import ConsoleError
from console.present.certificates import tree_lines
from console.present.lines import plain
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.certificate_facts import facts
from console.rules.certificate_requests import read_request
from console.rules.request_facts import request_info

pytestmark = needs_openssl
RSA = ["-newkey", "rsa:2048"]


def curve(name: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{name}"]


KINDS = {
    "md5": (RSA, ["-md5"]),
    "ripemd160": (RSA, ["-ripemd160"]),
    "sha3-256": (RSA, ["-sha3-256"]),
    "sha3-512": (RSA, ["-sha3-512"]),
    "sha512-256": (RSA, ["-sha512-256"]),
    "brainpoolP384t1": (curve("brainpoolP384t1"), ["-sha256"]),
    "sect283k1": (curve("sect283k1"), ["-sha256"]),
    "secp160r1": (curve("secp160r1"), ["-sha1"]),
    "c2pnb163v1": (curve("c2pnb163v1"), ["-sha256"]),
    "sm2": (["-newkey", "sm2"], ["-sm3"]),
}


def openssl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    assert OPENSSL is not None
    return subprocess.run([OPENSSL, *words], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_algorithm_is_named_and_nobody_accused(tmp_path: Path, kind: str) -> None:
    key, how = KINDS[kind]
    new = ["req", *key, "-nodes", *how]
    openssl(tmp_path, *new, "-x509", "-keyout", "root.key", "-subj", "/CN=Root", "-out", "root.pem")
    by = ["-CA", "root.pem", "-CAkey", "root.key"]
    openssl(tmp_path, *new, "-x509", *by, "-keyout", "k", "-subj", "/CN=press-42", "-out", "leaf.pem")
    openssl(tmp_path, "req", "-new", "-key", "k", *how, "-subj", "/CN=press-42", "-out", "leaf.csr")
    verdict_names_it(tmp_path, kind)
    request_names_it((tmp_path / "leaf.csr").read_bytes(), kind)


def verdict_names_it(folder: Path, kind: str) -> None:
    command = ["cert", "verify", str(folder / "leaf.pem"), "--root", str(folder / "root.pem")]
    done = CliRunner().invoke(cli, command, standalone_mode=False)
    text = " ".join(done.output.split())
    assert done.return_value == 1
    assert f"not known: {kind}" in text
    for word in ("altered", "another key", "is not here", "was not made by", "cannot be read"):
        assert word not in text


def request_names_it(data: bytes, kind: str) -> None:
    info = request_info(pem_content(data))
    assert info.possession == f"not known: {kind}"
    with pytest.raises(ConsoleError) as refused:
        read_request(data)
    assert "not signed by its own key" not in refused.value.sentence()
    name = info.key.removeprefix("EC ")
    assert name in refused.value.why or kind in refused.value.why or kind.upper() in refused.value.why


def pem_content(text: bytes) -> bytes:
    import base64

    return base64.b64decode(b"".join(line for line in text.splitlines() if b"-" not in line))


@pytest.mark.parametrize("oid", ["2b06010401827f01", "2b0e030203010101", "2a864886f70d0919"])
def test_an_algorithm_without_any_name_goes_by_number(oid: str) -> None:
    root = House().ca("Root")
    leaf = House().leaf(root)
    strange = bytes.fromhex("300a0608") + bytes.fromhex(oid)
    der = leaf.der.replace(bytes.fromhex("300a06082a8648ce3d040302"), strange)
    assert len(der) == len(leaf.der)
    verdict = verify_leaf(der, [], [Anchor(root.der, "root")], NOW, Purpose.CLIENT)
    assert [one.fault for one in verdict.faults] == [Fault.UNKNOWN_ALGORITHM] and verdict.faults[0].unknown
    assert facts(der).signature_oid in verdict.faults[0].message
    assert "NOT KNOWN" in plain(tree_lines(verdict, NOW, 100)[0])


@pytest.mark.parametrize("parameters", ["", "3005a303020102", "300fa00d300b0609608648016503040208"])
def test_odd_parameters_of_pss_are_named(parameters: str) -> None:
    house = House("rsa-2048")
    root = house.ca("Root")
    algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d01010a" + parameters))
    der = resigned_with(house.leaf(root).der, algorithm)
    verdict = verify_leaf(der, [], [Anchor(root.der, "root")], NOW, Purpose.CLIENT)
    assert [one.fault for one in verdict.faults] == [Fault.UNKNOWN_ALGORITHM]
    assert "rsa-pss with unusual parameters" in verdict.faults[0].message


def resigned_with(der: bytes, algorithm: bytes) -> bytes:
    """Return a certificate that names another algorithm, inside and beside; its signature stays."""
    signed, _, signature = parts_of(inside(der))
    parts = parts_of(inside(signed))
    parts[2] = algorithm
    return tlv(0x30, tlv(0x30, b"".join(parts)) + algorithm + signature)


def test_a_signature_that_is_false_stays_an_accusation() -> None:
    root = House().ca("Root")
    leaf = bytearray(House().leaf(root).der)
    leaf[-1] ^= 1
    verdict = verify_leaf(bytes(leaf), [], [Anchor(root.der, "root")], NOW, Purpose.CLIENT)
    assert [one.fault for one in verdict.faults] == [Fault.BAD_SIGNATURE] and not verdict.faults[0].unknown


# --- requests --------------------------------------------------------------------------------------------------------


def test_sha1_in_a_request_is_signed_by_its_own_key_and_weak(tmp_path: Path) -> None:
    openssl(tmp_path, "req", *RSA, "-new", "-nodes", "-keyout", "k", "-subj", "/CN=press-42", "-sha1", "-out", "r.csr")
    assert "verify OK" in openssl(tmp_path, "req", "-in", "r.csr", "-noout", "-verify").stderr
    done = CliRunner().invoke(cli, ["cert", "inspect", str(tmp_path / "r.csr")], standalone_mode=False)
    text = " ".join(done.output.split())
    assert "signed by its own key, with SHA-1" in text and "NOT signed" not in text
    assert done.return_value == 1
    with pytest.raises(ConsoleError, match="signed by its own key, but signed with SHA-1"):
        read_request((tmp_path / "r.csr").read_bytes())


def test_a_request_that_another_key_signed_is_said_so(tmp_path: Path) -> None:
    openssl(tmp_path, "req", *RSA, "-new", "-nodes", "-keyout", "k", "-subj", "/CN=press-42", "-out", "r.csr")
    der = bytearray(pem_content((tmp_path / "r.csr").read_bytes()))
    der[-1] ^= 1
    assert request_info(bytes(der)).possession == "no"
    with pytest.raises(ConsoleError, match="not signed by its own key"):
        read_request(armour(bytes(der), "CERTIFICATE REQUEST"))


ATTRIBUTES = {
    "empty": ("challengePassword", b""),
    "several": ("challengePassword", b"\x0c\x03abc\x0c\x03def"),
}


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_requests_with_odd_attributes_are_read(case: str) -> None:

    _, content = ATTRIBUTES[case]
    secret = key("ec-p256", 3)
    spki = secret.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403") + tlv(0x0C, b"press-42"))))
    attribute = tlv(0x30, bytes.fromhex("06092a864886f70d010907") + tlv(0x31, content))
    signed = tlv(0x30, b"\x02\x01\x00" + name + spki + tlv(0xA0, attribute))
    signature = secret.sign(signed, ec.ECDSA(hashes.SHA256()))
    der = tlv(0x30, signed + bytes.fromhex("300a06082a8648ce3d040302") + tlv(0x03, b"\0" + signature))
    info = request_info(der)
    assert info.common_name == "press-42" and info.proven and info.possession == "yes"
    assert any("challengePassword" in text for text in info.oddities)
    assert "abc" not in repr(info)
    assert read_request(der).common_name == "press-42"


@pytest.mark.slow
def test_changed_requests_prove_what_openssl_says_they_prove() -> None:
    secret = key("ec-p256", 9)
    base = CertificateSigningRequestBuilder(name("press-42", organization_name="Contoso"))
    signed = base.add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"abc").sign(secret, hashes.SHA256())
    seen = set()
    for seed in range(trials(test=50, deep=300, full=3000)):
        text = change_one(signed.tbs_certrequest_bytes, random.Random(seed))
        signature = secret.sign(text, ec.ECDSA(hashes.SHA256()))
        der = tlv(0x30, text + bytes.fromhex("300a06082a8648ce3d040302") + tlv(0x03, b"\0" + signature))
        theirs = openssl_requests([Member("it", der, True)])["it"]
        try:
            mine = request_info(der).possession
        except ValueError as error:
            assert "ParseError" not in str(error)
            mine = "refused"
        seen.add(mine.partition(":")[0])
        assert mine != "yes" or theirs is True, (seed, der.hex())
        assert mine != "no" or theirs is not True, (seed, der.hex())
    assert {"yes", "refused", "not known"} <= seen
