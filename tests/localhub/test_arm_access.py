"""Who may do what at the resource manager: tokens, the three principals, role assignments."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from support.arm import ArmBench, arm  # noqa: F401

from console.localhub import rbac
from console.localhub.cloud_factory import principal_named


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "AuthenticationFailed"),
        ("Bearer not.a.token", "InvalidAuthenticationToken"),
        ("SharedAccessSignature sr=x&sig=y&se=1", "AuthenticationFailedInvalidHeader"),
        ("expired", "ExpiredAuthenticationToken"),
        ("audience", "InvalidAuthenticationTokenAudience"),
        ("forged", "InvalidAuthenticationToken"),
    ],
)
def test_a_token_must_be_good(arm: ArmBench, token: str, code: str):
    if token == "expired":
        token = arm.runner.token(lifetime=-3600)
    elif token == "audience":
        token = arm.runner.token(audience="https://api.loganalytics.io")
    elif token == "forged":
        head, _, _ = arm.runner.token().rpartition(".")
        token = f"{head}.{'A' * 342}"
    status, headers, body = arm.raw("GET", arm.hub_path, token=token)
    assert (status, body["error"]["code"]) == (401, code)
    assert headers["www-authenticate"].startswith("Bearer ")
    assert "claims=" not in headers["www-authenticate"]


@pytest.mark.parametrize("audience", ["https://management.azure.com", "https://management.core.windows.net/"])
def test_both_audiences_of_the_resource_manager_do(arm: ArmBench, audience: str):
    assert arm.raw("GET", arm.hub_path, token=arm.runner.token(audience=audience))[0] == 200


def test_a_reader_reads_and_writes_nothing(arm: ArmBench):
    reader = arm.client("reader")
    hub = reader.iot_hub_resource.get(arm.group, arm.name)
    assert arm.name in [one.name for one in reader.iot_hub_resource.list_by_subscription()]
    for call in (
        lambda: reader.iot_hub_resource.begin_create_or_update(arm.group, arm.name, hub, if_match=hub.etag),
        lambda: list(reader.iot_hub_resource.list_keys(arm.group, arm.name)),
        lambda: reader.iot_hub_resource.get_keys_for_key_name(arm.group, arm.name, "service"),
        lambda: reader.iot_hub_resource.begin_delete(arm.group, arm.name),
        lambda: reader.certificates.delete(arm.group, arm.name, "x", "*"),
    ):
        with pytest.raises(HttpResponseError) as caught:
            call()
        assert caught.value.status_code == 403
        assert caught.value.error.code == "AuthorizationFailed"
    assert arm.get()["etag"] == hub.etag


def test_the_refusal_names_client_action_and_scope(arm: ArmBench):
    reader = arm.ready["principals"]["reader"]
    _, _, body = arm.raw("PUT", arm.hub_path, arm.get(), principal="reader")
    assert body == {
        "error": {
            "code": "AuthorizationFailed",
            "message": f"The client '{reader['client_id']}' with object id '{reader['object_id']}' does not have "
            f"authorization to perform action 'Microsoft.Devices/IotHubs/write' over scope '{arm.hub_path}' or the "
            "scope is invalid. If access was recently granted, please refresh your credentials.",
        }
    }


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/certificates",
        "/providers/Microsoft.Insights/diagnosticSettings",
        "/providers/Microsoft.Insights/metrics",
        "/providers/Microsoft.Authorization/roleAssignments",
    ],
)
def test_nobody_gets_nothing(arm: ArmBench, path: str):
    assert arm.raw("GET", arm.hub_path + path, principal="nobody")[0] == 403
    assert arm.raw("GET", arm.hub_path.rpartition("/")[0], principal="nobody")[0] == 403
    assert arm.raw("GET", "/subscriptions", principal="nobody")[2]["value"] == []
    # what is not there is not told apart from what is
    assert arm.raw("GET", arm.hub_path + "-not", principal="nobody")[0] == 403


def assignments(arm: ArmBench, scope: str, query: str = "") -> list[dict[str, Any]]:
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments{query}"
    status, _, body = arm.raw("GET", path, version="2022-04-01")
    assert status == 200, body
    found: list[dict[str, Any]] = body["value"]
    return found


def role_of(assignment: dict[str, Any]) -> str:
    return str(assignment["properties"]["roleDefinitionId"]).rpartition("/")[2]


def test_assignments_are_listed_by_scope_and_principal(arm: ArmBench):
    me = arm.ready["principals"]["operator"]["object_id"]
    mine = assignments(arm, arm.hub_path, f"?$filter=atScope()%20and%20assignedTo('{me}')")
    assert {role_of(one) for one in mine} == {
        rbac.CONTRIBUTOR,  # inherited from the group
        rbac.IOT_HUB_DATA_CONTRIBUTOR,
        rbac.USER_ACCESS_ADMINISTRATOR,
    }
    group = f"/subscriptions/{arm.subscription}/resourceGroups/{arm.group}"
    everything, at_scope = assignments(arm, group), assignments(arm, group, "?$filter=atScope()")
    assert {role_of(one) for one in at_scope} == {rbac.CONTRIBUTOR, rbac.READER}
    assert {one["name"] for one in at_scope} < {one["name"] for one in everything}
    first = everything[0]
    assert assignments(arm, group, f"?$filter=principalId%20eq%20'{me}'")[0]["properties"]["principalId"] == me
    assert arm.raw("GET", first["id"], version="2022-04-01")[2] == first
    status, _, body = arm.raw(
        "GET", f"{group}/providers/Microsoft.Authorization/roleAssignments?$filter=colour%20eq%20'x'"
    )
    assert (status, body["error"]["code"]) == (400, "InvalidFilter")


def test_definitions_are_read_by_name_and_kind(arm: ArmBench):
    path = f"{arm.hub_path}/providers/Microsoft.Authorization/roleDefinitions"
    _, _, body = arm.raw("GET", path + "?$filter=roleName%20eq%20'IoT%20Hub%20Data%20Reader'", version="2022-04-01")
    assert [one["name"] for one in body["value"]] == [rbac.IOT_HUB_DATA_READER]
    _, _, one = arm.raw("GET", f"{path}/{rbac.IOT_HUB_DATA_READER}", version="2022-04-01")
    assert one["properties"]["permissions"][0]["dataActions"][0] == "Microsoft.Devices/IotHubs/*/read"
    # ids may come with and without the subscription
    plain = f"/providers/Microsoft.Authorization/roleDefinitions/{rbac.OWNER}"
    assert arm.raw("GET", plain, principal="nobody")[2]["properties"]["roleName"] == "Owner"


def test_a_role_can_be_given_and_taken(arm: ArmBench):
    nobody = arm.ready["principals"]["nobody"]["object_id"]
    path = f"{arm.hub_path}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    role = f"/subscriptions/{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{rbac.READER}"
    body = {"properties": {"roleDefinitionId": role, "principalId": nobody, "principalType": "ServicePrincipal"}}
    assert arm.raw("PUT", path, body, principal="reader")[0] == 403
    status, _, created = arm.raw("PUT", path, body, version="2022-04-01")
    assert status == 201
    assert created["properties"]["scope"] == arm.hub_path
    assert arm.raw("PUT", path, body)[0] == 200
    other = f"{arm.hub_path}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert arm.raw("PUT", other, body)[2]["error"]["code"] == "RoleAssignmentExists"
    assert arm.raw("GET", arm.hub_path, principal="nobody")[0] == 200
    assert arm.raw("DELETE", path)[0] == 200
    assert arm.raw("DELETE", path)[0] == 204
    assert arm.raw("GET", arm.hub_path, principal="nobody")[0] == 403
    wrong = {"properties": {**body["properties"], "roleDefinitionId": role[:-4] + "0000"}}
    assert arm.raw("PUT", path, wrong)[2]["error"]["code"] == "RoleDefinitionDoesNotExist"


def test_no_role_above_the_hub_may_be_given_by_its_administrator(arm: ArmBench):
    group = f"/subscriptions/{arm.subscription}/resourceGroups/{arm.group}"
    path = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    nobody = principal_named(arm.runner.cloud, "nobody").object_id
    body = {"properties": {"roleDefinitionId": f"/x/{rbac.READER}", "principalId": nobody}}
    assert arm.raw("PUT", path, body)[0] == 403
