"""Leaving for certain: on quit, on any signal that ends, when the terminal is gone; never more than two seconds."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_log = logging.getLogger(__name__)
PATIENCE_SECONDS = 1.5
GRACE_SECONDS = 0.2
TERMINAL_CHECK_SECONDS = 2.0
HANGUP_STATUS = 128 + 1
_ENDING = (
    "HUP",
    "INT",
    "QUIT",
    "TERM",
    "ABRT",
    "ALRM",
    "VTALRM",
    "PROF",
    "USR1",
    "USR2",
    "XCPU",
    "POLL",
    "PWR",
    "STKFLT",
)
"""Signals that would end the process where it stands, with the terminal raw."""
_IMPATIENT = ("INT", "QUIT")
"""What keys send once the terminal is cooked again: the end is under way already."""
_RESTORE = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[?7h"
"""Mouse and paste reporting off, keyboard protocol back, main screen, cursor shown, focus reports off, line wrap on."""


class Leaving:
    """Watches for reasons to leave, and ends the process if the orderly way takes too long."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._over = Event()
        self._begun = False
        self._attributes: list[Any] | None = _terminal_attributes()
        self._before: dict[int, Any] = {}  # the handlers that were there
        self.words = ""  # what to print at the end about our own mistake
        self.told: int | None = None  # the exit code where a signal, or the terminal's end, said to leave

    def watch(self) -> None:
        """Leave on every signal that would end the process and when the terminal is gone; not without a terminal."""
        if self._app.is_headless:
            return
        import asyncio

        loop = asyncio.get_running_loop()

        def leave(number: int, _frame: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the process is about to
                loop.call_soon_threadsafe(self._leave, 128 + number)

        for name in _ENDING:
            with contextlib.suppress(AttributeError, OSError, ValueError):
                number = getattr(signal, f"SIG{name}")
                self._before[number] = signal.signal(number, leave)
        if self._attributes is not None:
            self._app.set_interval(TERMINAL_CHECK_SECONDS, self._check_terminal)

    def _leave(self, status: int) -> None:
        if self._begun:  # the terminal is cooked before the process has ended: a late ctrl+\\ is a signal then
            return
        self.told = status
        self.begin(status)
        self._app.exit(return_code=status)

    def _check_terminal(self) -> None:
        if _terminal_attributes() is None:
            self._leave(HANGUP_STATUS)

    def begin(self, status: int) -> None:
        """Start the clock: if the app has not ended in time, restore the terminal and end the process."""
        if self._begun or self._app.is_headless:
            return
        self._begun = True
        Thread(target=self._insist, args=(status,), name="hubwarden-leaving", daemon=True).start()

    def broke(self, words: str) -> None:
        """Note what to say about a mistake of ours; the end comes for certain, too."""
        self.words = words
        self.begin(1)

    def finished(self, status: int) -> None:
        """Note that the app ended; threads that still wait for an answer must not keep the process alive."""
        self._over.set()
        _say(self.words)
        for number, handler in self._before.items():
            impatient = signal.Signals(number).name.removeprefix("SIG") in _IMPATIENT
            signal.signal(number, signal.SIG_IGN if impatient else handler)
        register = getattr(threading, "_register_atexit", None)  # runs before the interpreter joins threads
        if register is not None and not self._app.is_headless:
            register(_end, status)

    def _insist(self, status: int) -> None:
        if self._over.wait(PATIENCE_SECONDS):
            return
        if status != HANGUP_STATUS:
            with contextlib.suppress(Exception):
                silence = getattr(self._app._driver, "silence", None)  # a frame that comes later would undo it
                if silence is not None:
                    silence()
                _restore_terminal(self._attributes)
                _say(self.words)
        os._exit(status)


def _say(words: str) -> None:
    if words and sys.__stderr__ is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.__stderr__.write(f"{words}\n")
            sys.__stderr__.flush()


def _end(status: int) -> None:
    """End the process once the main thread has cleaned up, where the interpreter would now wait for other threads."""
    deadline = time.monotonic() + GRACE_SECONDS
    pools = sys.modules.get("concurrent.futures.thread")  # it joins its threads, the daemons among them too
    pooled = getattr(pools, "_threads_queues", {})
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and (not thread.daemon or thread in pooled)
    ]
    for thread in others:
        thread.join(max(deadline - time.monotonic(), 0))
    if any(thread.is_alive() for thread in others):
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status or (1 if getattr(sys, "last_value", None) is not None else 0))


def _terminal_attributes() -> list[Any] | None:
    """Return the terminal's settings, None when there is no terminal (any more)."""
    try:
        import termios

        return list(termios.tcgetattr(sys.__stdin__.fileno())) if sys.__stdin__ is not None else None
    except (ImportError, OSError, ValueError):
        return None
    except Exception as error:
        # termios.error is no OSError; its name is not importable on Windows.
        if type(error).__name__ == "error":
            return None
        raise


def _restore_terminal(attributes: list[Any] | None) -> None:
    if sys.__stderr__ is not None:
        os.write(sys.__stderr__.fileno(), _RESTORE.encode())
    if attributes is not None and sys.__stdin__ is not None:
        import termios

        termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, attributes)
