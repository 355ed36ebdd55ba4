"""While the command line is loaded, Ctrl+C ends the process as it would end any other: at once and without a word."""

from __future__ import annotations

import signal
import threading

_ours = threading.current_thread() is threading.main_thread() and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _ours:  # Python's own handler would tell in which line of which module it was
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def loaded() -> None:
    """Let Ctrl+C be an exception again, which commands clean up after."""
    global _ours
    if _ours and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _ours = False
