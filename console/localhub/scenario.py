"""The demo's incident: a hub with rules, policies, certificates and a fleet, and a day of history that leads to it."""

from __future__ import annotations

import gc
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.localhub.arm_certificates import put_certificate
from console.localhub.cloud_factory import DPS_NAME, next_etag, principal_named, seeded_id
from console.localhub.door import Door
from console.localhub.fleet_plan import CLONED, Role, plan_fleet
from console.localhub.log_rows import LogRecord
from console.localhub.log_store import LogStore
from console.localhub.scenario_access import grant_others
from console.localhub.scenario_fleet import Authorities, Client, make_authorities, stock
from console.localhub.scenario_player import HOUR, FleetPlayer
from console.localhub.scenario_provisioning import provision
from console.localhub.state import RIGHTS, AccessPolicy, ActivityEvent, Cloud, HubState, Json, new_key

REMOVED = ("lyon-plant", "10.20.0.0/16")
"""The rule that somebody removed, and whose return ends the incident."""

REMOVED_AT = -40 * 60.0
ANA = "ana@contoso.com"
ANA_ADDRESS = "10.2.0.31"
OPERATOR_ADDRESS = "10.2.0.7"
INTRUDER_ADDRESS = "10.6.18.44"
CLONE_FIRST = -55 * 60.0
CLONE_EVERY = 27 * 60.0
CLONE_LASTS = 275.0  # seconds: 14 changes of hands at one every 20 s
LOSS_EVERY = 12 * 60.0
BOUNDED = 3000  # devices; a larger fleet has longer sessions, so that a day's log stays readable and quick to make
_RULES = (
    ("corporate", "10.0.0.0/12"),
    ("genoa-plant", "10.31.8.0/22"),
    REMOVED,
    ("jump-box", "127.0.0.0/8"),
)


@dataclass
class Scenario:
    """The demo's content: its hub, the door everyone comes through, and the fleet that plays."""

    hub: HubState
    door: Door
    player: FleetPlayer


def build(cloud: Cloud, store: LogStore, devices: int = 2000, seed: int = 1, history_hours: float = 24.0) -> Scenario:
    """Fill the cloud's first hub with the incident and play its history up to the story's start.

    The same `devices`, `seed` and start give the same ids, auth types and (offset, device, code) events; keys and
    certificates are new every time. Raises ValueError for fewer than one device or negative hours.
    """
    if history_hours < 0:
        raise ValueError("history cannot be negative")
    with _collection_paused():
        return _build(cloud, store, devices, seed, -history_hours * HOUR)


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Hold the garbage collector: it would walk the growing fleet again and again and find nothing to free."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _build(cloud: Cloud, store: LogStore, devices: int, seed: int, begin: float) -> Scenario:
    start = cloud.clock.start
    hub = next(iter(cloud.hubs.values()))
    plan = plan_fleet(devices, seed)
    history: list[LogRecord] = []
    live = False

    def sink(of: HubState, records: Sequence[LogRecord]) -> None:
        if live:
            store.append(of, records)
        else:
            history.extend(records)

    door = Door(cloud, hub, sink, _ids(seed))
    player = FleetPlayer(hub, door, start, seed, stretch=max(1.0, devices / BOUNDED))
    player.now = begin - HOUR
    with hub.lock:
        authorities = make_authorities(start)
        _dress(hub, authorities, start)
        _filter_provisioning(cloud)
        clients = stock(hub, plan, authorities, start, seed)
    provision(cloud, hub, plan, clients, authorities, seed)
    _earlier_writes(cloud, hub, seed)
    cloud.listeners.append(player.hub_changed)
    _cast(player, clients, begin, seed)
    _direct(cloud, player, begin, seed)
    player.run_until(0.0)
    door.touch(start)
    since = start + timedelta(seconds=begin)
    store.append(hub, [record for record in history if record.time >= since])
    store.flush()
    live = True
    return Scenario(hub, door, player)


def _ids(seed: int) -> Callable[[], str]:
    bits = random.Random(f"correlation:{seed}").getrandbits  # noqa: S311 - ids, not secrets

    def new_id() -> str:
        text = f"{bits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    return new_id


# -- the hub -----------------------------------------------------------------------------------------------------------


def rule(name: str, mask: str) -> Json:
    """Return one IP rule as the hub's resource holds it."""
    return {"filterName": name, "action": "Allow", "ipMask": mask}


def _dress(hub: HubState, authorities: Authorities, start: datetime) -> None:
    hub.resource["properties"]["networkRuleSets"] = {
        "defaultAction": "Deny",
        "applyToBuiltInEventHubEndpoint": False,
        "ipRules": [rule(*entry) for entry in _RULES],
    }
    hub.network_changed += 1
    hub.policies["legacy-all"] = AccessPolicy("legacy-all", RIGHTS, new_key(), new_key())
    uploaded = start - timedelta(days=380)
    put_certificate(hub, "plants-2021", authorities.old.der, start - timedelta(days=1600), verified=True)
    put_certificate(hub, "plants-2025", authorities.new.der, uploaded, verified=True)
    put_certificate(hub, "contractor-test", authorities.contractor.der, start - timedelta(days=62), verified=False)


