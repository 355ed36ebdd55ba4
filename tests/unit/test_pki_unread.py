"""What cannot be read of our own CAs is told: a file's certificate, a row of an index, a note in the list of CAs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.pki import device, new_ca

from console.model.certificate import AuthorityOrder
from console.model.errors import ConsoleError


def test_a_chain_whose_end_is_cut_off_is_told_by_its_block(tmp_path: Path) -> None:
    pki, root = new_ca(tmp_path)
    pki.create_intermediate(AuthorityOrder("Below"), root, tmp_path / "below", None, None)
    chain = tmp_path / "below" / "chain.pem"
    chain.write_bytes(chain.read_bytes()[:-40])
    with pytest.raises(ConsoleError) as caught:
        pki.issue(device(), str(tmp_path / "below"), tmp_path / "out")
    assert "block 2 (CERTIFICATE) cannot be read: it has no end line" in caught.value.why


def test_a_row_that_cannot_be_read_hides_no_ca_in_silence(tmp_path: Path) -> None:
    pki, root = new_ca(tmp_path)
    pki.issue(device(), root, tmp_path / "out")
    assert pki.unreadable() == ()
    with closing(sqlite3.connect(Path(root) / "index.db")) as connection:
        connection.execute("UPDATE certificates SET not_after = 'some day'")
        connection.commit()
    assert pki.inventory() == ()
    assert [str(Path(root)) in one.sentence() for one in pki.unreadable()] == [True]


def test_a_note_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    pki, _ = new_ca(tmp_path)
    (note,) = (one for one in (tmp_path / "state").rglob("known/*"))
    note.write_bytes(b"/\xff\xfe\n")
    assert pki.authorities() == ()
    (problem,) = pki.unreadable()
    assert str(note) in problem.sentence()
    with pytest.raises(ConsoleError) as caught:
        pki.issue(device(), "Root", tmp_path / "out")
    assert str(note) in caught.value.why
