"""Puts the local hub's parts together: the cloud, its demo content, and one application per service."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import Request

from console.localhub import log_analytics, provisioning, registry, resource_manager, token_service
from console.localhub.cloud_factory import new_cloud as _new_cloud
from console.localhub.device_table import DeviceTable
from console.localhub.doors import Doors
from console.localhub.event_log import EventLog
from console.localhub.faults import Faults
from console.localhub.faults_desk import FaultyDesk
from console.localhub.faults_mqtt import FaultyAcceptor
from console.localhub.http_server import AsgiApp
from console.localhub.load import load, report_text
from console.localhub.log_store import LogStore
from console.localhub.more_hubs import add_hubs
from console.localhub.mqtt import Acceptor
from console.localhub.mqtt_gate import Gate
from console.localhub.mqtt_hub import HubSessions
from console.localhub.mqtt_provisioning import ProvisioningSessions
from console.localhub.provisioning_desk import RegistrationDesk
from console.localhub.query import QueryIndex
from console.localhub.quiet_fleet import QuietFleet
from console.localhub.scenario import Scenario
from console.localhub.scenario import build as build_incident
from console.localhub.scenario_devices import loopback_address
from console.localhub.scenario_live import Live
from console.localhub.state import Cloud, StoryClock
from console.localhub.switchboard import Switchboard
from console.localhub.telemetry import Telemetry
from console.localhub.throttle import Throttle

if TYPE_CHECKING:
    from console.localhub.server import LocalHubOptions

ACTING = 20_000
"""So many devices of the incident act at most; the others of a larger fleet only stand in the registry."""
LARGE = 50_000
"""A larger fleet is on a hub of size S3: on another its list could hardly be read in a day's work."""
SCENARIOS = ("incident", "empty")


@dataclass
class World:
    """The log store, the doors of the hubs, what devices sent, and what the scenario made; None for the empty one.

    `events` are the last log records, for whoever follows them. `plant_addresses` says for which addresses of the
    simulated plants the loopback addresses of the scenario's real clients stand. `loaded` says what of the load file
    is in force as a setting, and what was left out of it, a line for each.
    """

    store: LogStore
    doors: Doors
    telemetry: Telemetry
    desk: RegistrationDesk
    events: EventLog
    board: Switchboard
    index: QueryIndex
    scenario: Scenario | None = None
    plant_addresses: dict[str, str] = field(default_factory=dict)
    loaded: str = ""


def new_cloud(clock: StoryClock, options: LocalHubOptions) -> Cloud:
    """Return the empty cloud of a seed."""
    cloud = _new_cloud(clock, options.seed)
    cloud.log_ip_rejections = options.log_ip_rejections
    return cloud


def build(cloud: Cloud, faults: Faults, options: LocalHubOptions) -> World:
    """Make the log store and the demo content; the scenario `empty` is a hub without devices and without history.

    Raises ValueError for an unknown scenario, LoadRefused for a load file that says something wrong.
    """
    if options.scenario not in SCENARIOS:
        raise ValueError(f"there is no scenario {options.scenario!r}; there are {', '.join(SCENARIOS)}")
    store = LogStore(cloud, faults)
    doors = Doors(cloud, store, options.token_grace)
    index = QueryIndex(lambda: faults.on("stale-index"))
    world = World(store, doors, Telemetry(), FaultyDesk(cloud, store, faults), EventLog(), Switchboard(), index)
    _add_quiet(cloud, options)
    add_hubs(cloud, options.hubs - 1, options.seed)
    if options.scenario != "empty":
        acting = min(options.devices, ACTING)
        world.scenario = build_incident(cloud, store, acting, options.seed, options.history_hours)
        doors.adopt(world.scenario.door)
        if options.real_devices:
            clients = world.scenario.player.clients.values()
            world.plant_addresses = {loopback_address(one.address): one.address for one in clients if one.real}
    cloud.listeners += [doors.hub_changed, world.board.hub_changed]
    if options.load is not None:
        world.loaded = report_text(load(cloud, options.load))
    store.watcher = world.events.add  # not before: nobody follows the history
    return world


def _add_quiet(cloud: Cloud, options: LocalHubOptions) -> None:
    """Give the hub its quiet devices, and the size that so many need."""
    quiet = options.quiet_devices
    if options.scenario != "empty":
        quiet += max(options.devices - ACTING, 0)
    if not quiet:
        return
    hub = next(iter(cloud.hubs.values()))
    with hub.lock:
        hub.devices = DeviceTable(QuietFleet(quiet, options.seed, cloud.clock.start))
        if quiet > LARGE:
            hub.resource["sku"] = {"name": "S3", "tier": "Standard", "capacity": 1}


def mqtt_gate(cloud: Cloud, world: World, faults: Faults) -> Acceptor:
    """Return what decides on MQTT clients."""
    gate = Gate(
        HubSessions(cloud, world.doors, world.telemetry, world.board, world.index), ProvisioningSessions(world.desk)
    )
    return FaultyAcceptor(gate, faults)


def applications(cloud: Cloud, faults: Faults, world: World, options: LocalHubOptions) -> dict[str, AsgiApp]:
    """Return the application of each service: hub, arm, logs, token."""
    return {
        "hub": registry.make_app(cloud, faults, throttle=_throttle(options), index=world.index, board=world.board),
        "arm": resource_manager.make_app(cloud, faults, base_url),
        "logs": log_analytics.make_app(cloud, world.store, faults),
        "token": token_service.make_app(cloud, faults),
        "dps": provisioning.make_app(cloud, world.desk),
    }


def _throttle(options: LocalHubOptions) -> Throttle | None:
    if not options.throttle:
        return None
    scale = options.throttle_scale
    return Throttle(lambda: time.monotonic() * scale, options.throttle_burst)


def start_live(cloud: Cloud, world: World, mqtt_port: int | None, ca_pem: str) -> Live | None:
    """Let the fleet go on from the story's start; None when the scenario has none.

    With a port, a handful of it are real MQTT clients that come there.
    """
    if world.scenario is None:
        return None
    live = Live(cloud, world.scenario)
    if mqtt_port is not None:
        live.let_real_devices_in(mqtt_port, ca_pem)
    live.start()
    return live


def base_url(request: Request) -> str:
    """Return the address the client used, for absolute URLs in answers."""
    return f"https://{request.headers.get('host', 'localhost')}"
