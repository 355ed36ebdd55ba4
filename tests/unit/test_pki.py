"""CA folders: what is made, and what is refused."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from support.pki import NOW, Clock, check_agreement, device, new_ca, rows

from console.model.certificate import (
    AuthorityOrder,
    CertificateKind,
    LeafOrder,
    RecordStatus,
)
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.rules.certificate_keys import spki
from console.rules.certificate_requests import build_request
from console.services.pki import Pki

WORD = Secret("correct horse")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- CAs -----------------------------------------------------------------------------------------------------------


def test_a_ca_is_a_folder_for_its_owner(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        pki, ca = new_ca(tmp_path, "My CA")
    finally:
        os.umask(old)
    folder = Path(ca)
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "ca.cert.pem": 0o644,
        "ca.key.pem": 0o600,
        "chain.pem": 0o644,
        "index.db": 0o600,
    }
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    found = pki.authority("My CA")
    assert (found.folder, found.has_key, found.encrypted, found.issued) == (folder, True, False, 0)
    assert found.record.kind is CertificateKind.ROOT


def test_without_a_place_it_goes_to_the_state_folder(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "certificates", Clock())
    issued = pki.create_root(AuthorityOrder("Plant A/B"), None, None)
    assert issued.record.store == tmp_path / "certificates" / "Plant%20A%2FB"
    with pytest.raises(ConsoleError, match="--out"):
        Pki(None, Clock()).create_root(AuthorityOrder("X"), None, None)


def test_a_folder_with_a_ca_is_refused_and_untouched(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    before = {path: path.read_bytes() for path in Path(ca).iterdir()}
    with pytest.raises(ConsoleError, match="there is a CA in it already") as caught:
        pki.create_root(AuthorityOrder("Other"), Path(ca), None)
    assert caught.value.code == "exists"
    assert {path: path.read_bytes() for path in Path(ca).iterdir()} == before
    (Path(ca) / "ca.cert.pem").unlink()
    with pytest.raises(ConsoleError, match="the key of a CA is in it"):
        pki.create_root(AuthorityOrder("Other"), Path(ca), None)


def test_other_places_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki = Pki(None, Clock())
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("x")
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name, words in (("file", "a file"), ("full", "not empty"), ("link", "symbolic link"), ("here", "you are in")):
        with pytest.raises(ConsoleError, match=words):
            pki.create_root(AuthorityOrder("X"), tmp_path / name, None)
    assert not list((tmp_path / "target").iterdir())


def test_an_empty_folder_is_taken_and_made_private(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir(mode=0o755)
    Pki(None, Clock()).create_root(AuthorityOrder("X"), tmp_path / "ca", None)
    assert mode(tmp_path / "ca") == 0o700


def test_what_a_killed_maker_left_beside_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".ca.hubwarden-0123456789ab"
    left.mkdir()
    (left / "ca.key.pem").write_text("half")
    Pki(None, Clock()).create_root(AuthorityOrder("X"), tmp_path / "ca", None)
    assert not left.exists()


def test_an_intermediate_is_in_both_folders(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    issued = pki.create_intermediate(AuthorityOrder("Lower", path_length=0), ca, tmp_path / "lower", None, WORD)
    assert [label for label, _ in issued.files] == ["certificate", "key", "chain", "root"]
    lower = tmp_path / "lower"
    assert (lower / "chain.pem").read_bytes() == (lower / "ca.cert.pem").read_bytes() + (
        Path(ca) / "ca.cert.pem"
    ).read_bytes()
    (row,) = rows(ca)
    assert (row["kind"], row["status"], row["sha256"]) == ("intermediate CA", "issued", issued.record.sha256)
    assert pki.authority("Lower").encrypted
    assert [one.common_name for one in pki.inventory()] == ["Lower", "Root"]


def test_a_name_that_two_cas_have_is_not_guessed(tmp_path: Path) -> None:
    pki, _ = new_ca(tmp_path)
    pki.create_root(AuthorityOrder("Root"), tmp_path / "second", None)
    with pytest.raises(ConsoleError, match="one in each of"):
        pki.authority("Root")
    with pytest.raises(ConsoleError, match="no CA of this name") as caught:
        pki.authority("Nobody")
    assert caught.value.kind is ErrorKind.NOT_FOUND


# --- one leaf ------------------------------------------------------------------------------------------------------


def test_a_leaf_has_its_files_and_its_row(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    issued = pki.issue(device("Press#1:a/b".replace("/", "")), ca, tmp_path / "out")
    assert issued.record.status is RecordStatus.ISSUED
    assert issued.record.certificate_file == tmp_path / "out" / "Press%231%3Aab.cert.pem"
    check_agreement(ca, tmp_path / "out", ["Press#1:ab"])
    assert mode(tmp_path / "out") == 0o700


def test_a_module_and_a_server(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    module = pki.issue(LeafOrder(CertificateKind.MODULE, "d1/m1"), ca, tmp_path / "out").record
    assert (module.device_id, module.module_id, module.kind) == ("d1", "m1", CertificateKind.MODULE)
    server = pki.issue(LeafOrder(CertificateKind.SERVER, "gw", hosts=("gw", "10.0.0.1")), ca, tmp_path / "out").record
    assert (server.device_id, server.kind) == ("", CertificateKind.SERVER)


def test_nothing_is_ever_replaced(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    pki.issue(device(), ca, tmp_path / "out")
    with pytest.raises(ConsoleError) as caught:
        pki.issue(device(), ca, tmp_path / "out")
    assert caught.value.code == "exists"
    check_agreement(ca, tmp_path / "out", ["device001"])
    key = tmp_path / "out" / "other.key.pem"
    key.write_text("somebody's")
    with pytest.raises(ConsoleError) as caught:
        pki.issue(device("other"), ca, tmp_path / "out")
    assert caught.value.code == "exists"
    assert key.read_text() == "somebody's"
    assert [row["common_name"] for row in rows(ca)] == ["device001"]
    key.unlink()
    check_agreement(ca, tmp_path / "out", ["device001"])


def test_when_the_files_were_moved_away_the_new_one_replaces_the_old(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    pki.issue(device(), ca, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "old")
    pki.issue(device(), ca, tmp_path / "out")
    assert sorted(row["status"] for row in rows(ca)) == ["issued", "replaced"]
    assert [one.common_name for one in pki.inventory()] == ["device001", "Root"]


def test_a_passphrase_locks_key_and_pkcs12(tmp_path: Path) -> None:
    pki = Pki(None, Clock())
    pki.create_root(AuthorityOrder("Root"), tmp_path / "ca", WORD)
    ca = str(tmp_path / "ca")
    for wrong in (None, Secret("wrong one")):
        with pytest.raises(ConsoleError) as caught:
            pki.issue(device(), ca, tmp_path / "out", wrong)
        assert (caught.value.kind, caught.value.code) == (ErrorKind.BAD_INPUT, "passphrase")
    issued = pki.issue(device(pkcs12=True), ca, tmp_path / "out", WORD, Secret("leaf's own"))
    files = dict(issued.files)
    key = serialization.load_pem_private_key(files["key"].read_bytes(), b"leaf's own")
    certificate = x509.load_pem_x509_certificate(files["certificate"].read_bytes())
    bundle = pkcs12.load_pkcs12(files["PKCS#12"].read_bytes(), b"leaf's own")
    assert bundle.cert is not None
    assert bundle.cert.certificate == certificate
    assert spki(bundle.key) == spki(key) == spki(certificate.public_key())
    assert len(bundle.additional_certs) == 1
    assert mode(files["PKCS#12"]) == 0o600
    with pytest.raises(ValueError):
        pkcs12.load_pkcs12(files["PKCS#12"].read_bytes(), b"other")


def test_a_passphrase_for_a_key_without_one_does_no_harm(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    pki.issue(device(), ca, tmp_path / "out", WORD)


def test_a_request_and_its_signature(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    files = dict(pki.request(device("d1"), tmp_path / "there", WORD))
    assert mode(files["key"]) == 0o600
    with pytest.raises(ConsoleError) as caught:
        pki.request(device("d1"), tmp_path / "there")
    assert caught.value.code == "exists"
    issued = pki.sign(files["request"].read_bytes(), ca, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"d1.cert.pem", "d1.chain.pem"}
    certificate = x509.load_pem_x509_certificate((tmp_path / "out" / "d1.cert.pem").read_bytes())
    key = serialization.load_pem_private_key(files["key"].read_bytes(), WORD.reveal().encode())
    assert spki(key) == spki(certificate.public_key())
    assert (issued.record.device_id, issued.record.key_file) == ("d1", None)
    assert rows(ca)[0]["parts"] == "chain.pem cert.pem"


def test_a_signed_module_request_is_a_module(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    request = build_request(LeafOrder(CertificateKind.MODULE, "d/m"))[0].public_bytes(serialization.Encoding.DER)
    assert pki.sign(request, ca, tmp_path / "out", name="d/m").record.kind is CertificateKind.MODULE


def test_the_proof_is_signed_by_the_ca_and_noted(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    code = "75B86466DA34D2B04C0C4C9557A119687ADAE7D4732BDDB3"
    proof = x509.load_pem_x509_certificate(pki.proof(ca, code))
    proof.verify_directly_issued_by(x509.load_pem_x509_certificate((Path(ca) / "ca.cert.pem").read_bytes()))
    assert proof.subject.rfc4514_string() == f"CN={code}"
    assert proof.not_valid_after_utc == NOW + timedelta(days=1)
    assert [(row["kind"], row["status"], row["stem"]) for row in rows(ca)] == [("proof of possession", "issued", "")]
    pki.proof(ca, code)
    assert [one.common_name for one in pki.inventory()] == ["Root"]


def test_the_inventory_tells_what_is_due(tmp_path: Path) -> None:
    clock = Clock()
    pki, ca = new_ca(tmp_path, clock=clock)
    pki.issue(device("a"), ca, tmp_path / "out")
    pki.issue(replace(device("b"), lifetime=timedelta(days=10)), ca, tmp_path / "out")
    assert [one.common_name for one in pki.inventory()] == ["b", "a", "Root"]
    later = NOW + timedelta(days=8)
    assert [one.common_name for one in pki.inventory() if one.needs_renewal(later)] == ["b"]
    assert not any(one.needs_renewal(NOW) for one in pki.inventory())


def test_a_ca_that_cannot_be_read_is_named_and_does_not_hide_the_others(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    pki.create_root(AuthorityOrder("Second"), tmp_path / "second", None)
    pki.create_root(AuthorityOrder("Third"), tmp_path / "third", None)
    (Path(ca) / "ca.cert.pem").write_text("x")
    (tmp_path / "second" / "index.db").write_text("x" * 5000)
    assert [one.common_name for one in pki.inventory()] == ["Third"]
    assert len(pki.unreadable()) == 2
    shutil.move(ca, tmp_path / "moved")
    assert sorted("is gone" in error.sentence() for error in pki.unreadable()) == [False, True]


# --- folders that cannot be trusted --------------------------------------------------------------------------------
