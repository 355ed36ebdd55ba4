"""Device certificates per second: ours in bulk and in memory, against one shell that runs openssl for each."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from console.model.certificate import AuthorityOrder, CertificateKind, KeyType, LeafOrder
from console.model.clock import system_clock
from console.rules.certificate_keys import private_pem
from console.rules.certificates import PEM, Authority, LeafMaker, build_authority
from console.services.pki import Pki

COUNT = {KeyType.EC_P256: 10_000, KeyType.RSA_2048: 100}
SHELL_COUNT = {KeyType.EC_P256: 20, KeyType.RSA_2048: 8}
IN_MEMORY = 4000
_GENERATE = {
    KeyType.EC_P256: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    KeyType.RSA_2048: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
}
_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"


def ec_in_files() -> float:
    """Return our rate for EC P-256."""
    return in_files(KeyType.EC_P256)


def rsa_in_files() -> float:
    """Return our rate for RSA-2048."""
    return in_files(KeyType.RSA_2048)


def ec_by_shell() -> float:
    """Return the shell's rate for EC P-256."""
    return shell(KeyType.EC_P256)


def rsa_by_shell() -> float:
    """Return the shell's rate for RSA-2048."""
    return shell(KeyType.RSA_2048)


def in_files(key_type: KeyType) -> float:
    """Return our rate with key, certificate and chain written to disk and into the index, processes included."""
    folder = _folder()
    pki = Pki(None, system_clock)
    pki.create_root(AuthorityOrder("Bench CA"), folder / "ca", None)
    names = [f"genoa-press-{number:06}" for number in range(COUNT[key_type])]
    template = LeafOrder(CertificateKind.DEVICE, "", key_type)
    begin = time.perf_counter()
    done = pki.issue_many(names, template, str(folder / "ca"), folder / "devices")
    seconds = time.perf_counter() - begin
    assert done.made == len(names), done
    return done.made / seconds


def in_memory() -> float:
    """Return our rate for EC P-256 on one core, key and certificate as PEM and not written."""
    now = system_clock()
    root = build_authority(AuthorityOrder("Bench CA"), None, now)
    assert root.key is not None
    maker = LeafMaker(Authority(root.key, (root.certificate,)), LeafOrder(CertificateKind.DEVICE, ""), now)
    begin = time.perf_counter()
    for number in range(IN_MEMORY):
        built = maker.make(f"genoa-press-{number:06}")
        assert built.key is not None
        built.certificate.public_bytes(PEM)
        private_pem(built.key, None)
    return IN_MEMORY / (time.perf_counter() - begin)


def shell(key_type: KeyType) -> float:
    """Return the rate of one `sh` that runs openssl genpkey, req and x509 for each device."""
    openssl = shutil.which("openssl")
    assert openssl, "openssl is needed for this comparison"
    folder = _folder()
    Pki(None, system_clock).create_root(AuthorityOrder("Bench CA"), folder / "ca", None)
    (folder / "leaf.ext").write_text(_EXTENSIONS)
    script = f"""set -e
for i in $(seq {SHELL_COUNT[key_type]}); do
  {openssl} genpkey {_GENERATE[key_type]} -out device$i.key.pem 2>/dev/null
  {openssl} req -new -key device$i.key.pem -subj /CN=device$i -out device$i.csr.pem
  {openssl} x509 -req -in device$i.csr.pem -CA ca/ca.cert.pem -CAkey ca/ca.key.pem -days 365 \
    -extfile leaf.ext -out device$i.cert.pem 2>/dev/null
done
"""
    begin = time.perf_counter()
    subprocess.run(["sh", "-c", script], cwd=folder, check=True)
    return SHELL_COUNT[key_type] / (time.perf_counter() - begin)


def _folder() -> Path:
    """Return a new folder; none is removed before the end, as ext4 passes over the inodes of files just deleted."""
    name = tempfile.mkdtemp(prefix="hubwarden-bench-")
    atexit.register(shutil.rmtree, name, ignore_errors=True)
    return Path(name)
