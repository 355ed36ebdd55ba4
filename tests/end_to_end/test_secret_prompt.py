"""A question for a secret in a real terminal: however it ends, the terminal shows again what is typed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.hub import HubRunner
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


@pytest.fixture
def at_a_hub(local_hub: HubRunner, tmp_path: Path) -> Path:
    """A profile of a hub that is there, whose secret is asked for."""
    file, text = tmp_path / "hub.toml", Path(local_hub.ready["profile"]).read_text()
    file.write_text(re.sub(r'secret_from = ".*"', 'secret_from = "prompt"', text))
    return file


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        ("devices list", b"\x03"),
        ("devices list", b"\x04"),
        ("profile check", b"half of it\x03"),
        ("network show", b"\x03"),
        ("connections", b"\x03"),
    ],
)
def test_no_answer_is_not_a_trouble_of_signing_in(at_a_hub: Path, tmp_path: Path, command: str, typed: bytes) -> None:
    with asking(at_a_hub, tmp_path, command) as terminal:
        terminal.write(typed)
        assert terminal.wait_exit() == 130
        assert echoes(terminal)
        assert b"Abort" not in terminal.raw
        assert b"Sign in" not in terminal.raw


@pytest.mark.parametrize("command", ["network show", "connections", "hubs"])
def test_what_is_read_by_threads_gives_the_terminal_back_too(at_a_hub: Path, tmp_path: Path, command: str) -> None:
    with asking(at_a_hub, tmp_path, command) as terminal:
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.wait_exit() == -signal.SIGTERM
        assert echoes(terminal)


def test_the_console_asks_for_the_passphrase_of_kept_keys_by_its_own_name(at_a_hub: Path, tmp_path: Path) -> None:
    sealing = at_a_hub.read_text().replace(
        "[profiles.demo.endpoints]", 'seal_from = "prompt"\n[profiles.demo.endpoints]'
    )
    at_a_hub.write_text(sealing)
    with asking(at_a_hub, tmp_path, "") as terminal:
        terminal.write(b"not-a-real-secret\r")
        terminal.wait("Passphrase of the kept keys")
        assert b"?1049h" not in terminal.raw


@contextmanager
def asking(profile: Path, folder: Path, command: str) -> Iterator[Terminal]:
    start = [sys.executable, "-m", "console", "--profile", str(profile), *command.split()]
    with Terminal(start, 80, 24, {"HUBWARDEN_STATE_DIR": str(folder / "state")}) as terminal:
        terminal.wait("Secret")
        until(lambda: not echoes(terminal), "a question without echo")
        yield terminal


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
