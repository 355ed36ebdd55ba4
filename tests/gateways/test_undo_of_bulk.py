"""Undo of one change of a bulk says that it is one of many, and how all are taken back."""

from __future__ import annotations

from pathlib import Path

from support.hub import HubRunner
from support.writes import writable

from console.model.change import Consent
from console.model.device_order import Act, DeviceOrder


def test_one_of_many_says_so(tmp_path: Path) -> None:
    with HubRunner(devices=4, history_hours=0, throttle=False) as hub:
        services = writable(hub, tmp_path)
        devices = services.changes.devices
        ids = list(hub.hub.devices)[:3]
        for record in hub.hub.devices.values():
            record.status = "enabled"
        plan = devices.bulk(DeviceOrder(Act.DISABLE, "stolen"), ids)
        assert devices.carry_out(plan, Consent()).complete
        change = services.changes.undo.plan()
        assert any(
            f"1 of 3 changes of one bulk command: hubwarden journal undo {plan.batch}" in one for one in change.notes
        )
