"""Standard input, output and error as a command may meet them: closed, full, no text, a pipe whose reader has gone."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, TypeVar

from console.cli.plain_output import HANDLER, register
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

T = TypeVar("T")
_SAME_LINE = "\r\x1b[K"
"""What begins a note that takes the place of the one before it."""
_LONGEST_WORD = 400
_LONG_WORD = re.compile(
    rf"(?<!\S)(\S{{{_LONGEST_WORD * 3 // 4}}})\S{{{_LONGEST_WORD // 4},}}(\S{{{_LONGEST_WORD // 4}}})(?!\S)"
)
_LONGEST_LINE = 64 * 1024
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET})


class OutputClosed(BaseException):
    """Whoever read the output has what they wanted (`| head`); not an OSError, which a command may take for another."""


class OutputFailed(BaseException):
    """The output could not be written; `reason` is the system's word for it."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.reason = (error.strerror or type(error).__name__).lower()


class _Output(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise (OutputClosed() if error.errno in _GONE else OutputFailed(error)) from None


class _Errors(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:  # there is nowhere left to tell it
            return memoryview(data).nbytes


class _Screen(io.TextIOWrapper):
    """Output to a terminal: what a command printed as it came is spelled out here."""

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):  # whoever tries what kind of stream it is must learn that
            raise TypeError("text is written here, not bytes")
        super().write(clean(text, multiline=True))
        return len(text)


class _Notes(io.TextIOWrapper):
    """Notes and failures: spelled out, and what was given in kilobytes is not given back so."""

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError("text is written here, not bytes")
        head = _SAME_LINE if text.startswith(_SAME_LINE) else ""
        super().write(head + shortened(clean(text[len(head) :], multiline=True)))
        return len(text)


class _Input(io.TextIOWrapper):
    """Input that is text, in lines of a length that can be held, or one sentence."""

    def read(self, size: int | None = -1, /) -> str:
        return _told(lambda: super(_Input, self).read(size))

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        line = _told(lambda: super(_Input, self).readline(size if size >= 0 else _LONGEST_LINE + 1))
        if size < 0 and len(line) > _LONGEST_LINE:
            raise _refused(f"a line has more than {_LONGEST_LINE // 1024} KiB")
        return line

    def __next__(self) -> str:  # type: ignore[override]
        line = self.readline()
        if not line:
            raise StopIteration
        return line


def _told(read: Callable[[], T]) -> T:
    try:
        return read()
    except UnicodeDecodeError as error:  # its own text would repeat a byte of what may be a secret
        raise _refused(f"it is no {error.encoding} text") from None
    except OSError as error:
        raise _refused((error.strerror or str(error)).lower()) from None


def _refused(why: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, "Standard input cannot be used", why, code="usage")


def shortened(text: str) -> str:
    """Return text whose words end at a length that can be read; the middle of a longer one is left out."""
    if len(text) <= _LONGEST_WORD:
        return text
    return _LONG_WORD.sub(r"\1…\2", text)


def prepare() -> None:
    """Put streams in place of the three standard ones, unless somebody did before; a closed one is opened on nothing.

    No descriptor below 3 stays free: a file that got the number of a closed one would receive what is printed.
    """
    register()
    if sys.stdin is None:
        sys.stdin = _open(0, os.O_RDONLY)
    elif sys.__stdin__ is not None and sys.stdin is sys.__stdin__ and not sys.stdin.isatty():
        sys.stdin = _Input(sys.stdin.buffer, encoding=sys.stdin.encoding, errors="strict")
    if sys.stdout is None:
        sys.stdout = _rewrap(_open(1, os.O_RDONLY), _Output, io.TextIOWrapper)  # a write fails, and that is told
    elif sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
        sys.stdout = _rewrap(sys.stdout, _Output, _Screen if sys.stdout.isatty() else io.TextIOWrapper)
    if sys.stderr is None:
        sys.stderr = _open(2, os.O_WRONLY)
    elif sys.__stderr__ is not None and sys.stderr is sys.__stderr__:
        sys.stderr = _rewrap(sys.stderr, _Errors, _Notes)


def _open(number: int, flags: int) -> io.TextIOWrapper:
    found = os.open(os.devnull, flags)
    if found != number:
        os.dup2(found, number)
        os.close(found)
    os.set_inheritable(number, True)
    if number == 0:
        return io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), encoding="utf-8")


def _rewrap(old: TextIO, raw: type[io.FileIO], text: type[io.TextIOWrapper]) -> TextIO:
    """Return a stream on the same descriptor, in the same encoding, that can write every character."""
    try:
        number = old.fileno()
    except (OSError, AttributeError):
        return old
    with contextlib.suppress(OSError):
        old.flush()
    encoding = old.encoding or "utf-8"
    errors = "backslashreplace" if "utf" in encoding.casefold() else HANDLER
    binary = io.BufferedWriter(raw(number, "w", closefd=False))
    return text(binary, encoding=encoding, errors=errors, line_buffering=number == 2 or old.isatty())


def silence() -> None:
    """Send what is still to be written nowhere: a stream that failed would fail once more when the process ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
