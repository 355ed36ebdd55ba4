"""TLS in front of everything: decrypts a TCP connection in memory and hands the stream on, with who sends it.

Python's own `ssl` refuses a client certificate that no root vouches for; IoT Hub accepts any and decides later, by
thumbprint or by its uploaded CAs. pyOpenSSL can do that, over memory buffers, without a thread per connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from OpenSSL import SSL, crypto

from console.localhub.pki import ServerIdentity

HANDSHAKE_SECONDS = 10.0
LINGER_SECONDS = (
    2.0  # how long a closed connection waits for the peer's end, so that the last answer is not lost to a reset
)
UNREAD_SECONDS = 30.0  # how long the peer may then take to read what was sent before
_CHUNK = 65536


@dataclass(frozen=True)
class ConnInfo:
    """Who is at the other end: real address, server name asked for, client certificates (DER, leaf first)."""

    peer: tuple[str, int]
    server_name: str | None
    client_chain: tuple[bytes, ...]
    tls_version: str
    cipher: str
    via_proxy: bool = False


UpperFactory = Callable[[ConnInfo], asyncio.Protocol]


def server_context(identity: ServerIdentity) -> SSL.Context:
    """Return a context for TLS 1.2 and 1.3 that asks for a client certificate, needs none and accepts any."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate(identity.certificate)
    context.use_privatekey(identity.key)
    # Resumed sessions do not carry the client's chain, so every connection makes a full handshake.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_id(b"hubwarden")
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.set_alpn_select_callback(_choose_protocol)
    return context


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)  # as sent, even where it cannot be parsed


