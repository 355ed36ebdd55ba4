"""Many certificates at once, stopped and taken up again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from support.pki import DEVICE, check_agreement, new_ca, rows

from console.model.bulk_issue import BulkProgress
from console.model.certificate import (
    KeyType,
)
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.services.ports import Cancel

WORD = Secret("correct horse")


# --- CAs -----------------------------------------------------------------------------------------------------------


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
