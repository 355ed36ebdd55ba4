"""Who gets in: keys, tokens, rights, roles and addresses, refused as the service refuses, by SDK and by plain HTTPS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure.iot.hub.models import QuerySpecification
from support.hub import HubRunner
from support.registry import (
    AUDIENCE,
    PlainClient,
    hub_properties,
    manager,
    only,
    operator,
    policy_sas,
    refused,
    sas,
    token_manager,
)

from console.localhub.rbac import role_definition
from console.localhub.state import RIGHTS, AccessPolicy, DeviceRecord, RoleAssignment, new_key

ELSEWHERE = "127.0.9.9"


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=0, scenario="empty") as hub:
        hub.hub.devices["d"] = DeviceRecord("d", "1", primary_key=new_key(), secondary_key=new_key())
        yield hub


def shape(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what differs in every answer."""
    assert body["ExceptionMessage"].startswith("Tracking ID:")
    return {**body, "ExceptionMessage": ""}


BAD_KEY_BODY = {"Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized", "ExceptionMessage": ""}


# --- keys and signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("via_proxy", [False, True], ids=["directly", "by proxy"])
def test_a_wrong_key_is_refused(runner: HubRunner, via_proxy: bool) -> None:
    registry = manager(runner, key=new_key(), via_proxy=via_proxy)
    status, name, body = refused(registry.get_devices)
    assert (status, name, shape(body)) == (401, "IotHubUnauthorizedAccess", BAD_KEY_BODY)


def test_the_secondary_key_is_as_good_as_the_primary(runner: HubRunner) -> None:
    registry = manager(runner, key=runner.hub.policies["registryRead"].secondary_key, policy="registryRead")
    assert [device.device_id for device in registry.get_devices()] == ["d"]


@pytest.mark.parametrize("policy", ["nobody-has-it", "iothubowner"])
def test_an_expired_signature_and_an_unknown_policy_are_refused_alike(runner: HubRunner, policy: str) -> None:
    key = runner.hub.policies["iothubowner"].primary_key
    late = sas(runner.hub.host, policy, key, expires=int(time.time()) - 5)
    answer = PlainClient(runner, late)("GET", "/devices/d")
    assert answer.status_code == 401
    assert answer.headers["iothub-errorcode"] == "IotHubUnauthorizedAccess"
    assert shape(answer.json()) == BAD_KEY_BODY


def test_a_signature_counts_only_below_its_resource(runner: HubRunner) -> None:
    runner.hub.devices["d2"] = DeviceRecord("d2", "2")
    narrow = PlainClient(runner, policy_sas(runner, resource="/devices/d"))
    assert narrow("GET", "/devices/d").status_code == 200
    assert narrow("GET", "/devices/d2").status_code == 401  # by segment, not by letters
    assert narrow("GET", "/devices").status_code == 401
    del runner.hub.devices["d2"]


def test_a_signature_for_another_host_is_refused(runner: HubRunner) -> None:
    foreign = sas("other.azure-devices.net", "iothubowner", runner.hub.policies["iothubowner"].primary_key)
    assert PlainClient(runner, foreign)("GET", "/devices").status_code == 401


def test_a_device_key_opens_no_registry(runner: HubRunner) -> None:
    key = runner.hub.devices["d"].primary_key
    assert key is not None
    own = sas(runner.hub.host, None, key, resource="/devices/d")
    assert PlainClient(runner, own)("GET", "/devices/d").status_code == 401


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "SharedAccessSignature nonsense", "Bearer", "Bearer x.y.z"])
def test_no_or_unreadable_credentials(runner: HubRunner, header: str | None) -> None:
    answer = PlainClient(runner, header)("GET", "/devices")
    assert answer.status_code == 401
    if not header:
        assert answer.headers["iothub-errorcode"] == "IotHubUnauthorized"
        assert answer.json()["Message"] == "ErrorCode:IotHubUnauthorized;Authorization header missing"


def test_local_authentication_can_be_switched_off(runner: HubRunner) -> None:
    with hub_properties(runner, disableLocalAuth=True):
        status, name, body = refused(manager(runner).get_devices)
        assert (status, name, shape(body)) == (401, "IotHubUnauthorizedAccess", BAD_KEY_BODY)
        assert [device.device_id for device in token_manager(runner).get_devices()] == ["d"]
    assert [device.device_id for device in manager(runner).get_devices()] == ["d"]


