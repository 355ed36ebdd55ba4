"""A renewal that is stopped, refused by the disk, or done twice at once leaves a whole pair."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.pki import Clock, device, new_ca, rows

from console.model.certificate import AuthorityOrder
from console.model.errors import ConsoleError
from console.rules.certificate_keys import spki
from console.services import renewing
from console.services.ca_index import CaIndex
from console.services.issue_one import Renewal
from console.services.pki import Pki
from console.services.staging import Staging

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


class Killed(BaseException):
    """Stands for the end of the process at this place: nothing after it runs."""


STEPS = ["begun", "kept-one", "kept-all", "moved-one", "moved-two", "moved-all", "synced", "finished"]


def kill_at(patch: pytest.MonkeyPatch, step: str) -> None:
    patch.setattr(Staging, "remove", lambda self: self.release())
    begin, finish, copy, replace = CaIndex.begin_renewal, CaIndex.finish_renewal, renewing._copy, os.replace
    counts = {"copy": 0, "replace": 0}

    def begin_and_die(*arguments: object) -> object:
        begin(*arguments)  # type: ignore[arg-type]
        raise Killed

    def copy_and_die(source: str, target: str) -> None:
        copy(source, target)
        counts["copy"] += 1
        if counts["copy"] == (1 if step == "kept-one" else 3):
            raise Killed

    def replace_and_die(source: str, target: str) -> None:
        replace(source, target)
        if str(source).endswith(".pem"):
            counts["replace"] += 1
        if counts["replace"] == {"moved-one": 1, "moved-two": 2, "moved-all": 3}[step]:
            raise Killed

    def die(*_: object) -> None:
        raise Killed

    def finish_and_die(*arguments: object) -> None:
        finish(*arguments)  # type: ignore[arg-type]
        raise Killed

    if step == "begun":
        patch.setattr(CaIndex, "begin_renewal", begin_and_die)
    elif step.startswith("kept"):
        patch.setattr(renewing, "_copy", copy_and_die)
    elif step.startswith("moved"):
        patch.setattr(os, "replace", replace_and_die)
    else:
        patch.setattr(CaIndex, "finish_renewal", die if step == "synced" else finish_and_die)


@pytest.mark.parametrize("cleared", [False, True], ids=["", "cleared by another CA"])
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("step", STEPS)
def test_a_stop_leaves_the_old_pair_or_the_new(
    ca: tuple[Pki, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    links: bool,
    cleared: bool,
) -> None:
    pki, place = ca
    out = tmp_path / "out"
    old = pki.issue(device(), place, out).record
    pki.create_root(AuthorityOrder("Other"), tmp_path / "ca2", None)
    if not links:

        def no_links(source: str, target: str, **_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(renewing.os, "link", no_links)
    with monkeypatch.context() as patch:
        kill_at(patch, step)
        with pytest.raises(Killed):
            pki.issue(device(), place, out, renewal=RENEW)
    if cleared:
        monkeypatch.undo()
        pki.issue(device("z"), str(tmp_path / "ca2"), out)
        for path in out.glob("z.*"):
            path.unlink()
    pki.inventory()  # any opening settles
    done = step in {"moved-all", "synced", "finished"}
    serial = pair(out)
    assert (serial != int(old.serial, 16)) is done
    left = {name for name in names(out) if name.startswith(".hubwarden-")}
    assert not left or step == "finished"  # an empty folder then, which the next one clears away
    assert names(out) - {"replaced"} - left == FILES
    status, folder, stem = statuses(place)[old.serial]
    assert status == ("replaced" if done else "issued")
    assert pair(Path(folder), stem) == int(old.serial, 16)
    assert sorted(row["status"] for row in rows(place)) == (["issued", "replaced"] if done else ["issued"])
    if not done:
        assert not names(out / "replaced")
    again = pki.issue(device(), place, out, renewal=RENEW)
    assert pair(out) == int(again.record.serial, 16)
    assert names(out) == FILES | {"replaced"}


def test_a_disk_that_refuses_leaves_the_old_pair(
    ca: tuple[Pki, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki, place = ca
    old = pki.issue(device(), place, tmp_path / "out").record
    replace = os.replace
    with monkeypatch.context() as patch:

        def full(source: str, target: str) -> None:
            if str(target).endswith("device001.cert.pem"):
                raise OSError(28, "No space left on device")
            replace(source, target)

        patch.setattr(os, "replace", full)
        with pytest.raises(ConsoleError, match="cannot be written") as caught:
            pki.issue(device(), place, tmp_path / "out", renewal=RENEW)
    assert "Free some space" in caught.value.hint
    assert pair(tmp_path / "out") == int(old.serial, 16)
    pki.inventory()
    assert [row["status"] for row in rows(place)] == ["issued"]


@pytest.mark.parametrize("kind", ["file", "link", "open"])
def test_no_keys_are_kept_where_others_could_take_them(ca: tuple[Pki, str], tmp_path: Path, kind: str) -> None:
    pki, place = ca
    out, kept = tmp_path / "out", tmp_path / "out" / "replaced"
    old = pki.issue(device(), place, out).record
    if kind == "file":
        kept.touch()
    elif kind == "link":
        kept.symlink_to(tmp_path)
    else:
        kept.mkdir()
        (kept / "mine").touch()
        kept.chmod(0o777)
    with pytest.raises(ConsoleError):
        pki.issue(device(), place, out, renewal=RENEW)
    assert pair(out) == int(old.serial, 16)
    pki.inventory()
    assert [row["status"] for row in rows(place)] == ["issued"]


def test_two_that_renew_the_same_make_one(ca: tuple[Pki, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, place = ca
    pki.issue(device(), place, tmp_path / "out")
    begin = CaIndex.begin_renewal
    other: list[str] = []

    def late(self: CaIndex, pairs: object) -> object:
        if not other:
            other.append("")
            other.append(pki.issue(device(), place, tmp_path / "out", renewal=RENEW).record.serial)
        return begin(self, pairs)  # type: ignore[arg-type]

    monkeypatch.setattr(CaIndex, "begin_renewal", late)
    with pytest.raises(ConsoleError, match="another process"):
        pki.issue(device(), place, tmp_path / "out", renewal=RENEW)
    assert f"{pair(tmp_path / 'out'):X}" == other[1]
    assert sorted(row["status"] for row in rows(place)) == ["issued", "replaced"]


# --- the list of CAs -----------------------------------------------------------------------------------------------


def test_a_ca_that_is_gone_is_told_until_it_is_found_or_forgotten(ca: tuple[Pki, str], tmp_path: Path) -> None:
    pki, place = ca
    assert pki.unreadable() == ()
    shutil.move(place, tmp_path / "moved")
    assert ["is gone" in str(error) for error in pki.unreadable()] == [True]
    pki.authority(str(tmp_path / "moved"))
    assert pki.unreadable() == ()  # the same one, known in its new place
    shutil.rmtree(tmp_path / "moved")
    assert len(pki.unreadable()) == 2
    assert pki.forget(tmp_path / "moved")
    assert pki.forget(Path(place))
    assert not pki.forget(Path(place))
    assert pki.unreadable() == ()
