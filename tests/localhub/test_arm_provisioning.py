"""The provisioning service as a resource: reads, whole replaces by ETag, linked hubs with masked keys, IP filters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from support.arm import EXAMPLES, ArmBench, arm, needs_examples  # noqa: F401
from support.hub import request

from console.localhub.cloud_factory import new_provisioning

VERSION = "2022-12-12"
SCHEMA = EXAMPLES / "arm-schema/2022-12-12-Microsoft.Devices.json"
# what a GET adds to the description of a PUT: what the service computes, or shows beside a linked hub
COMPUTED = {"idScope", "serviceOperationsHostName", "deviceProvisioningHostName"}


class Provisioning:
    """Calls on the provisioning service that every local hub has."""

    def __init__(self, arm: ArmBench) -> None:
        self.arm = arm
        self.group = f"/subscriptions/{arm.subscription}/resourceGroups/{arm.group}"
        self.path = f"{self.group}/providers/Microsoft.Devices/provisioningServices/contoso-dps"

    def call(self, method: str, path: str = "", body: Any = None, **more: Any) -> tuple[int, dict[str, str], Any]:
        return self.arm.raw(method, self.path + path, body, version=VERSION, **more)

    def get(self) -> dict[str, Any]:
        status, _, body = self.call("GET")
        assert status == 200
        return body

    def put(self, body: dict[str, Any], etag: str | None = None) -> tuple[int, dict[str, str], Any]:
        return self.call("PUT", "", body, headers={"If-Match": etag or body["etag"]})

    def change(self, **properties: Any) -> tuple[int, dict[str, str], Any]:
        body = self.get()
        body["properties"].update(properties)
        return self.put(body)

    def hub_key(self, policy: str = "iothubowner", which: str = "primary_key") -> str:
        return str(getattr(self.arm.runner.hub.policies[policy], which))

    def link(self, policy: str = "iothubowner", key: str = "****", host: str | None = None) -> dict[str, Any]:
        host = host or self.arm.runner.hub.host
        return {
            "connectionString": f"HostName={host};SharedAccessKeyName={policy};SharedAccessKey={key}",
            "location": "westeurope",
        }


@pytest.fixture
def dps(arm: ArmBench) -> Iterator[Provisioning]:
    yield Provisioning(arm)
    arm.runner.faults.clear()
    cloud = arm.runner.cloud
    with cloud.lock:
        cloud.provisioning.clear()
        new_provisioning(cloud, "contoso-dps", arm.runner.hub, "iothubowner")


def test_it_is_found_by_subscription_group_and_name_in_any_case(dps: Provisioning):
    body = dps.get()
    for scope in (f"/subscriptions/{dps.arm.subscription}", dps.group.upper()):
        listed = dps.arm.raw("GET", f"{scope}/providers/Microsoft.Devices/provisioningServices", version="2022-02-05")
        assert listed[2] == {"value": [body]}
    assert dps.arm.raw("GET", dps.path.upper(), version="2025-02-01-preview")[2] == body
    status, _, missing = dps.call("GET", "-not")
    assert (status, missing["error"]["code"]) == (404, "ResourceNotFound")


def test_what_it_says(dps: Provisioning):
    body = dps.get()
    properties, host = body["properties"], dps.arm.runner.hub.host
    assert (body["sku"], body["location"]) == ({"name": "S1", "tier": "Standard", "capacity": 1}, "westeurope")
    assert properties["idScope"].startswith("0ne00")
    assert properties["serviceOperationsHostName"] == "contoso-dps.azure-devices-provisioning.net"
    assert properties["ipFilterRules"] == []
    assert "authorizationPolicies" not in properties
    (hub,) = properties["iotHubs"]
    masked = f"HostName={host};SharedAccessKeyName=iothubowner;SharedAccessKey=****"
    assert (hub["name"], hub["connectionString"]) == (host, masked)
    assert dps.hub_key() not in json.dumps(body)


def test_its_keys_are_listed(dps: Provisioning):
    status, _, body = dps.call("POST", "/listkeys")
    assert status == 200
    (key,) = body["value"]
    assert (key["keyName"], key["rights"]) == (
        "provisioningserviceowner",
        "ServiceConfig, DeviceConnect, EnrollmentRead, EnrollmentWrite, RegistrationStatusRead, "
        "RegistrationStatusWrite",
    )
    assert dps.call("POST", "/keys/PROVISIONINGserviceowner/listkeys")[2] == key
    assert dps.call("POST", "/keys/other/listkeys")[0] == 404


def test_a_write_back_of_what_was_read_changes_the_etag_alone(dps: Provisioning):
    before, links = dps.get(), dict(dps.arm.runner.cloud.provisioning["contoso-dps"].links)
    keys = dps.call("POST", "/listkeys")[2]
    status, headers, answer = dps.put(before)
    after = dps.get()
    assert (status, answer) == (200, after)
    assert after["etag"] != before["etag"]
    assert {**after, "etag": 0} == {**before, "etag": 0}
    assert dps.call("POST", "/listkeys")[2] == keys
    assert dps.arm.runner.cloud.provisioning["contoso-dps"].links == links  # not the stars that were sent
    address, ca, token = headers["azure-asyncoperation"], dps.arm.ready["ca_file"], dps.arm.runner.token()
    while (found := request(address, ca_file=ca, token=token)[2]["status"]) != "Succeeded":
        assert found == "InProgress"


@pytest.mark.parametrize("etag", [None, "AAAAAAAAAAE="])
def test_without_the_current_etag_nothing_is_written(dps: Provisioning, etag: str | None):
    body = dps.get()
    status, _, error = dps.call("PUT", "", {**body, "tags": {"a": "b"}}, headers={"If-Match": etag} if etag else {})
    assert (status, error["code"]) == (412, 412001)
    assert dps.get() == body


def test_ip_filters_keep_their_order_and_unknown_properties_stay(dps: Provisioning):
    rules = [
        {"filterName": "devices", "action": "Accept", "ipMask": "10.0.0.0/8", "target": "deviceApi"},
        {"filterName": "all-else", "action": "Reject", "ipMask": "0.0.0.0/0"},
    ]
    made_up = {"deep": [1, None]}
    assert dps.change(ipFilterRules=rules, madeUp=made_up, publicNetworkAccess="Disabled")[0] == 200
    properties = dps.get()["properties"]
    assert (properties["ipFilterRules"], properties["madeUp"]) == (rules, made_up)
    assert properties["publicNetworkAccess"] == "Disabled"
    assert dps.change(ipFilterRules=rules[::-1])[2]["properties"]["ipFilterRules"] == rules[::-1]


def rule(name: str = "x", **change: Any) -> dict[str, Any]:
    return {"filterName": name, "action": "Reject", "ipMask": "10.0.0.1", **change}


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"ipFilterRules": [rule(action="Allow")]}, 400059),
        ({"ipFilterRules": [rule(target="devices")]}, 400059),
        ({"ipFilterRules": [rule("a/b")]}, 400059),
        ({"ipFilterRules": [rule(ipMask="fd00::/8")]}, 400004),
        ({"ipFilterRules": [rule("Same"), rule("sAME")]}, 400004),
        ({"ipFilterRules": [rule(f"r{n}") for n in range(101)]}, 400004),
        ({"ipFilterRules": {}}, 400059),
        ({"allocationPolicy": "Random"}, 400059),
        ({"publicNetworkAccess": "Sometimes"}, 400059),
        ({"iotHubs": {}}, 400059),
        ({"iotHubs": [7]}, 400059),
        ({"iotHubs": [{"connectionString": "x", "location": "westeurope"}]}, 400004),
        ({"authorizationPolicies": [{"keyName": "x", "rights": "RegistryRead"}]}, 400004),
    ],
)
def test_what_the_service_refuses(dps: Provisioning, properties: dict[str, Any], code: int):
    before = dps.get()
    status, _, error = dps.change(**properties)
    assert (status, error["code"]) == (400, code)
    assert dps.get() == before


def test_a_hundred_rules_are_taken(dps: Provisioning):
    assert dps.change(ipFilterRules=[rule(f"r{n}") for n in range(100)])[0] == 200


def test_a_link_is_checked_by_using_it(dps: Provisioning):
    host, good = dps.arm.runner.hub.host, dps.hub_key("service", "secondary_key")
    for link in (
        dps.link("service", "bm90IHRoZSBrZXk="),
        dps.link("no-such-policy", good),
        dps.link("service", good, "elsewhere.azure-devices.net"),
        dps.link("service"),  # masked, and another policy than the stored one
        {"connectionString": dps.link("service", good)["connectionString"]},  # no location
    ):
        assert dps.change(iotHubs=[link])[0] == 400, link
    assert dps.change(iotHubs=[dps.link("service", good)] * 2)[0] == 400
    new = {**dps.link("service", good), "allocationWeight": 3, "applyAllocationPolicy": False}
    assert dps.change(iotHubs=[new])[0] == 200
    (hub,) = dps.get()["properties"]["iotHubs"]
    assert (hub["name"], hub["allocationWeight"], hub["applyAllocationPolicy"]) == (host, 3, False)
    assert hub["connectionString"].endswith("SharedAccessKeyName=service;SharedAccessKey=****")
    assert dps.arm.runner.cloud.provisioning["contoso-dps"].links[host.casefold()] == new["connectionString"]
    assert dps.change(iotHubs=[])[2]["properties"]["iotHubs"] == []


def test_a_rotated_key_breaks_the_link_and_nobody_is_told(dps: Provisioning):
    before = dps.get()
    _, _, listed = dps.arm.raw("POST", dps.arm.hub_path + "/listkeys")
    rotated = deepcopy(listed["value"])
    rotated[0]["primaryKey"] = None
    dps.arm.change(authorizationPolicies=rotated)
    assert dps.get() == before
    stored = dps.arm.runner.cloud.provisioning["contoso-dps"].links
    assert dps.hub_key() not in stored[dps.arm.runner.hub.host.casefold()]
    assert dps.put(before)[0] == 200  # a stored key is not tried again
    dps.arm.change(authorizationPolicies=rotated[1:])  # the policy is gone
    assert dps.call("GET")[0] == 200
    status, _, error = dps.put(dps.get())
    assert (status, "no shared access policy 'iothubowner'" in error["message"]) == (400, True)
    dps.arm.change(authorizationPolicies=listed["value"])


def test_one_is_made_tagged_and_deleted(dps: Provisioning):
    body = {"location": "westeurope", "sku": {"name": "S1", "capacity": 1}, "properties": {}}
    status, headers, made = dps.call("PUT", "-two", body)
    assert (status, made["properties"]["iotHubs"]) == (201, [])
    assert headers["azure-asyncoperation"]
    assert dps.get()["properties"]["idScope"] != made["properties"]["idScope"]
    status, _, patched = dps.call("PATCH", "-two", {"tags": {"team": "plants"}})
    assert (status, patched["tags"], patched["etag"] != made["etag"]) == (200, {"team": "plants"}, True)
    assert dps.call("DELETE", "-two")[0] == 202
    assert dps.call("DELETE", "-two")[0] == 204
    for wrong in ({**body, "location": None}, {**body, "sku": {"name": "S2"}}, {**body, "properties": 7}):
        assert dps.call("PUT", "-two", wrong)[0] == 400
    assert dps.call("PUT", "-", body)[0] == 400


def test_policies_stay_when_not_named_and_are_replaced_when_they_are(dps: Provisioning):
    owner = dps.call("POST", "/listkeys")[2]["value"]
    more = {"keyName": "enrol", "rights": "EnrollmentWrite,EnrollmentRead", "primaryKey": None}
    assert dps.change(authorizationPolicies=[*owner, more])[0] == 200
    keys = dps.call("POST", "/listkeys")[2]["value"]
    assert keys[:1] == owner
    assert (keys[1]["rights"], len(keys[1]["primaryKey"])) == ("EnrollmentRead, EnrollmentWrite", 44)
    assert "authorizationPolicies" not in dps.get()["properties"]


def test_who_may_do_what(dps: Provisioning):
    body = dps.get()
    for method, path, action in (
        ("PUT", "", "write"),
        ("PATCH", "", "write"),
        ("DELETE", "", "delete"),
        ("POST", "/listkeys", "listkeys/action"),
        ("POST", "/keys/provisioningserviceowner/listkeys", "listkeys/action"),
    ):
        status, _, error = dps.call(method, path, body, principal="reader")
        assert (status, f"provisioningServices/{action}'" in error["error"]["message"]) == (403, True)
    assert dps.call("GET", principal="reader")[0] == 200
    assert dps.call("GET", principal="nobody")[0] == 403
    listed = f"{dps.group}/providers/Microsoft.Devices/provisioningServices"
    assert dps.arm.raw("GET", listed, principal="nobody")[0] == 403


@pytest.mark.parametrize("kind", ["lro-fail", "lro-stuck"])
def test_a_write_that_fails_or_sticks_changes_nothing(dps: Provisioning, kind: str):
    body = dps.get()
    for method, path, status in (("PUT", "", 200), ("DELETE", "", 202)):
        dps.arm.runner.faults.add(kind, endpoint="arm", count=1)
        sent = {**body, "tags": {"lost": "1"}}
        assert dps.call(method, path, sent, headers={"If-Match": body["etag"]})[0] == status
        assert dps.get() == body


def test_the_writes_show_in_the_activity_log_without_keys(dps: Provisioning):
    cloud = dps.arm.runner.cloud
    with cloud.lock:
        cloud.activity.clear()
    dps.change(iotHubs=[dps.link("iothubowner", dps.hub_key())])
    dps.change(ipFilterRules={})
    dps.call("POST", "/listkeys")
    with cloud.lock:
        events = list(cloud.activity)
    assert [(event.operation.partition("/")[2], event.status) for event in events] == [
        ("provisioningServices/Write", "Started"),
        ("provisioningServices/Write", "Succeeded"),
        ("provisioningServices/Write", "Failed"),
        ("provisioningServices/listkeys/Action", "Succeeded"),
    ]
    assert dps.hub_key() not in str(events)


def test_the_incident_has_three_filters_in_order(local_hub):
    rules = local_hub.cloud.provisioning["contoso-dps"].resource["properties"]["ipFilterRules"]
    assert rules == [
        {"filterName": "corporate", "action": "Accept", "ipMask": "10.0.0.0/8"},
        {"filterName": "jump-box", "action": "Accept", "ipMask": "127.0.0.0/8"},
        {"filterName": "everyone-else", "action": "Reject", "ipMask": "0.0.0.0/0"},
    ]


@needs_examples
def test_its_keys_are_those_of_the_example_and_the_schema(dps: Provisioning):
    dps.change(ipFilterRules=[rule(target="all")])
    body = dps.get()
    example = json.loads((EXAMPLES / "arm/DPSGet.json").read_text())["responses"]["200"]["body"]
    assert set(body) == set(example) - {"identity"}
    assert set(body["sku"]) == set(example["sku"])
    assert set(example["properties"]) - set(body["properties"]) == {"authorizationPolicies"}
    defined = {name: set(one["properties"]) for name, one in json.loads(SCHEMA.read_text())["definitions"].items()}
    assert set(body["properties"]) - defined["IotDpsPropertiesDescription"] == COMPUTED
    assert set(body["properties"]["iotHubs"][0]) - defined["IotHubDefinitionDescription"] == {"name"}
    assert set(body["properties"]["ipFilterRules"][0]) <= defined["IpFilterRule"]