def _filter_provisioning(cloud: Cloud) -> None:
    """Let the provisioning service take the company's addresses and this machine, by rules whose order decides."""
    rules = (
        ("corporate", "Accept", "10.0.0.0/8"),
        ("jump-box", "Accept", "127.0.0.0/8"),
        ("everyone-else", "Reject", "0.0.0.0/0"),
    )
    with cloud.lock:
        properties = cloud.provisioning[DPS_NAME].resource["properties"]
        properties["ipFilterRules"] = [{"filterName": n, "action": a, "ipMask": mask} for n, a, mask in rules]


def _earlier_writes(cloud: Cloud, hub: HubState, seed: int) -> None:
    operator = principal_named(cloud, "operator")
    caller = operator.upn or operator.object_id
    writes = (
        (-72.4, "Microsoft.Devices/IotHubs/certificates/Write", f"{hub.arm_id}/certificates/plants-2025"),
        (-49.8, "Microsoft.Devices/IotHubs/Write", hub.arm_id),
        (-21.6, "Microsoft.Devices/IotHubs/listkeys/Action", hub.arm_id),
        (-19.3, "Microsoft.Devices/IotHubs/Write", hub.arm_id),
    )
    for number, (hours, operation, resource) in enumerate(writes):
        _note(cloud, hours * HOUR, operation, resource, (caller, operator.object_id, OPERATOR_ADDRESS), (seed, number))


def _note(
    cloud: Cloud, offset: float, operation: str, resource: str, who: tuple[str, str, str], key: tuple[int, int]
) -> None:
    """Write the events of one ARM write into the activity log: accepted, then done four seconds later."""
    correlation = str(uuid.UUID(seeded_id(key[0], f"write:{key[1]}")))
    for status, later, detail in (("Started", 0.0, ""), ("Succeeded", 4.0, "OK (HTTP Status Code: 200)")):
        properties: Json = {"eventCategory": "Administrative", "entity": resource, "message": operation}
        if detail:
            properties["statusCode"] = "OK"
        moment = cloud.clock.start + timedelta(seconds=offset + later)
        with cloud.lock:
            cloud.activity.append(
                ActivityEvent(moment, operation, resource, *who, status, detail, correlation, properties)
            )


# -- the story ---------------------------------------------------------------------------------------------------------


def _cast(player: FleetPlayer, clients: list[Client], begin: float, seed: int) -> None:
    """Let every client in, spread over the hour before the history, each somewhere inside its session."""
    rng = random.Random(f"cast:{seed}")  # noqa: S311 - a story, not a secret
    for client in clients:
        player.add(client, begin - rng.random() * HOUR, rng.random())


def _direct(cloud: Cloud, player: FleetPlayer, begin: float, seed: int) -> None:
    """Plan what happens to the fleet from outside: the metrics, lost networks, the removed range, the clone."""
    hub, door = player.hub, player.door

    def remove() -> None:
        with hub.lock:
            rules = hub.resource["properties"]["networkRuleSets"]
            rules["ipRules"] = [entry for entry in rules["ipRules"] if entry["filterName"] != REMOVED[0]]
            hub.resource["etag"] = next_etag(hub.resource["etag"])
            hub.network_changed += 1
        cloud.notify(hub, "network")

    who = (ANA, seeded_id(seed, "person:ana"), ANA_ADDRESS)
    grant_others(cloud, seed, who[1])
    _note(cloud, REMOVED_AT, "Microsoft.Devices/IotHubs/Write", hub.arm_id, who, (seed, -1))
    player.at(REMOVED_AT, remove)

    def sample() -> None:
        door.sample(player.moment())
        if player.now >= 0 and player.now % 300 < 60:
            door.touch(player.moment())
        player.at(player.now + 60.0, sample)

    player.at(begin, sample)

    def lose() -> None:
        player.lose_one()
        player.at(player.now + LOSS_EVERY, lose)

    player.at(begin + LOSS_EVERY / 2, lose)
    cloned = player.clients.get(CLONED)
    if cloned is None:
        return
    intruder = Client(CLONED, INTRUDER_ADDRESS, "azure-iot-device-iothub-py%2F2.12.0", "Mqtt", Role.CLONED, 24.0)
    intruder.key = cloned.key

    def intrude() -> None:
        player.intrude(intruder, CLONE_LASTS)
        player.at(player.now + CLONE_EVERY, intrude)

    player.at(CLONE_FIRST, intrude)
