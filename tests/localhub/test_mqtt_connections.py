"""Connections over MQTT as such: who is dropped and when, what may be subscribed and sent, what the log says of it."""

from __future__ import annotations

import base64
import hmac
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from support.hub import HubRunner
from support.mqtt import Bare, add_device, connect_packet, connection_string, hub_connect, options, packet, text
from support.waiting import until

from console.localhub import server
from console.localhub.switchboard import MOST_DELIVERIES, TIME_TO_LIVE, Switchboard, TooLarge

ACCEPTED = (0x20, b"\0\0")
DISCONNECT, PING = packet(0xE0, b""), packet(0xC0, b"")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "SAMPLE_SECONDS", 0.05)
        with HubRunner(scenario="empty", throttle=False) as runner:
            yield runner


@contextmanager
def connected(hub: HubRunner, device_id: str, **more: Any) -> Iterator[Bare]:
    with Bare(hub) as client:
        client.send(hub_connect(hub, device_id, **more))
        assert client.packet() == ACCEPTED
        yield client


def subscribe(*topics: tuple[str, int]) -> bytes:
    return packet(0x82, struct.pack("!H", 7) + b"".join(text(topic) + bytes((qos,)) for topic, qos in topics))


def publish(topic: str, payload: bytes = b"", qos: int = 0) -> bytes:
    return packet(0x30 | qos << 1, text(topic) + (b"\0\5" if qos else b"") + payload)


def log_of(hub: HubRunner, device_id: str) -> list[tuple[str, str]]:
    """Return operation and code of every record of a device or module."""
    assert hub.server.world is not None
    device, _, module = device_id.partition("/")
    return [
        (row["operation"], row["code"])
        for row in hub.server.world.events.since(0)
        if row["properties"]["deviceId"] == device and row["properties"].get("moduleId", "") == module
    ]


def wills_of(hub: HubRunner, device_id: str) -> list[bytes]:
    assert hub.server.world is not None
    sent = [one for one in hub.server.world.telemetry.after(0) if one.device_id == device_id]
    return [one.body for one in sent if one.properties.get("iothub-MessageType") == "Will"]


def test_a_newer_connection_takes_the_place_of_the_older_one(hub: HubRunner) -> None:
    record = add_device(hub, "twice")
    with connected(hub, "twice") as old, connected(hub, "twice") as new:
        assert old.ended()
        new.send(PING)
        assert new.packet() == (0xD0, b"")
        assert log_of(hub, "twice") == [("deviceConnect", ""), ("deviceDisconnect", "400027"), ("deviceConnect", "")]
        assert record.connection_state == "Connected"
        new.send(DISCONNECT)
        assert new.ended()
    until(lambda: record.connection_state == "Disconnected", "the goodbye")
    assert log_of(hub, "twice")[-1] == ("deviceDisconnect", "")


def test_the_will_is_sent_for_who_goes_without_a_goodbye(hub: HubRunner) -> None:
    add_device(hub, "will")
    will = ("devices/will/messages/events/", b"I am gone")
    with connected(hub, "will", will=will) as client:
        client.send(DISCONNECT)
        assert client.ended()
    until(lambda: log_of(hub, "will")[-1] == ("deviceDisconnect", ""), "the goodbye")
    assert wills_of(hub, "will") == []
    with connected(hub, "will", will=will):
        pass
    until(lambda: wills_of(hub, "will") == [b"I am gone"], "the will")
    until(lambda: log_of(hub, "will")[-1] == ("deviceDisconnect", "404104"), "the record")


def test_who_is_silent_for_longer_than_one_and_a_half_keep_alives_is_dropped(hub: HubRunner) -> None:
    record = add_device(hub, "silent")
    with connected(hub, "silent", keep_alive=1) as client:
        assert client.ended()
    until(lambda: record.connection_state == "Disconnected", "the end")
    assert log_of(hub, "silent") == [("deviceConnect", ""), ("deviceDisconnect", "404104")]


def test_a_connection_ends_with_its_token(hub: HubRunner) -> None:
    add_device(hub, "expires")
    assert hub.server.world is not None
    door = hub.server.world.doors.of(hub.hub)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "grace", timedelta(0))
        with connected(hub, "expires", lifetime=1) as client:
            assert client.ended()
    until(lambda: len(log_of(hub, "expires")) == 3, "the records")
    assert log_of(hub, "expires")[1:] == [("deviceDisconnect", "401003"), ("deviceDisconnect", "404104")]


def disable(hub: HubRunner) -> None:
    hub.hub.devices["dropped"].status = "disabled"
    hub.cloud.notify(hub.hub, "device:dropped")


def delete(hub: HubRunner) -> None:
    with hub.hub.lock:
        del hub.hub.devices["dropped"]
    hub.cloud.notify(hub.hub, "device:dropped")


def block(hub: HubRunner) -> None:
    hub.hub.resource["properties"]["publicNetworkAccess"] = "Disabled"
    hub.hub.network_changed += 1
    hub.cloud.notify(hub.hub, "network")


