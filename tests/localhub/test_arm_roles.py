"""Role definitions at the local resource manager: what it refuses, as the service does; groups, denials, operations."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from support.arm import ArmBench
from support.hub import HubRunner

from console.localhub import rbac
from console.localhub.cloud_factory import add_principal, give, principal_named
from console.localhub.state import GroupState

H = "Microsoft.Devices/IotHubs"
VERSION = "2022-04-01"


@pytest.fixture(scope="module")
def arm() -> Iterator[ArmBench]:
    with HubRunner(scenario="empty", devices=0, seed=7) as hub:
        yield ArmBench(hub)


def path_of(arm: ArmBench, guid: str, scope: str = "") -> str:
    return f"{scope or arm.hub_path}/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def body(arm: ArmBench, name: str, **more: Any) -> dict[str, Any]:
    block = {"actions": [f"{H}/read"], "notActions": [], "dataActions": [f"{H}/devices/*"], "notDataActions": []}
    properties = {"roleName": name, "description": "d", "permissions": [block], "assignableScopes": [arm.hub_path]}
    return {"properties": {**properties, **more}}


def put(arm: ArmBench, guid: str, what: dict[str, Any], principal: str = "operator") -> tuple[int, Any]:
    status, _, answer = arm.raw("PUT", path_of(arm, guid), what, version=VERSION, principal=principal)
    return status, answer


def test_a_role_is_made_read_changed_and_deleted(arm: ArmBench) -> None:
    guid = str(uuid.uuid4())
    status, made = put(arm, guid, body(arm, "One"))
    assert status == 201
    assert made["id"] == f"/subscriptions/{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    told = made["properties"]
    assert (told["type"], told["roleName"], told["createdBy"]) == ("CustomRole", "One", told["updatedBy"])
    assert arm.raw("GET", path_of(arm, guid), version=VERSION)[2] == made
    status, changed = put(arm, guid, body(arm, "Two"))
    assert (status, changed["properties"]["roleName"]) == (200, "Two")
    assert changed["properties"]["createdOn"] == told["createdOn"] < changed["properties"]["updatedOn"]
    listed = arm.raw("GET", path_of(arm, "")[:-1] + "?$filter=type%20eq%20'CustomRole'", version=VERSION)[2]["value"]
    assert [one["name"] for one in listed] == [guid]
    group = arm.hub_path.partition("/providers/")[0]
    # at the group it cannot be assigned: only below it
    above = arm.raw("GET", path_of(arm, "", group)[:-1] + "?$filter=roleName%20eq%20'Two'", version=VERSION)[2]["value"]
    assert above == []
    below = path_of(arm, "", group)[:-1] + "?$filter=atScopeAndBelow()%20and%20roleName%20eq%20'Two'"
    assert [one["name"] for one in arm.raw("GET", below, version=VERSION)[2]["value"]] == [guid]
    assert arm.raw("DELETE", path_of(arm, guid), version=VERSION)[0] == 200
    assert arm.raw("DELETE", path_of(arm, guid), version=VERSION)[0] == 204
    assert arm.raw("GET", path_of(arm, guid), version=VERSION)[0] == 404


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"roleName": ""}, 400, "RoleDefinitionNameNullOrEmpty"),
        ({"roleName": "Reader"}, 409, "RoleDefinitionWithSameNameExists"),
        ({"type": "BuiltInRole"}, 400, "InvalidRoleDefinitionType"),
        ({"assignableScopes": []}, 400, "MissingAssignableScopes"),
        ({"assignableScopes": ["Invalid_Scope"]}, 400, "LinkedInvalidPropertyId"),
        ({"assignableScopes": ["/"]}, 400, "LinkedInvalidPropertyId"),
        ({"assignableScopes": [f"/subscriptions/{uuid.uuid4()}"]}, 404, "SubscriptionNotFound"),
        ({"permissions": [{"actions": [f"{H}/devices/read"]}]}, 400, "InvalidActionOrNotAction"),
        ({"permissions": [{"notActions": ["Microsoft.Nothing/*"]}]}, 400, "InvalidActionOrNotAction"),
        ({"permissions": [{"dataActions": [f"{H}/listkeys/action"]}]}, 400, "InvalidActionOrNotAction"),
        ({"permissions": "x"}, 400, "InvalidRequestContent"),
        ({"roleName": "x" * 129}, 400, "InvalidRoleDefinition"),
    ],
)
def test_what_the_service_refuses(arm: ArmBench, more: dict[str, Any], status: int, code: str) -> None:
    before = dict(arm.runner.cloud.role_definitions)
    found, answer = put(arm, str(uuid.uuid4()), body(arm, f"R {uuid.uuid4()}", **more))
    assert (found, answer["error"]["code"]) == (status, code)
    assert arm.runner.cloud.role_definitions == before


def test_a_built_in_role_stays_and_a_used_one_is_not_deleted(arm: ArmBench) -> None:
    assert put(arm, rbac.READER, body(arm, "Mine"))[1]["error"]["code"] == "RoleDefinitionExists"
    assert arm.raw("DELETE", path_of(arm, rbac.READER), version=VERSION)[0] == 400
    guid = str(uuid.uuid4())
    put(arm, guid, body(arm, "Used"))
    held = give(arm.runner.cloud, principal_named(arm.runner.cloud, "nobody").object_id, guid, arm.hub_path)
    status, _, answer = arm.raw("DELETE", path_of(arm, guid), version=VERSION)
    assert (status, answer["error"]["code"]) == (400, "RoleDefinitionHasAssignments")
    del arm.runner.cloud.role_assignments[held.name], arm.runner.cloud.role_definitions[guid]


def test_the_right_is_needed_on_every_assignable_scope(arm: ArmBench) -> None:
    guid, group = str(uuid.uuid4()), arm.hub_path.partition("/providers/")[0]
    status, answer = put(arm, guid, body(arm, "Wide", assignableScopes=[arm.hub_path, group]))
    assert (status, answer["error"]["code"]) == (403, "AuthorizationFailed")
    assert f"over scope '{group}'" in answer["error"]["message"]
    assert put(arm, guid, body(arm, "Wide"), principal="reader")[0] == 403
    assert guid not in arm.runner.cloud.role_definitions


def test_a_role_is_assigned_only_where_it_may_be_and_to_somebody_who_is_known(arm: ArmBench) -> None:
    guid, cloud = str(uuid.uuid4()), arm.runner.cloud
    put(arm, guid, body(arm, "Narrow"))
    boss = add_principal(cloud, "boss")
    give(cloud, boss.object_id, rbac.OWNER, f"/subscriptions/{arm.subscription}")
    group = arm.hub_path.partition("/providers/")[0]

    def assign(scope: str, principal: str, **more: str) -> tuple[int, Any]:
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        properties = {"roleDefinitionId": f"/x/{guid}", "principalId": principal, **more}
        status, _, answer = arm.raw("PUT", path, {"properties": properties}, principal="boss", version=VERSION)
        return status, answer

    who = principal_named(cloud, "nobody").object_id
    assert assign(group, who)[1]["error"]["code"] == "RoleDefinitionNotAssignable"
    unknown = str(uuid.uuid4())
    assert assign(arm.hub_path, unknown)[1]["error"]["code"] == "PrincipalNotFound"
    assert assign(arm.hub_path, "ben")[1]["error"]["code"] == "InvalidPrincipalId"
    status, made = assign(arm.hub_path, unknown, principalType="ServicePrincipal", description="new one")
    assert (status, made["properties"]["description"]) == (201, "new one")


def test_groups_nest_and_are_told_by_assigned_to_alone(arm: ArmBench) -> None:
    cloud = arm.runner.cloud
    who = add_principal(cloud, "member")
    inner = GroupState(str(uuid.uuid4()), "inner", {who.object_id})
    outer = GroupState(str(uuid.uuid4()), "outer", {inner.object_id})
    cloud.groups.update({one.object_id: one for one in (inner, outer)})
    held = give(cloud, outer.object_id, rbac.READER, arm.hub_path, principal_type="Group")
    base = f"{arm.hub_path}/providers/Microsoft.Authorization/roleAssignments?$filter="
    assert arm.raw("GET", arm.hub_path, principal="member")[0] == 200

    def names(query: str) -> Any:
        status, _, answer = arm.raw("GET", base + query, version=VERSION)
        return [one["name"] for one in answer["value"]] if status == 200 else answer["error"]["code"]

    assert names(f"assignedTo('{who.object_id}')") == [held.name]
    assert names(f"principalId%20eq%20'{who.object_id}'") == []
    assert names(f"assignedTo('{outer.object_id}')") == "InvalidFilter"
    cloud.groups.clear()
    assert arm.raw("GET", arm.hub_path, principal="member")[0] == 403


def test_a_deny_assignment_wins_and_is_listed(arm: ArmBench) -> None:
    cloud = arm.runner.cloud
    everyone = {"id": rbac.EVERYONE, "type": "SystemDefined"}
    operator = principal_named(cloud, "operator").object_id
    cloud.deny_assignments["d"] = {
        "id": f"{arm.hub_path}/providers/Microsoft.Authorization/denyAssignments/d",
        "name": "d",
        "type": "Microsoft.Authorization/denyAssignments",
        "properties": {
            "denyAssignmentName": "no keys",
            "permissions": [{"actions": [f"{H}/listkeys/action"], "dataActions": []}],
            "scope": arm.hub_path,
            "principals": [everyone],
            "excludePrincipals": [],
            "doNotApplyToChildScopes": False,
            "isSystemProtected": True,
        },
    }
    base = f"{arm.hub_path}/providers/Microsoft.Authorization/denyAssignments"
    assert arm.raw("POST", f"{arm.hub_path}/listkeys")[0] == 403
    for query in ("", "?$filter=atScope()", f"?$filter=assignedTo('{operator}')"):
        assert [one["name"] for one in arm.raw("GET", base + query, version=VERSION)[2]["value"]] == ["d"]
    assert arm.raw("GET", f"{base}/d", version=VERSION)[0] == 200
    cloud.deny_assignments["d"]["properties"]["excludePrincipals"] = [{"id": operator, "type": "User"}]
    assert arm.raw("POST", f"{arm.hub_path}/listkeys")[0] == 200
    cloud.deny_assignments.clear()
    assert arm.raw("GET", f"{base}/d", version=VERSION)[0] == 404


def test_one_s_own_permissions_and_the_operations_there_are(arm: ArmBench) -> None:
    path = f"{arm.hub_path}/providers/Microsoft.Authorization/permissions"
    blocks = arm.raw("GET", path, principal="reader", version=VERSION)[2]["value"]
    assert {tuple(one["actions"]) for one in blocks} == {("*/read",), ()}
    assert arm.raw("GET", path, principal="nobody", version=VERSION)[0] == 403
    listed = "/providers/Microsoft.Authorization/providerOperations/Microsoft.Devices?$expand=resourceTypes"
    status, _, answer = arm.raw("GET", listed, version=VERSION)
    operations = {one["name"]: one["isDataAction"] for kind in answer["resourceTypes"] for one in kind["operations"]}
    assert status == 200 and operations[f"{H}/devices/read"] and not operations[f"{H}/listkeys/action"]
    every = arm.raw("GET", "/providers/Microsoft.Authorization/providerOperations", version=VERSION)[2]["value"]
    assert {"Microsoft.Devices", "Microsoft.Authorization"} <= {one["name"] for one in every}
    assert arm.raw("GET", listed.replace("Devices?", "Nothing?"), version=VERSION)[0] == 404
