"""CA folders: what is made, what is refused, and that index and files agree whatever happened before."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from support.pki import DEVICE, NOW, Clock, check_agreement, device, new_ca, rows

from console.model.certificate import (
    AuthorityOrder,
    BulkProgress,
    CertificateKind,
    KeyType,
    LeafOrder,
    RecordStatus,
)
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.rules.certificate_keys import spki
from console.rules.certificate_requests import build_request
from console.services import bulk_issue, issuing
from console.services.pki import Pki
from console.services.ports import Cancel

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


def break_key(folder: Path) -> None:
    (folder / "ca.key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def exchange_key(folder: Path) -> None:
    new_ca(folder.parent / "else")
    shutil.copy(folder.parent / "else" / "ca" / "ca.key.pem", folder / "ca.key.pem")


def other_certificate(folder: Path) -> None:
    new_ca(folder.parent / "else")
    shutil.copy(folder.parent / "else" / "ca" / "ca.cert.pem", folder / "ca.cert.pem")


def linked_key(folder: Path) -> None:
    (folder / "ca.key.pem").rename(folder / "real")
    (folder / "ca.key.pem").symlink_to(folder / "real")


def with_index(statement: str) -> Any:
    def change(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "index.db")) as connection:
            connection.executescript(statement)

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "ca.key.pem").unlink(), "not here"),
        (break_key, "no private key in PEM form"),
        (exchange_key, "does not belong to"),
        (other_certificate, "does not belong to"),
        (linked_key, "no plain file"),
        (lambda folder: (folder / "ca.key.pem").chmod(0o640), "chmod 600"),
        (lambda folder: folder.chmod(0o770), "chmod go-w"),
        (lambda folder: (folder / "ca.cert.pem").chmod(0o666), "chmod go-w"),
        (lambda folder: (folder / "ca.cert.pem").write_text("x"), "no certificate that can be read"),
        (lambda folder: (folder / "ca.cert.pem").unlink(), "restore the certificate"),
        (lambda folder: (folder / "index.db").write_text("this is no database" * 100), "not a database"),
        (
            lambda folder: (folder / "index.db").write_bytes((folder / "index.db").read_bytes()[:5000]),
            "index of the CA",
        ),
        (with_index("PRAGMA user_version = 2"), "newer version"),
        (with_index("PRAGMA application_id = 77"), "another program"),
        (with_index("INSERT INTO certificates VALUES (1,2,3,4,5,6,7,8,9,'pending',1,2,3,4,5,6,7)"), "cannot be read"),
    ],
)
def test_a_folder_that_is_damaged_or_foreign_gives_one_sentence(tmp_path: Path, damage: Any, words: str) -> None:
    pki, ca = new_ca(tmp_path)
    damage(Path(ca))
    with pytest.raises(ConsoleError, match=words) as caught:
        pki.issue(device(), ca, tmp_path / "out")
    assert caught.value.hint
    assert not list((tmp_path / "out").glob("*"))


def test_a_tampered_chain_is_not_handed_on(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    pki.create_intermediate(AuthorityOrder("Lower"), ca, tmp_path / "lower", None, None)
    chain = tmp_path / "lower" / "chain.pem"
    own = (tmp_path / "lower" / "ca.cert.pem").read_bytes()
    new_ca(tmp_path / "else")
    chain.write_bytes(own + (tmp_path / "else" / "ca" / "ca.cert.pem").read_bytes())
    with pytest.raises(ConsoleError, match="is not signed by"):
        pki.issue(device(), str(tmp_path / "lower"), tmp_path / "out")


def test_a_lost_index_begins_anew(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    (Path(ca) / "index.db").unlink()
    pki.issue(device(), ca, tmp_path / "out")
    assert len(rows(ca)) == 1


def test_a_folder_that_everybody_writes_to_gets_no_keys(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    with pytest.raises(ConsoleError, match="exchange the files"):
        pki.issue(device(), ca, tmp_path / "out")


def test_an_expired_ca_signs_nothing(tmp_path: Path) -> None:
    clock = Clock()
    pki, ca = new_ca(tmp_path, clock=clock)
    clock.now += timedelta(days=4000)
    with pytest.raises(ConsoleError, match="expired at"):
        pki.issue(device(), ca, tmp_path / "out")
    with pytest.raises(ConsoleError, match="expired at"):
        pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out")
    with pytest.raises(ConsoleError, match="expired at"):
        pki.create_intermediate(AuthorityOrder("Lower"), ca, tmp_path / "lower")
    assert list((tmp_path / "out").iterdir()) == []


# --- many ----------------------------------------------------------------------------------------------------------


def test_many_are_issued_and_a_second_run_finds_them(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    names = ["Press", "press", "d/m", "a:b?*", *(f"d{number}" for number in range(250))]
    seen: list[BulkProgress] = []
    done = pki.issue_many([*names, "Press"], DEVICE, ca, tmp_path / "out", on_progress=seen.append)
    assert (done.made, done.before, done.left, done.failed, done.complete) == (254, 0, 0, (), True)
    check_agreement(ca, tmp_path / "out", names)
    assert seen[0].done == 0
    assert seen[-1].done == seen[-1].total == 254
    again = pki.issue_many(names, DEVICE, ca, tmp_path / "out")
    assert (again.made, again.before, again.left) == (0, 254, 0)
    more = pki.issue_many([*names, "new"], DEVICE, ca, tmp_path / "out")
    assert (more.made, more.before) == (1, 254)
    kinds = {row["common_name"]: (row["kind"], row["device_id"], row["module_id"]) for row in rows(ca)}
    assert kinds["d/m"] == ("module", "d", "m")
    assert kinds["press"] == ("device", "press", "")


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048])
def test_processes_do_the_same(tmp_path: Path, key_type: KeyType) -> None:
    pki, ca = new_ca(tmp_path)
    names = [f"d{number}" for number in range(1100 if key_type is KeyType.EC_P256 else 9)]
    done = pki.issue_many([*names, "bad name"], replace(DEVICE, key_type=key_type), ca, tmp_path / "out")
    assert (done.made, done.left) == (len(names), 0)
    assert [name for name, _ in done.failed] == ["bad name"]
    assert not done.complete
    check_agreement(ca, tmp_path / "out", names, every=20)


def test_a_passphrase_is_honoured_in_bulk(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    done = pki.issue_many(["a", "b"], replace(DEVICE, pkcs12=True), ca, tmp_path / "out", None, WORD)
    assert done.complete
    for name in ("a", "b"):
        data = (tmp_path / "out" / f"{name}.key.pem").read_bytes()
        serialization.load_pem_private_key(data, WORD.reveal().encode())
        pkcs12.load_pkcs12((tmp_path / "out" / f"{name}.p12").read_bytes(), WORD.reveal().encode())


def test_a_stop_between_batches_leaves_whole_files_and_the_rest_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console.services import bulk_issue

    monkeypatch.setattr(bulk_issue, "BATCH", 100)
    pki, ca = new_ca(tmp_path)
    cancel = Cancel()

    def stop(progress: BulkProgress) -> None:
        if progress.done >= 200:
            cancel.cancel()

    names = [f"d{number}" for number in range(500)]
    done = pki.issue_many(names, DEVICE, ca, tmp_path / "out", on_progress=stop, cancel=cancel)
    assert 200 <= done.made < 500
    assert done.left == 500 - done.made
    check_agreement(ca, tmp_path / "out", [row["common_name"] for row in rows(ca)])
    rest = pki.issue_many(names, DEVICE, ca, tmp_path / "out")
    assert (rest.made, rest.before) == (done.left, done.made)
    check_agreement(ca, tmp_path / "out", names)


def test_files_in_the_way_fail_alone(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    (tmp_path / "out").mkdir(mode=0o700)
    (tmp_path / "out" / "b.key.pem").write_text("somebody's")
    done = pki.issue_many(["a", "b", "c"], DEVICE, ca, tmp_path / "out")
    assert (done.made, [name for name, _ in done.failed]) == (2, ["b"])
    assert (tmp_path / "out" / "b.key.pem").read_text() == "somebody's"
    assert not (tmp_path / "out" / "b.chain.pem").exists()
    (tmp_path / "out" / "b.key.pem").unlink()
    check_agreement(ca, tmp_path / "out", ["a", "c"])


def test_a_file_that_was_lost_or_spoiled_is_noticed(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    out = tmp_path / "out"
    pki.issue_many(["a", "b", "c"], DEVICE, ca, out)
    for part in ("cert", "key", "chain"):
        (out / f"a.{part}.pem").unlink()
    shutil.copy(out / "c.cert.pem", out / "b.cert.pem")
    done = pki.issue_many(["a", "b", "c"], DEVICE, ca, out)
    assert (done.made, done.before, [name for name, _ in done.failed]) == (1, 1, ["b"])


def test_files_that_were_moved_with_their_folder_are_known_again(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    done = pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "moved")
    assert (done.made, done.before) == (0, 2)
    check_agreement(ca, tmp_path / "moved", ["a", "b"])


def test_a_folder_that_happens_to_be_called_like_a_ca_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki, ca = new_ca(tmp_path, "Plant")
    (tmp_path / "Plant").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    assert pki.authority("Plant").folder == Path(ca)
    with pytest.raises(ConsoleError, match="no CA in other"):
        pki.authority("other")


# --- stops ---------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for the end of the process at this place: nothing after it runs."""


