"""What paho's own code writes, the hub reads; what the hub writes, paho's own code reads."""

from __future__ import annotations

import socket
from typing import Any

import paho.mqtt.client as paho
from hypothesis import given, settings
from hypothesis import strategies as st

from console.localhub import mqtt_packets as wire

topics = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
payloads = st.binary(max_size=400)


class Peer:
    """paho's own code on one end of a pair of sockets."""

    def __init__(self, client_id: str = "d", *, clean: bool = True) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(5)
        theirs.setblocking(False)
        self.paho = paho.Client(client_id, clean_session=clean)
        self.paho._sock = theirs
        self.messages: list[Any] = []
        self.paho.on_message = lambda _client, _data, message: self.messages.append(message)

    def sent(self) -> list[wire.Packet]:
        """Return what paho sent since the last time."""
        while self.paho.want_write():
            self.paho.loop_write()
        return list(wire.PacketReader().feed(self.ours.recv(1 << 20)))

    def close(self) -> None:
        self.ours.close()
        if self.paho._sock is not None:
            self.paho._sock.close()
            self.paho._sock = None


@settings(max_examples=60, deadline=None)
@given(words.filter(bool), words, words, st.integers(0, 65535), st.booleans(), st.none() | st.tuples(topics, payloads))
def test_a_connect_of_paho_is_read(
    client_id: str, user: str, password: str, alive: int, clean: bool, will: tuple[str, bytes] | None
) -> None:
    peer = Peer(client_id, clean=clean)
    peer.paho.username_pw_set(user, password)
    if will is not None:
        peer.paho.will_set(*will, qos=1)
    peer.paho._send_connect(alive)
    (found,) = peer.sent()
    peer.close()
    topic, payload = will or (None, b"")
    assert found == wire.Connect(4, client_id, user, password, clean, alive, topic, payload)


@settings(max_examples=60, deadline=None)
@given(topics, payloads, st.integers(0, 1), st.booleans(), st.lists(st.tuples(topics, st.integers(0, 2)), min_size=1))
def test_what_else_paho_sends_is_read(
    topic: str, payload: bytes, qos: int, retain: bool, filters: list[tuple[str, int]]
) -> None:
    peer = Peer()
    peer.paho.publish(topic, payload, qos, retain)
    peer.paho.subscribe(filters)
    peer.paho.unsubscribe([name for name, _ in filters])
    peer.paho._send_puback(77)
    peer.paho._send_pingreq()
    peer.paho._send_disconnect()
    found = peer.sent()
    peer.close()
    assert found == [
        wire.Publish(topic, payload, qos, 1 if qos else 0, retain),
        wire.Subscribe(2, tuple(filters)),
        wire.Unsubscribe(3, tuple(name for name, _ in filters)),
        wire.PubAck(77),
        wire.PingReq(),
        wire.Disconnect(),
    ]


@settings(max_examples=60, deadline=None)
@given(topics, st.binary(max_size=300), st.integers(0, 1))
def test_a_message_from_the_hub_is_read_by_paho(topic: str, payload: bytes, qos: int) -> None:
    peer = Peer()
    peer.ours.sendall(wire.connack(wire.ACCEPTED) + wire.publish(topic, payload, qos=qos, packet_id=5 if qos else 0))
    for _ in range(2):
        peer.paho.loop_read()
    receipts = peer.sent() if qos else []
    (message,) = peer.messages
    peer.close()
    assert (message.topic, message.payload, message.qos) == (topic, payload, qos)
    assert receipts == ([wire.PubAck(5)] if qos else [])
