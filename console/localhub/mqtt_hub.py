"""Devices and modules of a hub over MQTT: let in by the hub's door, then telemetry, twins, methods and messages."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from console.localhub import mqtt_packets as wire
from console.localhub.door import Attempt, Door, Session, Verdict
from console.localhub.doors import Doors
from console.localhub.front import ConnInfo
from console.localhub.mqtt import ClientSession, MqttConnection, Refused
from console.localhub.mqtt_topics import HubTopics
from console.localhub.state import Cloud, HubState
from console.localhub.switchboard import Switchboard
from console.localhub.telemetry import Telemetry

if TYPE_CHECKING:
    from console.localhub.mqtt_gate import Claimed
    from console.localhub.query import QueryIndex

MESSAGE_LIMIT = 256 * 1024
_VERSIONS = {"TLSv1.2": "1.2", "TLSv1.3": "1.3"}


class HubSessions:
    """Accepts the MQTT clients of every hub of the cloud."""

    def __init__(
        self, cloud: Cloud, doors: Doors, telemetry: Telemetry, board: Switchboard, index: QueryIndex | None = None
    ) -> None:
        self.cloud = cloud
        self.doors = doors
        self.telemetry = telemetry
        self.board = board
        self.index = index

    async def accept(
        self, claim: Claimed, connect: wire.Connect, info: ConnInfo, client: MqttConnection
    ) -> ClientSession:
        """Let the hub's door decide. Raises Refused."""
        with self.cloud.lock:
            hub = self.cloud.hub_by_host(claim.place)
        if hub is None:
            raise Refused
        door = self.doors.of(hub)
        attempt = Attempt(
            self.cloud.clock.story(),
            claim.device_id,
            info.peer[0],
            client.protocol_name,
            claim.query.get("DeviceClientType", ""),
            connect.password or None,
            info.client_chain,
            claim.module_id,
            _VERSIONS.get(info.tls_version, info.tls_version),
            self.cloud.clock.wall(),
        )
        verdict, session = await client.loop.run_in_executor(
            client.pool, door.admit, attempt, lambda _code: client.kick_soon()
        )
        if session is None:
            raise Refused
        return HubSession(self, hub, door, verdict, session, connect, client)


class HubSession:
    """One connected device or module."""

    def __init__(
        self,
        owner: HubSessions,
        hub: HubState,
        door: Door,
        verdict: Verdict,
        session: Session,
        connect: wire.Connect,
        client: MqttConnection,
    ) -> None:
        self.hub = hub
        self.identity = session.identity
        self.client = client
        self._owner = owner
        self._door = door
        self._session = session
        self._connect = connect
        device, _, module = session.identity.partition("/")
        self.device_id, self.module_id = device, module or None
        base = f"devices/{device}/" + (f"modules/{module}/" if module else "")
        self._events = base + "messages/events/"
        self._topics = HubTopics(hub, self.identity, client, owner.board, owner.index, owner.cloud.clock.story)
        if door.sessions.get(self.identity) is session:  # else a newer connection has taken its place already
            owner.board.attach(hub, self.identity, self._topics)
        self._timer: asyncio.TimerHandle | None = None
        if verdict.expires is not None:
            self._plan_expiry()

    async def publish(self, message: wire.Publish) -> bool:
        """Take telemetry; other topics are IoT Hub's own, or unknown: then the connection ends."""
        if len(message.payload) > MESSAGE_LIMIT:
            return False
        topic = message.topic
        self._door.active(self.identity, self._owner.cloud.clock.story())
        if topic == self._events[:-1] or topic.startswith(self._events):
            self._telemetry(topic[len(self._events) :], message.payload, retained=message.retain)
            return True
        return await self._topics.publish(message)

    async def subscribe(self, topic: str, qos: int) -> int:
        """Refuse what IoT Hub does not know."""
        return await self._topics.subscribe(topic, qos)

    async def subscribed(self) -> None:
        """Send what waits for the client."""
        await self._topics.go_on()

    async def unsubscribe(self, topic: str) -> None:
        """Take a filter back."""
        self._topics.unsubscribe(topic)

    def acknowledged(self, packet_id: int) -> None:
        """Take the receipt of a cloud-to-device message."""
        self._door.active(self.identity, self._owner.cloud.clock.story())
        self._topics.acknowledged(packet_id)

    async def closed(self, *, clean: bool) -> None:
        """Leave through the door, once; send the will where there was no goodbye."""
        if self._timer is not None:
            self._timer.cancel()
        self._owner.board.detach(self.hub, self.identity, self._topics)
        now = self._owner.cloud.clock.story()
        if not clean and self._connect.will_topic is not None:
            topic = self._connect.will_topic
            if topic == self._events[:-1] or topic.startswith(self._events):
                self._telemetry(topic[len(self._events) :], self._connect.will_payload, will=True)

        def leave() -> None:
            self._door.leave(self._session, now, clean=clean)

        await self.client.loop.run_in_executor(self.client.pool, leave)

    # --- inside -------------------------------------------------------------------------------------------------

    def _telemetry(self, bag: str, body: bytes, *, retained: bool = False, will: bool = False) -> None:
        if retained:  # IoT Hub keeps no message, and marks it (MQTT support, "RETAIN flag")
            bag = f"{bag}&mqtt-retain=true".lstrip("&")
        if will:
            bag = f"{bag}&iothub-MessageType=Will".lstrip("&")
        now = self._owner.cloud.clock.story()
        self._owner.telemetry.add(now, self.hub.name, self.device_id, self.module_id, bag, body)

    def _plan_expiry(self) -> None:
        """End the connection when its token has been out for the door's grace."""
        expires = self._session.expires
        assert expires is not None, "asked for only with a token"
        left = (expires + self._door.grace - self._owner.cloud.clock.wall()) / timedelta(seconds=1)
        # in slices: the clock can be moved, and a timer takes no year
        self._timer = self.client.loop.call_later(min(max(left + 0.05, 0.0), 3600.0), self._expire)

    def _expire(self) -> None:
        clock = self._owner.cloud.clock

        def end() -> bool:
            return self._door.expire(self.identity, clock.story(), clock.wall())

        def told(done: asyncio.Future[bool]) -> None:
            if not done.cancelled() and not done.exception() and not done.result():
                self._plan_expiry()

        if self._door.sessions.get(self.identity) is self._session:
            self.client.loop.run_in_executor(self.client.pool, end).add_done_callback(told)
