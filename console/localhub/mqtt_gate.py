"""Who an MQTT client says it is: a device or module of a hub, or a device that asks to be provisioned."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from console.localhub import mqtt_packets as wire
from console.localhub.front import ConnInfo
from console.localhub.mqtt import ClientSession, MqttConnection, Refused
from console.localhub.mqtt_hub import HubSessions
from console.localhub.mqtt_provisioning import ProvisioningSessions

_HUB = re.compile(r"(?P<host>[^/]+)/(?P<device>[^/]+)(?:/(?P<module>[^/?][^/]*))?(?:/?\?(?P<query>.*)|/)?")
_DPS = re.compile(r"(?P<scope>[^/]+)/registrations/(?P<id>[^/]+)/(?P<query>api-version=.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Claimed:
    """What a client's user name says. `query` are its parameters, decoded nowhere: the log shows them as sent."""

    place: str  # the hub's host, or the id scope
    device_id: str  # or the registration id
    module_id: str | None = None
    query: dict[str, str] = field(default_factory=dict)


class Gate:
    """Accepts or refuses CONNECT packets: hands hub devices and provisioning devices to their services."""

    def __init__(self, hubs: HubSessions, provisioning: ProvisioningSessions) -> None:
        self._hubs = hubs
        self._provisioning = provisioning

    async def accept(self, connect: wire.Connect, info: ConnInfo, client: MqttConnection) -> ClientSession:
        """Return the session of an accepted client. Raises Refused."""
        if (found := provisioning_claim(connect.username)) is not None:
            if connect.client_id.casefold() != found.device_id.casefold():
                raise Refused(wire.BAD_IDENTIFIER)
            return await self._provisioning.accept(found, connect, info, client)
        claim = hub_claim(connect.username)
        if claim is None:
            raise Refused
        identity = claim.device_id if claim.module_id is None else f"{claim.device_id}/{claim.module_id}"
        if connect.client_id != identity:
            raise Refused(wire.BAD_IDENTIFIER if not connect.client_id else wire.NOT_AUTHORIZED)
        return await self._hubs.accept(claim, connect, info, client)


def hub_claim(username: str) -> Claimed | None:
    """Return what `{host}/{device}[/{module}]/?api-version=...` says, None for anything else.

    (IoT Hub's MQTT support, "Using the MQTT protocol directly"; older clients leave the parameters out.)
    """
    match = _HUB.fullmatch(username)
    if match is None:
        return None
    module = match["module"]
    return Claimed(match["host"], match["device"], module, _parameters(match["query"] or ""))


def provisioning_claim(username: str) -> Claimed | None:
    """Return what `{idScope}/registrations/{id}/api-version=...` says, None for anything else."""
    match = _DPS.fullmatch(username)
    if match is None:
        return None
    return Claimed(unquote(match["scope"]), unquote(match["id"]), None, _parameters(match["query"]))


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split("&") if part)
    return {name: value for name, _, value in pairs}
