"""Keys faster than screens, and sizes that change under them, in a real terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.monkey import ESCAPE
from support.terminal import Terminal


@pytest.fixture
def terminal(local_hub, tmp_path) -> Iterator[Terminal]:
    env = {"HUBWARDEN_STATE_DIR": str(tmp_path / "state"), "PYTHONDONTWRITEBYTECODE": "1"}
    with Terminal([sys.executable, "-m", "console", "--profile", local_hub.ready["profile"]], 80, 24, env) as opened:
        opened.wait("cut off by IP rules", 60)
        yield opened


def leave(terminal: Terminal) -> None:
    terminal.wait(lambda text: "COMMANDS" not in text)
    terminal.send("q")
    assert terminal.wait_exit() == 0
    assert b"Traceback" not in terminal.raw


def test_keys_in_one_packet_find_the_palette_whole(terminal: Terminal) -> None:
    terminal.write(b"\x10\x1b[6~pol")  # nothing is painted between them
    terminal.wait("Go to Policies")
    terminal.write(b"\x1b[6~\x1b[5~\x1b[B\x1b[A\x1b[Fzz")
    terminal.wait("No matches found")
    terminal.write(b"\x1b[6~\x1b[B\r\x1b[5~\x15\x1b[6~\x10\x10\x10")
    leave(terminal)


def test_a_command_is_chosen_before_the_palette_was_ever_painted(terminal: Terminal) -> None:
    terminal.write(b"\x10go to dev\r")
    terminal.wait("DEVICES  300", 60)
    leave(terminal)


def test_a_palette_under_the_notice_of_a_small_terminal_is_not_opened_twice(terminal: Terminal) -> None:
    terminal.send("ctrl+p")
    terminal.wait("COMMANDS")
    terminal.resize(40, 10)
    terminal.wait("needs 60x15")
    terminal.write(b"\x10\x10:d2\x1b[6~")
    terminal.quiet(0.2)
    terminal.resize(80, 24)
    terminal.wait(lambda text: "COMMANDS" in text and "needs 60x15" not in text)
    terminal.quiet(0.2)
    terminal.write(ESCAPE)
    leave(terminal)


def test_the_notice_of_a_small_terminal_goes_wherever_it_stands(terminal: Terminal) -> None:
    terminal.resize(40, 10)
    terminal.wait("needs 60x15")
    terminal.resize(80, 24)
    terminal.write(b":")
    terminal.resize(59, 15)  # the prompt opens before or behind the notice
    terminal.wait("needs 60x15")
    terminal.quiet(0.2)
    terminal.resize(80, 24)
    terminal.wait(lambda text: "needs 60x15" not in text)
    terminal.quiet(0.2)
    terminal.write(ESCAPE)
    terminal.wait("? help")
    leave(terminal)
