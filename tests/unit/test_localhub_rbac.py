"""Roles: wildcards, exceptions, several blocks, scopes, and the three principals of the demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.localhub import rbac
from console.localhub.cloud_factory import new_cloud, principal_named
from console.localhub.state import Cloud, RoleAssignment, StoryClock

EXAMPLES = Path(__file__).parents[2] / "../shared/reference/examples"
HUB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/h"
SOMEBODY = "11111111-0000-0000-0000-000000000000"


def cloud_with(*grants: tuple[str, str]) -> Cloud:
    cloud = Cloud(StoryClock(), "s", "t", "g")
    cloud.role_definitions.update(rbac.BUILT_IN_ROLES)
    for number, (role, scope) in enumerate(grants):
        cloud.role_assignments[str(number)] = RoleAssignment(str(number), SOMEBODY, role, scope)
    return cloud


def may(cloud: Cloud, operation: str, scope: str = HUB, *, data: bool = False) -> bool:
    return rbac.allowed(cloud, SOMEBODY, operation, scope, data=data)


def test_wildcards_match_any_depth_and_any_case():
    cloud = cloud_with((rbac.READER, HUB))
    assert may(cloud, "microsoft.devices/IOTHUBS/read")
    assert may(cloud, "Microsoft.Devices/IotHubs/certificates/READ")
    assert not may(cloud, "Microsoft.Devices/IotHubs/readwrite")
    assert not may(cloud, "Microsoft.Devices/IotHubs/listkeys/action")


def test_exceptions_take_away_only_from_their_own_role():
    cloud = cloud_with((rbac.CONTRIBUTOR, HUB))
    assert may(cloud, "Microsoft.Devices/IotHubs/listkeys/action")
    assert not may(cloud, "Microsoft.Authorization/roleAssignments/write")
    both = cloud_with((rbac.CONTRIBUTOR, HUB), (rbac.USER_ACCESS_ADMINISTRATOR, HUB))
    assert may(both, "Microsoft.Authorization/roleAssignments/write")


def test_actions_grant_no_data_actions_and_the_reverse():
    owner = cloud_with((rbac.OWNER, HUB))
    assert not may(owner, "Microsoft.Devices/IotHubs/devices/read", data=True)
    data_owner = cloud_with((rbac.IOT_HUB_DATA_CONTRIBUTOR, HUB))
    assert may(data_owner, "Microsoft.Devices/IotHubs/devices/write", data=True)
    assert not may(data_owner, "Microsoft.Devices/IotHubs/read")


def test_the_narrow_data_roles():
    registry = cloud_with((rbac.IOT_HUB_REGISTRY_CONTRIBUTOR, HUB))
    assert may(registry, "Microsoft.Devices/IotHubs/devices/delete", data=True)
    assert not may(registry, "Microsoft.Devices/IotHubs/twins/read", data=True)
    twins = cloud_with((rbac.IOT_HUB_TWIN_CONTRIBUTOR, HUB))
    assert may(twins, "Microsoft.Devices/IotHubs/twins/write", data=True)
    assert not may(twins, "Microsoft.Devices/IotHubs/devices/read", data=True)
    reader = cloud_with((rbac.IOT_HUB_DATA_READER, HUB))
    assert may(reader, "Microsoft.Devices/IotHubs/devices/read", data=True)
    assert may(reader, "Microsoft.Devices/IotHubs/fileUpload/notifications/action", data=True)
    assert not may(reader, "Microsoft.Devices/IotHubs/directMethods/invoke/action", data=True)


def test_several_permission_blocks_each_have_their_own_exceptions():
    cloud = cloud_with()
    role = rbac.role_definition("r", "two blocks", "", actions=["a/*"], not_actions=["a/write"], custom=True)
    role["properties"]["permissions"].append({"actions": ["a/write", "b/read"]})
    cloud.role_definitions["r"] = role
    cloud.role_assignments["x"] = RoleAssignment("x", SOMEBODY, "r", "/")
    assert may(cloud, "a/write")  # excepted in the first block, granted by the second
    assert may(cloud, "a/read")
    assert may(cloud, "b/read")
    assert not may(cloud, "b/write")


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        ("/", True),
        ("/subscriptions/S", True),
        ("/subscriptions/s/resourcegroups/G/", True),
        (HUB.upper(), True),
        ("/subscriptions/s/resourceGroups/gg", False),
        (HUB + "2", False),
        (HUB + "/certificates/c", False),
    ],
)
def test_a_scope_holds_for_what_is_below_it_by_whole_segments(scope: str, covers: bool):
    assert may(cloud_with((rbac.READER, scope)), "Microsoft.Devices/IotHubs/read") is covers


def test_another_principal_gets_nothing():
    cloud = cloud_with((rbac.OWNER, "/"))
    assert not rbac.allowed(cloud, "22222222-0000-0000-0000-000000000000", "a/read", HUB, data=False)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the public example data is not beside this tree")
def test_iot_roles_are_those_azure_publishes():
    for role in json.loads((EXAMPLES / "rbac/builtin-roles-iot.json").read_text())["roles"]:
        ours = rbac.BUILT_IN_ROLES[role["name"]]
        assert ours["id"] == role["id"]
        assert ours["properties"]["permissions"] == role["permissions"]
        for key in ("roleName", "description", "assignableScopes"):
            assert ours["properties"][key] == role[key]


def test_the_demo_principals_have_the_roles_of_their_names():
    cloud = new_cloud(StoryClock(), 3)
    hub = cloud.hubs["contoso-plants"]
    can = {
        name: [
            rbac.allowed(cloud, principal_named(cloud, name).object_id, operation, hub.arm_id, data=data)
            for operation, data in (
                ("Microsoft.Devices/IotHubs/read", False),
                ("Microsoft.Devices/IotHubs/write", False),
                ("Microsoft.Devices/IotHubs/listkeys/action", False),
                ("Microsoft.Authorization/roleAssignments/write", False),
                ("Microsoft.Devices/IotHubs/twins/read", True),
                ("Microsoft.Devices/IotHubs/devices/write", True),
            )
        ]
        for name in ("operator", "reader", "nobody")
    }
    assert can["operator"] == [True] * 6
    assert can["reader"] == [True, False, False, False, True, False]
    assert can["nobody"] == [False] * 6


def test_ids_follow_the_seed_and_secrets_do_not():
    one, two, other = (new_cloud(StoryClock(), seed) for seed in (5, 5, 6))
    assert list(one.principals) == list(two.principals) != list(other.principals)
    assert one.subscription_id == two.subscription_id != other.subscription_id
    assert list(one.role_assignments) == list(two.role_assignments)
    assert list(one.workspaces) == list(two.workspaces)
    secrets = [{principal.secret for principal in cloud.principals.values()} for cloud in (one, two)]
    assert not secrets[0] & secrets[1]
    keys = [{policy.primary_key for policy in cloud.hubs["contoso-plants"].policies.values()} for cloud in (one, two)]
    assert len(keys[0]) == 5
    assert not keys[0] & keys[1]
