"""Files that belong together are there together: full disks, kills, several CAs in one folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from support.pki import DEVICE, check_agreement, device, new_ca

from console.model.certificate import AuthorityOrder
from console.model.errors import ConsoleError, ErrorKind
from console.services import issuing, request_files, staging
from console.services.staging import Staging


class Killed(BaseException):
    """Stands for the end of the process at this place."""


def killed_before(patch: pytest.MonkeyPatch, end: str) -> None:
    """Make the process end when a file of this kind is to get its name."""
    put = issuing._put

    def stop(source: str, target: str) -> None:
        if target.endswith(end):
            raise Killed
        put(source, target)

    patch.setattr(issuing, "_put", stop)
    patch.setattr(Staging, "remove", lambda self: self.release())


def test_a_disk_that_takes_a_part_of_a_file_gets_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, ca = new_ca(tmp_path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:100]))
    pki.issue(device(), ca, tmp_path / "out")
    check_agreement(ca, tmp_path / "out", ["device001"])


def test_a_request_that_cannot_be_written_leaves_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pki, _ = new_ca(tmp_path)
    with monkeypatch.context() as patch:

        def full(path: Path, data: bytes, **more: object) -> None:
            if path.name.endswith(".csr.pem"):
                raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The disk is full")
            real(path, data, **more)  # type: ignore[arg-type]

        real = request_files.write_file
        patch.setattr(request_files, "write_file", full)
        with pytest.raises(ConsoleError):
            pki.request(device(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    pki.request(device(), tmp_path / "out")


def test_a_request_that_was_killed_between_key_and_request_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki, _ = new_ca(tmp_path)
    with monkeypatch.context() as patch:
        killed_before(patch, ".csr.pem")
        with pytest.raises(Killed):
            pki.request(device(), tmp_path / "out")
    assert (tmp_path / "out" / "device001.key.pem").exists()
    pki.request(device(), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"device001.csr.pem", "device001.key.pem"}
    serialization.load_pem_private_key((tmp_path / "out" / "device001.key.pem").read_bytes(), None)


def test_a_request_beside_a_key_of_somebody_leaves_it(tmp_path: Path) -> None:
    pki, _ = new_ca(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "device001.key.pem").write_text("somebody's")
    with pytest.raises(ConsoleError) as caught:
        pki.request(device(), tmp_path / "out")
    assert caught.value.code == "exists"
    assert "device001.key.pem" in str(caught.value)
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["somebody's"]


def test_another_ca_that_clears_a_folder_leaves_no_half_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki, ca = new_ca(tmp_path)
    pki.create_root(AuthorityOrder("Other"), tmp_path / "ca2", None)
    with monkeypatch.context() as patch:
        killed_before(patch, "a.b.cert.pem")
        with pytest.raises(Killed):
            pki.issue_many(["a", "a.b"], DEVICE, ca, tmp_path / "out")
    assert (tmp_path / "out" / "a.b.key.pem").exists()
    pki.issue(device("z"), str(tmp_path / "ca2"), tmp_path / "out2")
    pki.issue_many(["z"], DEVICE, str(tmp_path / "ca2"), tmp_path / "out")
    assert not (tmp_path / "out" / "a.b.key.pem").exists()
    assert (tmp_path / "out" / "a.key.pem").exists()
    assert pki.issue_many(["a", "a.b"], DEVICE, ca, tmp_path / "out").complete
    for path in (tmp_path / "out").glob("z.*"):
        path.unlink()
    check_agreement(ca, tmp_path / "out", ["a", "a.b"])


def test_folders_above_are_made_for_the_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    pki, ca = new_ca(tmp_path)
    before = os.umask(0)
    try:
        pki.issue(device(), ca, tmp_path / "a" / "b" / "c")
        pki.create_root(AuthorityOrder("Deep"), tmp_path / "d" / "e" / "f", None)
    finally:
        os.umask(before)
    for place in ("a", "a/b", "a/b/c", "d", "d/e", "d/e/f"):
        assert stat.S_IMODE((tmp_path / place).stat().st_mode) == 0o700


def test_what_looks_like_a_half_and_is_not_ours_stays(tmp_path: Path) -> None:
    left = tmp_path / f"{staging.PREFIX}abc"
    left.mkdir()
    (left / "a.cert.pem").write_text("ours")
    (left / "a.key.pem").write_text("ours")
    (tmp_path / "a.key.pem").write_text("somebody's")
    staging.clear_abandoned(tmp_path)
    assert not left.exists()
    assert (tmp_path / "a.key.pem").read_text() == "somebody's"
