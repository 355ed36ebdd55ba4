"""Ctrl+C ends a command within a second, also while a thread of it, or the C library, waits for the network."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

GRACE_SECONDS = 0.7
"""What a command may use to clean up after itself; what then still waits is left."""
INTERRUPTED = 130


class _Watch:
    """Whether the end is insisted on; a command with a child of its own to stop takes its time."""

    insists = True


def insist_on_the_end() -> None:
    """Watch for SIGINT until the process ends; call it once, from the main thread.

    Python lets the main thread know, which then waits for its pools, or is told only when a name is resolved at last.
    Commands that handle SIGINT themselves, and the console, are left alone.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(ValueError, OSError):  # not the main thread: nobody interrupts it either
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=_watch, args=(reading,), name="hubwarden-interrupt", daemon=True).start()


def take_time() -> None:
    """Let this command end at its own pace: it has a process to stop or files to take away."""
    _Watch.insists = False


def _watch(reading: int) -> None:
    while True:
        try:
            numbers = os.read(reading, 64)
        except OSError:
            return
        if signal.SIGINT in numbers and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            threading.Event().wait(GRACE_SECONDS)
            if _Watch.insists:
                os._exit(INTERRUPTED)
