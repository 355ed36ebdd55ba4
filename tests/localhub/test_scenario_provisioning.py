"""The demo's enrollments: they are real, they repeat, and they disagree with the hub where a console should find it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from console.localhub.cloud_factory import DPS_NAME, new_cloud
from console.localhub.log_store import LogStore
from console.localhub.provisioning_attest import attest
from console.localhub.provisioning_errors import ProvisioningError
from console.localhub.scenario import Scenario, build
from console.localhub.scenario_provisioning import CA_GROUP, GONE, INTERMEDIATE_GROUP, KEY_GROUP, SPARE
from console.localhub.state import NEVER, Cloud, StoryClock

START = datetime(2026, 3, 1, 9, 42, tzinfo=UTC)


def made(seed: int = 1) -> tuple[Cloud, Scenario]:
    cloud = new_cloud(StoryClock(START), seed)
    return cloud, build(cloud, LogStore(cloud), devices=400, seed=seed, history_hours=0)


def told(cloud: Cloud) -> dict[str, Any]:
    service = cloud.provisioning[DPS_NAME]
    return {
        "enrollments": {name: (one.kind, one.enabled, one.etag) for name, one in service.enrollments.items()},
        "groups": {name: (one.kind, one.enabled, one.etag) for name, one in service.groups.items()},
        "registrations": {name: (one.group_id, one.created, one.etag) for name, one in service.registrations.items()},
        "keys": [one.body["attestation"].get("tpm") for one in service.enrollments.values()],
    }


def test_the_same_seed_makes_the_same_enrollments() -> None:
    first, second, other = made(), made(), made(2)
    assert told(first[0]) == told(second[0]) != told(other[0])


def test_they_let_in_the_fleet_s_certificates_and_disagree_with_the_hub() -> None:
    cloud, scenario = made()
    service, hub = cloud.provisioning[DPS_NAME], scenario.hub
    assert set(service.groups) == {CA_GROUP, INTERMEDIATE_GROUP, KEY_GROUP}
    assert {one.kind for one in service.enrollments.values()} == {"x509", "symmetricKey", "tpm"}

    clients = scenario.player.clients
    member = next(name for name, one in service.registrations.items() if one.group_id == CA_GROUP and name in clients)
    chain = clients[member].chain
    assert attest(service, member, None, chain, START).group_id == CA_GROUP
    with pytest.raises(ProvisioningError):
        attest(service, "somebody-else", None, chain, START)
    single = next(one for one in service.enrollments.values() if one.kind == "x509")
    assert attest(service, single.id, None, clients[single.id].chain, START).enrollment is single

    disabled = [one.id for one in service.enrollments.values() if not one.enabled]
    assert disabled and all(hub.devices[name].status == "enabled" for name in disabled)
    assert SPARE in service.enrollments and SPARE not in service.registrations
    assert GONE in service.registrations and GONE not in hub.devices
    grouped = [one.device_id for one in service.registrations.values() if one.group_id]
    assert any(hub.devices[name].last_activity == NEVER for name in grouped)
