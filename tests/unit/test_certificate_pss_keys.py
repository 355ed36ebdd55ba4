"""Keys for RSA-PSS that allow some hashes and salts alone: what they do not allow is not trusted, as in OpenSSL."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from support.chain_house import House
from support.chains import NOW, OPENSSL, inside, needs_openssl, parts_of, tlv
from support.unreadable import armour

from console.rules.certificate_chain import Anchor, verify_leaf

pytestmark = needs_openssl
ROOT = House("rsa-2048").ca("Root")
LEAF = House("rsa-2048").leaf(ROOT)
PSS = bytes.fromhex("06092a864886f70d01010a")
MASK = bytes.fromhex("06092a864886f70d010108")
NUMBERS = {"sha256": "0609608648016503040201", "sha512": "0609608648016503040203", "sha1": ""}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
    "sha1": hashes.SHA1(),
}
Kind = tuple[str, str, int]
KINDS: list[Kind] = [("sha256", "sha256", 32), ("sha256", "sha256", 40), ("sha512", "sha256", 64), ("sha1", "sha1", 20)]


def algorithm(kind: Kind | None) -> bytes:
    """Return an AlgorithmIdentifier; what is the default is left out."""
    if kind is None:
        return tlv(0x30, PSS)
    digest, mask, salt = kind
    parts = [
        tlv(0xA0, named(digest)) if NUMBERS[digest] else b"",
        tlv(0xA1, tlv(0x30, MASK + named(mask))) if NUMBERS[mask] else b"",
        tlv(0xA2, tlv(0x02, bytes([salt]))) if salt != 20 else b"",
    ]
    return tlv(0x30, PSS + tlv(0x30, b"".join(parts)))


def named(digest: str) -> bytes:
    return tlv(0x30, bytes.fromhex(NUMBERS[digest]) + b"\x05\x00")


def signed(parts: list[bytes], kind: Kind) -> bytes:
    parts[2] = algorithm(kind)
    content = tlv(0x30, b"".join(parts))
    digest, mask, salt = kind
    assert isinstance(ROOT.key, rsa.RSAPrivateKey)
    signature = ROOT.key.sign(content, padding.PSS(padding.MGF1(HASHES[mask]), salt), HASHES[digest])
    return tlv(0x30, content + algorithm(kind) + tlv(0x03, b"\0" + signature))


def test_a_key_allows_what_it_says_alone(tmp_path: Path) -> None:
    assert OPENSSL is not None
    seen = set()
    for allowed, kind in itertools.product([None, *KINDS], KINDS):
        parts = parts_of(inside(ROOT.certificate.tbs_certificate_bytes))
        parts[6] = tlv(0x30, algorithm(allowed) + parts_of(inside(parts[6]))[1])
        root = signed(parts, kind)
        leaf = signed(parts_of(inside(LEAF.certificate.tbs_certificate_bytes)), kind)
        (tmp_path / "root.pem").write_bytes(armour(root))
        (tmp_path / "leaf.pem").write_bytes(armour(leaf))
        command = [OPENSSL, "verify", "-trusted", "root.pem", "-attime", str(int(NOW.timestamp())), "leaf.pem"]
        taken = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60).returncode == 0
        verdict = verify_leaf(leaf, [], [Anchor(root, "root")], NOW)
        assert verdict.trusted is taken, (allowed, kind, verdict.faults)
        assert taken or verdict.unknown
        seen.add(taken)
    assert seen == {True, False}