# --- rights of policies ----------------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, str, Any, str]] = {
    "list": ("GET", "/devices", None, "RegistryRead"),
    "read": ("GET", "/devices/d", None, "RegistryRead"),
    "count": ("GET", "/statistics/devices", None, "RegistryRead"),
    "modules": ("GET", "/devices/d/modules", None, "RegistryRead"),
    "write": ("PUT", "/devices/d", {"deviceId": "d"}, "RegistryWrite"),
    "delete": ("DELETE", "/devices/nobody", None, "RegistryWrite"),
    "bulk": ("POST", "/devices", [], "RegistryWrite"),
    "twin": ("GET", "/twins/d", None, "ServiceConnect"),
    "patch": ("PATCH", "/twins/d", {}, "ServiceConnect"),
    "query": ("POST", "/devices/query", {"query": "SELECT * FROM devices"}, "ServiceConnect"),
    "method": ("POST", "/twins/d/methods", {"methodName": "m"}, "ServiceConnect"),
}


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("call", CALLS)
def test_each_call_needs_its_right(runner: HubRunner, call: str, right: str) -> None:
    method, path, body, needed = CALLS[call]
    runner.hub.policies["narrow"] = AccessPolicy("narrow", (right,), new_key(), new_key())
    answer = PlainClient(runner, policy_sas(runner, "narrow"))(method, path, body)
    implied = {right, "RegistryRead"} if right == "RegistryWrite" else {right}
    if needed in implied:
        assert answer.status_code != 401
    else:
        assert answer.status_code == 401
        assert answer.headers["iothub-errorcode"] == "IotHubUnauthorized"
        text = f"Authorization rule 'narrow' does not allow access for '{method} {path}'"
        assert answer.json()["Message"] == f"ErrorCode:IotHubUnauthorized;{text}"


def test_the_sdk_meets_a_missing_right(runner: HubRunner) -> None:
    registry = manager(runner, policy="registryReadWrite")
    assert registry.get_device("d").device_id == "d"
    assert refused(lambda: registry.query_iot_hub(QuerySpecification(query="SELECT * FROM devices")))[0] == 401


# --- tokens and roles ------------------------------------------------------------------------------------------------


def test_an_expired_token_is_refused(runner: HubRunner) -> None:
    status, name, body = refused(token_manager(runner, lifetime=-60).get_devices)
    assert (status, name, shape(body)) == (401, "IotHubUnauthorizedAccess", BAD_KEY_BODY)


def test_a_token_for_another_service_is_refused(runner: HubRunner) -> None:
    for_arm = runner.token("operator", "https://management.azure.com")
    assert PlainClient(runner, f"Bearer {for_arm}")("GET", "/devices").status_code == 401


@pytest.mark.parametrize("via_proxy", [False, True], ids=["directly", "by proxy"])
def test_without_a_role_the_refusal_names_the_principal(runner: HubRunner, via_proxy: bool) -> None:
    nobody = next(p for p in runner.cloud.principals.values() if p.name == "nobody")
    status, name, body = refused(lambda: token_manager(runner, "nobody", via_proxy=via_proxy).get_device("d"))
    text = f"Principal {nobody.object_id} is not authorized for GET on /devices/d due to no assigned permissions"
    assert (status, name) == (401, "IotHubUnauthorized")
    assert shape(body) == {"Message": f"ErrorCode:IotHubUnauthorized;{text}", "ExceptionMessage": ""}


def test_a_reader_reads_and_does_not_write(runner: HubRunner) -> None:
    registry = token_manager(runner, "reader")
    assert registry.get_device("d").device_id == "d"
    assert registry.get_twin("d").device_id == "d"
    assert registry.query_iot_hub(QuerySpecification(query="SELECT COUNT() AS n FROM devices")).items
    assert registry.get_device_registry_statistics().total_device_count == 1
    assert refused(lambda: registry.delete_device("d"))[:2] == (401, "IotHubUnauthorized")
    assert refused(lambda: registry.create_device_with_certificate_authority("x", "enabled"))[0] == 401
    assert refused(lambda: registry.update_twin("d", {}, "*"))[0] == 401


