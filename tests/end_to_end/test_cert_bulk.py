"""Ten thousand certificates, killed at random moments and taken up again; two processes on one CA; ctrl+c."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.pki import check_agreement, rows
from support.waiting import until

from console.model.certificate import AuthorityOrder
from console.model.clock import system_clock
from console.services.pki import Pki

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
MANY = 10_000


@pytest.fixture
def ca(tmp_path: Path) -> str:
    Pki(None, system_clock).create_root(AuthorityOrder("Root"), tmp_path / "ca", None)
    return str(tmp_path / "ca")


def start(tmp_path: Path, ca: str, names: Path, *more: str, out: str = "out") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "console", "cert", "issue", "--from", str(names), "--ca", ca,
            "--out", str(tmp_path / out), "--no-passphrase", *more,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HUBWARDEN_STATE_DIR": str(tmp_path / "state")},
    )  # fmt: skip


def names_file(tmp_path: Path, names: list[str]) -> Path:
    file = tmp_path / "names.txt"
    file.write_text("\n".join(names) + "\n")
    return file


def children(pid: int) -> set[int]:
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc")
@pytest.mark.slow
def test_killed_at_random_and_resumed_every_row_has_its_files_and_the_reverse(tmp_path: Path, ca: str) -> None:
    names = [f"{'Press' if number % 2 else 'press'}#{number // 2}" for number in range(MANY)]
    file = names_file(tmp_path, names)
    out = tmp_path / "out"
    chance = random.Random(os.urandom(8))
    killed = 0
    for attempt in range(4):
        process = start(tmp_path, ca, file)
        before = len(list(out.glob("*.cert.pem"))) if out.exists() else 0
        wanted = before + chance.randrange(MANY // 6)
        until(
            lambda wanted=wanted, process=process: process.poll() is not None or certificates_in(out) > wanted,
            f"more than {wanted} certificates",
        )
        threading.Event().wait(chance.random() * 0.3)  # the moment is random: nothing is expected to have happened
        workers = children(process.pid) if process.poll() is None else set()
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
        until(lambda workers=workers: not any(alive(pid) for pid in workers), "the workers to end by themselves")
        for path in out.iterdir():  # under its own name each file is whole, also now
            if path.suffix == ".pem":
                assert path.read_bytes().endswith(b"-----\n"), (attempt, path)
    assert killed, "it was never killed before it was done"
    last = start(tmp_path, ca, file, "--json")
    text, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors
    done = json.loads(text)
    assert (done["complete"], done["made"] + done["before"]) == (True, MANY)
    assert done["before"] > 0
    check_agreement(ca, out, names, every=25)
    assert {path.name for path in Path(ca).iterdir()} == {"ca.cert.pem", "ca.key.pem", "chain.pem", "index.db"}


def certificates_in(folder: Path) -> int:
    return sum(entry.name.endswith(".cert.pem") for entry in os.scandir(folder)) if folder.exists() else 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("apart", [True, False])
def test_two_processes_issue_into_one_ca_at_once(tmp_path: Path, ca: str, apart: bool) -> None:
    names = [f"d{number}" for number in range(2500)]
    file = names_file(tmp_path, names)
    outs = ("one", "two") if apart else ("one", "one")
    processes = [start(tmp_path, ca, file, "--json", out=out) for out in outs]
    results = [process.communicate(timeout=300) for process in processes]
    documents = [json.loads(text) for text, _ in results]
    if apart:
        assert [process.returncode for process in processes] == [0, 0], results
        assert [one["made"] for one in documents] == [2500, 2500]
        for out in outs:
            check_agreement(ca, tmp_path / out, names, every=50)
        assert len({row["serial"] for row in rows(ca)}) == 5000
        return
    # the same order twice: what one of them made, the other does not make again, and waits for at the end
    assert sum(one["made"] for one in documents) == 2500
    assert [one["items"] for one in documents] == [[], []]
    assert [process.returncode for process in processes] == [0, 0]
    check_agreement(ca, tmp_path / "one", names, every=50)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_by_hand_is_clean_and_says_how_to_go_on(tmp_path: Path, ca: str, number: signal.Signals) -> None:
    names = [f"d{number}" for number in range(MANY)]
    file = names_file(tmp_path, names)
    process = start(tmp_path, ca, file)
    until(lambda: certificates_in(tmp_path / "out") > 0 or process.poll() is not None, "the first certificates")
    process.send_signal(number)
    text, errors = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was done before the signal came")
    assert process.returncode == 130, errors
    assert "the same command goes on" in errors
    assert "left" in text
    made = [row["common_name"] for row in rows(ca)]
    assert 0 < len(made) < MANY
    check_agreement(ca, tmp_path / "out", made, every=50)


def test_no_secret_is_in_arguments_or_environment_of_a_worker(tmp_path: Path, ca: str) -> None:
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    process = start(
        tmp_path, ca, names_file(tmp_path, [f"d{number}" for number in range(300)]), "--key-type", "rsa-3072"
    )
    try:
        until(lambda: process.poll() is not None or bool(children(process.pid)), "workers")
        key = (Path(ca) / "ca.key.pem").read_text().splitlines()[1]
        workers = children(process.pid)
        assert workers, "it ended without any"
        for pid in workers | {process.pid}:
            for name in ("cmdline", "environ"):
                try:
                    data = Path(f"/proc/{pid}/{name}").read_bytes()
                except PermissionError:  # its memory is hidden from us too; root sees it
                    continue
                assert key[20:44].encode() not in data
                assert b"PRIVATE" not in data
    finally:
        process.kill()
        process.communicate()
