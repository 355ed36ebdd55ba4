"""Chains with a few bits changed: what we still trust, `openssl verify` trusts too."""

from __future__ import annotations

import base64
import random
import subprocess
from pathlib import Path

import pytest
from support.chain_house import House
from support.chains import NOW, OPENSSL, needs_openssl

from console.model.certificate import Purpose
from console.rules.certificate_chain import Anchor, verify_leaf

pytestmark = needs_openssl
H = House()
ROOT = H.ca("Root")
MIDDLE = H.ca("Issuing", ROOT, 2)
LEAF = H.leaf(MIDDLE)
_INSIDE, _BESIDE = 0, 1


def _damaged(der: bytes, chance: random.Random) -> bytes:
    changed = bytearray(der)
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.randrange(len(changed))
        changed[place] = chance.choice((changed[place] ^ 1 << chance.randrange(8), chance.randrange(256)))
    return bytes(changed)


def _trusted(leaf: bytes, middle: bytes, root: bytes) -> bool:
    try:
        return verify_leaf(leaf, [middle], [Anchor(root, "root")], NOW, Purpose.CLIENT).trusted
    except ValueError:
        return False


def _openssl_trusts(folder: Path, *ders: bytes) -> bool:
    names = ("leaf.pem", "middle.pem", "root.pem")
    for file, der in zip(names, ders, strict=True):
        body = base64.encodebytes(der).decode()
        (folder / file).write_text(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    command = [OPENSSL or "openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-attime"]
    command += [str(int(NOW.timestamp())), "-no-CApath", "-no-CAstore", "-CAfile", "root.pem"]
    command += ["-untrusted", "middle.pem", "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=20).returncode == 0


@pytest.mark.parametrize("which", [0, 1, 2], ids=["leaf", "issuer", "root"])
def test_what_we_trust_after_damage_openssl_trusts(tmp_path: Path, which: int) -> None:
    chance = random.Random(which)
    ders = [LEAF.der, MIDDLE.der, ROOT.der]
    assert _trusted(*ders)
    left = 0
    for _ in range(700):
        changed = [_damaged(one, chance) if at == which else one for at, one in enumerate(ders)]
        if changed != ders and _trusted(*changed):
            left += 1
            assert _openssl_trusts(tmp_path, *changed), changed[which].hex()
    assert left == 0 or which == 2  # nobody checks a root's own signature


@pytest.mark.parametrize("places", [(_INSIDE,), (_BESIDE,), (_INSIDE, _BESIDE)])
@pytest.mark.parametrize("algorithm", ["06082a8648ce3d040363", "06082a8648ce3d040303"])
def test_a_root_with_another_signature_algorithm(tmp_path: Path, places: tuple[int, ...], algorithm: str) -> None:
    parts = ROOT.der.split(bytes.fromhex("06082a8648ce3d040302"))
    assert len(parts) == 3
    marks = [bytes.fromhex(algorithm if at in places else "06082a8648ce3d040302") for at in (_INSIDE, _BESIDE)]
    root = parts[0] + marks[0] + parts[1] + marks[1] + parts[2]
    chain = (LEAF.der, MIDDLE.der, root)
    assert _trusted(*chain) == _openssl_trusts(tmp_path, *chain)
