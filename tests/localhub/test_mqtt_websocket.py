"""MQTT over WebSockets; and many clients at once that send nonsense, over WebSockets and without."""

from __future__ import annotations

import base64
import logging
import os
import random
import secrets
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from support.hub import HubRunner
from support.mqtt import Bare, add_device, hub_connect, packet, text
from support.waiting import until

from console.localhub import front, mqtt, websocket


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", throttle=False) as runner:
        add_device(runner, "target", "part")
        yield runner


@pytest.fixture
def unharmed(hub: HubRunner, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Say afterwards whether the hub still serves, has let go of everybody and met nothing that it did not expect."""
    with caplog.at_level(logging.ERROR):
        yield
        until(lambda: not hub.server._clients and not hub.server._tls, "the end of the last connection")
        assert hub.server._thread.is_alive()
        with Bare(hub) as client:
            client.send(hub_connect(hub, "target"))
            assert client.packet() == (0x20, b"\0\0")
            client.send(packet(0xE0, b""))
            assert client.ended()
        world = hub.server.world
        assert world is not None
        until(lambda: not hub.server._clients and not world.doors.of(hub.hub).sessions, "the end of the probe")
        assert world.board._links == {}
    assert [record.getMessage() for record in caplog.records if record.name.startswith(("console", "asyncio"))] == []


def conversation(hub: HubRunner) -> list[bytes]:
    """Return the packets of a device that uses everything."""
    filters = ("$iothub/twin/res/#", "$iothub/methods/POST/#", "devices/target/messages/devicebound/#")
    return [
        hub_connect(hub, "target", will=("devices/target/messages/events/", b"will")),
        packet(0x82, b"\0\1" + b"".join(text(one) + b"\1" for one in filters)),
        packet(0x82, b"\0\2" + text("$iothub/twin/PATCH/properties/desired/#") + b"\0"),
        packet(0x32, text("devices/target/messages/events/%24.mid=1&a=b") + b"\0\3" + b"payload"),
        packet(0x30, text("$iothub/twin/GET/?$rid=1")),
        packet(0x30, text("$iothub/twin/PATCH/properties/reported/?$rid=2") + b'{"a":{"b":[1,"x"]}}'),
        packet(0x30, text("$iothub/methods/res/200/?$rid=1") + b"{}"),
        packet(0x40, b"\0\1"),
        packet(0xA2, b"\0\4" + text("$iothub/twin/res/#")),
        packet(0xC0, b""),
        packet(0xE0, b""),
    ]


def spoiled(packets: list[bytes], chance: random.Random) -> bytes:
    """Return a conversation with something wrong in it."""
    packets = list(packets)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(packets))
        one = bytearray(packets[at])
        match chance.randrange(7):
            case 0:  # bits, often of the header
                one[chance.randrange(min(len(one), 14))] ^= 1 << chance.randrange(8)
            case 1:
                one[chance.randrange(len(one))] = chance.randrange(256)
            case 2:
                del one[chance.randrange(len(one)) :]
            case 3:
                one[1:2] = chance.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff\xff", b"\x80", b"\0"))
            case 4:
                one += chance.randbytes(chance.randint(1, 40))
            case 5:
                one[:0] = packets[chance.randrange(len(packets))]
            case 6:
                chance.shuffle(packets)
                continue
        packets[at] = bytes(one)
    return b"".join(packets)


def masked(payload: bytes, chance: random.Random, opcode: int = 2) -> bytes:
    """Return a client's WebSocket frame."""
    mask, size = chance.randbytes(4), len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes((0x80 | opcode,)) + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def upgrade(path: str = "/$iothub/websocket?iothub-no-client-cert=true", protocol: str = "mqtt") -> bytes:
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
    ).encode()


def port_of(hub: HubRunner, service: str) -> int:
    return hub.server._ports[service]


def talk(hub: HubRunner, service: str, pieces: list[bytes], *, rude: bool) -> bytes:
    """Send pieces over TLS and return what came back; rude clients go without reading."""
    raw = socket.create_connection(("127.0.0.1", port_of(hub, service)), 10)
    answer = b""
    try:
        with hub.ssl_context().wrap_socket(raw, server_hostname="localhost") as client:
            for piece in pieces:
                client.sendall(piece)
            if not rude:
                client.settimeout(0.5)
                while chunk := client.recv(65536):
                    answer += chunk
    except (OSError, ssl.SSLError):
        pass  # the hub had enough
    return answer


def at_once(jobs: list[Callable[[], Any]]) -> None:
    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def pieces_of(stream: bytes, chance: random.Random) -> list[bytes]:
    cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@pytest.mark.usefixtures("unharmed")
def test_spoiled_conversations_end_and_leave_nothing_behind(hub: HubRunner) -> None:
    chance = random.Random(5)
    jobs: list[Callable[[], Any]] = []
    for _ in range(150):
        stream = spoiled(conversation(hub), chance)
        if chance.random() < 0.1:
            stream = chance.randbytes(chance.randint(1, 3000))
        jobs.append(partial(talk, hub, "mqtt", pieces_of(stream, chance), rude=chance.random() < 0.7))
    at_once(jobs)