STEPS = ["sync", "begun", "linked-key", "linked-all", "synced", "finished"]


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_at_any_step_is_settled_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    pki, ca = new_ca(tmp_path)
    pki.issue(device("before"), ca, tmp_path / "out")
    with monkeypatch.context() as patch:
        _kill_at(patch, step)
        with pytest.raises(Killed):
            pki.issue_many(["a", "b", "c"], DEVICE, ca, tmp_path / "out")
    if step != "finished":
        assert any(path.name.startswith(".hubwarden-") for path in (tmp_path / "out").iterdir())
    assert pki.inventory()  # any opening settles
    assert {row["status"] for row in rows(ca)} == {"issued"}
    done = pki.issue_many(["a", "b", "c"], DEVICE, ca, tmp_path / "out")
    assert done.complete
    check_agreement(ca, tmp_path / "out", ["a", "b", "before", "c"])


def test_settling_never_takes_a_file_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    with monkeypatch.context() as patch:
        _kill_at(patch, "begun")
        with pytest.raises(Killed):
            pki.issue_many(["a"], DEVICE, ca, tmp_path / "out")
    (tmp_path / "out" / "a.key.pem").write_text("somebody's")
    done = pki.issue_many(["a"], DEVICE, ca, tmp_path / "out")
    assert [name for name, _ in done.failed] == ["a"]
    assert (tmp_path / "out" / "a.key.pem").read_text() == "somebody's"


