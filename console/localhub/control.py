"""What the control service does to a running local hub: load, reset, and messages to devices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.localhub.control_app import CannotSend, Controls, Rows
from console.localhub.door import stamp
from console.localhub.doors import Doors
from console.localhub.faults import Faults
from console.localhub.load import load
from console.localhub.middleware import RequestLog
from console.localhub.snapshot import Snapshot
from console.localhub.state import Cloud, HubState, Json
from console.localhub.switchboard import QueueFull, TooLarge

if TYPE_CHECKING:
    from console.localhub.parts import World


def make_controls(
    cloud: Cloud,
    world: World,
    faults: Faults,
    requests: RequestLog,
    disconnect: Callable[[], Awaitable[None]],
) -> Controls:
    """Return what the control service works on; the cloud's present content is what a reset goes back to.

    `disconnect` ends the connections of all real clients and returns when they are forgotten.
    """
    snapshot = Snapshot(cloud)

    async def reset() -> Json:
        await disconnect()
        report = await asyncio.to_thread(_reset, cloud, world, faults, requests, snapshot)
        await disconnect()  # who came back in between was judged by what is gone
        return report

    def send(device: str, module: str | None, system: dict[str, str], properties: dict[str, str], body: bytes) -> None:
        with cloud.lock:
            hub = next(iter(cloud.hubs.values()))
        if module is not None:
            raise CannotSend(400, "IoT Hub sends messages to devices; a module gets its own from IoT Edge.")
        with hub.lock:
            known = device in hub.devices
        if not known:
            raise CannotSend(404, f"The hub {hub.name} has no device {device}.")
        try:
            world.board.enqueue(hub, device, system, properties, body)
        except QueueFull:
            raise CannotSend(403, f"50 messages wait for {device} already (403004 at the service).") from None
        except TooLarge:
            raise CannotSend(413, "A message and its properties may have 64 KB together.") from None

    rows: dict[str, Rows] = {"requests": requests, "messages": world.telemetry, "events": world.events}
    return Controls(faults, rows, send, lambda document: load(cloud, document), reset)


def _reset(cloud: Cloud, world: World, faults: Faults, requests: RequestLog, snapshot: Snapshot) -> Json:
    snapshot.restore(cloud)
    removed = faults.clear()
    with cloud.lock:
        hubs = list(cloud.hubs.values())
    for hub in hubs:
        _settle(world.doors, hub)
        for what in ("network", "policies", "certificates"):
            cloud.notify(hub, what)  # a simulated fleet goes by the rules of the start again
    world.board.forget()
    world.telemetry.clear()
    world.events.clear()
    requests.clear()
    world.store.forget_after(snapshot.moment)
    devices = sum(len(hub.devices) for hub in hubs)
    services = list(cloud.provisioning.values())
    return {
        "hubs": len(hubs),
        "devices": devices,
        "enrollments": sum(len(one.enrollments) + len(one.groups) for one in services),
        "faultsRemoved": removed,
    }


def _settle(doors: Doors, hub: HubState) -> None:
    """Let the registry say of each device whether it is connected now, which it may not have been at the start."""
    door = doors.of(hub)
    with hub.lock:
        now = stamp(doors.cloud.clock.story())
        records = {device.device_id: device for device in hub.devices.values()}
        for device in hub.devices.values():
            records |= {f"{device.device_id}/{name}": module for name, module in device.modules.items()}
        for identity, record in records.items():
            state = "Connected" if identity in door.sessions else "Disconnected"
            if record.connection_state != state:
                record.connection_state, record.connection_updated = state, now
