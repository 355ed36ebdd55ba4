"""Trouble on purpose over MQTT: stands between the clients and the gate, and between a client and its session."""

from __future__ import annotations

import asyncio

from console.localhub import mqtt_packets as wire
from console.localhub.faults import Fault, Faults
from console.localhub.front import ConnInfo
from console.localhub.mqtt import Acceptor, ClientSession, MqttConnection, Refused

ENDPOINT = "mqtt"


class FaultyAcceptor:
    """Decides as another acceptor does, unless a fault comes first. A fault's path is the client id here."""

    def __init__(self, acceptor: Acceptor, faults: Faults) -> None:
        self._acceptor = acceptor
        self._faults = faults

    async def accept(self, connect: wire.Connect, info: ConnInfo, client: MqttConnection) -> ClientSession:
        """Return the session of an accepted client. Raises Refused."""

        def take(kind: str) -> Fault | None:
            return self._faults.take(kind, ENDPOINT, connect.client_id, "CONNECT")

        if fault := take("latency"):
            await asyncio.sleep(fault.seconds)
        if fault := take("connack"):
            raise Refused(fault.code)
        drop = take("drop")
        if drop is not None and drop.when == "before":
            client.abort()
            raise Refused  # which nobody hears
        session = await self._acceptor.accept(connect, info, client)
        if drop is not None:
            client.abort()
        return FaultySession(session, self._faults, client)


class FaultySession:
    """A client's session with faults in its way. Their path is the topic."""

    def __init__(self, session: ClientSession, faults: Faults, client: MqttConnection) -> None:
        self._session = session
        self._faults = faults
        self._client = client

    async def publish(self, message: wire.Publish) -> bool | None:
        """Take a message, late, in vain or without a receipt if a fault wants it so."""

        def take(kind: str) -> Fault | None:
            return self._faults.take(kind, ENDPOINT, message.topic, "PUBLISH")

        if fault := take("latency"):
            await asyncio.sleep(fault.seconds)
        if fault := take("drop"):
            if fault.when == "after":
                await self._session.publish(message)
            self._client.abort()
            return False
        silent = message.qos > 0 and take("no-puback") is not None
        taken = await self._session.publish(message)
        return None if taken and silent else taken

    async def subscribe(self, topic: str, qos: int) -> int:
        """Grant a filter, unless the connection is dropped for it."""
        if fault := self._faults.take("latency", ENDPOINT, topic, "SUBSCRIBE"):
            await asyncio.sleep(fault.seconds)
        if self._faults.take("drop", ENDPOINT, topic, "SUBSCRIBE"):
            self._client.abort()
            return wire.REFUSED_SUBSCRIPTION
        return await self._session.subscribe(topic, qos)

    async def subscribed(self) -> None:
        """Go on after the SUBACK."""
        await self._session.subscribed()

    async def unsubscribe(self, topic: str) -> None:
        """Give a filter up."""
        await self._session.unsubscribe(topic)

    def acknowledged(self, packet_id: int) -> None:
        """Take a receipt."""
        self._session.acknowledged(packet_id)

    async def closed(self, *, clean: bool) -> None:
        """Forget the client."""
        await self._session.closed(clean=clean)
