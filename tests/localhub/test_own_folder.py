"""A local hub takes over only what is a local hub's: nobody's folder is filled, locked up or written over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.hub import ROOT, HubRunner

from console.localhub.own_folder import MARKER
from console.localhub.server import LocalHub, LocalHubOptions


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console", "localhub", "serve", "--devices", "1", "--scenario", "empty"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_folder_with_files_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    theirs = tmp_path / "pki"
    theirs.mkdir()
    theirs.chmod(0o755)
    (theirs / "ca.pem").write_text("theirs")
    done = serve("--state", str(theirs))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hubwarden: The local hub cannot start: ")
    assert "holds files that are not a local hub's" in done.stderr
    assert (theirs / "ca.pem").read_text() == "theirs"
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755
    assert [path.name for path in theirs.iterdir()] == ["ca.pem"]


def test_a_file_that_is_no_ready_file_is_refused_and_stays(tmp_path: Path) -> None:
    for text in ("notes", '{"other": 1}', "[" * 100_000):
        (tmp_path / "notes").write_text(text)
        done = serve("--ready-file", str(tmp_path / "notes"))
        assert done.returncode == 1
        assert "is not the ready file of a local hub" in done.stderr
        assert (tmp_path / "notes").read_text() == text


@pytest.mark.parametrize("option", ["--ready-file", "--state"])
def test_a_name_that_is_too_long_is_told_in_words(tmp_path: Path, option: str) -> None:
    done = serve(option, str(tmp_path / ("a" * 300)))
    assert done.returncode == 1
    assert "file name too long" in done.stderr
    assert "Errno" not in done.stderr


def test_its_own_folder_and_an_empty_one_are_taken(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for _ in range(2):
        with HubRunner(scenario="empty", devices=1, state_dir=tmp_path):
            assert (tmp_path / "ca.pem").exists()
            assert (tmp_path / MARKER).exists()
            with pytest.raises(OSError, match="another local hub is using"):
                LocalHub(LocalHubOptions(scenario="empty", devices=1, state_dir=tmp_path)).prepare()
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_new_folder_is_private_without_a_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with HubRunner(scenario="empty", devices=1, state_dir=tmp_path / "a" / "b"):
            assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700] * 2
    finally:
        os.umask(before)
