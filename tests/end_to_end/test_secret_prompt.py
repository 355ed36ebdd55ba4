"""A question for a secret in a real terminal: however it ends, the terminal shows again what is typed."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.terminal import Terminal
from support.waiting import until


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "profile.toml"
    file.write_text(
        '[profiles.asks]\nhub_name = "contoso-plants"\ntenant_id = "t"\n'
        '[profiles.asks.credential]\nkind = "client-secret"\nclient_id = "c"\nsecret_from = "prompt"\n'
    )
    return file


@pytest.fixture
def asked(profile: Path, tmp_path: Path) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "console", "--profile", str(profile)]
    with Terminal(command, 80, 24, {"HUBWARDEN_STATE_DIR": str(tmp_path / "state")}) as terminal:
        terminal.wait("Secret for")
        until(lambda: not echoes(terminal), "a question without echo")
        yield terminal


def echoes(terminal: Terminal) -> bool:
    return bool(terminal.attributes()[3] & termios.ECHO)


@pytest.mark.parametrize("name", ["HUP", "QUIT", "TERM"])
def test_a_signal_that_ends_restores_the_echo(asked: Terminal, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    os.kill(asked.process.pid, number)
    assert asked.wait_exit() == -number
    assert echoes(asked)


def test_ctrl_c_restores_the_echo(asked: Terminal) -> None:
    asked.write(b"\x03")
    assert asked.wait_exit() == 130
    assert echoes(asked)


def test_stopped_in_a_shell_and_taken_up_again_it_is_still_not_shown(profile: Path, tmp_path: Path) -> None:
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash")
    env = {"HUBWARDEN_STATE_DIR": str(tmp_path / "state"), "PS1": "shell> "}
    with Terminal([shell, "--norc", "--noprofile", "-i"], 80, 24, env) as terminal:
        terminal.wait("shell>")
        terminal.write(shlex.join([sys.executable, "-m", "console", "--profile", str(profile)]).encode() + b"\r")
        terminal.wait("Secret for")
        until(lambda: not echoes(terminal), "a question without echo")
        terminal.write(b"\x1a")
        terminal.wait("Stopped")
        before = terminal.raw.count(b"\x1b[?1049h")
        terminal.write(b"fg\r")
        terminal.quiet(0.5)
        until(lambda: not echoes(terminal), "a question without echo")
        terminal.write(b"not-a-real-secret\r")
        until(lambda: terminal.raw.count(b"\x1b[?1049h") > before, "the console")
        assert b"not-a-real" not in terminal.raw
