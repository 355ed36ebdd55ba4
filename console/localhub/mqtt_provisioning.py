"""Devices that ask to be provisioned, over MQTT: the same desk as over HTTPS, behind topics."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from console.localhub import mqtt_packets as wire
from console.localhub import wire_json
from console.localhub.front import ConnInfo
from console.localhub.mqtt import ClientSession, MqttConnection, Refused
from console.localhub.provisioning_desk import DeskAnswer, DeviceCaller, RegistrationDesk

if TYPE_CHECKING:
    from console.localhub.mqtt_gate import Claimed

RESPONSES = "$dps/registrations/res/"
_REGISTER = re.compile(r"\$dps/registrations/PUT/iotdps-register/\?(.*)", re.DOTALL)
_STATUS = re.compile(r"\$dps/registrations/GET/iotdps-get-operationstatus/\?(.*)", re.DOTALL)
_PROTOCOLS = {"Mqtt": "Mqtt", "MqttWs": "MqttWs"}


class ProvisioningSessions:
    """Accepts the MQTT clients of every provisioning service of the cloud."""

    def __init__(self, desk: RegistrationDesk) -> None:
        self._desk = desk

    async def accept(
        self, claim: Claimed, connect: wire.Connect, info: ConnInfo, client: MqttConnection
    ) -> ClientSession:
        """Let the desk decide. Raises Refused."""
        caller = DeviceCaller(
            id_scope=claim.place,
            registration_id=claim.device_id,
            address=info.peer[0],
            protocol=_PROTOCOLS.get(client.protocol_name, client.protocol_name),
            sas_token=connect.password or None,
            client_chain=info.client_chain,
            tls_version=info.tls_version.removeprefix("TLSv"),
            sdk=claim.query.get("ClientVersion", ""),
            api_version=claim.query.get("api-version", ""),
        )
        refusal = await client.loop.run_in_executor(client.pool, self._desk.admit, caller)
        if refusal is not None:
            raise Refused
        return ProvisioningSession(self._desk, caller, client)


class ProvisioningSession:
    """One device that registers; answers go to the topic it listens to."""

    def __init__(self, desk: RegistrationDesk, caller: DeviceCaller, client: MqttConnection) -> None:
        self._desk = desk
        self._caller = caller
        self._client = client

    async def publish(self, message: wire.Publish) -> bool:
        """Register, or tell how a registration stands; any other topic ends the connection."""
        run = self._client.loop.run_in_executor
        if (match := _REGISTER.fullmatch(message.topic)) is not None:
            request = dict(parse_qsl(match[1], keep_blank_values=True))
            try:
                body: Any = wire_json.loads(message.payload) if message.payload.strip() else {}
            except ValueError:
                body = None
            if not isinstance(body, dict):
                return False
            self._answer(request, await run(self._client.pool, self._desk.register, self._caller, body))
            return True
        if (match := _STATUS.fullmatch(message.topic)) is not None:
            request = dict(parse_qsl(match[1], keep_blank_values=True))
            operation = request.get("operationId", "")
            self._answer(request, await run(self._client.pool, self._desk.operation, self._caller, operation))
            return True
        return False

    async def subscribe(self, topic: str, qos: int) -> int:
        """Grant the one filter there is."""
        return qos if topic == RESPONSES + "#" else wire.REFUSED_SUBSCRIPTION

    async def subscribed(self) -> None:
        """Nothing waits for the client."""

    async def unsubscribe(self, topic: str) -> None:
        """Forget a filter."""

    def acknowledged(self, packet_id: int) -> None:
        """Take a receipt."""

    async def closed(self, *, clean: bool) -> None:
        """Nothing is kept of a connection."""

    def _answer(self, request: dict[str, str], answer: DeskAnswer) -> None:
        topic = f"{RESPONSES}{answer.status}/?$rid={request.get('$rid', '')}"
        if answer.retry_after is not None:
            topic += f"&retry-after={answer.retry_after}"
        self._client.send(topic, json.dumps(answer.body, separators=(",", ":")).encode(), qos=1)
