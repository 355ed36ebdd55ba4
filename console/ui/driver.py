"""The terminal under the console: whatever bytes come from it, and whatever becomes of it, the console stays whole.

Textual's own driver ends with the first byte that is not UTF-8, with a key whose code no character has, and blocks the
app for good when it cannot write any more; a `kill -CONT` makes it start a second time and forget the settings that it
found.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import signal
import sys
from codecs import getincrementaldecoder
from typing import IO, Any, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

_log = logging.getLogger(__name__)
_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_SIDE = 1000
"""Cells; a terminal that says it is larger is not believed."""


class _Kept:
    """A file to write to that never fails: what cannot be written is dropped, the app notices the lost terminal."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.silent = False

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            if not self.silent:
                self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()


class ConsoleDriver(LinuxDriver):
    """Textual's driver with an input that cannot be broken and an output that cannot block."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kept = _Kept(cast("IO[str]", sys.__stderr__))
        self._file = cast("Any", self._kept)
        self._stopped = False
        # by the event loop: a handler that ran between any two steps could wait for a lock that the app holds
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop_now)
        self._loop.add_signal_handler(signal.SIGCONT, self._go_on)
        # a window that is dragged sends more signals than the loop's pipe holds; one of them in it is enough
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)

    def look_at_size(self) -> None:
        """Tell the app its terminal's size where it has another one: the signal that says so can get lost."""
        size = Size(*self._get_terminal_size())
        event = events.Resize(size, size)
        if not self._in_band_window_resize and size != self._app.size and _possible(event):
            self._app.post_message(event)

    def silence(self) -> None:
        """Write nothing more: the terminal was given back."""
        self._kept.silent = True

    def _stop_now(self) -> None:
        """Give the terminal back as it was found, then stop as everything does on SIGTSTP."""
        if self._auto_restart and not self._stopped:
            self.suspend_application_mode()
            self._stopped = self._must_signal_resume = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _go_on(self) -> None:
        """Take the terminal again; after a SIGSTOP, which nobody can catch, as if it had been a SIGTSTP."""
        if not self._auto_restart:
            return
        if not self._stopped:
            self.suspend_application_mode()
        self._stopped = False
        self.resume_application_mode()
        self._app.call_later(self._app.refresh, layout=True)

    def process_message(self, message: Message) -> None:
        """Hand on what came, but no size that cannot be and no key that is not a character."""
        if isinstance(message, events.Resize) and not _possible(message):
            return
        if isinstance(message, events.Key) and _SURROGATE.search(message.character or ""):
            return
        super().process_message(message)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:
            self._app.call_later(self._app._handle_exception, error)

    def run_input_thread(self) -> None:
        """Read until the app ends or the terminal is gone; a sequence that cannot be understood is dropped."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        parser = XTermParser(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                text = ""
                if selector.select(0.1):
                    try:
                        data = os.read(self.fileno, 4096)
                    except OSError:
                        data = b""
                    if not data:
                        return
                    text = decode(data)
                for char in text or ("",):
                    try:
                        for message in parser.feed(char) if char else parser.tick():
                            self.process_message(message)
                    except (ValueError, ArithmeticError) as error:  # a number that no key, no place and no size has
                        _log.warning("what the terminal sent was not understood: %s", type(error).__name__)
                        parser = _next(parser, self._debug)


def _possible(event: events.Resize) -> bool:
    sides = (*event.size, *(event.pixel_size or ()))
    return min(sides) > 0 and max(event.size) <= MAX_SIDE


def _next(parser: XTermParser, debug: bool) -> XTermParser:
    """Return a parser at its beginning that knows how this one counts the mouse's place."""
    fresh = XTermParser(debug)
    if parser.terminal_pixel_size is not None and min(parser.terminal_pixel_size) > 0:
        fresh.mouse_pixels = parser.mouse_pixels
        fresh.terminal_size, fresh.terminal_pixel_size = parser.terminal_size, parser.terminal_pixel_size
    return fresh
