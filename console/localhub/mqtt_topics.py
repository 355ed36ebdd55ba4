"""IoT Hub's own topics over MQTT: twins, direct methods, cloud-to-device messages of one connected identity."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from copy import copy, deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from console.localhub import mqtt_packets as wire
from console.localhub import wire_json
from console.localhub.door import stamp
from console.localhub.mqtt import MqttConnection
from console.localhub.registry_errors import RegistryError, Shape
from console.localhub.registry_twins import check_reported, merged
from console.localhub.state import DeviceRecord, HubState, Json
from console.localhub.switchboard import MethodAnswer, QueuedMessage, Switchboard
from console.localhub.telemetry import write_bag

if TYPE_CHECKING:
    from console.localhub.query import QueryIndex

TWIN_ANSWERS = "$iothub/twin/res/#"
DESIRED = "$iothub/twin/PATCH/properties/desired/#"
METHODS = "$iothub/methods/POST/#"
_TWIN_GET = re.compile(r"\$iothub/twin/GET/\?(.*)", re.DOTALL)
_TWIN_PATCH = re.compile(r"\$iothub/twin/PATCH/properties/reported/\?(.*)", re.DOTALL)
_METHOD_ANSWER = re.compile(r"\$iothub/methods/res/(-?\d{1,9})/\?(.*)", re.DOTALL)


class HubTopics:
    """What a connected identity may subscribe to and publish beside telemetry. A `Link` of the switchboard.

    (IoT Hub's MQTT support: retrieving twins, updating reported properties, receiving desired ones, direct methods,
    receiving cloud-to-device messages. Subscriptions last as long as the connection: the local hub keeps no session.)
    """

    def __init__(
        self,
        hub: HubState,
        identity: str,
        client: MqttConnection,
        board: Switchboard,
        index: QueryIndex | None,
        now: Callable[[], datetime],
    ) -> None:
        self.hub = hub
        self.identity = identity
        self._client = client
        self._board = board
        self._index = index
        self._now = now
        device, _, module = identity.partition("/")
        self._device, self._module = device, module
        base = f"devices/{device}/modules/{module}" if module else f"devices/{device}"
        self._bound = f"{base}/messages/devicebound/"
        self._filters = {TWIN_ANSWERS, DESIRED, METHODS, self._bound + "#"}
        if module:
            self._filters |= {f"{base}/inputs/#", f"{base}/#"}
        self._granted: dict[str, int] = {}
        self._desired: Json | None = None
        self._version = 0
        self._methods: dict[str, MethodAnswer] = {}
        self._request = 0
        self._unacknowledged: dict[int, QueuedMessage] = {}

    # --- from the client, on the event loop ---------------------------------------------------------------------

    async def subscribe(self, topic: str, qos: int) -> int:
        """Grant a filter that the hub knows."""
        if topic not in self._filters:
            return wire.REFUSED_SUBSCRIPTION
        self._granted[topic] = qos
        if topic == DESIRED:
            self._version, self._desired = await self._in_pool(self._current)
        return qos

    async def go_on(self) -> None:
        """Send what waits, after the SUBACK."""
        if METHODS in self._granted:
            self._board.listens()
        if DESIRED in self._granted:
            await self._in_pool(self.twin_changed)  # what changed between the look at the twin and now
        self._deliver()

    def unsubscribe(self, topic: str) -> None:
        """Take a filter back."""
        self._granted.pop(topic, None)

    async def publish(self, message: wire.Publish) -> bool:
        """Take a message to one of the hub's topics; False for any other."""
        if (match := _TWIN_GET.fullmatch(message.topic)) is not None:
            body = await self._in_pool(self._twin)
            self._answer_twin(404 if body is None else 200, _id(match[1]), body)
            return True
        if (match := _TWIN_PATCH.fullmatch(message.topic)) is not None:
            status, said = await self._in_pool(lambda: self._report(message.payload))
            if isinstance(said, int):
                self._answer_twin(status, _id(match[1]), None, said)
            else:
                self._answer_twin(status, _id(match[1]), said)
            return True
        if (match := _METHOD_ANSWER.fullmatch(message.topic)) is not None:
            answered = self._methods.pop(_id(match[2]), None)
            if answered is not None:
                answered(int(match[1]), message.payload)
            return True
        return False

    def acknowledged(self, packet_id: int) -> None:
        """Take the receipt of a cloud-to-device message."""
        message = self._unacknowledged.pop(packet_id, None)
        if message is not None:
            self._board.complete(self.hub, self._device, message)

    def forget_method(self, answered: MethodAnswer) -> None:
        """Take no answer to a direct method any more."""

        def forget() -> None:
            self._methods = {name: one for name, one in self._methods.items() if one is not answered}

        self._soon(forget)

    # --- from the service, on any thread ------------------------------------------------------------------------

    @property
    def takes_methods(self) -> bool:
        """Whether it listens for direct methods."""
        return METHODS in self._granted

    def call_method(self, name: str, payload: bytes, answered: MethodAnswer) -> None:
        """Send a direct method."""

        def send() -> None:
            self._request += 1
            request = f"{self._request:x}"
            self._methods[request] = answered
            self._client.send(f"$iothub/methods/POST/{quote(name, safe='')}/?$rid={request}", payload)

        self._soon(send)

    def twin_changed(self) -> None:
        """Push desired properties when they are other ones now."""
        if DESIRED not in self._granted:
            return
        version, desired = self._current()

        def push() -> None:
            if version <= self._version or self._desired is None or DESIRED not in self._granted:
                return
            patch = difference(self._desired, desired)
            self._version, self._desired = version, desired
            body = json.dumps({**patch, "$version": version}, separators=(",", ":"))
            self._client.send(f"$iothub/twin/PATCH/properties/desired/?$version={version}", body.encode())

        self._soon(push)

    def messages_wait(self) -> None:
        """Take what waits in the queue."""
        self._soon(self._deliver)

    # --- inside -------------------------------------------------------------------------------------------------

    def _soon(self, action: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the connection with it
            self._client.loop.call_soon_threadsafe(action)

    async def _in_pool(self, action: Any) -> Any:
        return await self._client.loop.run_in_executor(self._client.pool, action)

    def _record(self) -> DeviceRecord | None:
        device = self.hub.devices.get(self._device)
        return device.modules.get(self._module) if device is not None and self._module else device

    def _current(self) -> tuple[int, Json]:
        with self.hub.lock:
            record = self._record()
            return (record.desired_version, deepcopy(record.desired)) if record is not None else (0, {})

    def _twin(self) -> Json | None:
        with self.hub.lock:
            record = self._record()
            if record is None:
                return None
            return {
                "desired": {**deepcopy(record.desired), "$version": record.desired_version},
                "reported": {**deepcopy(record.reported), "$version": record.reported_version},
            }

    def _report(self, payload: bytes) -> tuple[int, int | Json]:
        """Lay reported properties over the twin's; return the status and the new version, or the error's body."""
        try:
            patch = wire_json.loads(payload)
        except ValueError:
            return 400, self._refusal("The reported properties are not valid JSON.")
        if not isinstance(patch, dict):
            return 400, self._refusal("The reported properties must be a JSON object.")
        with self.hub.lock:
            record = self._record()
            if record is None:
                return 404, self._refusal("Not found.", 404001)
            try:
                reported = check_reported(merged(record.reported, patch), patch)
            except RegistryError as error:
                return 400, self._refusal(error.text)
            if self._index is not None and not self._module:
                self._index.device_changes(self.hub, self._device, copy(record))
            record.reported = reported
            record.reported_version += 1
            record.reported_changes += 1
            record.twin_updated = stamp(self._now())
            return 204, record.reported_version

    def _refusal(self, text: str, number: int = 400004) -> Json:
        """Return an error's body as the service writes it to the answer's topic (github.com/amenzhinsky/iothub, 70)."""
        return RegistryError(400, "", text, shape=Shape.NUMBERED, number=number).body(self._now())

    def _answer_twin(self, status: int, request: str, body: Json | None, version: int | None = None) -> None:
        if TWIN_ANSWERS not in self._granted:
            return
        topic = f"$iothub/twin/res/{status}/?$rid={request}" + (f"&$version={version}" if version is not None else "")
        self._client.send(topic, b"" if body is None else json.dumps(body, separators=(",", ":")).encode())

    def _deliver(self) -> None:
        qos = self._granted.get(self._bound + "#")
        if qos is None or self._module:
            return
        for message in self._board.take(self.hub, self._device, self):
            packet_id = self._client.send(
                self._bound + write_bag(message.system, message.properties), message.body, qos
            )
            if packet_id:
                self._unacknowledged[packet_id] = message
            else:
                self._board.complete(self.hub, self._device, message)


def difference(before: Json, after: Json) -> Json:
    """Return the patch that leads from one object to another; null stands for what is gone."""
    patch: Json = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if below := difference(old, value):
                patch[name] = below
        elif name not in before or old != value:
            patch[name] = value
    return patch


def _id(query: str) -> str:
    """Return `$rid` of a topic's query, as sent."""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote(name) == "$rid":
            return value
    return dict(parse_qsl(query)).get("$rid", "")
