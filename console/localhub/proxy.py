"""A CONNECT proxy for Azure's real host names, so that unmodified clients need neither DNS nor fixed ports.

After its 200 the same socket goes on, in this process, as a TLS connection of the host that was asked for: there is no
second connection, so the service sees the client's own address.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import cast

HEAD_LIMIT = 8192
HEAD_SECONDS = 10.0

# (host, port) -> the protocol that answers there, or None for a host that is not ours
Resolver = Callable[[str, int], asyncio.Protocol | None]

_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r\n")
_TARGET = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})")


class ConnectProxy(asyncio.Protocol):
    """One client of the proxy: reads a CONNECT request, then becomes the protocol that `resolve` gives."""

    def __init__(self, resolve: Resolver, open_connections: set[asyncio.Transport]) -> None:
        self._resolve = resolve
        self._open = open_connections
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept clients of this machine only."""
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self._transport)
        peer = self._transport.get_extra_info("peername")
        if not peer or not ip_address(peer[0]).is_loopback:
            self._transport.abort()
            return
        self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Collect the request head and act on it."""
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            if len(self._head) > HEAD_LIMIT:
                self._refuse(431, "Request Header Fields Too Large", "The request head is too long.")
            return
        self._head = b""
        request = _REQUEST.match(head + b"\r\n")
        if request is None:
            self._refuse(400, "Bad Request", "This is not an HTTP request.")
        elif request[1] != b"CONNECT":
            self._refuse(405, "Method Not Allowed", "This proxy knows CONNECT only.")
        else:
            self._connect(request[2].decode("ascii", "replace"), rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget a client that left before its CONNECT."""
        self._settle()

    def _connect(self, target: str, rest: bytes) -> None:
        match = _TARGET.fullmatch(target)
        transport = self._transport
        if match is None or transport is None:
            self._refuse(400, "Bad Request", "CONNECT needs host:port.")
            return
        host = (match[1] or match[2]).casefold()
        protocol = self._resolve(host, int(match[3]))
        if protocol is None:
            self._refuse(403, "Forbidden", f"The local hub does not serve {host}; this proxy goes nowhere else.")
            return
        self._settle()
        transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest:
            protocol.data_received(rest)

    def _refuse(self, status: int, reason: str, message: str) -> None:
        if self._transport is None:
            return
        body = message.encode()
        self._transport.write(
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self._transport.close()

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._open.discard(self._transport)


class Hangup(asyncio.Protocol):
    """A connection that ends as soon as it is there: a fault."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it, after what was written before."""
        transport.close()
