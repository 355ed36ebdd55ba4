"""Puts the planned fleet into the hub's registry, with real keys, certificates and twins, and makes its clients."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from console.localhub.door import Session
from console.localhub.door import stamp as to_text
from console.localhub.fleet_credentials import FleetAuthority, key_pem, new_private_key, self_signed, thumbprint
from console.localhub.fleet_plan import UNKNOWN_ID, Auth, PlannedDevice, Role
from console.localhub.state import NEVER, DeviceRecord, HubState, ModuleRecord, new_key

EXPIRED_BEFORE = timedelta(hours=9, minutes=42)
"""How long before the story's start the batch of certificates ran out: midnight, when the start is 09:42."""

OLD_CA_DAYS = 19
_REGISTRY_WORD = {Auth.SAS: "sas", Auth.CA: "certificateAuthority"}


@dataclass(slots=True)
class Client:
    """A simulated client: what it holds, and where it stands. `epoch` moves with every change: old plans lapse."""

    identity: str
    address: str
    sdk: str
    protocol: str
    role: Role
    token_hours: float = 1.0
    noisy: bool = False
    key: str | None = None
    chain: tuple[bytes, ...] | None = None
    lyon: bool = False
    real: bool = False  # played by a real MQTT client once the story runs
    session: Session | None = field(default=None, repr=False)
    epoch: int = 0
    leaves_for_good: bool = False  # up at the start of history, gone before its end
    until: float | None = None  # offset in seconds after which it gives up (the intruder)
    private_key: bytes | None = field(default=None, repr=False)  # PEM, where a real client is to use the chain
    device: Wire | None = field(default=None, repr=False)  # the real client that plays it


class Wire(Protocol):
    """A real connection to the hub, in place of a simulated one."""

    def connect(self, token: str | None, answered: Callable[[bool], None], ended: Callable[[], None]) -> None:
        """Try to connect; `answered` hears whether the hub let it in, `ended` of an end that nobody asked for here."""

    def disconnect(self, *, clean: bool) -> None:
        """End the connection, with a goodbye or without."""


@dataclass(frozen=True)
class Authorities:
    """The CAs of the fleet: `old` runs out in 19 days, `new` is fine, `contractor` was never verified at the hub."""

    old: FleetAuthority
    new: FleetAuthority
    contractor: FleetAuthority


def make_authorities(start: datetime) -> Authorities:
    """Make the three CAs, with fresh keys."""
    day = timedelta(days=1)
    return Authorities(
        FleetAuthority("plants-2021", start - 5 * 365 * day, start + OLD_CA_DAYS * day),
        FleetAuthority("plants-2025", start - 400 * day, start + 9 * 365 * day),
        FleetAuthority("contractor-test", start - 90 * day, start + 640 * day),
    )


def stock(
    hub: HubState, plan: list[PlannedDevice], authorities: Authorities, start: datetime, seed: int
) -> list[Client]:
    """Register the planned devices, in the plan's order, and return the clients of those that are up and trying."""
    rng = random.Random(f"stock:{seed}:{len(plan)}")  # noqa: S311 - a story, not a secret
    clients = []
    for number, device in enumerate(plan):
        record, client = _device(device, number, authorities, start, rng)
        hub.devices[device.device_id] = record
        if device.connects:
            clients.append(client)
        elif device.role is Role.OFF and device.auth is not Auth.NO_THUMBPRINT and rng.random() < 0.6:
            client.leaves_for_good = True
            clients.append(client)
    clients.append(Client(UNKNOWN_ID, "10.4.16.251", plan[0].sdk, "Mqtt", Role.WRONG_KEY, key=new_key()))
    return clients


