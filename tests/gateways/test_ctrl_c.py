"""Ctrl+C ends a real process within a second, whatever holds it: silence, dropped packets, names, threads."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.hub import ROOT
from support.villain import DPS, Request, Villain, answer, authority, profile_at
from support.waiting import until

from console.config import save_profile

COMMANDS = {
    "network": ["network", "show"],
    "connections": ["connections"],
    "devices": ["devices", "list"],
    "check": ["profile", "check"],
    "hubs": ["hubs"],
    "dps": ["dps", "show"],
    "access": ["access", "assignments"],
    "policy": ["policy", "list"],
}
MUTE_NAMES = """
import socket, sys, threading
socket.getaddrinfo = lambda *_, **__: (print("asked", file=sys.stderr, flush=True), threading.Event().wait())
from console.cli.main import main
main(sys.argv[1:])
"""


WHILE_LOADING = """
import os, signal, sys
class Stop:  # at the import of a module
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Stop())
from console.cli.main import main
main(["journal", "verify"])
"""


def slow(*commands: str) -> list[Any]:
    return [pytest.param(one, marks=pytest.mark.slow) for one in commands]


@contextmanager
def running(arguments: list[str], folder: Path, *, program: str = "") -> Iterator[subprocess.Popen[str]]:
    start = [sys.executable, *(["-c", program] if program else ["-m", "console"])]
    environment = {**os.environ, "HUBWARDEN_STATE_DIR": str(folder / "state"), "PATH": "/nowhere"}
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [*start, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def interrupted(process: subprocess.Popen[str], folder: Path) -> None:
    """Send Ctrl+C and say what came of it; the limit is generous, as machines that run tests are busy."""
    assert process.poll() is None, (folder / "stderr").read_text()
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(60)
    took = time.monotonic() - begun
    assert process.returncode == 130
    assert took < 5, f"it took {took:.1f} s: what holds it would have held it for 20 s and more"
    assert "Traceback" not in (folder / "stderr").read_text()


def profile_file(url: str, folder: Path) -> str:
    file = folder / "profiles.toml"
    save_profile(profile_at(url, folder), file)
    return str(file)


@pytest.mark.parametrize("module", ["click", "console.cli.context", "console.cli.streams", "console.cli.journal"])
def test_it_is_no_traceback_while_the_command_is_loaded(module: str, tmp_path: Path) -> None:
    environment = {**os.environ, "HUBWARDEN_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", WHILE_LOADING, module], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in {-signal.SIGINT, 130}, done.stderr
    assert (done.stdout, done.stderr.strip()) == ("", "")


@pytest.mark.parametrize("command", ["network", *slow(*[*COMMANDS][1:])])
def test_a_service_that_says_nothing_does_not_hold_a_command(command: str, tmp_path: Path) -> None:
    def silent(request: Request) -> Iterator[bytes]:
        one.wait()
        yield b""

    with Villain(silent) as one:
        start = ["--profile", profile_file(one.url, tmp_path), *COMMANDS[command]]
        with running(start, tmp_path) as process:
            until(lambda: one.heard, "a request")
            interrupted(process, tmp_path)


@pytest.mark.slow
def test_a_sign_in_that_says_nothing_does_not_hold_a_command(tmp_path: Path) -> None:
    def silent(request: Request) -> Iterator[bytes]:
        one.wait()
        yield b""

    with Villain(silent, tokens=False) as one:
        start = ["--profile", profile_file(one.url, tmp_path), "network", "show"]
        with running(start, tmp_path) as process:
            until(lambda: one.heard, "a request")
            interrupted(process, tmp_path)


@pytest.mark.parametrize("command", ["check", *slow("network", "connections")])
def test_packets_that_are_dropped_do_not_hold_a_command(command: str, tmp_path: Path) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):  # the queue is full: what comes now is dropped
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        start = ["--profile", profile_file(f"https://localhost:{port}", tmp_path), *COMMANDS[command]]
        before = unanswered(port)
        with running(start, tmp_path) as process:
            until(lambda: unanswered(port) > before, "an attempt to connect")
            interrupted(process, tmp_path)


def unanswered(port: int) -> int:
    """Return how many connections of this machine to a port wait for the first answer (state 02)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(one[2].rpartition(":")[2], 16) == port and one[3] == "02" for one in lines)


@pytest.mark.parametrize("command", ["network", *slow("devices", "check")])
def test_names_that_nobody_resolves_do_not_hold_a_command(command: str, tmp_path: Path) -> None:
    file = profile_file("https://silent.example", tmp_path)
    with running(["--profile", file, *COMMANDS[command]], tmp_path, program=MUTE_NAMES) as process:
        until(lambda: "asked" in (tmp_path / "stderr").read_text(), "a question for a name")
        interrupted(process, tmp_path)


@pytest.mark.slow
def test_the_azure_cli_does_not_hold_a_command(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    az = folder / "az"
    az.write_text(f"#!/bin/sh\necho > {tmp_path}/az-began\nexec /bin/sleep 60\n")
    az.chmod(0o755)
    profile = tmp_path / "profiles.toml"
    profile.write_text('[profiles.p]\nhub_name = "plants"\n[profiles.p.credential]\nkind = "cli"\n')
    program = f"import os; os.environ['PATH'] = {str(folder)!r}\n" + MUTE_NAMES
    with running(["--profile", str(profile), "network", "show"], tmp_path, program=program) as process:
        until(lambda: (tmp_path / "az-began").exists(), "a start of az")
        interrupted(process, tmp_path)


@pytest.mark.slow
def test_loading_into_a_local_hub_that_says_nothing_is_ended(tmp_path: Path) -> None:
    def silent(request: Request) -> Iterator[bytes]:
        one.wait()
        yield b""

    with Villain(silent, tokens=False) as one:
        ready = {"ca_file": authority()[0], "faults_endpoint": one.url, "faults_token": "t"}
        (tmp_path / "ready.json").write_text(json.dumps(ready))
        (tmp_path / "load.json").write_text('{"devices": []}')
        start = ["localhub", "load", str(tmp_path / "load.json"), "--ready-file", str(tmp_path / "ready.json")]
        with running(start, tmp_path) as process:
            until(lambda: one.heard, "a request")
            interrupted(process, tmp_path)


@pytest.mark.slow
def test_an_answer_that_drips_does_not_hold_a_command(tmp_path: Path) -> None:
    def drip(request: Request) -> Iterator[bytes]:
        if request.path.startswith(DPS):
            yield answer(200, {})
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        one.wait()

    with Villain(drip) as one:
        start = ["--profile", profile_file(one.url, tmp_path), "network", "show"]
        with running(start, tmp_path) as process:
            until(lambda: one.heard, "a request")
            interrupted(process, tmp_path)
