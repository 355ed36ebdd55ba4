"""The planned fleet: any size, every auth type, the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from console.localhub.fleet_plan import CLONED, LYON, Auth, Role, plan_fleet


def test_two_thousand_devices_as_the_screens_show_them():
    plan = plan_fleet(2000, 1)
    auths = Counter(device.auth for device in plan)
    assert auths[Auth.SAS] == pytest.approx(1212, abs=5)
    assert auths[Auth.CA] == pytest.approx(610, abs=5)
    assert auths[Auth.SHA256] + auths[Auth.SHA1] == pytest.approx(171, abs=5)
    assert auths[Auth.NO_THUMBPRINT] == 7
    assert auths[Auth.SHA1] > 0
    roles = Counter(device.role for device in plan)
    assert roles[Role.EXPIRED] == 16
    assert roles[Role.WRONG_KEY] == 3
    assert roles[Role.STALE] == pytest.approx(88, abs=25)
    assert sum(device.connects for device in plan if device.plant == LYON) == pytest.approx(214, abs=12)
    assert {device.plant for device in plan} == {"lyon", "genoa", "porto", "graz", "brno"}
    assert all(device.reason for device in plan if device.role is Role.DISABLED)


@pytest.mark.parametrize("devices", [1, 2, 3, 7, 20, 400, 3000, 100_000])
def test_any_number_of_devices(devices):
    plan = plan_fleet(devices, 5)
    ids = [device.device_id for device in plan]
    assert len(ids) == devices == len(set(ids))
    assert ids.count(CLONED) == 1
    assert devices == 1 or any(device.plant == LYON for device in plan)
    assert all(device.address.startswith("10.20.") == (device.plant == LYON) for device in plan)


def test_the_seed_decides():
    assert plan_fleet(300, 1) == plan_fleet(300, 1)
    assert plan_fleet(300, 1) != plan_fleet(300, 2)


def test_no_fleet_without_devices():
    with pytest.raises(ValueError, match="at least one"):
        plan_fleet(0, 1)
