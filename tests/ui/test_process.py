"""The app as a process: what it imports, and that it ends in time, whatever hangs."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST_FRAME = """
import asyncio, sys
sys.path.insert(0, "tests")
from support.fakes import Knobs, fake_services, snapshot
from console.ui.app import HubwardenApp

async def main():
    app = HubwardenApp(fake_services(Knobs(cached=snapshot())))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = "".join(segment.text for strip in app.screen._compositor.render_strips() for segment in strip)
        assert "contoso-plants" in text and "2,000" in text
        heavy = {"azure", "msrest", "duckdb", "numpy", "starlette"}
        print(sorted({name.split(".")[0] for name in sys.modules} & heavy))

asyncio.run(main())
"""
STUCK = """
import sys, time
sys.path.insert(0, "tests")
from support.fakes import Knobs, fake_services
from threading import Event, Thread
from console.ui.app import HubwardenApp
from concurrent.futures import ThreadPoolExecutor
read = lambda: ThreadPoolExecutor().submit(time.sleep, 20)  # as a service does that reads several parts at once
Thread(target=read, daemon=True).start() if "job" in sys.argv else read()
app = HubwardenApp(fake_services(Knobs(gate=Event())))
app.run()
print("cleaned up after the console")
sys.exit(app.return_code)
"""


def test_the_first_frame_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_FRAME], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


THEMED = """
import sys
sys.path.insert(0, "tests")
from support.fakes import Knobs, fake_services, snapshot
from console.ui.app import HubwardenApp
HubwardenApp(fake_services(Knobs(cached=snapshot())), theme=sys.argv[1] or None).run()
"""


class Terminal:
    """A child process on a pty of its own."""

    def __init__(self, code: str, argument: str = "", **variables: str) -> None:
        import fcntl
        import termios

        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor") | variables

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, "-c", code, argument],
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            preexec_fn=own_terminal,
        )
        os.close(slave)
        self.output = b""

    def read_until(self, marker: bytes, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while marker not in self.output:
            assert time.monotonic() < end, self.output[-2000:]
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                self.output += os.read(self.master, 65536)

    def drain(self) -> None:
        try:
            while select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 65536)
        except OSError:
            pass

    def wait(self, seconds: float) -> int:
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, "the process did not end in time"
            self.drain()
        self.drain()  # what it wrote last
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


BROKEN = """
import sys
sys.path.insert(0, "tests")
from support.fakes import Knobs, fake_services
from console.ui.app import HubwardenApp
from console.ui.panes.overview.screen import OverviewScreen

def broken(self):
    held = "SharedAccessKey=" + "T9qcz8nRrVh3"
    raise RuntimeError(f"no good: {held}\\x1b]52;c;AAAA\\x07")

OverviewScreen.on_mount = broken
app = HubwardenApp(fake_services(Knobs()))
app.run()
sys.exit(app.return_code)
"""


def test_a_crash_is_one_sentence_without_values_and_the_text_of_the_exception() -> None:
    terminal = Terminal(BROKEN)
    try:
        assert terminal.wait(10) == 1
        terminal.drain()
        assert b"Something broke inside hubwarden (RuntimeError)" in terminal.output
        assert b"T9qcz8nRrVh3" not in terminal.output
        assert b"\x1b]52" not in terminal.output
        assert b"Traceback" not in terminal.output and b"File " not in terminal.output
    finally:
        terminal.close()


@pytest.fixture(params=["main", "job"])
def stuck(request: pytest.FixtureRequest) -> object:
    """The console with a reading that hangs for 20 seconds; the pool that waits was opened by the named thread."""
    terminal = Terminal(STUCK, request.param)
    terminal.read_until(b"contoso-plants")
    terminal.read_until(b"reading")
    yield terminal
    terminal.close()


def test_quitting_does_not_wait_for_a_stuck_thread(stuck: Terminal) -> None:
    os.write(stuck.master, b"q")
    assert stuck.wait(5) == 0
    stuck.drain()
    assert b"\x1b[?1049l" in stuck.output and b"Traceback" not in stuck.output
    assert b"cleaned up after the console" in stuck.output


def test_a_hang_up_ends_the_process(stuck: Terminal) -> None:
    os.kill(stuck.process.pid, signal.SIGHUP)
    assert stuck.wait(5) == 129


def test_termination_restores_the_terminal(stuck: Terminal) -> None:
    stuck.process.terminate()
    assert stuck.wait(5) == 143
    stuck.drain()
    assert b"\x1b[?1049l" in stuck.output


def test_a_terminal_that_goes_away_ends_the_process(stuck: Terminal) -> None:
    os.close(stuck.master)
    assert stuck.process.wait(8) != 0


def test_the_ansi_theme_sends_only_the_terminals_own_colours() -> None:
    terminal = Terminal(THEMED, "ansi")
    try:
        terminal.read_until(b"READ-ONLY")
        terminal.drain()
        assert b"8;2;" not in terminal.output and b"\x1b[31" in terminal.output.replace(b"\x1b[2;31", b"\x1b[31")
    finally:
        terminal.close()


def test_no_color_sends_no_colour_at_all() -> None:
    terminal = Terminal(THEMED, NO_COLOR="1")
    try:
        terminal.read_until(b"READ-ONLY")
        terminal.drain()
        assert b"8;2;" not in terminal.output
        assert not re.search(rb"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|4[0-7])(?:;\d+)*m", terminal.output)
    finally:
        terminal.close()
