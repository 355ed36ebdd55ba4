"""What a connected device can do: telemetry, twins, direct methods, messages; with unmodified SDKs on both sides."""

from __future__ import annotations

import asyncio
import base64
import queue
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from support.hub import HubRunner
from support.mqtt import Bare, add_device, connection_string, device, hub_connect, options, packet, service, text
from support.waiting import until

pytest.importorskip("azure.iot.device")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", throttle=False) as runner:
        yield runner


@pytest.fixture(scope="module")
def registry(hub: HubRunner) -> Any:
    return service(hub)


def sent_by(hub: HubRunner, device_id: str) -> list[dict[str, Any]]:
    world = hub.server.world
    assert world is not None
    return [one.to_json() for one in world.telemetry.after(0) if one.device_id == device_id]


def test_telemetry_keeps_its_properties_and_moves_the_twin(hub: HubRunner, registry: Any) -> None:
    from azure.iot.device import Message

    record = add_device(hub, "sends")
    with device(hub, "sends") as client:
        assert registry.get_device("sends").connection_state == "Connected"
        before = record.last_activity
        message = Message('{"t": 21}', content_encoding="utf-8", content_type="application/json")
        message.message_id = "m/1"
        message.custom_properties["k e"] = "v&=1"
        client.send_message(message)
        client.send_message(b"\xff\xfe")
        first, second = sent_by(hub, "sends")
        assert first["body"] == '{"t": 21}' and first["properties"] == {"k e": "v&=1"}
        assert first["systemProperties"] == {"mid": "m/1", "ce": "utf-8", "ct": "application/json"}
        assert base64.b64decode(second["body"]) == b"\xff\xfe" and second["encoding"] == "base64"
        assert record.last_activity > before
    until(lambda: registry.get_device("sends").connection_state == "Disconnected", "the goodbye")


def test_twins_go_both_ways(hub: HubRunner, registry: Any) -> None:
    from azure.iot.device.exceptions import ClientError
    from azure.iot.hub.models import Twin, TwinProperties

    record = add_device(hub, "twin")
    record.desired = {"rate": 5, "zone": {"a": 1, "b": 2}}
    patches: queue.Queue[dict[str, Any]] = queue.Queue()
    with device(hub, "twin") as client:
        client.on_twin_desired_properties_patch_received = patches.put
        twin = client.get_twin()
        assert twin["desired"] == {"rate": 5, "zone": {"a": 1, "b": 2}, "$version": 1}
        assert twin["reported"] == {"$version": 1}
        client.patch_twin_reported_properties({"firmware": "1.2", "gone": None, "deep": {"x": [1, 2]}})
        assert client.get_twin()["reported"] == {"firmware": "1.2", "deep": {"x": [1, 2]}, "$version": 2}
        seen = registry.get_twin("twin").properties.reported
        assert seen["firmware"] == "1.2" and seen["$version"] == 2
        registry.update_twin("twin", Twin(properties=TwinProperties(desired={"rate": 9, "zone": {"b": None}})), "*")
        assert patches.get(timeout=10) == {"rate": 9, "zone": {"b": None}, "$version": 2}
        registry.replace_twin("twin", Twin(properties=TwinProperties(desired={"new": True})), "*")
        assert patches.get(timeout=10) == {"rate": None, "zone": None, "new": True, "$version": 3}
        with pytest.raises(ClientError) as refused:
            client.patch_twin_reported_properties({"big": "x" * 40_000})
        assert "400" in repr(refused.value.__cause__)
        assert record.reported_version == 2


def test_a_direct_method_is_answered_by_the_device(hub: HubRunner, registry: Any) -> None:
    from azure.iot.device import MethodResponse
    from azure.iot.hub.models import CloudToDeviceMethod

    add_device(hub, "method")
    with device(hub, "method") as client:

        def answer(request: Any) -> None:
            said = {"got": request.payload, "name": request.name}
            client.send_method_response(MethodResponse.create_from_method_request(request, 207, said))

        client.on_method_request_received = answer
        ask = CloudToDeviceMethod(method_name="re boot/now", payload={"in": 3}, response_timeout_in_seconds=10)
        result = registry.invoke_device_method("method", ask)
        assert (result.status, result.payload) == (207, {"got": {"in": 3}, "name": "re boot/now"})


def test_without_a_listener_a_method_says_not_online_or_waits_for_one(hub: HubRunner, registry: Any) -> None:
    from azure.iot.device import MethodResponse
    from azure.iot.hub.models import CloudToDeviceMethod
    from msrest.exceptions import HttpOperationError

    add_device(hub, "late")
    with pytest.raises(HttpOperationError) as refused:
        registry.invoke_device_method("late", CloudToDeviceMethod(method_name="x", payload=1))
    assert refused.value.response.status_code == 404
    assert "404103" in refused.value.response.text
    results: list[Any] = []
    ask = CloudToDeviceMethod(method_name="x", payload=1, connect_timeout_in_seconds=20)
    waiting = threading.Thread(target=lambda: results.append(registry.invoke_device_method("late", ask)))
    waiting.start()
    with device(hub, "late") as client:
        client.on_method_request_received = lambda request: client.send_method_response(
            MethodResponse.create_from_method_request(request, 200, None)
        )
        waiting.join(15)
    assert [one.status for one in results] == [200]


