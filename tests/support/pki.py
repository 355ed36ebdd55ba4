"""CA folders for tests, and whether index and files of a folder agree."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from console.model.certificate import AuthorityOrder, CertificateKind, KeyType, LeafOrder
from console.rules.certificate_keys import spki
from console.rules.certificate_names import file_stem
from console.services.issue_files import sha1, sha256
from console.services.pki import Pki

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICE = LeafOrder(CertificateKind.DEVICE, "")


def device(name: str = "device001", key_type: KeyType = KeyType.EC_P256, *, pkcs12: bool = False) -> LeafOrder:
    """Return the order of one device."""
    return LeafOrder(CertificateKind.DEVICE, name, key_type, pkcs12=pkcs12)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def new_ca(folder: Path, name: str = "Root", clock: Clock | None = None) -> tuple[Pki, str]:
    """Make a CA without a passphrase; return the tool and the CA's folder."""
    pki = Pki(folder / "state", clock or Clock())
    pki.create_root(AuthorityOrder(name), folder / "ca", None)
    return pki, str(folder / "ca")


def rows(ca: str | Path) -> list[sqlite3.Row]:
    """Return the index as it is."""
    with closing(sqlite3.connect(Path(ca) / "index.db")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM certificates ORDER BY common_name").fetchall()


def check_agreement(ca: str | Path, folder: Path, names: list[str], *, every: int = 1) -> None:
    """Assert that each name has one row and whole files that belong together, and that nothing else is there.

    `every`: keys are held against certificates, and signatures checked, for each so-manieth.
    """
    root = x509.load_pem_x509_certificate((Path(ca) / "ca.cert.pem").read_bytes())
    root_pem = (Path(ca) / "ca.cert.pem").read_bytes()
    found = [row for row in rows(ca) if row["folder"] == str(folder)]
    assert {row["status"] for row in found} <= {"issued"}
    assert sorted(row["common_name"] for row in found) == sorted(names)
    assert len({row["serial"] for row in found}) == len(names)
    expected = {f"{file_stem(name)}.{part}" for name in names for part in ("cert.pem", "key.pem", "chain.pem")}
    assert {path.name for path in folder.iterdir()} == expected
    for number, row in enumerate(found):
        stem = folder / row["stem"]
        pem = Path(f"{stem}.cert.pem").read_bytes()
        one = x509.load_pem_x509_certificate(pem)
        der = one.public_bytes(serialization.Encoding.DER)
        assert (row["sha256"], row["sha1"]) == (sha256(der), sha1(der))
        assert row["serial"] == f"{one.serial_number:X}"
        assert one.subject == x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, row["common_name"])])
        assert Path(f"{stem}.chain.pem").read_bytes() == pem + root_pem
        key_file = Path(f"{stem}.key.pem")
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        assert key_file.read_bytes().endswith(b"-----END PRIVATE KEY-----\n")
        if number % every == 0:
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            assert spki(key) == spki(one.public_key())
            one.verify_directly_issued_by(root)