def _choose_protocol(_conn: SSL.Connection, offered: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


class TlsServer(asyncio.Protocol):
    """The TLS side of one accepted connection; made in place of a plain protocol, also in the middle of a connection.

    `upper(info)` is called once the handshake is done; its protocol gets a `TlsTransport`. `open_connections` holds the
    connection as long as its socket is open.
    """

    def __init__(
        self,
        context: SSL.Context,
        upper: UpperFactory,
        open_connections: set[TlsServer] | None = None,
        *,
        via_proxy: bool = False,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._context = context
        self._upper_factory = upper
        self._open = open_connections if open_connections is not None else set()
        self._via_proxy = via_proxy
        self._handshake_seconds = handshake_seconds
        self._loop = asyncio.get_running_loop()
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._raw: asyncio.Transport | None = None
        self._upper: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading = True
        self._advancing = False
        self._peer_ended = False  # the TCP stream ended
        self._end_told = False  # the upper protocol knows
        self._closing = False
        self._flush_planned = False
        self.transport = TlsTransport(self)

    # --- called by the event loop -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake on a TCP connection."""
        self._raw = cast(asyncio.Transport, transport)
        self._open.add(self)
        raw_socket = self._raw.get_extra_info("socket")
        if raw_socket is not None:
            raw_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timer = self._loop.call_later(self._handshake_seconds, self.abort)

    def data_received(self, data: bytes) -> None:
        """Feed ciphertext."""
        if self._closing:
            return  # the end of the conversation: read and forget until the peer ends it too
        self._tls.bio_write(data)
        self._advance()

    def eof_received(self) -> bool:
        """Note that the peer sends no more; what it sent is still worked on and answered."""
        self._peer_ended = True
        if self._closing or self._upper is None:
            return False
        self._advance()
        return self._raw is not None and not self._raw.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the upper protocol and forget the connection."""
        self._open.discard(self)
        self._cancel_timer()
        upper, self._upper = self._upper, None
        self._closing = True
        if upper is not None:
            upper.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass the socket's back pressure up."""
        if self._upper is not None:
            self._upper.pause_writing()

    def resume_writing(self) -> None:
        """Pass the end of back pressure up."""
        if self._upper is not None:
            self._upper.resume_writing()

    # --- called by TlsTransport ---------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send. Several writes of one turn of the loop leave in one go."""
        if self._closing or not data:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self._tls.send(view[: 16 * _CHUNK]) :]
                if len(view):
                    self._flush()
        except SSL.Error as error:
            self._fail(error)
            return
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def set_reading(self, reading: bool) -> None:
        """Stop or go on with handing data up (and with reading the socket)."""
        if reading == self._reading or self._closing or self._raw is None:
            return
        self._reading = reading
        if self._raw.is_closing():
            return
        if reading:
            if not self._peer_ended:
                self._raw.resume_reading()
            self._loop.call_soon(self._advance)
        elif not self._peer_ended:
            self._raw.pause_reading()

    def close(self) -> None:
        """Send what is left and the close_notify, then wait a moment for the peer's end before the socket goes."""
        if self._closing or self._raw is None:
            return
        self._closing = True
        self._cancel_timer()
        with contextlib.suppress(SSL.Error):  # the handshake may not be over
            self._tls.shutdown()
        self._flush()
        upper, self._upper = self._upper, None
        if upper is not None:
            self._loop.call_soon(upper.connection_lost, None)
        if self._peer_ended or self._raw.is_closing():
            self._end()
            return
        with contextlib.suppress(OSError):  # the peer may be gone already
            self._raw.write_eof()
        self._raw.resume_reading()
        self._timer = self._loop.call_later(LINGER_SECONDS, self._end)

    def _end(self) -> None:
        """Close the socket; a peer that does not even read what was sent gets a while, not for ever."""
        if self._raw is not None:
            self._raw.close()
            self._timer = self._loop.call_later(UNREAD_SECONDS, self._raw.abort)

    def abort(self) -> None:
        """Drop the connection at once, without a word."""
        if self._raw is not None:
            self._raw.abort()

    def is_closing(self) -> bool:
        """Whether no more can be written."""
        return self._closing or self._raw is None or self._raw.is_closing()

    def extra_info(self, name: str, default: Any = None) -> Any:
        """Return what asyncio's own transports know: peername, sockname, socket, sslcontext, ssl_object."""
        if name == "sslcontext":
            return self._context
        if name == "ssl_object":
            return self._tls
        return self._raw.get_extra_info(name, default) if self._raw is not None else default

    @property
    def raw(self) -> asyncio.Transport | None:
        """The TCP transport below."""
        return self._raw

    # --- inside -------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        if self._advancing or self._closing:
            return
        self._advancing = True
        try:
            if self._upper is not None or self._handshake():
                self._hand_up()
        except SSL.Error as error:
            self._fail(error)
        finally:
            self._advancing = False

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return False
        self._flush()
        self._cancel_timer()
        self._upper = self._upper_factory(self._info())
        self._upper.connection_made(self.transport)
        return True

    def _hand_up(self) -> None:
        while self._reading and not self._closing and self._upper is not None:
            try:
                data = self._tls.recv(_CHUNK)
            except SSL.WantReadError:
                break
            except (SSL.ZeroReturnError, SSL.SysCallError):
                self._peer_ended = True
                break
            self._upper.data_received(data)
        self._flush()  # alerts and key updates
        if self._peer_ended and self._reading and not self._end_told and not self._closing and self._upper is not None:
            self._end_told = True
            if not self._upper.eof_received():
                self.close()

    def _flush(self) -> None:
        self._flush_planned = False
        if self._raw is None:
            return
        while True:
            try:
                data = self._tls.bio_read(4 * _CHUNK)
            except SSL.Error:
                return
            if not self._raw.is_closing():
                self._raw.write(data)

    def _fail(self, error: Exception) -> None:
        self._flush()  # the alert that says why
        upper, self._upper = self._upper, None
        self._closing = True
        self._cancel_timer()
        if self._raw is not None:
            self._raw.close()
        if upper is not None:
            self._loop.call_soon(upper.connection_lost, error)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _info(self) -> ConnInfo:
        name = self._tls.get_servername()
        leaf = self._tls.get_peer_certificate()
        others = self._tls.get_peer_cert_chain() if leaf is not None else None
        return ConnInfo(
            peer=tuple((self.extra_info("peername") or ("", 0))[:2]),
            server_name=name.decode("ascii", "replace") if name else None,
            client_chain=tuple(_der(certificate) for certificate in (leaf, *(others or ())) if certificate is not None),
            tls_version=self._tls.get_protocol_version_name(),
            cipher=self._tls.get_cipher_name() or "",
            via_proxy=self._via_proxy,
        )


class TlsTransport(asyncio.Transport):
    """What the upper protocol sees: an asyncio transport of plain bytes."""

    def __init__(self, server: TlsServer) -> None:
        super().__init__()
        self._server = server

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return facts of the connection, as asyncio's TLS transport gives them."""
        return self._server.extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send plain bytes."""
        self._server.write(data)

    def close(self) -> None:
        """Close after what was written has been sent."""
        self._server.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._server.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or closing."""
        return self._server.is_closing()

    def pause_reading(self) -> None:
        """Stop calling `data_received`; the peer feels the back pressure."""
        self._server.set_reading(False)

    def resume_reading(self) -> None:
        """Go on after `pause_reading`."""
        self._server.set_reading(True)

    def can_write_eof(self) -> bool:
        """TLS has no half close that all peers understand."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return the bytes that wait for the socket."""
        return self._server.raw.get_write_buffer_size() if self._server.raw is not None else 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when `pause_writing` is called."""
        if self._server.raw is not None:
            self._server.raw.set_write_buffer_limits(high, low)
