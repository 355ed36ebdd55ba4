"""CA folders that are damaged, foreign, or no longer good: one sentence each."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.pki import DEVICE, Clock, device, new_ca, rows

from console.model.certificate import (
    AuthorityOrder,
)
from console.model.errors import ConsoleError

# --- CAs -----------------------------------------------------------------------------------------------------------


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
