"""Nonsense at the MQTT door: it never stops the hub, never leaks a connection, never keeps a real device out."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import fuzz_examples
from support.hub import HubRunner
from support.mqtt import Bare, add_device, connect_packet, device, hub_connect, packet, text
from support.waiting import until

from console.localhub import front, mqtt, websocket
from console.localhub import mqtt_packets as wire

EXAMPLES = fuzz_examples(deep=500)
KINDS = (
    wire.Connect,
    wire.Publish,
    wire.PubAck,
    wire.Subscribe,
    wire.Unsubscribe,
    wire.PingReq,
    wire.Disconnect,
)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mqtt, "CONNECT_SECONDS", 0.5)
        patch.setattr(front, "HANDSHAKE_SECONDS", 0.5)
        patch.setattr(websocket, "UPGRADE_SECONDS", 0.5)
        patch.setattr(front.TlsServer.__init__, "__kwdefaults__", {"via_proxy": False, "handshake_seconds": 0.5})
        with HubRunner(scenario="empty", throttle=False) as runner:
            add_device(runner, "victim")
            yield runner


@pytest.fixture(autouse=True)
def nothing_is_left_and_a_real_device_gets_in(hub: HubRunner) -> Iterator[None]:
    yield
    server, world = hub.server, hub.server.world
    assert world is not None
    door = world.doors.of(hub.hub)
    until(
        lambda: not (server._clients or server._tls or server._waiting or door.sessions), "the end of connections", 15
    )
    assert not world.board._links
    assert server._thread.is_alive()
    with device(hub, "victim") as client:
        client.send_message("still here")
    until(lambda: not door.sessions, "the goodbye")


# --- the codec -------------------------------------------------------------------------------------------------------


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 7))
def test_bytes_are_packets_or_malformed_and_nothing_else(data: bytes, step: int) -> None:
    reader = wire.PacketReader(150)
    with contextlib.suppress(wire.MalformedPacket):
        for start in range(0, len(data), step):
            for found in reader.feed(data[start : start + step]):
                assert isinstance(found, KINDS)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=80))
def test_a_body_is_a_packet_or_malformed(first: int, body: bytes) -> None:
    with contextlib.suppress(wire.MalformedPacket):
        assert isinstance(wire.decode(first, body), KINDS)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0#+"), min_size=1, max_size=40),
    st.binary(max_size=300),
    st.integers(0, 1),
    st.integers(1, 65535),
    st.integers(1, 9),
)
def test_what_is_written_is_read_again(topic: str, payload: bytes, qos: int, number: int, step: int) -> None:
    data = wire.publish(topic, payload, qos=qos, packet_id=number) + packet(0xC0, b"")
    reader, found = wire.PacketReader(), []
    for start in range(0, len(data), step):
        found += reader.feed(data[start : start + step])
    assert found == [wire.Publish(topic, payload, qos, number if qos else 0), wire.PingReq()]


def test_what_paho_packs_is_read() -> None:
    """paho's own packing: a CONNECT with a will, a SUBSCRIBE, a PUBLISH, as its socket gets them."""
    paho = pytest.importorskip("paho.mqtt.client")
    ours, theirs = socket.socketpair()
    client = paho.Client("press/1", clean_session=False, protocol=paho.MQTTv311)
    client.username_pw_set("hub/press", "token=ü")
    client.will_set("devices/press/messages/events/", b"gone", qos=1)
    client._sock = theirs
    client._send_connect(30)
    client._send_subscribe(False, [("$iothub/twin/res/#", 1)])
    client._send_publish(7, b"devices/press/messages/events/a%20b=1", b"x" * 300, 1)
    client.loop_write()
    while client.want_write():
        client.loop_write()
    theirs.setblocking(True)
    theirs.shutdown(socket.SHUT_WR)
    data = b""
    while chunk := ours.recv(65536):
        data += chunk
    connect, subscribe, message = wire.PacketReader().feed(data)
    ours.close()
    assert connect == wire.Connect(
        4, "press/1", "hub/press", "token=ü", False, 30, "devices/press/messages/events/", b"gone"
    )
    assert isinstance(subscribe, wire.Subscribe) and subscribe.topics == (("$iothub/twin/res/#", 1),)
    assert message == wire.Publish("devices/press/messages/events/a%20b=1", b"x" * 300, 1, 7)


# --- over sockets ----------------------------------------------------------------------------------------------------


def drain(client: Bare) -> None:
    """Read what comes until the hub ends the connection."""
    with contextlib.suppress(OSError, ssl.SSLError, ValueError):
        while client.socket.recv(65536):
            pass