@pytest.mark.parametrize("change", [disable, delete, block])
def test_who_may_not_be_connected_any_more_is_dropped(hub: HubRunner, change: Callable[[HubRunner], None]) -> None:
    add_device(hub, "dropped")
    before = len(log_of(hub, "dropped"))
    try:
        with connected(hub, "dropped") as client:
            change(hub)
            assert client.ended()
            client.socket.close()
            with Bare(hub) as again:
                if "dropped" in hub.hub.devices:
                    again.send(hub_connect(hub, "dropped"))
                    assert again.packet() == (0x20, b"\0\5")
    finally:
        hub.hub.resource["properties"]["publicNetworkAccess"] = "Enabled"
        hub.hub.network_changed += 1
    assert log_of(hub, "dropped")[before : before + 2] == [("deviceConnect", ""), ("deviceDisconnect", "404104")]


def test_a_module_is_dropped_when_it_is_deleted(hub: HubRunner) -> None:
    pytest.importorskip("azure.iot.device")
    from azure.iot.device import IoTHubModuleClient

    record = add_device(hub, "edge", "camera")
    client = IoTHubModuleClient.create_from_connection_string(
        connection_string(hub, "edge", "camera"), **options(hub, connection_retry=False)
    )
    try:
        client.connect()
        assert record.modules["camera"].connection_state == "Connected" and record.connection_state == "Disconnected"
        with hub.hub.lock:
            del record.modules["camera"]
        hub.cloud.notify(hub.hub, "device:edge")
        until(lambda: not client.connected, "the end of the connection")
    finally:
        client.shutdown()
    assert log_of(hub, "edge/camera") == [("deviceConnect", ""), ("deviceDisconnect", "404104")]


def test_the_platforms_metric_counts_connected_devices_without_a_scenario(hub: HubRunner) -> None:
    add_device(hub, "counted")

    def last() -> float | None:
        with hub.hub.lock:
            points = hub.hub.metric_history.get("connectedDeviceCount") or [(None, None)]
            return points[-1][1]

    until(lambda: last() == 0, "a point of the quiet hub")
    with connected(hub, "counted"):
        until(lambda: last() == 1, "a point with the device")
    until(lambda: last() == 0, "a point after it")


def test_only_the_hubs_own_filters_are_granted(hub: HubRunner) -> None:
    add_device(hub, "subscribes")
    add_device(hub, "other")
    filters = [
        ("devices/subscribes/messages/devicebound/#", 2),
        ("$iothub/twin/res/#", 0),
        ("$iothub/methods/POST/#", 1),
        ("#", 0),
        ("devices/+/messages/devicebound/#", 1),
        ("devices/other/messages/devicebound/#", 1),
        ("$iothub/twin/PATCH/properties/desired/#", 1),
    ]
    with connected(hub, "subscribes") as client:
        client.send(subscribe(*filters))
        assert client.packet() == (0x90, b"\0\7" + bytes((1, 0, 1, 0x80, 0x80, 0x80, 1)))
        client.send(packet(0xA2, b"\0\x08" + text("#") + text("$iothub/twin/res/#")))
        assert client.packet() == (0xB0, b"\0\x08")
        client.send(publish("$iothub/twin/GET/?$rid=1") + PING)
        assert client.packet() == (0xD0, b""), "an answer would go to a topic that was given up"


@pytest.mark.parametrize(
    "sent",
    [
        publish("devices/other/messages/events/", b"as somebody else"),
        publish("elsewhere", b""),
        publish("devices/sender/messages/events/", b"twice at most", qos=2),
        publish("devices/sender/messages/events/", b"x" * (256 * 1024 + 1)),
        hub_connect,
    ],
    ids=["another device", "unknown topic", "QoS 2", "too large", "second CONNECT"],
)
def test_what_the_hub_does_not_take_ends_the_connection(
    hub: HubRunner, sent: bytes | Callable[[HubRunner, str], bytes]
) -> None:
    add_device(hub, "sender")
    with connected(hub, "sender") as client:
        client.send(publish("devices/sender/messages/events/", b"taken", qos=1))
        assert client.packet() == (0x40, b"\0\5")
        client.send(sent if isinstance(sent, bytes) else sent(hub, "sender"))
        assert client.ended()


