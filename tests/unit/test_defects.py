"""A mistake of ours: a private file with types and places, one sentence, no message and no value."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from console.cli.defects import report

SECRET = "SharedAccessKey=" + "T9qcz8nRrVh3"


def broken() -> RuntimeError:
    held = SECRET
    try:
        try:
            raise KeyError(held)
        except KeyError as error:
            raise ValueError(f"no good: {held}") from error
    except ValueError as error:
        try:
            raise RuntimeError(held) from error
        except RuntimeError as last:
            return last


def test_it_tells_all_that_led_to_it_and_nothing_that_was_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    before = os.umask(0)
    try:
        said = [report(broken()) for _ in range(3)]
    finally:
        os.umask(before)
    files = sorted((tmp_path / "state" / "log").iterdir())
    assert len(files) == 3  # one is not written over another
    assert all(str(file) in "".join(said) for file in files)
    text = files[0].read_text()
    assert [text.index(name) for name in ("KeyError", "ValueError", "RuntimeError")] == sorted(
        text.index(name) for name in ("KeyError", "ValueError", "RuntimeError")
    )
    assert "in broken" in text
    assert SECRET not in text + "".join(said)
    assert "T9qcz8nRrVh3" not in text.replace('"T9qcz8nRrVh3"', "")
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def test_a_cause_that_is_its_own_cause_comes_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path))
    first, second = ValueError(), KeyError()
    first.__context__, second.__context__ = second, first
    assert "ValueError" in report(first)


def test_where_nothing_can_be_written_the_sentence_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "file"))
    assert report(broken()) == "Something broke inside hubwarden (RuntimeError); please report it."
