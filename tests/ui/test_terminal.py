"""The terminal under the console: bytes that mean nothing, signals, and what is left when it ends."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.monkey import restored
from support.terminal import Terminal
from support.waiting import until

ROOT = Path(__file__).parents[2]
OPEN = """
import sys
sys.path.insert(0, "tests")
from support.fakes import Knobs, fake_services, snapshot
from console.cli.defects import catch_the_rest, report
from console.cli.log_file import start_log
from console.config import state_dir
from console.ui.app import HubwardenApp
start_log(state_dir())
catch_the_rest()
app = HubwardenApp(fake_services(Knobs(cached=snapshot())), defect=report)
{more}
app.run()
sys.exit(app.return_code)
"""
SECRET = "T9qcz8nRrVh3"
BREAKS = {
    "an action": "app.commands.command_view_help = held",
    "a timer": "begun(lambda: app.set_timer(0.2, held))",
    "a worker": "begun(lambda: app.run_worker(held, thread=True))",
    "a callback": "begun(lambda: app.call_after_refresh(held))",
    "a drawing": "from console.ui.widgets.chrome import KeyLine; KeyLine.build = lambda self, width: held()",
    "a panic": "begun(lambda: app.call_later(app.panic, 'SharedAccessKey=' + 'T9qcz8' + 'nRrVh3'))",
}
HELD = """
def held():
    key = "SharedAccessKey=" + "T9qcz8" + "nRrVh3"
    try:
        raise ValueError(key)
    except ValueError as error:
        raise RuntimeError(f"no good: {key}") from error

def begun(then):
    mounted = HubwardenApp.on_mount
    HubwardenApp.on_mount = lambda self: (mounted(self), then()) and None