@pytest.mark.usefixtures("unharmed")
def test_spoiled_websockets_end_and_leave_nothing_behind(hub: HubRunner) -> None:
    chance = random.Random(6)
    jobs: list[Callable[[], Any]] = []
    for _ in range(100):
        packets = conversation(hub)
        frames = b"".join(masked(one, chance) for one in packets)
        match chance.randrange(5):
            case 0:  # spoiled MQTT in good frames
                frames = masked(spoiled(packets, chance)[:60_000], chance)
            case 1:  # spoiled frames
                broken = bytearray(frames)
                for _ in range(4):
                    broken[chance.randrange(len(broken))] = chance.randrange(256)
                frames = bytes(broken)
            case 2:  # text, pings, pongs, a goodbye in between
                frames = masked(packets[0], chance) + masked(b"x", chance, chance.choice((1, 3, 8, 9, 10, 11))) + frames
            case 3:
                frames = chance.randbytes(500)
            case 4:
                frames = packets[0]  # no frames at all
        head = upgrade()
        if chance.random() < 0.3:
            at = chance.randrange(25, len(head))
            head = head[:at] + chance.choice((b"", b"\0", b"\r\n\r\n", os.urandom(8))) + head[at + 1 :]
        stream, service = head + frames, chance.choice(("hub", "dps"))
        jobs.append(partial(talk, hub, service, pieces_of(stream, chance), rude=chance.random() < 0.7))
    at_once(jobs)


@pytest.mark.usefixtures("unharmed")
def test_who_never_gets_to_the_point_is_dropped(hub: HubRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "UPGRADE_SECONDS", 0.3)
    monkeypatch.setattr(front, "LINGER_SECONDS", 0.1)
    monkeypatch.setattr(mqtt, "CONNECT_SECONDS", 0.3)
    half = conversation(hub)[0][:-5]
    slow = [("hub", b""), ("hub", b"GET /"), ("hub", upgrade()[:-2])]
    slow += [("dps", upgrade()), ("dps", upgrade() + masked(half, random.Random(1)))]
    clients = []
    for service, data in slow:
        raw = socket.create_connection(("127.0.0.1", port_of(hub, service)), 10)
        clients.append(hub.ssl_context().wrap_socket(raw, server_hostname="localhost"))
        clients[-1].sendall(data)
    until(lambda: not hub.server._clients and not hub.server._tls, "the end of the slow ones", 5)
    for client in clients:
        client.close()


@pytest.mark.usefixtures("unharmed")
def test_who_pings_and_never_reads_is_dropped(hub: HubRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "WAITING_BYTES", 64 * 1024)
    chance = random.Random(8)
    raw = socket.create_connection(("127.0.0.1", port_of(hub, "hub")), 10)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    pings = masked(b"p" * 120, chance, 9) * 20
    with hub.ssl_context().wrap_socket(raw, server_hostname="localhost") as client:
        client.settimeout(10)
        client.sendall(upgrade() + masked(conversation(hub)[0], chance))
        with pytest.raises(OSError):
            for _ in range(20_000):
                client.sendall(pings)


# --- WebSockets that are well-formed ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("unharmed")
def test_packets_may_be_spread_over_frames_and_fragments(hub: HubRunner) -> None:
    chance = random.Random(9)
    stream = b"".join(conversation(hub)[:2]) + packet(0xC0, b"") + packet(0xE0, b"")
    parts = [stream[:3], stream[3:40], stream[40:]]
    frames = [masked(part, chance) for part in parts]
    fragments = [bytes((frame[0] & 0x7F if n < 2 else 0x80,)) + frame[1:] for n, frame in enumerate(frames)]
    fragments = [fragments[0], bytes((0,)) + fragments[1][1:], fragments[2]]
    for sent in (frames, [fragments[0], masked(b"between", chance, 9), *fragments[1:]]):
        answer = talk(hub, "hub", [upgrade("/$iothub/websocket"), *sent], rude=False)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101") and b"sec-websocket-protocol: mqtt" in head.lower()
        bodies = [b"\x20\x02\0\0", b"\x90\x05\0\1\1\1\1", b"\xd0\0", b"\x88\x02\x03\xe8"]
        assert [body in rest for body in bodies] == [True] * 4
        assert (b"\x8a\x07between" in rest) is (sent is not frames)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (upgrade(protocol="soap"), b"400"),
        (upgrade("/$iothub/websocketeer"), b"404"),
        (b"GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\n\r\n", b"4"),
        (upgrade()[:-2] + b"X: " + b"y" * 70_000 + b"\r\n\r\n", b"4"),
    ],
    ids=["another subprotocol", "another path", "no upgrade", "endless header"],
)
@pytest.mark.usefixtures("unharmed")
def test_an_upgrade_that_is_none_is_refused(hub: HubRunner, head: bytes, status: bytes) -> None:
    assert talk(hub, "hub", [head], rude=False).startswith(b"HTTP/1.1 " + status)


def test_the_log_tells_websockets_from_plain_mqtt(hub: HubRunner) -> None:
    world = hub.server.world
    assert world is not None
    before = world.events.since(0)[-1:] or [{"number": 0}]
    chance = random.Random(10)
    talk(hub, "hub", [upgrade(), masked(conversation(hub)[0], chance), masked(packet(0xE0, b""), chance)], rude=False)
    found = until(lambda: world.events.since(before[0]["number"])[:1], "the record")
    assert found[0]["operation"] == "deviceConnect" and found[0]["properties"]["protocol"] == "MqttWs"
