"""The role that articles print and the one that works, by the real SDKs: data operations belong under dataActions."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import QuerySpecification
from support.arm import ArmBench
from support.hub import HubRunner
from support.registry import refused, token_manager

from console.localhub import rbac
from console.localhub.cloud_factory import add_principal, give, principal_named
from console.localhub.state import Principal

H = "Microsoft.Devices/IotHubs"
DATA = [f"{H}/devices/read", f"{H}/devices/write", f"{H}/devices/delete", f"{H}/twins/read"]


@pytest.fixture(scope="module")
def arm() -> Iterator[ArmBench]:
    with HubRunner(scenario="empty", devices=0, seed=7) as hub:
        yield ArmBench(hub)


@pytest.fixture
def someone(arm: ArmBench) -> Iterator[Principal]:
    cloud = arm.runner.cloud
    one = add_principal(cloud, f"someone-{uuid.uuid4()}")
    arm.ready["principals"][one.name] = {
        "client_id": one.client_id,
        "client_secret": one.secret,
        "object_id": one.object_id,
    }
    yield one
    for name, assignment in list(cloud.role_assignments.items()):
        if assignment.principal_id == one.object_id:
            del cloud.role_assignments[name]


def definition(arm: ArmBench, name: str, actions: list[str], data_actions: list[str]) -> dict[str, Any]:
    return {
        "properties": {
            "roleName": name,
            "description": "",
            "permissions": [{"actions": actions, "notActions": [], "dataActions": data_actions, "notDataActions": []}],
            "assignableScopes": [arm.hub_path],
        }
    }


def put_role(arm: ArmBench, body: dict[str, Any], guid: str, principal: str = "operator") -> tuple[int, Any]:
    path = f"/subscriptions/{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    status, _, answer = arm.raw("PUT", path, body, version="2022-04-01", principal=principal)
    return status, answer


def registry_as(arm: ArmBench, one: Principal) -> IoTHubRegistryManager:
    return token_manager(arm.runner, one.name)


def test_the_role_as_commonly_printed_is_refused_whole(arm: ArmBench) -> None:
    guid = str(uuid.uuid4())
    status, answer = put_role(arm, definition(arm, "Printed", [f"{H}/devices/*", f"{H}/twins/*"], []), guid)
    assert status == 400
    assert answer["error"] == {
        "code": "InvalidActionOrNotAction",
        "message": f"'{H}/devices/*' does not match any of the actions supported by the providers.",
    }
    # one wrong line among right ones is enough, and nothing of it stays
    status, answer = put_role(arm, definition(arm, "Printed", [f"{H}/read", DATA[0]], [DATA[1]]), guid)
    assert (status, answer["error"]["code"]) == (400, "InvalidActionOrNotAction")
    status, answer = put_role(arm, definition(arm, "Printed", [], [f"{H}/write"]), guid)
    assert (status, answer["error"]["code"]) == (400, "InvalidActionOrNotAction")
    assert guid not in arm.runner.cloud.role_definitions


def test_data_operations_under_actions_open_no_device(arm: ArmBench, someone: Principal) -> None:
    """As if such a role had got in: the data plane asks for data actions, and answers its plain 401."""
    cloud = arm.runner.cloud
    cloud.role_definitions["printed"] = rbac.role_definition("printed", "Printed", "", actions=DATA, custom=True)
    give(cloud, someone.object_id, "printed", arm.hub_path)
    registry = registry_as(arm, someone)
    for call in (
        lambda: registry.query_iot_hub(QuerySpecification(query="SELECT * FROM devices")),
        lambda: registry.create_device_with_sas("d", "", "", "enabled"),
        registry.get_devices,
    ):
        status, name, _ = refused(call)
        assert (status, name) == (401, "IotHubUnauthorized")
    del cloud.role_definitions["printed"]


def test_the_corrected_role_works_on_devices_and_on_nothing_else(arm: ArmBench, someone: Principal) -> None:
    guid = str(uuid.uuid4())
    status, made = put_role(arm, definition(arm, "IoT Device Operator", [f"{H}/read"], DATA), guid)
    assert status == 201
    assert made["properties"]["type"] == "CustomRole"
    path = f"{arm.hub_path}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    body = {"properties": {"roleDefinitionId": made["id"], "principalId": someone.object_id}}
    status, _, answer = arm.raw("PUT", path, body, version="2022-04-01")
    assert status == 201, answer
    operator = principal_named(arm.runner.cloud, "operator").object_id
    assert answer["properties"]["createdBy"] == operator
    registry = registry_as(arm, someone)
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    registry.create_device_with_sas("press-1", key, key, "enabled")
    device = registry.get_device("press-1")
    changed = registry.update_device_with_sas("press-1", device.etag, key, key, "disabled")
    assert changed.status == "disabled"
    registry.query_iot_hub(QuerySpecification(query="SELECT * FROM devices"))  # the index may lag; it is answered
    assert registry.get_twin("press-1").device_id == "press-1"
    registry.delete_device("press-1", etag=changed.etag)
    assert registry.get_devices() == []
    # twins can be read and not written; methods are another operation
    status, name, _ = refused(lambda: registry.update_twin("press-1", {"tags": {"a": "b"}}))
    assert (status, name) == (401, "IotHubUnauthorized")
    # the hub itself: seen, not changed, and no key of it
    management = arm.client(someone.name).iot_hub_resource
    hub = management.get(arm.group, arm.name)
    raw = io.BytesIO(json.dumps(arm.get()).encode())
    for call in (
        lambda: management.begin_create_or_update(arm.group, arm.name, raw, if_match=hub.etag),
        lambda: list(management.list_keys(arm.group, arm.name)),
        lambda: management.begin_delete(arm.group, arm.name),
    ):
        with pytest.raises(HttpResponseError) as caught:
            call()
        assert (caught.value.status_code, caught.value.error.code) == (403, "AuthorizationFailed")


def test_a_contributor_gets_no_device_by_its_token(arm: ArmBench, someone: Principal) -> None:
    give(arm.runner.cloud, someone.object_id, rbac.CONTRIBUTOR, arm.hub_path)
    assert refused(registry_as(arm, someone).get_devices)[:2] == (401, "IotHubUnauthorized")
    assert list(arm.client(someone.name).iot_hub_resource.list_keys(arm.group, arm.name))  # but it can list keys
