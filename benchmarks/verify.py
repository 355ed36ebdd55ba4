"""Chains of three EC certificates verified per second: ours in process, against one `openssl verify` process each."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from console.model.certificate import Purpose
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.certificate_checks import signature_holds
from console.rules.certificate_facts import facts

LEAVES = 1000
PROCESSES = 60


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC).replace(microsecond=0)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    words = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, decipher_only=False, **usage)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(words, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )


@functools.cache
def _chains() -> tuple[list[bytes], bytes, bytes, Path]:
    """Return leaves, intermediate and root in DER, and a folder with one of each as PEM."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    root = _certificate("Root", keys[0], "Root", keys[0], ca=True)
    middle = _certificate("Issuing", keys[1], "Root", keys[0], ca=True)
    leaves = [_certificate(f"press-{n}", keys[2], "Issuing", keys[1], ca=False) for n in range(LEAVES)]
    folder = Path(tempfile.mkdtemp(prefix="hubwarden-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, one in (("root", root), ("middle", middle), ("leaf", leaves[0])):
        (folder / f"{name}.pem").write_bytes(one.public_bytes(Encoding.PEM))
    return (
        [one.public_bytes(Encoding.DER) for one in leaves],
        *(one.public_bytes(Encoding.DER) for one in (middle, root)),
        folder,
    )  # type: ignore[return-value]


def ours() -> float:
    """Return our rate: every leaf is read for the first time, the CAs once for all leaves, as for a fleet."""
    leaves, middle, root, _ = _chains()
    facts.cache_clear()
    signature_holds.cache_clear()
    anchors, now = [Anchor(root, "root")], datetime.now(UTC)
    begin = time.perf_counter()
    for leaf in leaves:
        if not verify_leaf(leaf, (middle,), anchors, now, Purpose.CLIENT).trusted:
            raise SystemExit("the benchmark's chain is not trusted")
    return LEAVES / (time.perf_counter() - begin)


def ours_cold() -> float:
    """Return our rate when all three certificates are read and both signatures verified anew each time."""
    leaves, middle, root, _ = _chains()
    anchors, now = [Anchor(root, "root")], datetime.now(UTC)
    begin = time.perf_counter()
    for leaf in leaves:
        facts.cache_clear()
        signature_holds.cache_clear()
        verify_leaf(leaf, (middle,), anchors, now, Purpose.CLIENT)
    return LEAVES / (time.perf_counter() - begin)


def openssl() -> float:
    """Return the rate of `openssl verify`, one process for each chain."""
    folder = _chains()[3]
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore"]
    command += ["-CAfile", "root.pem", "-untrusted", "middle.pem", "leaf.pem"]
    begin = time.perf_counter()
    for _ in range(PROCESSES):
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return PROCESSES / (time.perf_counter() - begin)


def available() -> bool:
    """Say whether there is something to measure against."""
    return shutil.which("openssl") is not None
