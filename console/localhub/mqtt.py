"""MQTT 3.1.1 connections: the packets of one client, in order, handed to the hub or the provisioning service it names.

IoT Hub's own variant: it decides by user name and certificate, closes at packets it does not take, knows no QoS 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol, cast

from console.localhub import mqtt_packets as wire
from console.localhub.front import ConnInfo

CONNECT_SECONDS = 10.0
"""How long a client may take from the end of the TLS handshake to its CONNECT."""

LONGEST_SILENCE = 1767.0
"""Seconds of silence after which any client is taken for gone: 1.5 times 1,177 (IoT Hub's MQTT support, keep-alive)."""

FIRST_PACKET = 16 * 1024
WAITING_PACKETS = 64
WAITING_BYTES = 4 * 1024 * 1024  # that a client does not read; then it is dropped
_log = logging.getLogger(__name__)


class ClientSession(Protocol):
    """What an accepted client talks to. The coroutines are awaited one after the other, in the order of its packets."""

    async def publish(self, message: wire.Publish) -> bool | None:
        """Take a message; False ends the connection (a topic that the service does not know), None sends no receipt."""

    async def subscribe(self, topic: str, qos: int) -> int:
        """Return the QoS granted for a filter, or `REFUSED_SUBSCRIPTION`."""

    async def subscribed(self) -> None:
        """Go on after the SUBACK was sent: what waits for the client may leave now."""

    async def unsubscribe(self, topic: str) -> None:
        """Give a filter up."""

    def acknowledged(self, packet_id: int) -> None:
        """Take the receipt of a QoS 1 message."""

    async def closed(self, *, clean: bool) -> None:
        """Forget the client; `clean` when it said goodbye."""


class Refused(Exception):  # noqa: N818 - reads as what it is
    """A CONNECT is not accepted; `code` is the CONNACK's."""

    def __init__(self, code: int = wire.NOT_AUTHORIZED) -> None:
        super().__init__(f"return code {code}")
        self.code = code


class Acceptor(Protocol):
    """Decides on CONNECT packets."""

    async def accept(self, connect: wire.Connect, info: ConnInfo, client: MqttConnection) -> ClientSession:
        """Return what the client talks to from now on. Raises Refused."""


class MqttConnection(asyncio.Protocol):
    """One MQTT client. `protocol_name` is the log's word: Mqtt, or MqttWs over WebSockets."""

    def __init__(
        self,
        info: ConnInfo,
        acceptor: Acceptor,
        pool: Executor,
        open_connections: set[MqttConnection],
        protocol_name: str = "Mqtt",
    ) -> None:
        self.info = info
        self.protocol_name = protocol_name
        self.pool = pool
        self.loop = asyncio.get_running_loop()
        self._acceptor = acceptor
        self._open = open_connections
        self._reader = wire.PacketReader(FIRST_PACKET)
        self._packets: asyncio.Queue[wire.Packet | None] = asyncio.Queue()  # None: the end
        self._transport: asyncio.Transport | None = None
        self._session: ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._silence = CONNECT_SECONDS
        self._heard = self.loop.time()
        self._paused = False
        self._ended = False
        self._next_id = 0
        self._unacknowledged: set[int] = set()

    # --- called by the event loop -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the CONNECT."""
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self)
        self._task = self.loop.create_task(self._run())
        self._timer = self.loop.call_later(self._silence, self._check_silence)

    def data_received(self, data: bytes) -> None:
        """Cut bytes into packets; nonsense ends the connection."""
        if self._ended:
            return
        try:
            for packet in self._reader.feed(data):
                self._heard = self.loop.time()
                self._packets.put_nowait(packet)
        except wire.MalformedPacket as error:
            _log.debug("MQTT client %s: %s", self.info.peer, error)
            self.kick()
            return
        if self._packets.qsize() > WAITING_PACKETS and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """End with the client's stream."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Finish what had arrived, then forget the client."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._packets.put_nowait(None)

    # --- for sessions -------------------------------------------------------------------------------------------

    def send(self, topic: str, payload: bytes, qos: int = 0) -> int:
        """Send a message to the client; return its packet identifier (0 for QoS 0). Only on the event loop."""
        packet_id = self._new_id() if qos else 0
        if qos:
            self._unacknowledged.add(packet_id)
        self._write(wire.publish(topic, payload, qos=qos, packet_id=packet_id))
        return packet_id

    def kick(self) -> None:
        """Close the connection from the server's side; MQTT 3.1.1 has no word for why. Only on the event loop."""
        if self._transport is not None and not self._ended:
            self._ended = True
            self._transport.close()
            self._packets.put_nowait(None)

    def kick_soon(self) -> None:
        """Close the connection, called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the connection with it
            self.loop.call_soon_threadsafe(self.kick)

    def abort(self) -> None:
        """Drop the connection at once: the end of the whole hub."""
        self._ended = True
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that works on the client's packets."""
        return self._task

    # --- inside -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        clean = False
        try:
            clean = await self._converse()
        except Refused as refusal:
            self._write(wire.connack(refusal.code))
        except (asyncio.CancelledError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self._ended:
                _log.exception("an MQTT client could not be served")
        except Exception:  # one client's trouble must not be the others'
            _log.exception("an MQTT client could not be served")
        finally:
            self.kick()
            session, self._session = self._session, None
            if session is not None:
                with contextlib.suppress(asyncio.CancelledError, RuntimeError):
                    await session.closed(clean=clean)
            self._open.discard(self)  # last: the end of the hub waits for who is in there

    async def _converse(self) -> bool:
        """Work on packet after packet; return whether the client said goodbye."""
        first = await self._packets.get()
        if first is None or not isinstance(first, wire.Connect):
            return False
        await self._accept(first)
        while (packet := await self._next()) is not None:
            if isinstance(packet, wire.Disconnect):
                return True
            if not await self._handle(packet):
                return False
        return False

    async def _next(self) -> wire.Packet | None:
        packet = await self._packets.get()
        if self._paused and self._packets.qsize() <= WAITING_PACKETS // 2 and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return packet

    async def _accept(self, connect: wire.Connect) -> None:
        if connect.level != 4:
            raise Refused(wire.BAD_PROTOCOL)
        self._session = await self._acceptor.accept(connect, self.info, self)
        self._reader.limit = wire.MAX_PACKET
        asked = connect.keep_alive * 1.5
        self._silence = min(asked, LONGEST_SILENCE) if asked else LONGEST_SILENCE
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self.loop.call_later(self._silence, self._check_silence)
        self._write(wire.connack(wire.ACCEPTED, session_present=False))

    async def _handle(self, packet: wire.Packet) -> bool:
        session = self._session
        assert session is not None, "packets come after the CONNECT"
        match packet:
            case wire.Publish(qos=qos, packet_id=packet_id):
                taken = False if qos > 1 else await session.publish(packet)
                if taken is False:
                    return False
                if qos and taken is not None:
                    self._write(wire.puback(packet_id))
            case wire.PubAck(packet_id=packet_id):
                self._unacknowledged.discard(packet_id)
                session.acknowledged(packet_id)
            case wire.Subscribe(packet_id=packet_id, topics=topics):
                codes = [await session.subscribe(topic, min(qos, 1)) for topic, qos in topics]
                self._write(wire.suback(packet_id, tuple(codes)))
                await session.subscribed()
            case wire.Unsubscribe(packet_id=packet_id, topics=names):
                for name in names:
                    await session.unsubscribe(name)
                self._write(wire.unsuback(packet_id))
            case wire.PingReq():
                self._write(wire.pingresp())
            case _:
                return False  # a second CONNECT
        return True

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > WAITING_BYTES:
            transport.abort()

    def _new_id(self) -> int:
        for _ in range(65535):
            self._next_id = self._next_id % 65535 + 1
            if self._next_id not in self._unacknowledged:
                break
        return self._next_id

    def _check_silence(self) -> None:
        """End a client that was silent too long; look again when its time could be up."""
        left = self._heard + self._silence - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._check_silence)
            return
        self._timer = None
        self.kick()


MqttFactory = Callable[[ConnInfo], MqttConnection]
