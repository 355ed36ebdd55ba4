"""What commands make is for its owner alone, with every umask, and a disk that takes nothing is told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder: Path, umask: int, *arguments: str, config: str = "b/config") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HUBWARDEN_STATE_DIR": str(folder / "a" / "state"),
        "XDG_CONFIG_HOME": str(folder / config),
    }
    return subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        cwd=folder, env=environment, umask=umask, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_folders_and_files_are_private_and_usable_with_every_umask(tmp_path: Path, umask: int) -> None:
    for line in (
        "profile add x --hub contoso",
        "journal list",
        "sas ledger",
        "journal export --out rows.jsonl",
        "payload keygen --out new.key",
        "cert ca --name Root --out deep/er/ca --no-passphrase",
        "cert issue d1 d2 --ca deep/er/ca --out deep/dev --no-passphrase",
        "cert csr d3 --out csr --no-passphrase",
    ):
        done = run(tmp_path, umask, *line.split())
        assert done.returncode == 0, (line, done.stderr)
    modes = {path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    folders = {path: mode for path, mode in modes.items() if (tmp_path / path).is_dir()}
    assert len(folders) >= 8
    assert set(folders.values()) == {0o700}
    for path, mode in modes.items():
        if path not in folders:
            public = path.name.endswith(("cert.pem", "chain.pem", "root.pem", "csr.pem"))
            assert mode == (0o644 if public else 0o600), path


def test_a_profile_on_a_disk_that_takes_nothing_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, 0o022, "profile", "add", "x", "--hub", "contoso", config="/proc/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hubwarden: The profile was not saved: ")
    assert done.stderr.count("\n") == 1


def test_a_profile_file_of_an_endless_name_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, 0o022, "--profile", "p" * 300 + ".toml", "profile", "show")
    assert done.returncode == 2
    assert "file name too long" in done.stderr
