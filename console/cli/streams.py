"""Standard input, output and error as a command may meet them: closed, full, no text, a pipe whose reader has gone."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, TypeVar

from console.cli.plain_output import HANDLER, register
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

T = TypeVar("T")
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
        super().write(clean(text, multiline=True))
        return len(text)


class _Input(io.TextIOWrapper):
    """Input that is text or one sentence."""

    def read(self, size: int | None = -1, /) -> str:
        return _told(lambda: super(_Input, self).read(size))

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        return _told(lambda: super(_Input, self).readline(size))

    def __next__(self) -> str:  # type: ignore[override]
        return _told(super().__next__)


def _told(read: Callable[[], T]) -> T:
    what = "Standard input cannot be used"
    try:
        return read()
    except UnicodeDecodeError:  # its own text would repeat a byte of what may be a secret
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is not text in UTF-8", code="usage") from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, code="usage") from None


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
        sys.stderr = _rewrap(sys.stderr, _Errors, io.TextIOWrapper)


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
