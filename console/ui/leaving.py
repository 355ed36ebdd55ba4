"""Leaving for certain: on quit, on SIGHUP or SIGTERM, when the terminal is gone; never more than two seconds."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import traceback
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from console.model.text import clean

if TYPE_CHECKING:
    from textual.app import App

_log = logging.getLogger(__name__)
PATIENCE_SECONDS = 1.5
GRACE_SECONDS = 0.2
TERMINAL_CHECK_SECONDS = 2.0
HANGUP_STATUS, TERMINATED_STATUS = 129, 143
_RESTORE = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[?7h"
"""Mouse and paste reporting off, keyboard protocol back, main screen, cursor shown, focus reports off, line wrap on."""


class Leaving:
    """Watches for reasons to leave, and ends the process if the orderly way takes too long."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._over = Event()
        self._begun = False
        self._attributes: list[Any] | None = _terminal_attributes()

    def watch(self) -> None:
        """Leave on SIGHUP, SIGTERM and when the terminal is gone; does nothing without a terminal."""
        if self._app.is_headless:
            return
        import asyncio

        loop = asyncio.get_running_loop()
        for name, status in (("SIGHUP", HANGUP_STATUS), ("SIGTERM", TERMINATED_STATUS)):
            with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(getattr(signal, name), self._leave, status)
        if self._attributes is not None:
            self._app.set_interval(TERMINAL_CHECK_SECONDS, self._check_terminal)

    def _leave(self, status: int) -> None:
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

    def finished(self, status: int) -> None:
        """Note that the app ended; threads that still wait for an answer must not keep the process alive."""
        self._over.set()
        register = getattr(threading, "_register_atexit", None)  # runs before the interpreter joins threads
        if register is not None and not self._app.is_headless:
            register(_end, status)

    def _insist(self, status: int) -> None:
        if self._over.wait(PATIENCE_SECONDS):
            return
        if status != HANGUP_STATUS:
            with contextlib.suppress(Exception):
                _restore_terminal(self._attributes)
        os._exit(status)


def last_words() -> str:
    """Return what to print about the exception being handled, our own mistake; the log gets it too."""
    kind, _, frames = sys.exc_info()
    name = kind.__name__ if kind is not None else "unknown"
    _log.exception("the console broke")
    told = f"{''.join(traceback.format_tb(frames))}Something broke inside hubwarden ({name}); please report it."
    return clean(told, multiline=True)


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
