"""A change of a device in the demo's own fleet: the hub's door acts on it at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Event

from support.hub import HubRunner
from support.writes import writable

from console.localhub.door import Attempt
from console.localhub.fleet_credentials import device_token
from console.model.change import Consent
from console.model.device_order import Act, DeviceOrder

HOUR = timedelta(hours=1)


def test_the_fleet_of_the_demo_meets_the_change_at_the_door(tmp_path: Path) -> None:
    with HubRunner(devices=40, scenario="incident") as demo:
        services = writable(demo, tmp_path)
        world = demo.server.world
        assert world is not None
        assert world.scenario is not None
        door = world.scenario.door
        device_id = next(one for one in door.sessions if demo.hub.devices[one].auth == "sas")
        closed = Event()
        door.sessions[device_id].on_close = lambda _code: closed.set()
        change = services.changes.devices.plan(DeviceOrder(Act.DISABLE, "stolen"), device_id)
        assert services.changes.gate.apply(change, Consent()).applied
        assert closed.wait(60), "the hub ends the connection of a disabled device"
        now = demo.cloud.clock.story()
        token = device_token(demo.hub.host, device_id, demo.hub.devices[device_id].primary_key or "", now + HOUR)
        assert door.attempt(Attempt(now, device_id, "127.0.0.1", sas_token=token)).code == "403012"
