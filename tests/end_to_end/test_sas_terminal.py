"""Minting and explaining at a real terminal: what is typed without echo stays unseen, what is kept is said."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest
from support.terminal import Terminal

KEY = base64.b64encode(bytes(range(32))).decode()
HOST = "contoso-plants.azure-devices.net"


@pytest.fixture
def hubwarden(tmp_path: Path):
    def start(*arguments: str, columns: int = 100) -> Terminal:
        env = {"HUBWARDEN_STATE_DIR": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path)}
        return Terminal([sys.executable, "-m", "console", *arguments], columns, 24, env)

    return start


def test_a_key_is_asked_for_without_echo_and_the_scrollback_is_named(hubwarden) -> None:
    with hubwarden("sas", "device", "press-1", "--hub", HOST) as terminal:
        terminal.wait("Key, or a connection string with it")
        terminal.send(KEY, "enter")
        text = terminal.wait("scrollback")
        assert terminal.wait_exit() == 0
        assert "SharedAccessSignature sr=" in text
        assert "one device: press-1" in text
        assert KEY.encode() not in terminal.raw


def test_a_token_is_asked_for_without_echo_and_explained(hubwarden) -> None:
    string = f"HostName={HOST};DeviceId=press-1;SharedAccessKey={KEY}"
    with hubwarden("sas", "inspect") as terminal:
        terminal.wait("Token or connection string")
        terminal.send(string, "enter")
        text = terminal.wait("base64, 32 bytes")
        assert terminal.wait_exit() == 0
        assert "DEVICE CONNECTION STRING" in text
        assert string.encode() not in terminal.raw
        assert KEY.encode() not in terminal.raw


@pytest.mark.parametrize(
    "arguments", [("sas", "device", "d", "--hub", HOST), ("sas", "inspect"), ("payload", "decrypt", "none")]
)
def test_what_is_typed_in_another_encoding_is_one_sentence(hubwarden, arguments) -> None:
    with hubwarden(*arguments, columns=200) as terminal:
        terminal.wait(":")
        os.write(terminal._master, b"\xff\xfe\n")
        text = terminal.wait("no text in this terminal's encoding")
        assert terminal.wait_exit() == 2
        assert "broke" not in text


def test_stdin_that_is_a_terminal_would_show_the_key(hubwarden) -> None:
    with hubwarden("sas", "device", "press-1", "--hub", HOST, "--key-stdin") as terminal:
        terminal.wait("standard input is a terminal")
        assert terminal.wait_exit() == 2


def test_a_payload_key_is_not_put_on_a_terminal_unasked(hubwarden) -> None:
    with hubwarden("payload", "keygen") as terminal:
        terminal.wait("--show")
        assert terminal.wait_exit() == 2


def test_a_decrypted_payload_cannot_drive_the_terminal(hubwarden, tmp_path: Path) -> None:
    from cryptography.fernet import Fernet

    key = tmp_path / "key"
    key.write_bytes(Fernet.generate_key())
    key.chmod(0o600)
    source = tmp_path / "captured"
    source.write_bytes(Fernet(key.read_bytes()).encrypt(b"\x1b]0;owned\x07\x1b[2Jtext") + b"\n")
    with hubwarden("payload", "decrypt", str(source), "--key-file", str(key)) as terminal:
        terminal.wait("\\x1b]0;owned")
        assert terminal.wait_exit() == 0
        assert b"\x1b]0;" not in terminal.raw