def test_a_bulk_call_needs_writing_and_deleting(runner: HubRunner) -> None:
    roles = runner.cloud.role_definitions
    guid = "00000000-0000-4000-8000-000000000001"
    nobody = next(p for p in runner.cloud.principals.values() if p.name == "nobody")
    actions = ["Microsoft.Devices/IotHubs/devices/write"]
    roles[guid] = role_definition(guid, "writer", "", data_actions=actions, custom=True)
    runner.cloud.role_assignments["a"] = RoleAssignment("a", nobody.object_id, guid, runner.hub.arm_id)
    client = PlainClient(runner, f"Bearer {runner.token('nobody', AUDIENCE)}")
    assert client("POST", "/devices", [{"id": "n"}]).status_code == 401
    actions.append("Microsoft.Devices/IotHubs/devices/delete")
    roles[guid] = role_definition(guid, "writer", "", data_actions=actions, custom=True)
    assert client("POST", "/devices", [{"id": "n"}]).status_code == 200
    assert client("GET", "/devices/n").status_code == 401
    del roles[guid], runner.cloud.role_assignments["a"], runner.hub.devices["n"]


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("via_proxy", [False, True], ids=["directly", "by proxy"])
@pytest.mark.parametrize("credential", ["signature", "token"])
def test_a_blocked_address_is_refused_like_a_bad_key(runner: HubRunner, credential: str, via_proxy: bool) -> None:
    header = policy_sas(runner) if credential == "signature" else f"Bearer {runner.token('operator', AUDIENCE)}"
    near = PlainClient(runner, header, via_proxy=via_proxy)
    far = PlainClient(runner, header, address=ELSEWHERE, via_proxy=via_proxy)
    assert far("GET", "/devices/d").status_code == 200
    with hub_properties(runner, networkRuleSets=only("127.0.0.1")):
        assert near("GET", "/devices/d").status_code == 200
        answer = far("GET", "/devices/d")
        assert answer.status_code == 401
        assert answer.headers["iothub-errorcode"] == "IotHubUnauthorizedAccess"
        assert shape(answer.json()) == BAD_KEY_BODY
        assert ELSEWHERE not in answer.text and "only" not in answer.text
    assert far("GET", "/devices/d").status_code == 200


@pytest.mark.parametrize("via_proxy", [False, True], ids=["directly", "by proxy"])
def test_the_sdk_meets_a_blocked_address(runner: HubRunner, via_proxy: bool) -> None:
    registry = manager(runner, via_proxy=via_proxy)
    with hub_properties(runner, networkRuleSets=only("10.0.0.0/8")):
        status, name, body = refused(lambda: registry.get_device("d"))
        assert (status, name, shape(body)) == (401, "IotHubUnauthorizedAccess", BAD_KEY_BODY)
    assert registry.get_device("d").device_id == "d"


def test_no_header_moves_the_callers_address(runner: HubRunner) -> None:
    with hub_properties(runner, networkRuleSets=only("10.1.1.1")):
        answer = operator(runner)("GET", "/devices", X_Forwarded_For="10.1.1.1", Forwarded="for=10.1.1.1")
        assert answer.status_code == 401


def test_disabled_public_access_admits_nobody(runner: HubRunner) -> None:
    with hub_properties(runner, publicNetworkAccess="Disabled"):
        assert refused(manager(runner).get_devices)[:2] == (401, "IotHubUnauthorizedAccess")
    assert manager(runner).get_device("d")


def test_the_address_comes_before_the_credentials(runner: HubRunner) -> None:
    with hub_properties(runner, networkRuleSets=only("10.0.0.0/8")):
        answer = PlainClient(runner, None)("GET", "/devices")
        assert shape(answer.json()) == BAD_KEY_BODY


# --- other calls -----------------------------------------------------------------------------------------------------


def test_calls_that_are_not_offered(runner: HubRunner) -> None:
    client = operator(runner)
    unknown = client("GET", "/nothing/of/the/kind")
    assert (unknown.status_code, unknown.headers["iothub-errorcode"]) == (404, "GenericNotFound")
    wrong = client("PATCH", "/devices/d", {})
    assert (wrong.status_code, wrong.headers["iothub-errorcode"]) == (405, "GenericMethodNotAllowed")
    assert PlainClient(runner, None)("GET", "/nothing").status_code == 401


def test_paths_ignore_case_and_any_version_is_taken(runner: HubRunner) -> None:
    client = operator(runner)
    answer = client.session.get(f"https://{runner.ready['hub_host']}/Devices/d?api-version=2016-02-03")
    assert answer.json()["deviceId"] == "d"
    assert len(answer.headers["x-ms-request-id"]) == 36
    assert answer.headers["Server"] == "Microsoft-HTTPAPI/2.0"
