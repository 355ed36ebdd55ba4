"""A leaf of which some bytes were changed, signed anew by its CA: judged as itself, or not at all."""

from __future__ import annotations

import random
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from support.chains import NOW, OPENSSL, make, name, needs_openssl
from support.depth import trials
from support.unreadable import armour, resigned

from console.model.certificate import Answer, Registered
from console.model.device import AuthType
from console.model.errors import ConsoleError
from console.rules.certificate_chain import Anchor, verify
from console.rules.certificate_compare import compare
from console.rules.certificate_lint import Lint
from console.rules.certificate_one import only_certificate
from console.rules.certificate_reading import read
from console.rules.registering import leaf_of

ROOT = make("Root", ca=True, number=1)
MIDDLE = make("Issuing", ROOT, ca=True, number=2)
LEAF = make(name("press-1", organization_name="Contoso"), MIDDLE, number=3, names=[x509.DNSName("press-1")])
ANCHORS = [Anchor(ROOT.der, "root.pem")]
AT_HUB = [Anchor(MIDDLE.der, "plants (at the hub)", complete=True)]
MOMENT = NOW + timedelta(seconds=1)  # at the very second that a certificate ends openssl calls it expired
TRIALS = trials(test=150, deep=2500)


def mutated(chance: random.Random) -> bytes:
    """Return the leaf with one to three bytes of what is signed changed, signed anew."""
    signed = bytearray(LEAF.certificate.tbs_certificate_bytes)
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(signed))
        signed[at] = chance.choice((signed[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
    return resigned(LEAF.der, MIDDLE.key, bytes(signed))


def files(seed: int) -> list[tuple[bytes, bytes]]:
    """Return (leaf, chain file) of every trial."""
    chance = random.Random(seed)
    made = [mutated(chance) for _ in range(TRIALS)]
    return [(der, armour(der) + MIDDLE.pem) for der in made]


def refused(error: ConsoleError) -> bool:
    assert error.code == "unread", error.sentence()
    assert "block 1 (CERTIFICATE) cannot be read: " in error.sentence()
    return True


@pytest.mark.parametrize("turned", [False, True], ids=["leaf first", "leaf last"])
def test_none_ends_as_another_certificates_verdict(turned: bool) -> None:
    kept = 0
    for leaf, data in files(1):
        if turned:
            data = MIDDLE.pem + armour(leaf)
        try:
            found = verify(read(data, "chain.pem"), ANCHORS, NOW)
        except ConsoleError as error:
            assert error.code == "unread"
            assert f"block {2 if turned else 1} (CERTIFICATE) cannot be read" in error.sentence()
            continue
        judged = found.chain[0].der
        assert judged == leaf or (turned and not found.trusted), leaf.hex()
        kept += 1
    assert 0 < kept < TRIALS


def test_none_is_registered_sent_compared_or_praised_as_another() -> None:
    issuer = read(MIDDLE.pem, "ca.pem").certificates[0]
    registered = Registered("press-1", "", True, True, "", AuthType.THUMBPRINT_SHA256, (issuer.sha256, ""))
    for leaf, data in files(2)[: trials(test=100, deep=800)]:
        try:
            info, _ = leaf_of(data, "Nothing was registered")
            assert info.der == leaf
        except ConsoleError as error:
            assert error.code == "several" or refused(error)
        with pytest.raises(ConsoleError) as caught:
            only_certificate(data, "Nothing was sent")
        assert caught.value.code == "several" or refused(caught.value)
        held = read(data, "chain.pem")
        try:
            assert compare(held, registered, AT_HUB, NOW).answer is not Answer.YES
        except ConsoleError as error:
            assert refused(error)
        findings = Lint(held, NOW, anchors=AT_HUB).findings()
        assert held.first_unread is None or [one.id for one in findings] == ["not-readable"]


@needs_openssl
def test_what_is_trusted_openssl_trusts(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    (tmp_path / "middle.pem").write_bytes(MIDDLE.pem)
    asked = 0
    for leaf, data in files(3):
        try:
            trusted = verify(read(data, "chain.pem"), ANCHORS, MOMENT).trusted
        except ConsoleError as error:
            assert refused(error)
            continue
        if not trusted or asked >= trials(test=25, deep=250):
            continue
        asked += 1
        (tmp_path / "leaf.pem").write_bytes(armour(leaf))
        command = [OPENSSL or "openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-attime"]
        command += [str(int(MOMENT.timestamp())), "-no-CApath", "-no-CAstore", "-CAfile", "root.pem"]
        command += ["-untrusted", "middle.pem", "leaf.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stdout + done.stderr + leaf.hex()
    assert asked