def _device(
    device: PlannedDevice, number: int, authorities: Authorities, start: datetime, rng: random.Random
) -> tuple[DeviceRecord, Client]:
    born = start - timedelta(days=rng.randrange(40, 1400), seconds=rng.randrange(86_400))
    record = DeviceRecord(
        device_id=device.device_id,
        generation_id=str(637_000_000_000_000_000 + rng.randrange(10**15)),
        auth=_REGISTRY_WORD.get(device.auth, "selfSigned"),
        edge=device.role is Role.GATEWAY,
        tags={
            "site": device.plant,
            "line": f"{device.plant}-{device.line}",
            "kind": device.kind,
            "building": f"B{1 + device.line // 3}",
        },
        desired={"telemetryInterval": 60},
        reported={"firmware": {"version": device.firmware}, "telemetryInterval": 60},
        twin_updated=to_text(born),
        twin_counter=1 + rng.randrange(40),
        identity_counter=1 + rng.randrange(6),
    )
    client = Client(
        device.device_id,
        device.address,
        device.sdk,
        device.protocol,
        device.role,
        float(device.token_hours),
        device.noisy,
        lyon=device.plant == "lyon",
        real=device.real,
    )
    _credentials(record, client, device, authorities, start, rng)
    _history(record, device, number, start, rng)
    if record.edge:
        record.scope = f"ms-azure-iot-edge://{device.device_id}-{record.generation_id}"
        for name, managed in (("$edgeAgent", "iotEdge"), ("$edgeHub", "iotEdge"), ("opc-publisher", "iotEdge")):
            record.modules[name] = ModuleRecord(
                device.device_id,
                record.generation_id,
                "sas" if name == "opc-publisher" else "none",
                new_key() if name == "opc-publisher" else None,
                new_key() if name == "opc-publisher" else None,
                module_id=name,
                managed_by=managed,
            )
    return record, client


def _credentials(
    record: DeviceRecord,
    client: Client,
    device: PlannedDevice,
    authorities: Authorities,
    start: datetime,
    rng: random.Random,
) -> None:
    """Give a device its credential, and the hub what it knows of it."""
    made = start - timedelta(days=rng.randrange(30, 300))
    ends = start + timedelta(days=rng.randrange(60, 700))
    if device.auth is Auth.SAS:
        record.primary_key, record.secondary_key = new_key(), new_key()
        client.key = new_key() if device.role is Role.WRONG_KEY else record.primary_key
    elif device.auth is Auth.CA:
        authority = authorities.old if device.old_ca else authorities.new
        if device.role is Role.EXPIRED:
            ends = start - EXPIRED_BEFORE
            made = ends - timedelta(days=365)
        key = new_private_key() if device.real else None
        client.chain = (authority.issue(device.device_id, made, min(ends, authority.not_after), key),)
        client.private_key = key_pem(key) if key is not None else None
    elif device.auth is not Auth.NO_THUMBPRINT:
        key = new_private_key() if device.real else None
        der = self_signed(device.device_id, made, ends, key)
        client.chain = (der,)
        client.private_key = key_pem(key) if key is not None else None
        if device.role is Role.WRONG_THUMBPRINT:
            der = self_signed(device.device_id, made - timedelta(days=365), ends)  # the one before the last rollover
        record.primary_thumbprint = thumbprint(der, sha1=device.auth is Auth.SHA1)


def _history(record: DeviceRecord, device: PlannedDevice, number: int, start: datetime, rng: random.Random) -> None:
    """Give a device that is not up its past: when it was last seen, when and why it was disabled."""
    seen = start - timedelta(days=rng.randrange(1, 20), seconds=rng.randrange(86_400))
    if device.unseen_days is not None:
        seen = start - timedelta(days=device.unseen_days, seconds=rng.randrange(86_400))
    if device.role in {Role.DISABLED, Role.DISABLED_TRYING}:
        record.status = "disabled"
        record.status_reason = device.reason
        record.status_updated = to_text(start - timedelta(days=1 + number % 17, seconds=rng.randrange(86_400)))
    never = device.unseen_days == -1 or device.auth is Auth.NO_THUMBPRINT
    if never:
        record.last_activity = record.connection_updated = NEVER
    elif not device.connects or device.role is Role.DISABLED_TRYING:
        record.last_activity = record.connection_updated = to_text(seen)
