"""Writing a hub: whole-resource replace by ETag, long-running, what is kept and refused, and what a write causes."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from support.arm import EXAMPLES, ArmBench, arm, needs_examples  # noqa: F401

from console.localhub.network import admitted

READ_ONLY = {"id", "name", "type", "etag", "systemData"}
READ_ONLY_PROPERTIES = {"state", "provisioningState", "hostName", "locations", "privateEndpointConnections"}
READ_ONLY_EVENTS = {"partitionIds", "path", "endpoint"}


def writable(hub: dict[str, Any]) -> dict[str, Any]:
    """Return a hub's body without what the service decides (read-only in the SDK's models)."""
    body = {key: deepcopy(value) for key, value in hub.items() if key not in READ_ONLY}
    body["properties"] = {key: value for key, value in body["properties"].items() if key not in READ_ONLY_PROPERTIES}
    for endpoint in body["properties"].get("eventHubEndpoints", {}).values():
        for key in READ_ONLY_EVENTS:
            endpoint.pop(key, None)
    body["sku"].pop("tier", None)
    return body


def examples() -> list[tuple[str, dict[str, Any]]]:
    if not EXAMPLES.is_dir():
        return []
    get = json.loads((EXAMPLES / "arm/iothub_get.json").read_text())
    create = json.loads((EXAMPLES / "arm/iothub_createOrUpdate.json").read_text())
    return [
        ("read", get["responses"]["200"]["body"]),
        ("create-request", create["parameters"]["iotHubDescription"]),
        ("create-200", create["responses"]["200"]["body"]),
        ("create-201", create["responses"]["201"]["body"]),
    ]


@needs_examples
@pytest.mark.parametrize(("name", "body"), examples(), ids=[name for name, _ in examples()])
def test_the_public_examples_come_back_equal(arm: ArmBench, name: str, body: dict[str, Any]):
    hub = f"example-{name}"
    arm.put(body, hub)
    first = arm.get(hub)
    assert writable(first) == writable(body)
    arm.put(body, hub, if_match=first["etag"])  # as an update, too
    assert writable(arm.get(hub)) == writable(body)


def test_the_etag_moves_with_every_write_and_read_only_fields_do_not(arm: ArmBench):
    before = arm.get()
    body = deepcopy(before)
    body.update(
        {"id": "/x", "name": "other", "type": "y", "systemData": {"createdAt": "1999-01-01T00:00:00Z"}, "etag": "AA=="}
    )
    body["properties"].update(
        {"state": "Dead", "provisioningState": "Failed", "hostName": "evil.example", "locations": []}
    )
    body["properties"]["eventHubEndpoints"]["events"]["endpoint"] = "sb://evil.example"
    answer = arm.put(body, if_match=before["etag"])
    after = arm.get()
    assert after["etag"] != before["etag"]
    assert answer["etag"] == after["etag"]
    assert {**after, "etag": 0} == {**before, "etag": 0}


def test_unknown_properties_and_encryption_are_kept(arm: ArmBench):
    body = arm.get()
    encryption = {"keySource": "Microsoft.KeyVault", "keyVaultProperties": [{"keyIdentifier": "https://v.example/k"}]}
    body["properties"]["encryption"] = encryption
    body["properties"]["madeUpByATest"] = {"deep": [1, None, {"x": "ü"}]}
    body["alsoMadeUp"] = "kept"
    arm.put(body, if_match=body["etag"])
    after = arm.get()
    assert after["properties"]["encryption"] == encryption
    assert after["properties"]["madeUpByATest"] == {"deep": [1, None, {"x": "ü"}]}
    assert after["alsoMadeUp"] == "kept"
    # a whole-resource replace: what is left out is gone
    del after["properties"]["encryption"], after["properties"]["madeUpByATest"], after["alsoMadeUp"]
    arm.put(after, if_match=after["etag"])
    assert not {"encryption", "madeUpByATest"} & set(arm.get()["properties"])


@pytest.mark.parametrize("form", ["{}", '"{}"', "*", '"*"'])
def test_the_etag_may_be_quoted_or_a_star(arm: ArmBench, form: str):
    body = arm.get()
    arm.put(body, if_match=form.format(body["etag"]))
    assert arm.get()["etag"] != body["etag"]


@needs_examples
@pytest.mark.parametrize("etag", [None, "AAAAAAAAAAE="])
def test_without_the_current_etag_nothing_is_written(arm: ArmBench, etag: str | None):
    body = arm.get()
    changed = deepcopy(body)
    changed["properties"]["comments"] = "never written"
    with pytest.raises(HttpResponseError) as caught:
        arm.put(changed, if_match=etag)
    error = json.loads(caught.value.response.text())
    assert caught.value.status_code == 412
    example = json.loads((EXAMPLES / "errors/arm-error-bodies.json").read_text())["cases"][0]["body"]
    same_form(error, example)
    assert error["message"].startswith("Invalid ETag supplied. If you contact a support representative")
    assert error["message"].endswith("errorcode: IH412001.")
    assert arm.get() == body


def same_form(error: dict[str, Any], example: dict[str, Any]) -> None:
    assert list(error) == list(example)
    for key, value in example.items():
        assert type(error[key]) is type(value)
    assert error["code"] == example["code"]
    assert error["httpStatusCode"] == example["httpStatusCode"]


@needs_examples
def test_a_rule_set_that_is_not_whole_is_400059(arm: ArmBench):
    body = arm.get()
    del body["properties"]["networkRuleSets"]["applyToBuiltInEventHubEndpoint"]
    with pytest.raises(HttpResponseError) as caught:
        arm.put(body, if_match=body["etag"])
    error = json.loads(caught.value.response.text())
    same_form(error, json.loads((EXAMPLES / "errors/arm-error-bodies.json").read_text())["cases"][1]["body"])
    assert error["message"].endswith("errorcode: IH400059")
    assert caught.value.error.code == 400059  # the SDK reads the flat body


@needs_examples
def test_the_404_is_that_of_the_front_door(arm: ArmBench):
    _, _, body = arm.raw("GET", arm.hub_path + "-not")
    example = json.loads((EXAMPLES / "errors/arm-error-bodies.json").read_text())["cases"][2]["body"]
    name = "acctestIoTHub-231225062135493926"
    wanted = example["error"]["message"].replace(name, arm.name + "-not")
    wanted = wanted.replace("acctestRG-iothub-231225062135493926", arm.group)
    assert body == {"error": {"code": "ResourceNotFound", "message": wanted}}


def rules(*masks: str) -> list[dict[str, str]]:
    return [{"filterName": f"r{n}", "action": "Allow", "ipMask": mask} for n, mask in enumerate(masks)]


def network(ip_rules: Any, **more: Any) -> dict[str, Any]:
    return {"defaultAction": "Deny", "applyToBuiltInEventHubEndpoint": True, "ipRules": ip_rules, **more}


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"networkRuleSets": network(None)}, 400059),
        ({"networkRuleSets": network(rules("10.0.0.0/255.0.0.0"))}, 400004),
        ({"networkRuleSets": network([], defaultAction="Block")}, 400059),
        ({"networkRuleSets": network([{"filterName": "x", "action": "Reject", "ipMask": "10.0.0.1"}])}, 400059),
        ({"networkRuleSets": network([{"action": "Allow", "ipMask": "10.0.0.1"}])}, 400059),
        ({"networkRuleSets": network([{"filterName": "a/b", "action": "Allow", "ipMask": "10.0.0.1"}])}, 400059),
        ({"networkRuleSets": network([{"filterName": "x" * 129, "action": "Allow", "ipMask": "10.0.0.1"}])}, 400059),
        ({"networkRuleSets": network(rules("10.0.0.0/33"))}, 400004),
        ({"networkRuleSets": network(rules("fd00::/8"))}, 400004),
        ({"networkRuleSets": network([{**rules("10.0.0.1")[0], "filterName": n} for n in ("Same", "sAME")])}, 400004),
        ({"networkRuleSets": network(rules(*(f"10.0.0.{n}" for n in range(101))))}, 400004),
        ({"ipFilterRules": [{"filterName": "x", "action": "Allow", "ipMask": "10.0.0.1"}]}, 400059),
        ({"ipFilterRules": [{**r, "action": "Reject"} for r in rules(*(f"10.0.0.{n}" for n in range(11)))]}, 400004),
        ({"publicNetworkAccess": "Sometimes"}, 400059),
        ({"disableLocalAuth": "yes"}, 400059),
        ({"allowedFqdnList": "example.com"}, 400059),
        ({"minTlsVersion": 1.2}, 400059),
        ({"routing": []}, 400059),
        ({"eventHubEndpoints": {"events": []}}, 400059),
        ({"eventHubEndpoints": {"events": {"partitionCount": 100000}}}, 400004),
        ({"authorizationPolicies": {}}, 400059),
        ({"authorizationPolicies": [{"keyName": "x"}]}, 400059),
        ({"authorizationPolicies": [{"keyName": "x", "rights": "RegistryRead, Fly"}]}, 400004),
        ({"authorizationPolicies": [{"keyName": "x", "rights": ""}]}, 400004),
        ({"authorizationPolicies": [{"keyName": "x", "rights": "RegistryRead", "primaryKey": "c2hvcnQ="}]}, 400035),
        ({"authorizationPolicies": [{"keyName": n, "rights": "RegistryRead"} for n in ("a", "A")]}, 400004),
    ],
)
def test_what_the_service_refuses(arm: ArmBench, properties: dict[str, Any], code: int):
    before = arm.get()
    with pytest.raises(HttpResponseError) as caught:
        arm.change(**properties)
    assert caught.value.status_code == code // 1000
    assert json.loads(caught.value.response.text())["code"] == code
    assert arm.get() == before


@pytest.mark.parametrize("change", [{"sku": None}, {"sku": {"name": "S9"}}, {"sku": {"name": "S1", "capacity": 0}}])
def test_a_sku_must_be_one(arm: ArmBench, change: dict[str, Any]):
    body = {**arm.get(), **change}
    with pytest.raises(HttpResponseError) as caught:
        arm.put(body, if_match=body["etag"])
    assert caught.value.status_code == 400


def test_front_door_refusals_of_a_write(arm: ArmBench):
    body = arm.get()
    for change, status, code in (
        ({"location": None}, 400, "LocationRequired"),
        ({"location": "eastus"}, 409, "InvalidResourceLocation"),
        ({"tags": {"a": 1}}, 400, "InvalidTagsFormat"),
    ):
        answer = arm.raw("PUT", arm.hub_path, {**body, **change}, headers={"If-Match": body["etag"]})
        assert (answer[0], answer[2]["error"]["code"]) == (status, code)
    answer = arm.raw("PUT", arm.hub_path, b"{not json", headers={"If-Match": body["etag"]})
    assert (answer[0], answer[2]["error"]["code"]) == (400, "InvalidRequestContent")
    answer = arm.raw("PUT", arm.hub_path + "_", body)
    assert (answer[0], answer[2]["code"]) == (400, 400004)


def test_no_shape_of_a_body_breaks_the_service(arm: ArmBench):
    good = arm.get()
    for key in good["properties"]:
        for wrong in (None, 7, "x", [1], {"a": {"b": 1}}, True):
            body = deepcopy(good)
            body["properties"][key] = wrong
            status, _, _ = arm.raw("PUT", arm.hub_path, body, headers={"If-Match": "*"})
            assert status in (201, 400), (key, wrong)
    for wrong in (None, 7, "x", [1]):
        status, _, _ = arm.raw("PUT", arm.hub_path, {**good, "properties": wrong}, headers={"If-Match": "*"})
        assert status in (201, 400), wrong
    assert arm.raw("PUT", arm.hub_path, good, headers={"If-Match": "*"})[0] == 201


def test_a_new_hub_gets_defaults_policies_and_its_own_host(arm: ArmBench):
    arm.put({"location": "North Europe", "sku": {"name": "F1"}}, "fresh-hub")
    body = arm.get("fresh-hub")
    assert body["sku"] == {"name": "F1", "tier": "Free", "capacity": 1}
    assert body["properties"]["hostName"] == "fresh-hub.azure-devices.net"
    assert body["properties"]["cloudToDevice"]["defaultTtlAsIso8601"] == "PT1H"
    assert body["properties"]["locations"][0] == {"location": "North Europe", "role": "primary"}
    keys = list(arm.client().iot_hub_resource.list_keys(arm.group, "fresh-hub"))
    assert len(keys) == 5
    assert arm.runner.cloud.hub_by_host("fresh-hub.azure-devices.net") is not None
    with pytest.raises(HttpResponseError) as caught:
        arm.put({"location": "North Europe", "sku": {"name": "F1"}}, "not-there-yet", if_match="*")
    assert caught.value.status_code == 412


def keys_of(arm: ArmBench) -> list[dict[str, Any]]:
    return [key.as_dict() for key in arm.client().iot_hub_resource.list_keys(arm.group, arm.name)]


def test_policies_stay_when_not_named_and_are_replaced_when_they_are(arm: ArmBench):
    before = keys_of(arm)
    arm.change(comments="policies left out")
    arm.change(authorizationPolicies=None)
    assert keys_of(arm) == before
    _, _, listed = arm.raw("POST", arm.hub_path + "/listkeys")
    key = base64.b64encode(bytes(range(32))).decode()
    added = {"keyName": "dashboards", "rights": "ServiceConnect,RegistryRead", "primaryKey": key, "secondaryKey": None}
    arm.change(authorizationPolicies=[*listed["value"], added])
    after = keys_of(arm)
    assert after[:-1] == before
    assert after[-1]["rights"] == "RegistryRead, ServiceConnect"
    assert after[-1]["primary_key"] == key
    assert len(base64.b64decode(after[-1]["secondary_key"])) == 32  # minted
    assert "authorizationPolicies" not in arm.get()["properties"]
    arm.change(authorizationPolicies=listed["value"])
    assert keys_of(arm) == before


def test_a_rotation_by_null_mints_a_key(arm: ArmBench):
    _, _, listed = arm.raw("POST", arm.hub_path + "/listkeys")
    rotated = deepcopy(listed["value"])
    rotated[1]["primaryKey"] = None
    seen: list[str] = []
    arm.runner.cloud.listeners.append(lambda _hub, what: seen.append(what))
    arm.change(authorizationPolicies=rotated)
    after = keys_of(arm)
    assert after[1]["primary_key"] not in ("", listed["value"][1]["primaryKey"])
    assert after[1]["secondary_key"] == listed["value"][1]["secondaryKey"]
    assert seen == ["policies"]
    arm.runner.cloud.listeners.clear()


def test_network_rules_take_effect_and_are_told(arm: ArmBench):
    hub = arm.runner.hub
    seen: list[tuple[str, str]] = []
    arm.runner.cloud.listeners.append(lambda changed, what: seen.append((changed.name, what)))
    before, original = hub.network_changed, arm.get()["properties"]["networkRuleSets"]
    assert not admitted(hub, "10.20.0.7")
    arm.change(networkRuleSets=network([*original["ipRules"], *rules("10.20.0.0/16")]))
    assert admitted(hub, "10.20.0.7")
    assert hub.network_changed == before + 1
    assert seen == [(arm.name, "network")]
    arm.change(comments="nothing of the network")
    assert hub.network_changed == before + 1
    arm.change(networkRuleSets=original)
    assert not admitted(hub, "10.20.0.7")
    arm.runner.cloud.listeners.clear()


def test_a_patch_changes_tags_and_nothing_else(arm: ArmBench):
    from azure.mgmt.iothub.models import TagsResource

    before = arm.get()
    hub = (
        arm.client().iot_hub_resource.begin_update(arm.group, arm.name, TagsResource(tags={"team": "plants"})).result()
    )
    assert hub.tags == {"team": "plants"}
    after = arm.get()
    assert after["etag"] != before["etag"]
    assert {**after, "etag": 0, "tags": 0} == {**before, "etag": 0, "tags": 0}
    status, _, body = arm.raw("PATCH", arm.hub_path, {"properties": {"publicNetworkAccess": "Disabled"}})
    assert (status, body["code"]) == (400, 400059)


def test_a_write_is_long_running(arm: ArmBench):
    body = arm.get()
    status, headers, answer = arm.raw("PUT", arm.hub_path, body, headers={"If-Match": body["etag"]})
    assert status == 201
    assert answer["name"] == arm.name
    address = headers["azure-asyncoperation"]
    assert address.startswith(arm.ready["arm_endpoint"])
    assert int(headers["retry-after"]) >= 1  # azure-core takes 0 for "not said" and waits 30 seconds
    from support.hub import request

    ca, token = arm.ready["ca_file"], arm.runner.token()
    states = [request(address, ca_file=ca, token=token)[2]["status"]]
    while states[-1] == "InProgress":
        states.append(request(address, ca_file=ca, token=token)[2]["status"])
    assert states[-1] == "Succeeded"
    assert request(address, ca_file=ca)[0] == 401
    typed = arm.client().iot_hub_resource
    hub = typed.get(arm.group, arm.name)
    assert typed.begin_create_or_update(arm.group, arm.name, hub, if_match=hub.etag).result().etag == arm.get()["etag"]


def test_an_operation_can_be_made_to_fail(arm: ArmBench):
    arm.runner.faults.add("lro-fail", endpoint="arm", count=1)
    typed = arm.client().iot_hub_resource
    before = arm.get()
    hub = typed.get(arm.group, arm.name)
    hub.properties.comments = "lost"
    with pytest.raises(HttpResponseError) as caught:
        typed.begin_create_or_update(arm.group, arm.name, hub, if_match=hub.etag).result()
    assert caught.value.error.code == "InternalServerError"
    assert arm.get() == before
    arm.change(comments="")  # the fault is used up


def test_an_operation_can_be_made_to_never_end(arm: ArmBench):
    from support.hub import request

    arm.runner.faults.add("lro-stuck", endpoint="arm", count=1)
    body = arm.get()
    _, headers, _ = arm.raw("PUT", arm.hub_path, body, headers={"If-Match": body["etag"]})
    operation = headers["azure-asyncoperation"]
    # a later operation ends, and this one still does not
    arm.change(comments="x")
    found = request(operation, ca_file=arm.ready["ca_file"], token=arm.runner.token())[2]
    assert found["status"] == "InProgress"
