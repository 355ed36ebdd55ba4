"""A program in a pseudo-terminal: time to its first frame, bytes and CPU of what a key makes it do, its memory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
QUIET = 0.05
"""Seconds without a byte after which an answer counts as whole."""


class Screen:
    """A running program; `read` takes what it writes. End it by `close`."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, columns: int = 80, rows: int = 24
    ) -> None:
        self.begun = time.perf_counter()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):  # a size in the environment counts for more than the terminal's
            environment.pop(name, None)
        self.process = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def until(self, word: bytes, seconds: float = 60.0) -> bytes:
        """Read until a word was written; return everything up to then. Raises TimeoutError with what was seen."""
        seen, end = b"", time.perf_counter() + seconds
        while word not in seen:
            if time.perf_counter() > end or not select.select([self._master], [], [], 1.0)[0]:
                if time.perf_counter() > end or self.process.poll() is not None:
                    raise TimeoutError(f"never showed {word!r}: {seen[-300:]!r}")
                continue
            try:
                seen += os.read(self._master, 1 << 16)
            except OSError:
                raise TimeoutError(f"ended before it showed {word!r}: {seen[-300:]!r}") from None
        return seen

    def settle(self, quiet: float = QUIET, most: float = 4.0) -> int:
        """Read until nothing comes for a while, `most` seconds at most (clocks tick); return how many bytes came."""
        count, end = 0, time.perf_counter() + most
        while time.perf_counter() < end and select.select([self._master], [], [], quiet)[0]:
            count += len(os.read(self._master, 1 << 16))
        return count

    def press(self, key: bytes, first: float = 2.0, quiet: float = QUIET) -> int:
        """Press a key and return how many bytes it made the program write."""
        os.write(self._master, key)
        if not select.select([self._master], [], [], first)[0]:
            return 0
        return self.settle(quiet)

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> float:
        """Resident memory in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> None:
        """End the program."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


def keys_cost(screen: Screen, key: bytes, count: int) -> tuple[float, list[float]]:
    """Press a key so many times; return milliseconds of CPU for each, and the bytes of each."""
    before = screen.cpu()
    sizes = [float(screen.press(key)) for _ in range(count)]
    return (screen.cpu() - before) * 1000 / count, sizes