"""


@contextmanager
def opened(state: Path, more: str = "") -> Iterator[Terminal]:
    env = {"HUBWARDEN_STATE_DIR": str(state), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    code = OPEN.replace("{more}", more).replace('"tests"', repr(str(ROOT / "tests")))
    with Terminal([sys.executable, "-c", code], 80, 24, env) as terminal:
        yield terminal


def ended(terminal: Terminal, code: int) -> None:
    assert terminal.wait_exit(20) == code
    until(lambda: restored(terminal), "a terminal as it was")
    assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "ALRM"])
def test_a_signal_that_ends_leaves_the_terminal_as_it_was(tmp_path: Path, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    with opened(tmp_path) as terminal:
        terminal.wait("? help")
        assert not restored(terminal)
        os.kill(terminal.process.pid, number)
        ended(terminal, 128 + number)


@pytest.mark.parametrize("name", ["HUP", "QUIT", "TERM"])
def test_a_signal_before_the_first_frame_leaves_the_terminal_as_it_was(tmp_path: Path, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    with opened(tmp_path) as terminal:
        until(lambda: b"\x1b[?1049h" in terminal.raw, "the other screen")
        os.kill(terminal.process.pid, number)
        ended(terminal, 128 + number)
        assert b"broke" not in terminal.raw
        assert not list(tmp_path.rglob("defect*"))


def test_stopped_it_gives_the_terminal_back_and_takes_it_again(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        terminal.wait("? help")
        for _ in range(2):
            os.kill(terminal.process.pid, signal.SIGTSTP)
            until(lambda: restored(terminal) and state_of(terminal) == "T", "the stop")
            os.kill(terminal.process.pid, signal.SIGCONT)
            until(lambda: not restored(terminal), "the console again")
        terminal.wait("? help")
        terminal.write(b"q")
        ended(terminal, 0)


def test_a_stop_that_nobody_can_catch_does_not_become_the_state_that_is_restored(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        terminal.wait("? help")
        os.kill(terminal.process.pid, signal.SIGSTOP)
        until(lambda: state_of(terminal) == "T", "the stop")
        before = len(terminal.raw)
        os.kill(terminal.process.pid, signal.SIGCONT)
        until(lambda: b"\x1b[?1049h" in terminal.raw[before:], "the console again")
        terminal.write(b"q")
        ended(terminal, 0)


def state_of(terminal: Terminal) -> str:
    return Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    "typed",
    [
        b"\xff\xfe\x80",
        b"\xc3\x1b[B\xa9",
        b"\x1b[M\xe0\xe1\xe2",
        b"\x1b[1114112u\x1b[99999999999u",
        b"\x1b[55296u",
        b"\x1b[97;5;55296u",
        b"\x1b[48;0;0;0;0t\x1b[<0;5;5M",
        b"\x1b[48;99999;99999;9;9t",
        b"\x1b[<0;9999999999999;9999999999M\x1b[<35;0;0M",
        b"\x1b[200~" + bytes(range(256)) + b"\x1b[201~",
        b"\x1b]52;c;AAAA\x07\x1bP1$r\x1b\\\x1b[?2026;2$y\x1b[?2048;2$y",
    ],
)
def test_bytes_that_mean_nothing_change_nothing(tmp_path: Path, typed: bytes) -> None:
    with opened(tmp_path) as terminal:
        terminal.wait("? help")
        terminal.write(b":" + typed + b"\x1b[27u\x1b[27u")  # while something is typed, too
        terminal.write(typed)
        terminal.write(b"\x1b[27u\x1b[27u\x1b[27u")
        terminal.write(b"q")
        ended(terminal, 0)


@pytest.mark.parametrize("what", BREAKS)
def test_a_mistake_of_ours_is_one_sentence_that_names_a_private_file(tmp_path: Path, what: str) -> None:
    with opened(tmp_path, HELD + BREAKS[what]) as terminal:
        if what == "an action":
            terminal.wait("? help")
            terminal.write(b"?")
        ended(terminal, 1)
        (file,) = (tmp_path / "log").glob("defect-*.txt")
        until(lambda: b"please report it with" in terminal.raw, "the sentence")
        said = bytes(terminal.raw).rpartition(b"Something broke inside hubwarden (")[2].decode()
        assert said.strip().endswith(f"; please report it with {file}.")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for text in (file.read_text(), (tmp_path / "log" / "hubwarden.log").read_text(), terminal.raw.decode()):
            assert SECRET not in text
        assert "held" in file.read_text() or what == "a panic"


def test_what_cannot_be_written_any_more_does_not_freeze_it(tmp_path: Path) -> None:
    with opened(tmp_path, "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)") as terminal:
        terminal.wait("? help")
        terminal.hang_up()
        assert terminal.wait_exit(20) == 129


def test_no_core_is_dumped(tmp_path: Path, local_hub) -> None:
    env = {"HUBWARDEN_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "console", "--profile", local_hub.ready["profile"]]
    with Terminal(command, 80, 24, env) as terminal:
        terminal.wait("contoso-plants")
        limits = Path(f"/proc/{terminal.process.pid}/limits").read_text().splitlines()
        (line,) = [line for line in limits if line.startswith("Max core file size")]
        assert line.split()[4:6] == ["0", "0"]
        os.kill(terminal.process.pid, signal.SIGSEGV)
        assert terminal.wait_exit() == -signal.SIGSEGV


DEAF = """
import signal
from console.ui.driver import ConsoleDriver
started = ConsoleDriver.start_application_mode
def deaf(self):
    started(self)
    signal.signal(signal.SIGWINCH, signal.SIG_IGN)
ConsoleDriver.start_application_mode = deaf
"""


def test_a_size_whose_signal_got_lost_is_noticed_all_the_same(tmp_path: Path) -> None:
    with opened(tmp_path, DEAF) as terminal:
        terminal.wait("contoso-plants")
        terminal.resize(50, 12)
        terminal.wait("terminal too small")
        terminal.resize(100, 30)
        terminal.wait(lambda text: "too small" not in text and "contoso-plants" in text)
