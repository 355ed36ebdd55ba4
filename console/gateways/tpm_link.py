"""The way to a TPM: the kernel's device, or a software TPM (swtpm). One command goes out, one answer comes back."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from typing import NoReturn, Protocol

from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ports import Cancel

DEVICE = "/dev/tpmrm0"
"""The kernel's resource manager: it keeps programs apart, and throws out what one leaves behind when it ends."""

LONGEST = 180.0
"""Seconds for one command: a chip may take a minute and more to find an RSA key."""

_SLICE = 0.2
_CONNECT = 5.0
_HEADER = 10  # bytes: tag, size, code
_MOST = 16384
_WHAT = "The TPM could not be reached"


class TpmLink(Protocol):
    """A connection to a TPM, for one thread."""

    def exchange(self, command: bytes, cancel: Cancel) -> bytes:
        """Send a command and return the answer. Raises ConsoleError: NETWORK, TIMEOUT, BAD_ANSWER, CANCELLED."""

    def close(self) -> None:
        """End the connection."""


def open_link(name: str) -> TpmLink:
    """Return a connection to the TPM that `name` names in the way of TPM2TOOLS_TCTI; empty: the kernel's.

    `device`, `device:/dev/tpm0`, `swtpm:host=127.0.0.1,port=2321`, `swtpm:path=/run/tpm.sock`. Raises ConsoleError:
    NOT_CONFIGURED, PERMISSION, CONFLICT, BAD_INPUT.
    """
    kind, _, rest = (name.strip() or "device").partition(":")
    if kind == "device":
        return _Device(rest or DEVICE)
    options = dict(part.partition("=")[::2] for part in rest.split(",") if part)
    if kind == "swtpm" and set(options) <= {"host", "port", "path"}:
        port = options.get("port", "2321")
        if port.isascii() and port.isdigit() and int(port) < 65536:
            return _Socket(options.get("path") or (options.get("host", "127.0.0.1"), int(port)))
    why = f"TPM2TOOLS_TCTI names one that this console does not speak to: “{clean(name, limit=80)}”"
    hint = f"Set it to device:{DEVICE}, to swtpm:host=HOST,port=PORT, or not at all"
    raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, hint, code="usage")


class _Device:
    """A character device of the kernel's."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            _unreachable(path, error)

    def exchange(self, command: bytes, cancel: Cancel) -> bytes:
        cancel.check()
        try:
            os.write(self._file, command)
            _wait(self._file, self._path, cancel)
            return os.read(self._file, _MOST)  # an answer is read at once, or the rest of it is lost
        except OSError as error:
            _broken(self._path, error)

    def close(self) -> None:
        os.close(self._file)


class _Socket:
    """The data channel of a swtpm that listens on a TCP port or a Unix socket."""

    def __init__(self, address: str | tuple[str, int]) -> None:
        self._name = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        try:
            if isinstance(address, str):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(_CONNECT)
                self._socket.connect(address)
            else:
                self._socket = socket.create_connection(address, _CONNECT)
        except (OSError, ValueError) as error:
            _unreachable(self._name, error)

    def exchange(self, command: bytes, cancel: Cancel) -> bytes:
        cancel.check()
        answer = b""
        try:
            self._socket.sendall(command)
            while len(answer) < _HEADER or len(answer) < min(int.from_bytes(answer[2:6], "big"), _MOST):
                _wait(self._socket.fileno(), self._name, cancel)
                part = self._socket.recv(_MOST)
                if not part:
                    raise ConnectionResetError(errno.ECONNRESET, "it closed the connection")
                answer += part
        except OSError as error:
            _broken(self._name, error)
        return answer

    def close(self) -> None:
        self._socket.close()


def _wait(handle: int, name: str, cancel: Cancel) -> None:
    deadline = time.monotonic() + LONGEST
    while not select.select([handle], [], [], _SLICE)[0]:
        cancel.check()
        if time.monotonic() > deadline:
            why = f"{clean(name, limit=100)} did not answer within {LONGEST:.0f} s"
            raise ConsoleError(ErrorKind.TIMEOUT, "The TPM did not answer", why, "See whether the TPM works at all")


def _unreachable(name: str, error: Exception) -> NoReturn:
    shown, code = clean(name, limit=100), getattr(error, "errno", None)
    if code in {errno.EACCES, errno.EPERM}:
        hint = "Join the group that may (usermod -aG tss USER, then log in again), or run it as root"
        raise ConsoleError(ErrorKind.PERMISSION, _WHAT, f"this user may not open {shown}", hint) from None
    if code == errno.EBUSY:
        hint = f"End that program, or use the resource manager {DEVICE}"
        raise ConsoleError(ErrorKind.CONFLICT, _WHAT, f"another program has {shown} for itself", hint) from None
    hint = "Check that this machine has a TPM 2.0 and that the firmware has it switched on, or set TPM2TOOLS_TCTI"
    raise ConsoleError(ErrorKind.NOT_CONFIGURED, _WHAT, f"no TPM answers at {shown}", hint) from None


def _broken(name: str, error: OSError) -> NoReturn:
    why = f"{clean(name, limit=100)}: {clean(error.strerror or error, limit=100).lower()}"
    raise ConsoleError(ErrorKind.NETWORK, "The TPM did not answer", why, "Try again") from None