def test_what_a_living_process_is_making_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    reached, go_on = threading.Event(), threading.Event()
    link = issuing._link

    def slow(entry: Any) -> str:
        reached.set()
        assert go_on.wait(20)
        return link(entry)

    monkeypatch.setattr(issuing, "_link", slow)
    results: list[Any] = []
    maker = threading.Thread(target=lambda: results.append(pki.issue_many(["a"], DEVICE, ca, tmp_path / "out")))
    maker.start()
    assert reached.wait(20)
    monkeypatch.setattr(issuing, "_link", link)
    assert [row["status"] for row in rows(ca)] == ["pending"]
    monkeypatch.setattr(bulk_issue, "OTHERS_SECONDS", 0.0)
    other = pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out")
    assert (other.made, [name for name, _ in other.failed]) == (1, ["a"])
    assert "another process" in other.failed[0][1]
    go_on.set()
    maker.join(20)
    assert results[0].complete
    check_agreement(ca, tmp_path / "out", ["a", "b"])


def test_what_another_process_is_about_to_finish_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    reached, go_on = threading.Event(), threading.Event()
    link = issuing._link

    def slow(entry: Any) -> str:
        reached.set()
        assert go_on.wait(20)
        return link(entry)

    monkeypatch.setattr(issuing, "_link", slow)
    maker = threading.Thread(target=lambda: pki.issue_many(["a"], DEVICE, ca, tmp_path / "out"))
    maker.start()
    assert reached.wait(20)
    monkeypatch.setattr(issuing, "_link", link)
    wait = Cancel.wait

    def let_go(self: Cancel, seconds: float) -> bool:
        go_on.set()
        return wait(self, seconds)

    monkeypatch.setattr(Cancel, "wait", let_go)
    other = pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out")
    maker.join(20)
    assert (other.made, other.before, other.failed) == (1, 1, ())
    check_agreement(ca, tmp_path / "out", ["a", "b"])


def test_a_file_system_without_links_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(issuing, "_put", lambda source, target: real_put(source, target, no_links))
    real_put = _REAL_PUT
    pki, ca = new_ca(tmp_path)
    assert pki.issue_many(["a", "b"], DEVICE, ca, tmp_path / "out").complete
    check_agreement(ca, tmp_path / "out", ["a", "b"])
    with monkeypatch.context() as patch:
        _kill_at(patch, "linked-key")
        with pytest.raises(Killed):
            pki.issue_many(["c"], DEVICE, ca, tmp_path / "out")
    (tmp_path / "out" / "d.key.pem").write_text("somebody's")
    done = pki.issue_many(["c", "d"], DEVICE, ca, tmp_path / "out")
    assert [name for name, _ in done.failed] == ["d"]
    (tmp_path / "out" / "d.key.pem").unlink()
    check_agreement(ca, tmp_path / "out", ["a", "b", "c"])


_REAL_PUT = issuing._put


def _kill_at(patch: pytest.MonkeyPatch, step: str) -> None:
    """Make the process end at a step: the staging folder stays, its lock goes, as when it is killed."""
    from console.services.ca_index import CaIndex
    from console.services.staging import Staging

    patch.setattr(Staging, "remove", lambda staging: staging.release())
    begin, put, finish = CaIndex.begin, issuing._put, CaIndex.finish
    linked: list[str] = []

    def die(*_: Any) -> Any:
        raise Killed

    def begin_and_die(*arguments: Any) -> Any:
        begin(*arguments)
        raise Killed

    def put_and_die(source: str, target: str) -> None:
        put(source, target)
        linked.append(target)
        if step == "linked-key" and len(linked) == 1:
            raise Killed

    def finish_and_die(*arguments: Any) -> None:
        finish(*arguments)
        raise Killed

    if step == "sync":
        patch.setattr(issuing, "sync_files", die)
    elif step == "begun":
        patch.setattr(CaIndex, "begin", begin_and_die)
    elif step == "linked-key":
        patch.setattr(issuing, "_put", put_and_die)
    elif step == "linked-all":
        patch.setattr(issuing, "sync_folder", die)
    elif step == "synced":
        patch.setattr(CaIndex, "finish", die)
    else:
        patch.setattr(CaIndex, "finish", finish_and_die)
