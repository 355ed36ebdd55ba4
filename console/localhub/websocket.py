"""MQTT over WebSockets: told apart from other requests by its path, then the same connection as over plain TLS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

from wsproto import WSConnection
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.events import Event as WebSocketEvent
from wsproto.utilities import ProtocolError

from console.localhub.front import ConnInfo, UpperFactory
from console.localhub.mqtt import WAITING_BYTES

PATH = "/$iothub/websocket"
SUBPROTOCOL = "mqtt"
UPGRADE_SECONDS = 10.0  # for the first bytes of a connection, and for a whole upgrade request
_BEGINNINGS = (b"GET /$iothub/websocket", b"GET /%24iothub/websocket")
_UNSUPPORTED_DATA = 1003

MqttOver = Callable[[ConnInfo, str], asyncio.Protocol]


class HttpOrWebSocket(asyncio.Protocol):
    """Waits for the first bytes of a connection, then becomes HTTP or MQTT over WebSockets."""

    def __init__(self, info: ConnInfo, http: UpperFactory, mqtt: MqttOver) -> None:
        self._info = info
        self._http = http
        self._mqtt = mqtt
        self._transport: asyncio.Transport | None = None
        self._begun = b""
        self._inner: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait, but not for ever."""
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(UPGRADE_SECONDS, self._transport.close)

    def data_received(self, data: bytes) -> None:
        """Choose as soon as it can be told."""
        if self._inner is not None:
            self._inner.data_received(data)
            return
        self._begun += data
        if any(self._begun.startswith(beginning) for beginning in _BEGINNINGS):
            self._become(WebSocketClient(self._info, self._mqtt))
        elif not any(beginning.startswith(self._begun) for beginning in _BEGINNINGS):
            self._choose_http()

    def eof_received(self) -> bool | None:
        """Leave it to what the connection became."""
        return self._inner.eof_received() if self._inner is not None else False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell what the connection became."""
        if self._timer is not None:
            self._timer.cancel()
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass back pressure on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass the end of back pressure on."""
        if self._inner is not None:
            self._inner.resume_writing()

    def _choose_http(self) -> None:
        if self._inner is None:
            self._become(self._http(self._info))

    def _become(self, inner: asyncio.Protocol) -> None:
        assert self._transport is not None, "data comes after the connection"
        if self._timer is not None:
            self._timer.cancel()
        self._inner, begun, self._begun = inner, self._begun, b""
        inner.connection_made(self._transport)
        if begun:
            inner.data_received(begun)


class WebSocketClient(asyncio.Protocol):
    """One WebSocket: answers the upgrade, then hands the bytes of binary messages to an MQTT connection."""

    def __init__(self, info: ConnInfo, mqtt: MqttOver) -> None:
        self._info = info
        self._mqtt = mqtt
        self._frames = WSConnection(ConnectionType.SERVER)
        self._transport: asyncio.Transport | None = None
        self._inner: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the whole upgrade request."""
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(UPGRADE_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Work on frames; nonsense ends the connection."""
        try:
            self._frames.receive_data(data)
            for event in self._frames.events():
                self._handle(event)
        except ProtocolError as error:
            hint = getattr(error, "event_hint", None)
            if isinstance(hint, RejectConnection | CloseConnection):
                with contextlib.suppress(ProtocolError):
                    self._send(hint)
            self._end()

    def eof_received(self) -> bool:
        """End with the client's stream."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the MQTT connection."""
        self._stop_timer()
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.connection_lost(exc)

    def write(self, data: bytes) -> None:
        """Send bytes as one binary message."""
        if self._frames.state is ConnectionState.OPEN:
            self._send(BytesMessage(bytes(data)))

    def close(self) -> None:
        """Say goodbye and close the connection below."""
        if self._frames.state is ConnectionState.OPEN:
            self._send(CloseConnection(1000))
        self._end()

    @property
    def transport(self) -> asyncio.Transport | None:
        """The TLS connection below."""
        return self._transport

    # --- inside -------------------------------------------------------------------------------------------------

    def _handle(self, event: WebSocketEvent) -> None:
        match event:
            case Request(target=target, subprotocols=offered):
                self._answer(target, offered)
            case BytesMessage(data=data):
                if self._inner is not None:
                    self._inner.data_received(bytes(data))
            case Ping():
                self._send(event.response())
            case CloseConnection():
                if self._frames.state is ConnectionState.REMOTE_CLOSING:
                    self._send(event.response())
                self._end()
            case TextMessage():
                self._send(CloseConnection(_UNSUPPORTED_DATA))
                self._end()

    def _answer(self, target: str, offered: list[str]) -> None:
        path = target.partition("?")[0].replace("%24", "$")
        if path.rstrip("/") != PATH or SUBPROTOCOL not in offered:
            self._send(RejectConnection(status_code=404 if path.rstrip("/") != PATH else 400, has_body=True))
            self._send(RejectData(b"MQTT over WebSockets: GET /$iothub/websocket with the subprotocol mqtt.\n"))
            self._end()
            return
        self._stop_timer()
        self._send(AcceptConnection(subprotocol=SUBPROTOCOL))
        self._inner = self._mqtt(self._info, "MqttWs")
        self._inner.connection_made(WebSocketTransport(self))

    def _send(self, event: Any) -> None:
        data = self._frames.send(event)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > WAITING_BYTES:  # answers to pings that the client never reads
                self._transport.abort()

    def _end(self) -> None:
        self._stop_timer()
        if self._transport is not None:
            self._transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class WebSocketTransport(asyncio.Transport):
    """What an MQTT connection sees of its WebSocket."""

    def __init__(self, client: WebSocketClient) -> None:
        super().__init__()
        self._client = client

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send bytes."""
        self._client.write(bytes(data))

    def close(self) -> None:
        """Close the WebSocket."""
        self._client.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._client.transport is not None:
            self._client.transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or closing."""
        return self._client.transport is None or self._client.transport.is_closing()

    def pause_reading(self) -> None:
        """Let the client feel the back pressure."""
        if self._client.transport is not None:
            self._client.transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on after `pause_reading`."""
        if self._client.transport is not None:
            self._client.transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Return the bytes that wait for the socket."""
        return self._client.transport.get_write_buffer_size() if self._client.transport is not None else 0
