"""Further hubs of the local cloud, each open in another way, so that there is something to choose from."""

from __future__ import annotations

from console.localhub import rbac
from console.localhub.cloud_factory import (
    DIAGNOSTIC_SETTING,
    diagnostic_setting,
    give,
    new_hub,
    principal_named,
)
from console.localhub.device_table import DeviceTable
from console.localhub.quiet_fleet import QuietFleet
from console.localhub.state import Cloud, HubState, Json

_OPEN: Json = {"publicNetworkAccess": "Enabled"}
_FILTERED: Json = {
    "publicNetworkAccess": "Enabled",
    "minTlsVersion": "1.2",
    "networkRuleSets": {
        "defaultAction": "Deny",
        "applyToBuiltInEventHubEndpoint": True,
        "ipRules": [
            {"filterName": "corporate", "action": "Allow", "ipMask": "10.0.0.0/12"},
            {"filterName": "jump-box", "action": "Allow", "ipMask": "127.0.0.0/8"},
        ],
    },
}
_CLOSED: Json = {"publicNetworkAccess": "Disabled", "disableLocalAuth": True, "minTlsVersion": "1.2"}
_KINDS = (
    ("contoso-lab", "northeurope", _OPEN, {"name": "S1", "tier": "Standard", "capacity": 1}, 140),
    ("contoso-vault", "westeurope", _CLOSED, {"name": "S2", "tier": "Standard", "capacity": 1}, 60),
    ("contoso-works", "centralus", _FILTERED, {"name": "S2", "tier": "Standard", "capacity": 4}, 900),
)


def add_hubs(cloud: Cloud, count: int, seed: int) -> list[HubState]:
    """Add so many hubs, with quiet devices and their log in the first workspace; the operator may use them."""
    operator = principal_named(cloud, "operator").object_id
    workspace = next(iter(cloud.workspaces.values()))
    made = []
    for place in range(count):
        name, location, properties, sku, devices = _KINDS[place % len(_KINDS)]
        round_ = place // len(_KINDS)
        name = f"{name}-{round_ + 1}" if round_ else name
        with cloud.lock:
            hub = new_hub(
                cloud, name, location=location, properties=properties, sku=dict(sku), etag_seed=seed + place + 2
            )
        hub.devices = DeviceTable(QuietFleet(devices, seed + place + 2, cloud.clock.start))
        setting = diagnostic_setting(hub.arm_id, workspace.arm_id, DIAGNOSTIC_SETTING, ("Connections",))
        hub.diagnostic_settings[DIAGNOSTIC_SETTING] = setting
        give(cloud, operator, rbac.IOT_HUB_DATA_CONTRIBUTOR, hub.arm_id)
        made.append(hub)
    return made
