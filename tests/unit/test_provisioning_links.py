"""Links of provisioning services from their ARM body: the policy, how they sign, and nothing of a key."""

from __future__ import annotations

from typing import Any

from console.gateways.provisioning_links import links_from
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget
from console.model.policy import Links
from console.model.provisioning import links_to

BODY: dict[str, Any] = {
    "name": "dps\x1b[2J",
    "id": "/subscriptions/s/dps",
    "properties": {
        "publicNetworkAccess": "Disabled",
        "ipFilterRules": [{"filterName": "lab", "action": "Reject", "ipMask": "10.0.0.0/8", "target": "deviceApi"}],
        "iotHubs": [
            {
                "name": "plants.azure-devices.net",
                "connectionString": "HostName=Plants.azure-devices.net;SharedAccessKeyName=owner;SharedAccessKey=AAAA=",
            },
            {"hostName": "plants.azure-devices.net", "authenticationType": "SystemAssigned"},
            {"connectionString": "HostName=other.azure-devices.net;SharedAccessKeyName=x;SharedAccessKey=****"},
            "nonsense",
        ],
    },
}


def test_links_name_host_and_policy_and_hold_no_key() -> None:
    links = tuple(links_from(BODY))
    assert [(one.host.casefold(), one.policy, one.by_key) for one in links] == [
        ("plants.azure-devices.net", "owner", True),
        ("plants.azure-devices.net", "", False),
        ("other.azure-devices.net", "x", True),
    ]
    assert "AAAA" not in repr(links)
    assert "\x1b" not in repr([one.instance for one in links]).replace("\\\\", "")
    assert not links[0].public_access
    assert links[0].filters == (ClassicRule("lab", FilterAction.REJECT, "10.0.0.0/8", FilterTarget.DEVICE_API),)


def test_only_links_by_key_to_this_hub_count() -> None:
    mine = Links(links_to(tuple(links_from(BODY)), "PLANTS.azure-devices.net"))
    assert len(mine.links or ()) == 2
    assert len(mine.by_key or ()) == 1
    assert mine.instances("OWNER") == mine.instances()
    assert mine.instances("other") == ()
    assert Links(None, "why").instances() is None


def test_a_service_without_links_has_none() -> None:
    assert list(links_from({"name": "empty", "properties": {}})) == []