def test_a_device_that_does_not_answer_gives_504(hub: HubRunner, registry: Any) -> None:
    from azure.iot.hub.models import CloudToDeviceMethod
    from msrest.exceptions import HttpOperationError

    from console.localhub import registry_twins

    add_device(hub, "silent")
    with device(hub, "silent") as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_twins, "RESPONSE_SECONDS", range(301))
        client.on_method_request_received = lambda _request: None
        ask = CloudToDeviceMethod(method_name="x", payload=1, response_timeout_in_seconds=1)
        with pytest.raises(HttpOperationError) as refused:
            registry.invoke_device_method("silent", ask)
    assert refused.value.response.status_code == 504
    assert "504101" in refused.value.response.text


def test_messages_wait_for_the_device_and_are_counted(hub: HubRunner, registry: Any) -> None:
    from console.localhub.switchboard import QUEUE_LIMIT, QueueFull

    world = hub.server.world
    assert world is not None
    record = add_device(hub, "c2d")
    for number in range(QUEUE_LIMIT):
        world.board.enqueue(hub.hub, "c2d", {"ct": "text/plain"}, {"n": str(number)}, b"hello")
    with pytest.raises(QueueFull):
        world.board.enqueue(hub.hub, "c2d", {}, {}, b"one too many")
    assert registry.get_device("c2d").cloud_to_device_message_count == QUEUE_LIMIT
    got: queue.Queue[Any] = queue.Queue()
    with device(hub, "c2d") as client:
        client.on_message_received = got.put
        messages = [got.get(timeout=10) for _ in range(QUEUE_LIMIT)]
        assert {(one.data, one.content_type) for one in messages} == {(b"hello", "text/plain")}
        # the SDK hands messages to several threads at once: their order there is not the order on the wire
        assert sorted(int(one.custom_properties["n"]) for one in messages) == list(range(QUEUE_LIMIT))
        until(lambda: record.c2d_count == 0, "the receipts")
        world.board.enqueue(hub.hub, "c2d", {}, {}, b"live")
        assert got.get(timeout=10).data == b"live"
    world.board.enqueue(hub.hub, "c2d", {}, {}, b"never wanted")
    assert (
        registry.protocol.cloud_to_device_messages.purge_cloud_to_device_message_queue("c2d").total_messages_purged == 1
    )
    assert record.c2d_count == 0


def test_messages_come_in_the_order_they_were_sent(hub: HubRunner) -> None:
    world = hub.server.world
    assert world is not None
    record = add_device(hub, "c2d-order")
    for number in range(10):
        world.board.enqueue(hub.hub, "c2d-order", {}, {"n": str(number)}, b"")
    with Bare(hub) as bare:
        bare.send(hub_connect(hub, "c2d-order"))
        assert bare.packet() == (0x20, b"\0\0")
        bare.send(packet(0x82, b"\0\1" + text("devices/c2d-order/messages/devicebound/#") + b"\1"))
        assert bare.packet() == (0x90, b"\0\1\1")
        came = []
        for _ in range(10):
            first, body = bare.packet() or (0, b"")
            assert first & 0xF6 == 0x32, "a message that asks for a receipt"
            (size,) = struct.unpack("!H", body[:2])
            came.append(body[2 : 2 + size].rpartition(b"n=")[2])
            bare.send(packet(0x40, body[2 + size : 4 + size]))
        assert came == [str(number).encode() for number in range(10)]
        until(lambda: record.c2d_count == 0, "the receipts")


def test_modules_have_twins_methods_and_outputs_of_their_own(hub: HubRunner, registry: Any) -> None:
    from azure.iot.device import IoTHubModuleClient, MethodResponse
    from azure.iot.hub.models import CloudToDeviceMethod

    record = add_device(hub, "gateway", "filter")
    client = IoTHubModuleClient.create_from_connection_string(
        connection_string(hub, "gateway", "filter"), **options(hub)
    )
    try:
        client.connect()
        assert record.connection_state == "Disconnected", "a module is not its device"
        client.on_method_request_received = lambda request: client.send_method_response(
            MethodResponse.create_from_method_request(request, 201, "from the module")
        )
        client.patch_twin_reported_properties({"level": 3})
        assert record.modules["filter"].reported == {"level": 3} and record.reported == {}
        ask = CloudToDeviceMethod(method_name="x", payload=None)
        result = registry.invoke_device_module_method("gateway", "filter", ask)
        assert (result.status, result.payload) == (201, "from the module")
        client.send_message_to_output("hot", "alarms")
        (message,) = sent_by(hub, "gateway")
        assert message["moduleId"] == "filter" and message["systemProperties"]["on"] == "alarms"
    finally:
        client.shutdown()


@pytest.mark.parametrize("websockets", [False, True])
async def test_the_asyncio_client_does_the_same(hub: HubRunner, registry: Any, websockets: bool) -> None:
    from azure.iot.device.aio import IoTHubDeviceClient
    from azure.iot.hub.models import Twin, TwinProperties

    name = f"aio-{websockets}"
    add_device(hub, name)
    patches: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    client = IoTHubDeviceClient.create_from_connection_string(
        connection_string(hub, name), **options(hub, websockets=websockets)
    )

    loop = asyncio.get_running_loop()

    async def patched(patch: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(patches.put_nowait, patch)  # the client runs its handlers in a loop of its own

    client.on_twin_desired_properties_patch_received = patched
    try:
        await client.connect()
        await client.send_message("from asyncio" * 1000)
        await client.get_twin()
        update = Twin(properties=TwinProperties(desired={"a": 1}))
        await asyncio.to_thread(registry.update_twin, name, update, "*")
        async with asyncio.timeout(10):
            assert await patches.get() == {"a": 1, "$version": 2}
    finally:
        await client.shutdown()
    assert sent_by(hub, name)[0]["body"] == "from asyncio" * 1000
