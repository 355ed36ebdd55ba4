"""A program in a real pseudo-terminal, its screen read by a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte

KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "tab": "\t",
    "down": "\x1b[B",
    "up": "\x1b[A",
    "right": "\x1b[C",
    "left": "\x1b[D",
}
KEYS |= {"pagedown": "\x1b[6~", "end": "\x1b[F", "home": "\x1b[H", "ctrl+p": "\x10", "space": " ", "backspace": "\x7f"}


class Terminal:
    """Runs a command at a size; `raw` is every byte it wrote, `text()` what a person sees."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        rows: int,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Condition()
        self.raw = bytearray()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):  # a size in the environment counts for more than the terminal's
            environment.pop(name, None)
        environment |= dict(env or {})
        self.process = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=folder, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self._master = master
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        while True:
            try:
                ready, _, _ = select.select([self._master], [], [], 0.2)
                if not ready:
                    continue
                data = os.read(self._master, 65536)
            except (OSError, ValueError):
                data = b""
            with self._lock:
                if data:
                    self.raw += data
                    self._feed(data)
                self._lock.notify_all()
            if not data:
                return

    def _feed(self, data: bytes) -> None:
        # private modes with colons and kitty keys are not pyte's; it must not stop the test
        try:
            self._stream.feed(data)
        except Exception:
            self._stream = pyte.ByteStream(self._screen)

    def lines(self) -> list[str]:
        """The screen's lines, right-stripped."""
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """The whole screen as text."""
        return "\n".join(self.lines())

    def send(self, *keys: str) -> None:
        """Type keys: names of KEYS, or literal text."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def write(self, data: bytes) -> None:
        """Type bytes that arrive at once."""
        os.write(self._master, data)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._screen.columns, self._screen.lines

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, as dragging the window does."""
        with self._lock:
            self._screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def quiet(self, seconds: float) -> None:
        """Wait until the program has written nothing for that long."""
        with self._lock:
            while self._lock.wait(seconds) and self._reader.is_alive():
                pass

    def wait(self, wanted: str | Callable[[str], bool], timeout: float = 30.0) -> str:
        """Wait until the screen shows a text (or fulfils a predicate); return the screen; fail with the screen."""
        fulfilled = wanted if callable(wanted) else lambda text: wanted in text
        deadline = time.monotonic() + timeout
        while True:
            # asked before the screen is read: what a program writes last may come between the two
            over = self.process.poll() is not None and not self._reader.is_alive()
            left = deadline - time.monotonic()
            text = self.text()
            if fulfilled(text):
                return text
            if over or left <= 0:
                raise AssertionError(f"never showed {wanted!r}; exit {self.process.poll()}; the screen:\n{text}")
            with self._lock:
                self._lock.wait(min(left, 0.2))

    def attributes(self) -> list[Any]:
        """The terminal's settings, as `termios.tcgetattr` tells them."""
        return termios.tcgetattr(self._master)

    def wait_exit(self, timeout: float = 10.0) -> int:
        """Wait until the program has ended; return its exit code."""
        return self.process.wait(timeout)

    def hang_up(self) -> None:
        """Close the terminal under the program, as a dropped SSH session does."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End the program and the terminal."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        self._reader.join(2)
