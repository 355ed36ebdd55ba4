"""Switching shared access signatures off: who would be cut off is told before, and must be accepted."""

from __future__ import annotations

from support.devices import register
from support.hub import HubRunner
from support.policies import (  # noqa: F401
    hub,
    keys,
    listed,
    make,
    others,
    policies,
    risks,
    runner,
    services,
)

from console.model.policy import AuthScope
from console.services.bundle import Services

# --- local authentication ----------------------------------------------------------------------------------------


def test_switching_policies_off_names_the_provisioning_services_and_asks_no_key(
    hub: HubRunner, services: Services
) -> None:
    change = services.changes.policies.plan_local_auth(AuthScope.HUB, False)
    assert risks(change) == {
        "dps-links": True,
        "policy-clients": False,
        "device-update": False,
        "built-in-endpoint-sas": False,
    }
    assert "contoso-dps" in next(risk.message for risk in change.risks if risk.id == "dps-links")
    before = keys(hub)
    make(services, change, "dps-links")
    assert hub.hub.resource["properties"]["disableLocalAuth"] is True
    assert keys(hub) == before
    assert listed(hub) == 0
    assert risks(services.changes.policies.plan_create("x", "RegistryRead"))["local-auth-off"] is False
    make(services, services.changes.policies.plan_local_auth(AuthScope.HUB, True))
    assert hub.hub.resource["properties"]["disableLocalAuth"] is False
    assert services.changes.policies.plan_local_auth(AuthScope.HUB, True).edits == ()


def test_switching_device_keys_off_counts_those_cut_off(hub: HubRunner, services: Services) -> None:
    for number in range(3):
        register(hub, f"press-{number}")
    with hub.hub.lock:
        devices = list(hub.hub.devices.values())
        devices[0].auth, devices[1].auth, devices[2].auth = "sas", "sas", "certificateAuthority"
    change = services.changes.policies.plan_local_auth(AuthScope.DEVICES, False)
    assert risks(change) == {"sas-devices": True}
    assert ("cut off", "2 of 3 devices") in change.effect
    with hub.hub.lock:
        devices[0].auth = devices[1].auth = "certificateAuthority"
    assert risks(services.changes.policies.plan_local_auth(AuthScope.DEVICES, False)) == {}
    hub.faults.add("server-error", endpoint="hub", path="/devices/query", status=503)
    assert risks(services.changes.policies.plan_local_auth(AuthScope.DEVICES, False)) == {"sas-devices-unknown": True}
