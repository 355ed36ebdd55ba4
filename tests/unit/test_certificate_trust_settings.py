"""OpenSSL's trust settings behind a certificate that is to be trusted count as openssl counts them."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.chain_house import House
from support.chains import NOW, OPENSSL, SERVER, needs_openssl
from support.depth import trials
from support.unreadable import armour

from console.cli.main import cli
from console.model.certificate import ChainVerdict, Fault, Purpose
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.certificate_reading import read

pytestmark = needs_openssl
H = House()
ROOT = H.ca("Root")
MIDDLE = H.ca("Issuing", ROOT, 2)
LEAF = H.leaf(MIDDLE)
PURPOSES = ("clientAuth", "serverAuth", "anyExtendedKeyUsage")


def trusted(folder: Path, der: bytes, *options: str) -> bytes:
    """Return a certificate as openssl's TRUSTED CERTIFICATE."""
    assert OPENSSL is not None
    command = [OPENSSL, "x509", "-trustout", *options]
    return subprocess.run(command, cwd=folder, input=armour(der), capture_output=True, check=True, timeout=60).stdout


def settings(add: tuple[str, ...], reject: tuple[str, ...]) -> list[str]:
    pairs = [*(("-addtrust", one) for one in add), *(("-addreject", one) for one in reject)]
    return [word for pair in pairs for word in pair]


LISTS = [(), ("clientAuth",), ("serverAuth",), ("anyExtendedKeyUsage",), ("clientAuth", "serverAuth")]
LISTS = LISTS[: trials(test=2, deep=5)]


@pytest.mark.parametrize("which", ["root", "intermediate alone", "intermediate and root"])
def test_verdicts_are_openssls(tmp_path: Path, which: str) -> None:
    assert OPENSSL is not None
    (tmp_path / "leaf.pem").write_bytes(LEAF.pem)
    (tmp_path / "middle.pem").write_bytes(MIDDLE.pem)
    seen = set()
    for add, reject in itertools.product(LISTS, LISTS):
        node = ROOT if which == "root" else MIDDLE
        roots = trusted(tmp_path, node.der, *settings(add, reject))
        roots += ROOT.pem if which == "intermediate and root" else b""
        (tmp_path / "roots.pem").write_bytes(roots)
        anchors = [Anchor(one.der, "roots", settings=one.settings) for one in read(roots, "roots").certificates]
        others = [MIDDLE.der] if which == "root" else []
        for purpose in (Purpose.CLIENT, Purpose.ANY):
            command = [OPENSSL, "verify", "-trusted", "roots.pem", "-purpose", purpose.value]
            command += ["-untrusted", "middle.pem"] if others else []
            command += ["-attime", str(int(NOW.timestamp())), "leaf.pem"]
            theirs = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
            verdict = verify_leaf(LEAF.der, others, anchors, NOW, purpose)
            assert verdict.trusted == (theirs.returncode == 0), (add, reject, purpose, theirs.stderr, verdict.faults)
            if b"error 28" in theirs.stdout + theirs.stderr:
                assert Fault.REJECTED in {one.fault for one in verdict.faults}
            seen.add(verdict.trusted)
    assert seen == {True, False}


def test_what_one_of_two_copies_rejects_is_not_known(tmp_path: Path) -> None:
    """OpenSSL takes one of them, and which one hangs on their order."""
    rejecting = trusted(tmp_path, ROOT.der, "-addreject", "clientAuth")
    for roots in (ROOT.pem + rejecting, rejecting + ROOT.pem):
        assert judged(roots, LEAF.der, [MIDDLE.der]).unknown
    (fault,) = judged(rejecting + rejecting, LEAF.der, [MIDDLE.der]).faults
    assert fault.fault is Fault.REJECTED and not fault.unknown


def judged(roots: bytes, leaf: bytes, others: list[bytes]) -> ChainVerdict:
    anchors = [Anchor(one.der, "roots", settings=one.settings) for one in read(roots, "roots").certificates]
    return verify_leaf(leaf, others, anchors, NOW)


def theirs(folder: Path, roots: bytes, leaf: bytes, *others: bytes) -> bool:
    assert OPENSSL is not None
    (folder / "roots.pem").write_bytes(roots)
    (folder / "leaf.pem").write_bytes(armour(leaf))
    (folder / "others.pem").write_bytes(b"".join(armour(one) for one in others))
    command = [OPENSSL, "verify", "-x509_strict", "-trusted", "roots.pem", "-purpose", "sslclient"]
    command += [*(["-untrusted", "others.pem"] if others else []), "-attime", str(int(NOW.timestamp())), "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize("option", [("-addreject", "clientAuth"), ("-addtrust", "serverAuth")])
def test_a_copy_in_the_file_is_no_way_around_a_rejected_ca(tmp_path: Path, option: tuple[str, str]) -> None:
    roots = ROOT.pem + trusted(tmp_path, MIDDLE.der, *option)
    verdict = judged(roots, LEAF.der, [MIDDLE.der])
    assert verdict.trusted is theirs(tmp_path, roots, LEAF.der, MIDDLE.der) is False
    assert Fault.REJECTED in {one.fault for one in verdict.faults}


def test_what_is_trusted_in_so_many_words_is_not_held_to_its_own_purposes(tmp_path: Path) -> None:
    top = H.ca("Server root", purposes=[SERVER])
    leaf = H.leaf(top)
    for roots, holds in ((top.pem, False), (trusted(tmp_path, top.der, "-addtrust", "clientAuth"), True)):
        assert judged(roots, leaf.der, []).trusted is theirs(tmp_path, roots, leaf.der) is holds
    alone = trusted(tmp_path, ROOT.der, "-addtrust", "clientAuth")  # its key usage is that of a CA
    assert judged(alone, ROOT.der, []).trusted is theirs(tmp_path, alone, ROOT.der) is True


def test_the_command_says_why_and_inspect_shows_the_alias(tmp_path: Path) -> None:
    (tmp_path / "leaf.pem").write_bytes(LEAF.pem + MIDDLE.pem)
    root = trusted(tmp_path, ROOT.der, "-addreject", "clientAuth", "-setalias", "the old plant's root")
    (tmp_path / "root.pem").write_bytes(root)
    command = ["cert", "verify", str(tmp_path / "leaf.pem"), "--root", str(tmp_path / "root.pem")]
    done = CliRunner().invoke(cli, command, standalone_mode=False)
    assert done.return_value == 1
    assert "is rejected for clientAuth by its own trust settings" in " ".join(done.output.split())
    shown = CliRunner().invoke(cli, ["cert", "inspect", str(tmp_path / "root.pem")], standalone_mode=False).output
    assert "the old plant's root" in shown and "rejected for clientAuth" in shown


def test_what_is_no_settings_is_told() -> None:
    held = read(armour(ROOT.der + b"\x30\x03\x02\x01\x05", "TRUSTED CERTIFICATE"), "a file")
    assert len(held.certificates) == 1 and held.unread
