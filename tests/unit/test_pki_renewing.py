"""Renewing in place: the new pair is complete before it takes the place of the old, which is kept."""

from __future__ import annotations

import shutil
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.pki import DEVICE, Clock, device, new_ca, rows

from console.model.certificate import AuthorityOrder, CertificateKind, KeyType, LeafOrder
from console.model.errors import ConsoleError
from console.rules.certificate_keys import spki
from console.rules.certificate_requests import build_request
from console.rules.certificates import PEM
from console.services.ca_index import CaIndex
from console.services.issue_one import Renewal
from console.services.pki import Pki

RENEW = Renewal()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ca(tmp_path: Path, clock: Clock) -> tuple[Pki, str]:
    return new_ca(tmp_path, clock=clock)


def pair(folder: Path, stem: str = "device001") -> int:
    """Return the serial number of a pair that belongs together: key, certificate, chain."""
    certificate = x509.load_pem_x509_certificate((folder / f"{stem}.cert.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / f"{stem}.key.pem").read_bytes(), None)
    assert spki(key) == spki(certificate.public_key())
    chain = x509.load_pem_x509_certificates((folder / f"{stem}.chain.pem").read_bytes())
    assert chain[0] == certificate
    return certificate.serial_number


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def statuses(ca: str) -> dict[str, tuple[str, str, str]]:
    return {row["serial"]: (row["status"], row["folder"], row["stem"]) for row in rows(ca)}


FILES = {"device001.cert.pem", "device001.chain.pem", "device001.key.pem"}


def test_a_new_pair_takes_the_place_of_the_old_which_is_kept(ca: tuple[Pki, str], tmp_path: Path, clock: Clock) -> None:
    pki, place = ca
    out = tmp_path / "out"
    old = pki.issue(device(key_type=KeyType.RSA_2048), place, out).record
    before = {name: (out / name).read_bytes() for name in FILES}
    clock.now += timedelta(days=300)
    new = pki.issue(device(), place, out, renewal=RENEW)
    assert f"{pair(out):X}" == new.record.serial != old.serial
    assert new.record.key_type == "rsa-2048"  # as it was
    assert new.record.not_after > old.not_after
    assert any("replaced" in note for note in new.notes)
    kept = out / "replaced"
    assert pair(kept, f"device001.{old.serial}") == int(old.serial, 16)
    for name, data in before.items():
        moved = kept / name.replace("device001.", f"device001.{old.serial}.")
        assert moved.read_bytes() == data
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert stat.S_IMODE((kept / f"device001.{old.serial}.key.pem").stat().st_mode) == 0o600
    assert statuses(place) == {
        old.serial: ("replaced", str(kept), f"device001.{old.serial}"),
        new.record.serial: ("issued", str(out), "device001"),
    }
    assert [one.serial for one in pki.inventory() if one.kind is CertificateKind.DEVICE] == [new.record.serial]
    third = pki.issue(device(), place, out, renewal=Renewal(key_type_kept=False))
    assert third.record.key_type == "ec-p256"
    assert len(names(kept)) == 6
    assert names(out) == FILES | {"replaced"}


def test_without_the_word_nothing_is_renewed(ca: tuple[Pki, str], tmp_path: Path, clock: Clock) -> None:
    pki, place = ca
    old = pki.issue(device(), place, tmp_path / "out").record
    clock.now += timedelta(days=300)
    with pytest.raises(ConsoleError) as caught:
        pki.issue(device(), place, tmp_path / "out")
    assert caught.value.code == "exists"
    assert pair(tmp_path / "out") == int(old.serial, 16)


def test_what_was_not_issued_here_is_not_renewed(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    pki.create_root(AuthorityOrder("Other"), tmp_path / "ca2", None)
    other = pki.issue(device(), str(tmp_path / "ca2"), tmp_path / "out").record
    for name in ("device001", "device002"):
        with pytest.raises(ConsoleError, match="issued none"):
            pki.issue(device(name), place, tmp_path / "out", renewal=RENEW)
    assert pair(tmp_path / "out") == int(other.serial, 16)
    assert names(tmp_path / "out") == FILES


def test_a_folder_that_was_moved_is_renewed_where_it_is(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    old = pki.issue(device(), place, tmp_path / "out").record
    shutil.move(tmp_path / "out", tmp_path / "moved")
    new = pki.issue(device(), place, tmp_path / "moved", renewal=RENEW).record
    assert pair(tmp_path / "moved") == int(new.serial, 16) != int(old.serial, 16)


def test_pkcs12_stays_and_is_new(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    pki.issue(device(pkcs12=True), place, tmp_path / "out")
    before = (tmp_path / "out" / "device001.p12").read_bytes()
    pki.issue(device(), place, tmp_path / "out", renewal=RENEW)
    assert (tmp_path / "out" / "device001.p12").read_bytes() != before


def test_a_server_keeps_its_names(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    order = LeafOrder(CertificateKind.SERVER, "gw.example", hosts=("gw.example", "b.example", "10.0.0.4"))
    pki.issue(order, place, tmp_path / "out")
    plain = LeafOrder(CertificateKind.SERVER, "gw.example")
    pki.issue(plain, place, tmp_path / "out", renewal=RENEW)
    found = x509.load_pem_x509_certificate((tmp_path / "out" / "gw.example.cert.pem").read_bytes())
    value = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in value] == ["gw.example", "b.example", "10.0.0.4"]


def test_a_key_that_is_elsewhere_is_renewed_by_its_holders_request(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    out = tmp_path / "out"
    first, _ = build_request(device())
    second, key = build_request(device())
    pki.sign(first.public_bytes(PEM), place, out)
    with pytest.raises(ConsoleError, match="key was made elsewhere"):
        pki.issue(device(), place, out, renewal=RENEW)
    pki.sign(second.public_bytes(PEM), place, out, renewal=RENEW)
    assert spki(x509.load_pem_x509_certificate((out / "device001.cert.pem").read_bytes()).public_key()) == spki(key)
    assert names(out) == {"device001.cert.pem", "device001.chain.pem", "replaced"}


def test_a_key_beside_that_is_another_is_told(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    out = tmp_path / "out"
    pki.request(device(), out)
    request = (out / "device001.csr.pem").read_bytes()
    assert pki.sign(request, place, out).notes == ()
    pair(out)
    pki.request(device(), tmp_path / "new")
    request = (tmp_path / "new" / "device001.csr.pem").read_bytes()
    notes = pki.sign(request, place, out, renewal=RENEW).notes
    assert any("device001.key.pem does not belong" in note for note in notes)


def test_a_request_renews_what_had_its_key_here_and_the_old_key_does_not_stay_beside(
    ca: tuple[Pki, str], tmp_path: Path
) -> None:
    pki, place = ca
    old = pki.issue(device(pkcs12=True), place, tmp_path / "out").record
    request, _ = build_request(device())
    pki.sign(request.public_bytes(PEM), place, tmp_path / "out", renewal=RENEW)
    assert names(tmp_path / "out") == {"device001.cert.pem", "device001.chain.pem", "replaced"}
    assert pair(tmp_path / "out" / "replaced", f"device001.{old.serial}") == int(old.serial, 16)


# --- many ----------------------------------------------------------------------------------------------------------


def test_of_many_those_are_renewed_that_need_it(ca: tuple[Pki, str], tmp_path: Path, clock: Clock) -> None:
    pki, place = ca
    out = tmp_path / "out"
    pki.issue_many(["a", "b"], DEVICE, place, out)
    pki.issue(device("r", KeyType.RSA_2048, pkcs12=True), place, out)
    clock.now += timedelta(days=250)
    pki.issue_many(["young"], DEVICE, place, out)
    assert pki.due(place, out) == ("a", "b", "r")
    old = {name: pair(out, name) for name in ("a", "b", "r", "young")}
    plain = pki.issue_many(["a", "b", "r", "young"], DEVICE, place, out)
    assert plain.before == 4
    assert any("3 of those there before need renewal" in note for note in plain.notes)
    assert any("1 of those there before have another kind of key" in note for note in plain.notes)
    done = pki.issue_many(["a", "b", "r", "young", "new"], DEVICE, place, out, renewal=RENEW)
    assert (done.made, done.before, done.left) == (3, 1, 0)
    assert [name for name, _ in done.failed] == ["new"]
    assert {name for name, serial in old.items() if pair(out, name) != serial} == {"a", "b", "r"}
    found = serialization.load_pem_private_key((out / "r.key.pem").read_bytes(), None)
    assert isinstance(found, rsa.RSAPrivateKey)
    assert pki.due(place, out) == ()
    again = pki.issue_many(["a", "b", "r", "young"], DEVICE, place, out, renewal=RENEW)
    assert (again.made, again.before, again.failed) == (0, 4, ())


def test_what_another_renews_meanwhile_counts_as_done_in_each_group(
    ca: tuple[Pki, str], tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki, place = ca
    out = tmp_path / "out"
    pki.issue_many(["a", "b"], DEVICE, place, out)
    pki.issue(device("r", KeyType.RSA_2048), place, out)
    clock.now += timedelta(days=300)
    begin = CaIndex.begin_renewal
    other: list[str] = []

    def late(self: CaIndex, pairs: object) -> object:
        if not other:
            other.append("")
            pki.issue(device("a"), place, out, renewal=RENEW)
        return begin(self, pairs)  # type: ignore[arg-type]

    monkeypatch.setattr(CaIndex, "begin_renewal", late)
    done = pki.issue_many(["a", "b", "r"], DEVICE, place, out, renewal=RENEW)
    assert (done.made, done.before, done.left, done.failed) == (2, 1, 0, ())
    assert pki.due(place, out) == ()


def test_processes_renew_too(ca: tuple[Pki, str], tmp_path: Path, clock: Clock) -> None:
    pki, place = ca
    many = [f"d{number}" for number in range(9)]
    template = LeafOrder(CertificateKind.DEVICE, "", KeyType.RSA_2048)
    assert pki.issue_many(many, template, place, tmp_path / "out").complete
    clock.now += timedelta(days=300)
    done = pki.issue_many(many, DEVICE, place, tmp_path / "out", renewal=RENEW)
    assert done.made == 9
    for name in many:
        pair(tmp_path / "out", name)
    assert len([row for row in rows(place) if row["status"] == "replaced"]) == 9


def test_a_bulk_that_ends_with_its_ca_says_so(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    long = LeafOrder(CertificateKind.DEVICE, "", lifetime=timedelta(days=9999))
    done = pki.issue_many(["a", "b"], long, place, tmp_path / "out")
    assert len(done.notes) == 1
    assert done.notes[0].startswith("It ends with its CA")


# --- stops ---------------------------------------------------------------------------------------------------------
