"""Proof of possession with the CA's key out of reach: the printed lines, run as they are by a shell and openssl."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.authorities import Holder, authority
from support.hub import HubRunner
from support.uploads import apply, ask, at_hub, upload
from support.writes import writable

from console.rules.offline_proof import steps

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
PASSPHRASE = "correct horse"
KEYS = {"ec": "", "ec-384": "", "rsa": "", "ec encrypted": PASSPHRASE, "rsa encrypted": PASSPHRASE}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as one:
        yield one


def far_away(folder: Path, ca: Holder, passphrase: str, lines: tuple[str, ...]) -> tuple[bytes, str]:
    """Follow the steps on a machine that holds the CA's key; return what is brought back and what openssl said."""
    folder.mkdir()
    (folder / "ca.cert.pem").write_bytes(ca.pem)
    (folder / "ca.key.pem").write_bytes(ca.key_bytes(passphrase=passphrase))
    script = "set -e\n" + "\n".join(lines)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        input=f"{passphrase}\n",  # openssl asks the terminal, and where there is none standard input
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return (folder / "proof.cert.pem").read_bytes(), done.stderr


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_the_printed_lines_prove_possession(hub: HubRunner, tmp_path: Path, kind: str) -> None:
    with hub.hub.lock:
        hub.hub.certificates.clear()
    ca = authority("Plant CA", kind.partition(" ")[0])
    services = writable(hub, tmp_path / "here")
    uploads = services.credentials.uploads
    upload(services, ca, "plants-2027")
    code = ask(services, "plants-2027")
    folder = tmp_path / "there"
    proof, _ = far_away(folder, ca, KEYS[kind], uploads.offline_steps("plants-2027", code))
    assert sorted(path.name for path in folder.iterdir()) == ["ca.cert.pem", "ca.key.pem", "proof.cert.pem"]
    assert b"PRIVATE KEY" not in proof
    apply(services, uploads.plan_proof("plants-2027", proof))
    assert at_hub(hub) == {"plants-2027": True}


def test_openssl_finds_nothing_wrong_with_the_proof(tmp_path: Path) -> None:
    ca = authority()
    code = "75B86466DA34D2B04C0C4C9557A119687ADAE7D4732BDDB3"
    _, said = far_away(tmp_path / "there", ca, "", steps("plants", code))
    assert "error" not in said.casefold()
    shown = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.cert.pem", "proof.cert.pem"],
        cwd=tmp_path / "there",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OK" in shown.stdout


def test_what_is_brought_back_is_named_on_the_last_line() -> None:
    lines = steps("plants", "A1" * 24)
    assert lines[-1] == "# hubwarden --write cert prove --proof proof.cert.pem --yes plants"
    assert "-set_serial 0x1" in lines[4], "openssl 1.1.1 wants a serial number, or a serial file of the CA"
    assert all(line.startswith(("#", "openssl ", "rm -f ")) for line in lines)