@pytest.mark.parametrize("admitted", [False, True], ids=["before its CONNECT", "let in"])
def test_random_and_mutated_packets(hub: HubRunner, admitted: bool) -> None:
    chance = random.Random(f"mqtt:{admitted}")
    good = [
        hub_connect(hub, "victim"),
        packet(0x32, text("devices/victim/messages/events/") + b"\0\7" + b"hello"),
        packet(0x82, b"\0\1" + text("$iothub/twin/res/#") + b"\1"),
        packet(0x30, text("$iothub/twin/GET/?$rid=1")),
        packet(0x30, text("$iothub/twin/PATCH/properties/reported/?$rid=2") + b'{"a":{"b":[1,null]}}'),
        packet(0x30, text("$iothub/methods/res/200/?$rid=zz") + b"{}"),
        packet(0xC0, b""),
    ]
    for _ in range(60):
        with Bare(hub) as client, contextlib.suppress(OSError):
            if admitted:
                client.send(good[0])
            for _ in range(chance.randint(1, 6)):
                data = bytearray(
                    chance.choice(good) if chance.random() < 0.8 else chance.randbytes(chance.randint(1, 90))
                )
                for _ in range(chance.randint(0, 3)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                client.send(bytes(data))
            if chance.random() < 0.3:  # some stay to hear what the hub says
                client.socket.settimeout(0.6)
                drain(client)


def test_oversize_packets_end_the_connection_at_once(hub: HubRunner) -> None:
    with Bare(hub) as stranger:
        stranger.send(b"\x10\xff\xff\xff\x7f")
        assert stranger.ended()
    with Bare(hub) as stranger:
        stranger.send(packet(0x10, b"\0" * (mqtt.FIRST_PACKET + 1)))
        assert stranger.ended()
    with Bare(hub) as known:
        known.send(hub_connect(hub, "victim"))
        assert known.packet() == (0x20, b"\0\0")
        known.send(b"\x30" + struct.pack("B", 0xFF) * 3 + b"\x7f")
        assert known.ended()


def test_who_says_nothing_or_half_of_it_is_dropped(hub: HubRunner) -> None:
    address = ("127.0.0.1", hub.ready["mqtt_port"])
    silent = socket.create_connection(address, 10)
    half_tls = socket.create_connection(address, 10)
    half_tls.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    with Bare(hub) as nothing, Bare(hub) as half:
        half.send(hub_connect(hub, "victim")[:-7])
        assert nothing.ended() and half.ended()
    for raw in (silent, half_tls):
        raw.settimeout(10)
        with contextlib.suppress(ConnectionError):
            while raw.recv(4096):
                pass
        raw.close()


def test_garbage_instead_of_tls(hub: HubRunner) -> None:
    chance = random.Random("tls")
    for port in (hub.ready["mqtt_port"], int(hub.ready["dps_host"].rpartition(":")[2])):
        for number in range(20):
            with socket.create_connection(("127.0.0.1", port), 10) as raw, contextlib.suppress(ConnectionError):
                head = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\x10\x20\0\4MQTT", b"")[number % 4]
                raw.sendall(head + chance.randbytes(chance.randint(1, 4000)))


def test_one_byte_at_a_time_is_understood(hub: HubRunner) -> None:
    with Bare(hub) as client:
        for byte in hub_connect(hub, "victim"):
            client.send(bytes((byte,)))
        assert client.packet() == (0x20, b"\0\0")


def test_who_never_reads_is_dropped_before_memory_runs_out(hub: HubRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "WAITING_BYTES", 200_000)
    hub.hub.devices["victim"].desired = {"much": "x" * 30_000}
    door = hub.server.world.doors.of(hub.hub)  # type: ignore[union-attr]
    with Bare(hub) as client:
        client.send(hub_connect(hub, "victim") + packet(0x82, b"\0\1" + text("$iothub/twin/res/#") + b"\0"))
        until(lambda: "victim" in door.sessions, "the connection")
        ask = packet(0x30, text("$iothub/twin/GET/?$rid=1")) * 50
        with contextlib.suppress(OSError):
            for _ in range(2000):
                client.send(ask)
        until(lambda: "victim" not in door.sessions, "the end of who does not read", 20)
    hub.hub.devices["victim"].desired = {}


@pytest.mark.parametrize(
    "head",
    [
        b"GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /$iothub/websocket HTTP/9.9\r\n\xff\xfe: x\r\n\r\n",
        b"GET /$iothub/websocket?iothub-no-client-cert=true HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"GET /$iothub/web",
        b"GET /$iothub/websocket" + b"a" * 70_000,
    ],
    ids=["no upgrade", "nonsense", "no subprotocol", "half", "endless"],
)
def test_upgrades_that_are_none(hub: HubRunner, head: bytes) -> None:
    with web(hub) as client, contextlib.suppress(OSError):
        client.sendall(head)
        answer = client.recv(65536)
        assert b" 101 " not in answer


def test_frames_that_are_no_mqtt(hub: HubRunner) -> None:
    upgrade = (
        b"GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    chance = random.Random("frames")
    spoiled = [
        b"\x82\x05hello",  # not masked, as a client must
        b"\x81\x85\0\0\0\0hello",  # text
        b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0",
        b"\x88\x80\0\0\0\0",  # a goodbye
        *(chance.randbytes(chance.randint(1, 300)) for _ in range(10)),
    ]
    for frame in spoiled:
        with web(hub) as client, contextlib.suppress(OSError):
            client.sendall(upgrade)
            assert b" 101 " in client.recv(65536)
            client.sendall(frame)
            client.settimeout(0.7)
            while client.recv(65536):
                pass


@contextlib.contextmanager
def web(hub: HubRunner) -> Iterator[ssl.SSLSocket]:
    port = int(hub.ready["hub_host"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        client = hub.ssl_context().wrap_socket(raw, server_hostname="localhost")
        client.settimeout(10)
        yield client
        client.close()


def test_many_come_and_go_at_once(hub: HubRunner) -> None:
    """Takeovers and aborts one upon the other: the door and the switchboard end up empty."""
    clients: list[Bare] = []
    for number in range(60):
        client = Bare(hub)
        with contextlib.suppress(OSError):
            client.send(hub_connect(hub, "victim") if number % 5 else connect_packet("victim", "nonsense", "x"))
        if number % 3 == 0:
            client.socket.close()
        clients.append(client)
    for client in clients:
        client.socket.close()
