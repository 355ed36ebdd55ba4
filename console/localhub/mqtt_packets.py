"""MQTT 3.1.1 on the wire, as far as a server of devices needs it: reads what clients send, writes what they get.

Source: OASIS, MQTT Version 3.1.1; the limits are IoT Hub's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_PACKET = 256 * 1024 + 8 * 1024
"""Bytes of one packet: a message of 256 KB (IoT Hub's limit) and its topic."""

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

ACCEPTED, BAD_PROTOCOL, BAD_IDENTIFIER, UNAVAILABLE, NOT_AUTHORIZED = 0, 1, 2, 3, 5
"""Return codes of a CONNACK."""

REFUSED_SUBSCRIPTION = 0x80
_FLAGS = {CONNECT: 0, PUBACK: 0, SUBSCRIBE: 2, UNSUBSCRIBE: 2, PINGREQ: 0, DISCONNECT: 0}


class MalformedPacket(Exception):  # noqa: N818 - the specification's word
    """What a client sent is no packet that a client may send; the connection ends."""


@dataclass(frozen=True, slots=True)
class Connect:
    """A client's first packet. `level` is 4 for MQTT 3.1.1; `keep_alive` is in seconds, 0 for none."""

    level: int
    client_id: str = ""
    username: str = ""
    password: str | None = field(default=None, repr=False)
    clean_session: bool = True
    keep_alive: int = 0
    will_topic: str | None = None
    will_payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Publish:
    """A message. `packet_id` is 0 for QoS 0."""

    topic: str
    payload: bytes = field(repr=False)
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class PubAck:
    """The receipt of a QoS 1 message."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Topic filters with the QoS asked for."""

    packet_id: int
    topics: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Topic filters that are given up."""

    packet_id: int
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PingReq:
    """A sign of life."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A goodbye."""


Packet = Connect | Publish | PubAck | Subscribe | Unsubscribe | PingReq | Disconnect


class PacketReader:
    """Cuts a stream of bytes into packets. After `MalformedPacket` the stream cannot be read any further."""

    def __init__(self, limit: int = MAX_PACKET) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take bytes and yield every packet that is whole. Raises MalformedPacket."""
        self._buffer += data
        while True:
            head = self._head()
            if head is None:
                return
            first, start, length = head
            if length > self.limit:
                raise MalformedPacket(f"a packet of {length} bytes is larger than the {self.limit} allowed")
            if len(self._buffer) < start + length:
                return
            body = bytes(self._buffer[start : start + length])
            del self._buffer[: start + length]
            yield decode(first, body)

    def _head(self) -> tuple[int, int, int] | None:
        """Return first byte, where the body begins and its length; None when they have not all come."""
        length = 0
        for index in range(1, 5):
            if len(self._buffer) <= index:
                return None
            byte = self._buffer[index]
            length |= (byte & 0x7F) << (7 * (index - 1))
            if not byte & 0x80:
                return self._buffer[0], index + 1, length
        raise MalformedPacket("the remaining length has more than four bytes")


class _Body:
    """Reads a packet's body from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise MalformedPacket("a packet ends in the middle of a field")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        number = self.number()
        if number == 0:
            raise MalformedPacket("a packet identifier is zero")
        return number

    def data(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            text = self.data().decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedPacket("a text is not UTF-8") from None
        if "\0" in text:
            raise MalformedPacket("a text holds the character U+0000")
        return text

    def end(self) -> None:
        if self.left:
            raise MalformedPacket("a packet is longer than its fields")


def decode(first: int, body: bytes) -> Packet:
    """Return the packet of a first byte and a body. Raises MalformedPacket."""
    kind, flags = first >> 4, first & 0x0F
    if kind == PUBLISH:
        return _publish(flags, _Body(body))
    if kind not in _FLAGS:
        raise MalformedPacket(f"a client does not send packets of type {kind}")
    if flags != _FLAGS[kind]:
        raise MalformedPacket(f"the flags {flags:#x} are not those of packet type {kind}")
    reader = _Body(body)
    if kind == CONNECT:
        return _connect(reader)
    if kind == PUBACK:
        receipt = PubAck(reader.packet_id())
        reader.end()
        return receipt
    if kind == SUBSCRIBE:
        return _subscribe(reader)
    if kind == UNSUBSCRIBE:
        return _unsubscribe(reader)
    reader.end()
    return PingReq() if kind == PINGREQ else Disconnect()


def _connect(body: _Body) -> Connect:
    name, level = body.data(), body.byte()
    if name not in (b"MQTT", b"MQIsdp"):
        raise MalformedPacket("the protocol is not MQTT")
    if level != 4:
        return Connect(level)  # what follows is of another version
    flags, keep_alive, client_id = body.byte(), body.number(), body.text()
    will, has_password, has_username = flags & 0x04, flags & 0x40, flags & 0x80
    if flags & 0x01 or (not will and flags & 0x38) or flags & 0x18 == 0x18 or (has_password and not has_username):
        raise MalformedPacket("the connect flags contradict each other")
    will_topic, will_payload = (body.text(), body.data()) if will else (None, b"")
    username = body.text() if has_username else ""
    try:
        password = body.data().decode("utf-8") if has_password else None
    except UnicodeDecodeError:
        password = ""  # bytes that are no token: nobody's, and not refused as malformed
    body.end()
    return Connect(level, client_id, username, password, bool(flags & 0x02), keep_alive, will_topic, will_payload)


def _publish(flags: int, body: _Body) -> Publish:
    qos = flags >> 1 & 0x03
    if qos == 3 or (flags & 0x08 and not qos):
        raise MalformedPacket("the flags of a message contradict each other")
    topic = body.text()
    if not topic or "+" in topic or "#" in topic:
        # IoT Hub's property bags are percent-encoded: no topic of its clients holds a wildcard
        raise MalformedPacket("a message is sent to a wildcard or to nowhere")
    packet_id = body.packet_id() if qos else 0
    return Publish(topic, body.take(body.left), qos, packet_id, bool(flags & 0x01), bool(flags & 0x08))


def _subscribe(body: _Body) -> Subscribe:
    packet_id, topics = body.packet_id(), []
    while body.left:
        topic, qos = body.text(), body.byte()
        if not topic or qos > 2:
            raise MalformedPacket("a subscription is malformed")
        topics.append((topic, qos))
    if not topics:
        raise MalformedPacket("a SUBSCRIBE names no topic")
    return Subscribe(packet_id, tuple(topics))


def _unsubscribe(body: _Body) -> Unsubscribe:
    packet_id, topics = body.packet_id(), []
    while body.left:
        topics.append(body.text())
    if not topics:
        raise MalformedPacket("an UNSUBSCRIBE names no topic")
    return Unsubscribe(packet_id, tuple(topics))


# --- what the server sends -------------------------------------------------------------------------------------------


def connack(code: int, *, session_present: bool = False) -> bytes:
    """Return a CONNACK."""
    return bytes((CONNACK << 4, 2, session_present and code == ACCEPTED, code))


def puback(packet_id: int) -> bytes:
    """Return a PUBACK."""
    return struct.pack("!BBH", PUBACK << 4, 2, packet_id)


def suback(packet_id: int, codes: tuple[int, ...]) -> bytes:
    """Return a SUBACK with one code for each filter asked for."""
    return _packet(SUBACK << 4, struct.pack("!H", packet_id) + bytes(codes))


def unsuback(packet_id: int) -> bytes:
    """Return an UNSUBACK."""
    return struct.pack("!BBH", UNSUBACK << 4, 2, packet_id)


def pingresp() -> bytes:
    """Return a PINGRESP."""
    return bytes((PINGRESP << 4, 0))


def publish(topic: str, payload: bytes, *, qos: int = 0, packet_id: int = 0, duplicate: bool = False) -> bytes:
    """Return a PUBLISH; QoS 1 needs a packet identifier."""
    name = topic.encode()
    head = struct.pack("!H", len(name)) + name + (struct.pack("!H", packet_id) if qos else b"")
    return _packet(PUBLISH << 4 | (8 if duplicate else 0) | qos << 1, head + payload)


def _packet(first: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        size.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes((first,)) + bytes(size) + body
