"""Connections that end: names, connects and answers each have a deadline, whatever the other side does."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from typing import Any, cast

from console.model.errors import ErrorKind

NAME_SECONDS = 10.0
"""How long this machine's resolver may take; the C library has no limit that we could set."""
EXCHANGE_SECONDS = 60.0
"""How long one request and its whole answer may take."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer, on the wire and unpacked."""

_CHUNK = 65536


class WireError(Exception):
    """An exchange that was given up: its kind, and why in words that go on after the name of the host."""

    def __init__(self, kind: ErrorKind, host: str, why: str, hint: str) -> None:
        super().__init__(f"{host} {why}")
        self.kind = kind
        self.host = host
        self.why = why
        self.hint = hint


class Deadline:
    """The end of an exchange with `host`."""

    def __init__(self, host: str, seconds: float | None = None) -> None:
        self.host = host
        self.seconds = EXCHANGE_SECONDS if seconds is None else seconds
        self._end = time.monotonic() + self.seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises WireError TIMEOUT when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            why = f"did not end its answer within {self.seconds:g} s"
            hint = "Try again; if it stays, the service or something on the way sends too slowly"
            raise WireError(ErrorKind.TIMEOUT, self.host, why, hint)
        return left


def resolve(host: str, port: int, seconds: float | None = None) -> list[tuple[Any, ...]]:
    """Return what `getaddrinfo` gives, IPv4 and IPv6 loopback for `localhost` in any case.

    Raises OSError (gaierror), TimeoutError when the resolver does not answer.
    """
    found: list[list[tuple[Any, ...]]] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.append(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    thread = threading.Thread(target=ask, name="hubwarden-name", daemon=True)
    thread.start()
    seconds = NAME_SECONDS if seconds is None else seconds
    thread.join(seconds)
    if host.casefold() in {"localhost", "localhost."}:
        return _with_both_loopbacks(found[0] if found else [], port)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"the name {host} was not resolved within {seconds:g} s")
    return found[0]


def _with_both_loopbacks(found: list[tuple[Any, ...]], port: int) -> list[tuple[Any, ...]]:
    """Return the addresses of localhost: a machine may know one of the two and the service listen on the other."""
    known = {entry[4][0] for entry in found}
    stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    both = [(socket.AF_INET, *stream, ("127.0.0.1", port)), (socket.AF_INET6, *stream, ("::1", port, 0, 0))]
    return found + [entry for entry in both if entry[4][0] not in known]


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """Return a connection to the first address of a host that takes it; `seconds` are for all of them together.

    Raises OSError, TimeoutError among them.
    """
    addresses = resolve(host, port)
    end = time.monotonic() + seconds
    trouble: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in addresses:
        left = end - time.monotonic()
        if left <= 0:
            break
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(left)
            sock.connect(address)
            return sock
        except OSError as error:
            if not (isinstance(trouble, ConnectionRefusedError) and family == socket.AF_INET6):
                trouble = error  # a refusal says more than that there is no IPv6 here
            if sock is not None:
                sock.close()
    raise trouble


def https(host: str, port: int, seconds: float, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """Return an HTTPS connection that is not open yet; `seconds` are for each step of it.

    Give it `answers_by` as `response_class` before each request.
    """
    made: Any = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    made._create_connection = lambda address, timeout, *_: _patient(connect(address[0], address[1], timeout), timeout)
    made.response_class = answers_by(Deadline(f"{host}:{port}"))  # for the words of a proxy
    return cast("http.client.HTTPSConnection", made)


def _patient(sock: socket.socket, seconds: float) -> socket.socket:
    sock.settimeout(seconds)
    return sock


def answers_by(deadline: Deadline) -> type[http.client.HTTPResponse]:
    """Return a class of answers that are read until a deadline; for `response_class` of a connection."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
            super().__init__(sock, *arguments, **options)
            self.fp = io.BufferedReader(_Timed(sock, self.fp, deadline), _CHUNK)

        def begin(self) -> None:
            try:
                super().begin()
            except http.client.LineTooLong:
                raise _endless(deadline.host) from None
            except http.client.HTTPException as error:
                if "headers" in str(error):
                    raise _endless(deadline.host) from None
                raise

    return Response


def _endless(host: str) -> WireError:
    hint = "Check the host in the profile; a proxy may stand in between"
    return WireError(ErrorKind.BAD_ANSWER, host, "sends more headers than an answer has", hint)


def too_large(host: str) -> WireError:
    """Return the failure of an answer beyond the limit."""
    why = f"sends an answer of more than {LARGEST_ANSWER // 1024 // 1024} MiB, which was not read on"
    return WireError(ErrorKind.BAD_ANSWER, host, why, "Check the host in the profile; ask for less where that helps")


class _Timed(io.RawIOBase):
    """The bytes of a socket, with the time-out of each reading cut to what is left of the deadline."""

    def __init__(self, sock: Any, file: Any, deadline: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._file = file  # the socket stays open until this is closed
        self._deadline = deadline
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline.left()
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        try:
            return int(self._sock.recv_into(buffer))
        except TimeoutError:
            self._deadline.left()  # whose end was it
            raise

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
