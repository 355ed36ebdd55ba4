"""A terminal that shows what is typed again, however a question for a secret ends."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

_ENDING = ("SIGHUP", "SIGQUIT", "SIGTERM")
"""SIGINT is an exception, and whoever asks restores the terminal then."""


@contextlib.contextmanager
def echo_kept() -> Iterator[None]:
    """While something is asked without echo: a signal that ends or stops the process restores the terminal first.

    After a stop the echo is off again; the shell would leave it on, and the secret would be seen.
    """
    try:
        import termios

        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):  # no terminal, or none with such settings
        yield
        return
    found = termios.tcgetattr(terminal)

    def handle(number: int, frame: Any) -> None:
        asked = termios.tcgetattr(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, found)
        before = previous[number]
        if callable(before):
            before(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        if number == signal.SIGTSTP:  # it goes on
            signal.signal(number, handle)
            termios.tcsetattr(terminal, termios.TCSAFLUSH, asked)

    previous: dict[int, Any] = {}
    try:
        for name in (*_ENDING, "SIGTSTP"):
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` wants it
                with contextlib.suppress(ValueError):  # not in the main thread
                    previous[number] = signal.signal(number, handle)
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
        os.close(terminal)
