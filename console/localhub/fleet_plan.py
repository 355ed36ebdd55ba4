"""The demo's fleet on paper: who the devices are and what each does. The same number and seed give the same plan."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

LYON = "lyon"
CLONED = "genoa-press-0417"
UNKNOWN_ID = "turin-press-0007"
"""An id that tries to connect and is not registered."""


class Auth(StrEnum):
    """How a planned device proves itself; the two thumbprint kinds differ in the hash that is registered."""

    SAS = "sas"
    CA = "ca"
    SHA256 = "sha256"
    SHA1 = "sha1"
    NO_THUMBPRINT = "no-thumbprint"


class Role(StrEnum):
    """What a device is in the story."""

    ORDINARY = "ordinary"
    CLONED = "cloned"
    EXPIRED = "expired"  # of the batch whose certificates ran out
    WRONG_KEY = "wrong-key"
    WRONG_THUMBPRINT = "wrong-thumbprint"
    DISABLED = "disabled"
    DISABLED_TRYING = "disabled-trying"
    STALE = "stale"  # not seen for more than 30 days
    OFF = "off"  # seen lately, not connected now
    GATEWAY = "gateway"  # an IoT Edge device: tries again soon


@dataclass(frozen=True, slots=True)
class Plant:
    """A site: the share of the fleet, its lines, and the networks its devices sit in (first three octets)."""

    name: str
    share: float
    lines: int
    networks: tuple[str, ...]


PLANTS = (
    # Lyon and Genoa have ranges of their own; the others are inside the corporate 10.0.0.0/12 (10.0 to 10.15).
    Plant(LYON, 0.113, 4, ("10.20.4", "10.20.5")),
    Plant("genoa", 0.262, 8, ("10.31.8", "10.31.9", "10.31.10")),
    Plant("porto", 0.24, 6, ("10.4.16", "10.4.17", "10.4.18")),
    Plant("graz", 0.2, 5, ("10.8.32", "10.8.33")),
    Plant("brno", 0.18, 5, ("10.12.7", "10.12.8")),
)
KINDS = ("press", "robot", "oven", "pump", "meter", "conveyor", "weld")
SDKS = {
    # name: (share, strings)
    "python": (0.30, ("azure-iot-device-iothub-py%2F2.14.0%283.11.9%3Blinux%3Bx86_64%29",)),
    "dotnet": (
        0.24,
        (
            ".NET/1.42.3 (.NET 8.0.11; Linux 5.15.0; X64)",
            ".NET/1.38.0 (.NET Core 3.1.19; Microsoft Windows 10.0.17763; X64)",
        ),
    ),
    "java": (0.12, ("com.microsoft.azure.sdk.iot.iot-device-client/2.5.0",)),
    "node": (0.14, ("azure-iot-device/1.18.4 (node v20.11.1; Linux 6.1.0; x64)",)),
    "c": (0.20, ("iothubclient/1.13.0 (native; Linux; armv7l)", "iothubclient/1.3.9 (native; FreeRTOS; cortex-m4)")),
}
PROTOCOLS = (("Mqtt", 0.78), ("Amqp", 0.12), ("MqttWs", 0.06), ("AmqpWs", 0.04))
_REAL = (
    (LYON, Auth.SAS, Role.GATEWAY),
    (LYON, Auth.SAS, Role.ORDINARY),
    ("genoa", Auth.SAS, Role.ORDINARY),
    ("porto", Auth.CA, Role.ORDINARY),
    ("graz", Auth.SHA256, Role.ORDINARY),
    ("brno", Auth.SAS, Role.ORDINARY),
)
"""Which devices are real MQTT clients: plant, auth, role."""

REASONS = (
    "scrapped 2026-03, waiting for removal",
    "in repair at the vendor",
    "key seen in a support ticket",
    "line rebuilt, device stored",
)


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """One device. `token_hours` is how long its SAS tokens live.

    `noisy` SDKs lose the connection when a token runs out (.NET and Java, by IoT Hub's connectivity guide).
    `unseen_days` is None unless the device was last seen so long ago; -1 stands for never.
    """

    device_id: str
    plant: str
    line: int
    kind: str
    auth: Auth
    role: Role
    address: str
    sdk: str
    protocol: str
    token_hours: int
    noisy: bool
    firmware: str
    reason: str = ""
    unseen_days: int | None = None
    old_ca: bool = False  # its certificate comes from the CA that runs out soon
    real: bool = False  # a real MQTT client plays it

    @property
    def connects(self) -> bool:
        """Whether the device is up and trying at the start of the story."""
        return self.role not in {Role.DISABLED, Role.STALE, Role.OFF} and self.auth is not Auth.NO_THUMBPRINT


def plan_fleet(devices: int, seed: int) -> list[PlannedDevice]:
    """Return a fleet of 1 to 100,000 devices or more, ordered by plant and number.

    Raises:
        ValueError: the number is not positive.
    """
    if devices < 1:
        raise ValueError("a fleet has at least one device")
    rng = random.Random(f"fleet:{seed}:{devices}")  # noqa: S311 - a story, not a secret
    plants = _plants(devices)
    auths = _shuffled(rng, devices, _auth_counts(devices), Auth.SAS)
    ids = _ids(plants, rng)
    roles = _roles(rng, devices, ids, plants, auths)
    sdks = _weighted(rng, devices, [(name, share) for name, (share, _) in SDKS.items()])
    protocols = _weighted(rng, devices, list(PROTOCOLS))
    seen_in_plant: dict[str, int] = {}
    planned = []
    for index, plant in enumerate(plants):
        number = seen_in_plant[plant.name] = seen_in_plant.get(plant.name, 0) + 1
        auth, role = auths[index], roles[index]
        sdk_name = "python" if role is Role.GATEWAY else sdks[index]
        planned.append(
            PlannedDevice(
                device_id=ids[index],
                plant=plant.name,
                line=1 + number % plant.lines,
                kind=ids[index].split("-")[1],
                auth=auth,
                role=role,
                address=_address(plant, number),
                sdk=rng.choice(SDKS[sdk_name][1]),
                protocol="Mqtt" if role in {Role.CLONED, Role.GATEWAY} else protocols[index],
                token_hours=24 if role is Role.CLONED else _token_hours(sdk_name, rng),
                noisy=sdk_name in {"dotnet", "java"} and role is not Role.CLONED,
                firmware=rng.choice(("4.2.1", "4.2.1", "4.2.0", "4.1.7", "3.9.2")),
                reason=rng.choice(REASONS) if role in {Role.DISABLED, Role.DISABLED_TRYING} else "",
                unseen_days=_unseen(rng) if role is Role.STALE else None,
                old_ca=auth is Auth.CA and role is not Role.EXPIRED and rng.random() < 0.55,
            )
        )
    return _with_real(planned)


def _with_real(planned: list[PlannedDevice]) -> list[PlannedDevice]:
    """Mark the first device of each kind in `_REAL` that speaks MQTT; a small fleet has not all of them."""
    chosen: set[str] = set()
    for plant, auth, role in _REAL:
        for one in planned:
            fits = (one.plant, one.auth, one.role, one.protocol, one.noisy) == (plant, auth, role, "Mqtt", False)
            if fits and one.device_id not in chosen:
                chosen.add(one.device_id)
                break
    return [replace(one, real=True) if one.device_id in chosen else one for one in planned]


def _plants(devices: int) -> list[Plant]:
    """Return each device's plant, in blocks; rounding gives what is left to Genoa, so that one device is there."""
    counts = {plant.name: int(devices * plant.share) for plant in PLANTS}
    counts[LYON] = max(counts[LYON], int(devices > 1))
    counts["genoa"] += devices - sum(counts.values())
    return [plant for plant in PLANTS for _ in range(counts[plant.name])]


def _auth_counts(devices: int) -> list[tuple[Auth, int]]:
    share = {Auth.CA: 0.305, Auth.SHA256: 0.0565, Auth.SHA1: 0.029, Auth.NO_THUMBPRINT: 0.0035}
    return [(auth, round(devices * part)) for auth, part in share.items()]


def _shuffled(rng: random.Random, length: int, counts: list[tuple[Auth, int]], rest: Auth) -> list[Auth]:
    values = [value for value, count in counts for _ in range(count)][:length]
    values += [rest] * (length - len(values))
    rng.shuffle(values)
    return values


def _weighted(rng: random.Random, length: int, shares: list[tuple[str, float]]) -> list[str]:
    names, weights = zip(*shares, strict=True)
    return rng.choices(names, weights, k=length)


def _ids(plants: list[Plant], rng: random.Random) -> list[str]:
    ids = []
    number: dict[str, int] = {}
    for plant in plants:
        count = number[plant.name] = number.get(plant.name, 0) + 1
        ids.append(f"{plant.name}-{rng.choice(KINDS)}-{count:04d}")
    wanted = next((n for n, name in enumerate(ids) if name.startswith("genoa-") and name.endswith("-0417")), None)
    if wanted is None:
        wanted = next(n for n, plant in enumerate(plants) if plant.name == "genoa")
    ids[wanted] = CLONED
    return ids


def _roles(rng: random.Random, devices: int, ids: list[str], plants: list[Plant], auths: list[Auth]) -> list[Role]:
    """Give out the parts of the story; a small fleet gets fewer of each, the cloned device always."""
    roles = [Role.ORDINARY] * devices
    cloned = ids.index(CLONED)
    roles[cloned], auths[cloned] = Role.CLONED, Auth.SAS
    free = [n for n in range(devices) if n != cloned]
    rng.shuffle(free)

    def give(role: Role, count: int, auth: Auth | None, *, lyon: bool | None = False) -> None:
        taken = 0
        for n in list(free):
            if taken >= count:
                return
            if auth is not None and auths[n] is not auth:
                continue
            if lyon is not None and (plants[n].name == LYON) is not lyon:
                continue
            roles[n] = role
            free.remove(n)
            taken += 1

    # Few at any size: the incident's counts are of devices, not of shares; a fleet of some dozens has one of each.
    scale = min(1.0, devices / 400)
    give(Role.GATEWAY, max(1, round(devices * 0.001)), Auth.SAS, lyon=True)
    give(Role.EXPIRED, max(1, round(16 * scale)) if devices > 9 else 0, Auth.CA)
    give(Role.WRONG_KEY, max(1, round(3 * scale)) if devices > 9 else 0, Auth.SAS)
    give(Role.WRONG_THUMBPRINT, 1 if devices > 19 else 0, Auth.SHA256)
    give(Role.DISABLED_TRYING, 1 if devices > 19 else 0, Auth.SAS)
    give(Role.GATEWAY, round(devices * 0.008), None)
    for n in list(free):
        lyon = plants[n].name == LYON
        draw = rng.random()
        if draw < (0.03 if lyon else 0.047):
            roles[n] = Role.STALE
        elif draw < (0.045 if lyon else 0.066):
            roles[n] = Role.DISABLED
        elif draw < (0.07 if lyon else 0.12):
            roles[n] = Role.OFF
    return roles


def _address(plant: Plant, number: int) -> str:
    """Return a device's address: networks fill up one after the other, then several devices share an address (NAT)."""
    room = 210
    block, host = divmod(number - 1, room)
    return f"{plant.networks[block % len(plant.networks)]}.{10 + host}"


def _token_hours(sdk: str, rng: random.Random) -> int:
    """Return a token's life: a third of the noisy SDKs' devices keep the default hour, half of the others do."""
    hourly = rng.random() < (0.31 if sdk in {"dotnet", "java"} else 0.5)
    return 1 if hourly else 24


def _unseen(rng: random.Random) -> int:
    return -1 if rng.random() < 0.15 else rng.randrange(31, 420)
