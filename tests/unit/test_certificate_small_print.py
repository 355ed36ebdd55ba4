"""What OpenSSL refuses, or takes, for a detail that is easily passed over: each verdict is that of `openssl verify`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from support.chain_house import House
from support.chains import NOW, OPENSSL, Node, inside, needs_openssl, parts_of, tlv
from support.unreadable import Change, armour, changed, resigned

from console.model.certificate import ChainVerdict, Fault, Purpose
from console.model.certificate_request import RequestInfo
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.object_names import SIGNATURES
from console.rules.request_facts import request_info

pytestmark = needs_openssl
H = House()
ROOT = H.ca("Root")
MIDDLE = H.ca("Issuing", ROOT, 2)
LEAF = H.leaf(MIDDLE, "press-42")
BASIC = "0603551d13"
BLOCKS, NETWORKS, PROXY = "06082b06010505070107", "06082b06010505070108", "06082b0601050507010e"


def extension(oid: str, value: bytes, critical: bool = False) -> Change:
    """Put an extension in the place of the one of this number, or behind the others."""

    def change(parts: list[bytes]) -> list[bytes]:
        number = bytes.fromhex(oid)
        others = [one for one in parts_of(inside(inside(parts[-1]))) if not inside(one).startswith(number)]
        made = tlv(0x30, number + (b"\x01\x01\xff" if critical else b"") + tlv(0x04, value))
        return [*parts[:-1], tlv(0xA3, tlv(0x30, b"".join([*others, made])))]

    return change


def ours(leaf: bytes, middle: bytes, root: bytes, *, strict: bool = True) -> ChainVerdict:
    return verify_leaf(leaf, [middle], [Anchor(root, "root")], NOW, Purpose.CLIENT, strict=strict)


def theirs(
    folder: Path, leaf: bytes, middle: bytes, root: bytes, *, strict: bool = True, purpose: str = "sslclient"
) -> bool:
    assert OPENSSL is not None
    for name, content in (("leaf", leaf), ("middle", middle), ("root", root)):
        (folder / f"{name}.pem").write_bytes(armour(content))
    command = [OPENSSL, "verify", "-trusted", "root.pem", "-untrusted", "middle.pem", "-purpose", purpose]
    command += ["-attime", str(int(NOW.timestamp())), *(["-x509_strict"] if strict else []), "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60).returncode == 0


def placed(where: str, change: Change) -> tuple[bytes, bytes, bytes]:
    """Return leaf, issuer and root, one of them changed."""
    leaf, middle, root = LEAF.der, MIDDLE.der, ROOT.der
    if where == "leaf":
        leaf = changed(LEAF, MIDDLE, change)
    elif where == "issuer":
        middle = changed(MIDDLE, ROOT, change)
    else:
        root = changed(ROOT, ROOT, change)
    return leaf, middle, root


@pytest.mark.parametrize("value", [b"", bytes.fromhex("30083006040200010500")], ids=["broken", "inherited"])
@pytest.mark.parametrize("oid", [BLOCKS, NETWORKS, PROXY])
@pytest.mark.parametrize("where", ["leaf", "issuer", "root"])
def test_extensions_with_rules_of_their_own_are_not_known(tmp_path: Path, where: str, oid: str, value: bytes) -> None:
    made = placed(where, extension(oid, value))
    verdict = ours(*made)
    assert not verdict.trusted
    assert verdict.unknown
    assert theirs(tmp_path, *placed("leaf", lambda parts: parts))
    if where != "root" and not value:
        assert not theirs(tmp_path, *made)


LENGTHS = {
    "one": ("020101", True),
    "2^40": ("0206010000000000", True),
    "2^62": ("02084000000000000000", True),
    "2^70": ("0209400000000000000000", True),
    "a zero in front": ("02020000", False),
    "negative": ("0201ff", False),
    "empty": ("0200", False),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("where", ["issuer", "root"])
@pytest.mark.parametrize("case", LENGTHS)
def test_path_lengths_of_any_size_count_as_openssl_counts_them(
    tmp_path: Path, case: str, where: str, strict: bool
) -> None:
    digits, holds = LENGTHS[case]
    value = tlv(0x30, bytes.fromhex("0101ff") + bytes.fromhex(digits))
    made = placed(where, extension(BASIC, value, critical=True))
    assert ours(*made, strict=strict).trusted is theirs(tmp_path, *made, strict=strict) is holds


def test_a_signature_that_is_not_whole_octets_is_none(tmp_path: Path) -> None:
    signed, algorithm, bits = parts_of(inside(LEAF.der))
    for unused in range(1, 8):
        signature = bits[3:-1] + bytes([bits[-1] >> unused << unused & 0xFF])
        leaf = tlv(0x30, signed + algorithm + tlv(0x03, bytes([unused]) + signature))
        verdict = ours(leaf, MIDDLE.der, ROOT.der)
        assert [one.fault for one in verdict.faults] == [Fault.BAD_SIGNATURE]
        assert not theirs(tmp_path, leaf, MIDDLE.der, ROOT.der)


def request(folder: Path, unused: int) -> tuple[RequestInfo, bool]:
    """Return what is told of a request whose signature leaves bits unused, and whether openssl takes it."""
    assert OPENSSL is not None
    words = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-subj", "/CN=a", "-outform", "DER"]
    made = subprocess.run([OPENSSL, *words], cwd=folder, capture_output=True, timeout=60).stdout
    signed, algorithm, bits = parts_of(inside(made))
    der = tlv(0x30, signed + algorithm + tlv(0x03, bytes([unused]) + inside(bits)[1:]))
    done = subprocess.run(
        [OPENSSL, "req", "-inform", "DER", "-noout", "-verify"], input=der, capture_output=True, timeout=60
    )
    return request_info(der), b"failure" not in done.stdout + done.stderr and done.returncode == 0


def test_a_request_whose_signature_is_not_whole_octets_proves_nothing(tmp_path: Path) -> None:
    for unused, proven in ((0, True), (3, False)):
        info, taken = request(tmp_path, unused)
        assert info.proven is taken is proven


KEYS: dict[str, Callable[[], object]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "dsa": lambda: dsa.generate_private_key(1024),
}


@pytest.mark.parametrize("kind", KEYS)
def test_roots_of_any_algorithm_are_not_trusted_where_openssl_does_not_trust_them(tmp_path: Path, kind: str) -> None:
    """Nobody checks the signature of a root, but OpenSSL must know whose keys make such ones."""
    made = KEYS[kind]()
    spki = made.public_key().public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    known = 0
    for oid, (family, _) in SIGNATURES.items():
        if family != kind:
            continue
        algorithm = tlv(0x30, object_id(oid) + (b"\x05\x00" if kind == "rsa" else b""))
        root = unsigned(ROOT, spki, algorithm)
        leaf = below(root, made)
        taken = theirs(tmp_path, leaf, MIDDLE.der, root)
        verdict = ours(leaf, MIDDLE.der, root)
        assert taken or not verdict.trusted, oid
        assert verdict.trusted is taken or verdict.unknown, oid
        known += taken and verdict.trusted
    assert known >= 2


def object_id(dotted: str) -> bytes:
    """Return an object identifier in DER."""
    name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(dotted), "x")]).public_bytes()
    return parts_of(inside(inside(inside(name))))[0]


def unsigned(node: Node, spki: bytes, algorithm: bytes) -> bytes:
    """Return a root with another key, that names an algorithm and is not really signed; without key identifiers."""
    parts = parts_of(inside(node.certificate.tbs_certificate_bytes))
    parts[2], parts[6] = algorithm, spki
    return tlv(0x30, tlv(0x30, b"".join(parts)) + algorithm + tlv(0x03, b"\0" + b"s" * 64))


def below(root: bytes, key: object) -> bytes:
    """Return a leaf that the root's key really signed."""
    parts = parts_of(inside(LEAF.certificate.tbs_certificate_bytes))
    parts[3] = parts_of(inside(parts_of(inside(root))[0]))[5]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return resigned(LEAF.der, key, tlv(0x30, b"".join(with_key_of(parts, root))))
    algorithm = bytes.fromhex(
        "300d06092a864886f70d01010b0500" if isinstance(key, rsa.RSAPrivateKey) else "300b0609608648016503040302"
    )
    parts = with_key_of(parts, root)
    parts[2] = algorithm
    signed = tlv(0x30, b"".join(parts))
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(key, dsa.DSAPrivateKey)
        signature = key.sign(signed, hashes.SHA256())
    return tlv(0x30, signed + algorithm + tlv(0x03, b"\0" + signature))


def with_key_of(parts: list[bytes], root: bytes) -> list[bytes]:
    """Return the parts of a leaf with an authorityKeyIdentifier that is the root's subjectKeyIdentifier."""
    listed = parts_of(inside(inside(parts_of(inside(parts_of(inside(root))[0]))[-1])))
    number = bytes.fromhex("0603551d0e")
    mine = next(inside(parts_of(inside(one))[-1]) for one in listed if inside(one).startswith(number))
    return extension("0603551d23", tlv(0x30, tlv(0x80, inside(mine))))(parts)


@pytest.mark.parametrize("bits", ["030100", "03020000", "03020700", "0303060040", "03020780"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_key_usage_without_any_use_is_an_error(tmp_path: Path, bits: str, strict: bool) -> None:
    made = placed("leaf", extension("0603551d0f", bytes.fromhex(bits)))
    verdict = verify_leaf(made[0], [made[1]], [Anchor(made[2], "root")], NOW, Purpose.ANY, strict=strict)
    taken = theirs(tmp_path, *made, strict=strict, purpose="any")
    assert verdict.trusted is taken or verdict.unknown
    if bits == "030100":
        assert not taken and verdict.faults[0].fault is Fault.MALFORMED