def test_a_connect_that_names_nobody_is_refused(hub: HubRunner) -> None:
    add_device(hub, "named")
    name = f"{hub.hub.host}/named/?api-version=2021-04-12"
    refused = {
        connect_packet("other", name, "x"): b"\0\5",
        connect_packet("named", "nobody", "x"): b"\0\5",
        connect_packet("named", f"elsewhere.azure-devices.net/named/?{name}", "x"): b"\0\5",
        packet(0x10, text("MQTT") + b"\5\0\0\x3c\0" + text("named")): b"\0\1",
    }
    for sent, code in refused.items():
        with Bare(hub) as client:
            client.send(sent)
            assert client.packet() == (0x20, code)
            assert client.ended()
    for sent in (PING, publish("devices/named/messages/events/")):
        with Bare(hub) as client:
            client.send(sent)
            assert client.ended(), "nothing comes before the CONNECT"


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b'{"a": NaN}', "JSON"),
        (b'{"a": "\\ud800"}', "JSON"),
        (b'{"$version": 1}', "character"),
        (json.dumps({"a": "x" * 4097}).encode(), "text"),
        (json.dumps({"a": ["x" * 4000] * 9}).encode(), "larger"),
        (b'{"a":' * 11 + b"1" + b"}" * 11, "deeper"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_what_no_twin_can_hold_is_refused_and_says_why(hub: HubRunner, patch: bytes, said: str) -> None:
    record = hub.hub.devices.get("reports") or add_device(hub, "reports")
    with connected(hub, "reports") as client:
        client.send(
            subscribe(("$iothub/twin/res/#", 0)) + publish("$iothub/twin/PATCH/properties/reported/?$rid=a%7e", patch)
        )
        assert client.packet() == (0x90, b"\0\7\0")
        answer = client.packet()
        assert answer is not None
        topic, body = answer[1][2 : 2 + answer[1][1]], json.loads(answer[1][2 + answer[1][1] :])
        assert topic == b"$iothub/twin/res/400/?$rid=a%7e"
        assert body["errorCode"] == 400004 and said in body["message"]
    assert record.reported == {} and record.reported_version == 1


def test_a_report_leaves_the_etag_that_a_back_end_goes_by(hub: HubRunner) -> None:
    record = add_device(hub, "etag")
    etag, version = record.twin_etag, record.twin_version
    with connected(hub, "etag") as client:
        client.send(publish("$iothub/twin/PATCH/properties/reported/?$rid=1", b'{"a":1}') + PING)
        assert client.packet() == (0xD0, b"")
    assert record.reported == {"a": 1} and (record.twin_etag, record.twin_version) == (etag, version + 1)


def test_a_message_without_a_receipt_comes_again(hub: HubRunner) -> None:
    record = add_device(hub, "again")
    assert hub.server.world is not None
    hub.server.world.board.enqueue(hub.hub, "again", {}, {"k": "ä &="}, b"take me")
    bound = subscribe(("devices/again/messages/devicebound/#", 1))
    with connected(hub, "again") as client:
        client.send(bound)
        client.packet()
        first = client.packet()
        assert (
            first is not None
            and first[0] == 0x32
            and first[1].endswith(b"take me")
            and b"k=%C3%A4%20%26%3D" in first[1]
        )
    until(lambda: record.connection_state == "Disconnected", "the end")
    assert record.c2d_count == 1
    with connected(hub, "again") as client:
        client.send(bound)
        client.packet()
        second = client.packet()
        assert second is not None and second[1].endswith(b"take me")
        size = struct.unpack("!H", second[1][:2])[0]
        client.send(packet(0x40, second[1][2 + size : 4 + size]) + PING)
        assert client.packet() == (0xD0, b"")
        assert record.c2d_count == 0


def test_messages_do_not_wait_for_ever(hub: HubRunner) -> None:
    record = add_device(hub, "waits")
    now = [datetime.now(UTC)]
    board = Switchboard(lambda: now[0])

    class Deaf:
        takes_methods = False

        def messages_wait(self) -> None:
            """Look at nothing."""

    link: Any = Deaf()
    board.enqueue(hub.hub, "waits", {}, {}, b"too late")
    now[0] += TIME_TO_LIVE
    assert board.take(hub.hub, "waits", link) == [] and record.c2d_count == 0
    board.enqueue(hub.hub, "waits", {}, {}, b"unwanted")
    taken = 0
    while board.take(hub.hub, "waits", link):
        taken += 1
        board.detach(hub.hub, "waits", link)
    assert taken == MOST_DELIVERIES and record.c2d_count == 0
    for body, value in ((b"x" * 65_537, ""), (b"", "\N{SNOWMAN}" * 7000)):
        with pytest.raises(TooLarge):
            board.enqueue(hub.hub, "waits", {}, {"k": value}, body)


@pytest.mark.parametrize(("device_id", "spelled"), [("n@m.et#st", "n%2540m.et%2523st"), ("N@m", "N%2540m")])
def test_an_id_that_is_encoded_twice_in_the_token_is_let_in(hub: HubRunner, device_id: str, spelled: str) -> None:
    key = base64.b64decode(add_device(hub, device_id).primary_key or "")
    resource = f"{hub.hub.host}%2Fdevices%2F"
    for wanted, answer in ((spelled, b"\0\0"), (spelled + "x", b"\0\5"), (f"{spelled}%2Fmodule%2Fm", b"\0\5")):
        signed = hmac.digest(key, f"{resource}{wanted}\n4102444800".encode(), "sha256")
        token = f"SharedAccessSignature sr={resource}{wanted}&sig={quote_plus(base64.b64encode(signed))}&se=4102444800"
        with Bare(hub) as client:
            client.send(connect_packet(device_id, f"{hub.hub.host}/{device_id}/?api-version=2021-04-12", token))
            assert client.packet() == (0x20, answer)
