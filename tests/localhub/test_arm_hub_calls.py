"""The plain azure-mgmt-iothub client does every call on hubs over a real socket."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from support.arm import ArmBench, arm, misfits, needs_examples  # noqa: F401


def test_a_hub_is_found_by_subscription_group_and_name_in_any_case(arm: ArmBench):
    hubs = arm.client().iot_hub_resource
    assert arm.name in [hub.name for hub in hubs.list_by_subscription()]
    assert arm.name in [hub.name for hub in hubs.list_by_resource_group(arm.group.upper())]
    hub = hubs.get(arm.group.upper(), arm.name.upper())
    assert hub.name == arm.name
    assert hub.properties.host_name == f"{arm.name}.azure-devices.net"
    assert (hub.sku.name, hub.sku.capacity, hub.location) == ("S1", 2, "westeurope")
    assert hub.properties.state == "Active"
    assert [(r.filter_name, r.ip_mask) for r in hub.properties.network_rule_sets.ip_rules] == [
        ("jump-box", "127.0.0.0/8")
    ]
    assert hub.properties.authorization_policies is None


def test_list_keys_gives_the_five_policies_with_random_keys(arm: ArmBench):
    hubs = arm.client().iot_hub_resource
    policies = {policy.key_name: policy for policy in hubs.list_keys(arm.group, arm.name)}
    assert {name: policy.rights for name, policy in policies.items()} == {
        "iothubowner": "RegistryRead, RegistryWrite, ServiceConnect, DeviceConnect",
        "service": "ServiceConnect",
        "device": "DeviceConnect",
        "registryRead": "RegistryRead",
        "registryReadWrite": "RegistryRead, RegistryWrite",
    }
    assert (
        len({policy.primary_key for policy in policies.values()} | {p.secondary_key for p in policies.values()}) == 10
    )
    one = hubs.get_keys_for_key_name(arm.group, arm.name, "SERVICE")
    assert one.primary_key == policies["service"].primary_key
    with pytest.raises(ResourceNotFoundError):
        hubs.get_keys_for_key_name(arm.group, arm.name, "no-such-policy")


def test_skus_quotas_statistics_and_health(arm: ArmBench):
    hubs = arm.client().iot_hub_resource
    assert [sku.sku.name for sku in hubs.get_valid_skus(arm.group, arm.name)] == ["S1", "S2", "S3"]
    quotas = {metric.name: metric for metric in hubs.get_quota_metrics(arm.group, arm.name)}
    assert quotas["TotalMessages"].max_value == 2 * 400_000
    assert quotas["TotalDeviceCount"].current_value == len(arm.runner.hub.devices)
    statistics = hubs.get_stats(arm.group, arm.name)
    assert statistics.total_device_count == len(arm.runner.hub.devices)
    assert statistics.enabled_device_count + statistics.disabled_device_count == statistics.total_device_count
    assert [health.endpoint_id for health in hubs.get_endpoint_health(arm.group, arm.name)] == ["events"]


def test_names_are_checked(arm: ArmBench):
    from azure.mgmt.iothub.models import OperationInputs

    check = arm.client().iot_hub_resource.check_name_availability
    taken = check(OperationInputs(name=arm.name.upper()))
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")
    assert check(OperationInputs(name="-bad-")).reason == "Invalid"
    assert check(OperationInputs(name="a-free-name")).name_available is True


def test_private_links_and_connections(arm: ArmBench):
    client = arm.client()
    (link,) = client.private_link_resources.list(arm.group, arm.name).value
    assert link.properties.group_id == "iotHub"
    assert client.private_link_resources.get(arm.group, arm.name, "iotHub").name == link.name
    with pytest.raises(ResourceNotFoundError):
        client.private_link_resources.get(arm.group, arm.name, "sql")
    assert client.private_endpoint_connections.list(arm.group, arm.name) == []
    connection = {
        "name": "from-office",
        "type": "Microsoft.Devices/IotHubs/PrivateEndpointConnections",
        "id": f"{arm.hub_path}/PrivateEndpointConnections/from-office",
        "properties": {
            "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/office"},
            "privateLinkServiceConnectionState": {
                "status": "Pending",
                "description": "please",
                "actionsRequired": "None",
            },
        },
    }
    hub = arm.runner.hub
    with hub.lock:
        hub.private_endpoint_connections.append(connection)
    try:
        _, _, body = arm.raw("GET", f"{arm.hub_path}/privateEndpointConnections")
        assert body == [connection]  # a bare array
        one = client.private_endpoint_connections.get(arm.group, arm.name, "FROM-office")
        assert one.properties.private_link_service_connection_state.status == "Pending"
        assert arm.get()["properties"]["privateEndpointConnections"] == [connection]
        # a write back of what was read does not double or lose it
        read = arm.get()
        assert arm.put(read, if_match=read["etag"])["properties"]["privateEndpointConnections"] == [connection]
    finally:
        with hub.lock:
            hub.private_endpoint_connections.clear()
    with pytest.raises(ResourceNotFoundError):
        client.private_endpoint_connections.get(arm.group, arm.name, "from-office")


def test_lists_come_in_pages(arm: ArmBench):
    from console.localhub.arm_hub import PAGE
    from console.localhub.cloud_factory import new_hub

    cloud = arm.runner.cloud
    extra = [f"paged-{number:03d}" for number in range(2 * PAGE)]
    with cloud.lock:
        for name in extra:
            new_hub(cloud, name)
    try:
        names = [hub.name for hub in arm.client().iot_hub_resource.list_by_subscription()]
        assert names == sorted([*extra, arm.name])
        path = f"/subscriptions/{arm.subscription}/providers/Microsoft.Devices/IotHubs"
        _, _, first = arm.raw("GET", path)
        assert len(first["value"]) == PAGE
        assert "$skiptoken" in first["nextLink"].replace("%24", "$")
    finally:
        with cloud.lock:
            for name in extra:
                del cloud.hubs[name]


def test_registration_of_the_provider_can_be_read(arm: ArmBench):
    _, _, body = arm.raw("GET", f"/subscriptions/{arm.subscription}/providers/Microsoft.Devices")
    assert body["registrationState"] == "Registered"


def test_subscriptions_and_groups(arm: ArmBench):
    _, _, body = arm.raw("GET", "/subscriptions")
    assert [one["subscriptionId"] for one in body["value"]] == [arm.subscription]
    _, _, body = arm.raw("GET", f"/subscriptions/{arm.subscription}/resourcegroups")
    assert [one["name"] for one in body["value"]] == [arm.group]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (
            "/subscriptions/00000000-0000-0000-0000-00000000beef/providers/Microsoft.Devices/IotHubs",
            "SubscriptionNotFound",
        ),
        ("/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/IotHubs/no-such-hub", "ResourceNotFound"),
        ("/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Devices/Toasters/x", "InvalidResourceType"),
    ],
)
def test_what_is_not_there_is_404(arm: ArmBench, path: str, code: str):
    status, headers, body = arm.raw("GET", path.format(s=arm.subscription, g=arm.group))
    assert (status, body["error"]["code"]) == (404, code)
    assert headers["x-ms-request-id"]
    assert headers["x-ms-correlation-request-id"]


def test_a_group_that_is_not_there(arm: ArmBench):
    # a role on the subscription is needed to get past the 403 that hides other groups
    from console.localhub.cloud_factory import principal_named
    from console.localhub.rbac import READER
    from console.localhub.state import RoleAssignment

    cloud = arm.runner.cloud
    nobody = principal_named(cloud, "nobody").object_id
    cloud.role_assignments["t"] = RoleAssignment("t", nobody, READER, f"/subscriptions/{arm.subscription}")
    try:
        path = f"/subscriptions/{arm.subscription}/resourceGroups/elsewhere/providers/Microsoft.Devices/IotHubs/x"
        status, _, body = arm.raw("GET", path, principal="nobody")
    finally:
        del cloud.role_assignments["t"]
    assert (status, body["error"]["code"]) == (404, "ResourceGroupNotFound")


def test_a_call_without_version_and_with_a_wrong_method(arm: ArmBench):
    from support.hub import request

    url = arm.ready["arm_endpoint"].rstrip("/") + arm.hub_path
    status, _, body = request(url, ca_file=arm.ready["ca_file"], token=arm.runner.token())
    assert (status, body["error"]["code"]) == (400, "MissingApiVersionParameter")
    status, _, body = arm.raw("POST", arm.hub_path, {})
    assert (status, body["error"]["code"]) == (405, "HttpMethodNotSupported")


@needs_examples
def test_every_key_of_the_answers_is_in_the_sdk_models(arm: ArmBench):
    calls = {
        "GET " + arm.hub_path: "IotHubDescription",
        "GET " + arm.hub_path.rpartition("/")[0]: "IotHubDescriptionListResult",
        "POST " + arm.hub_path + "/listkeys": "SharedAccessSignatureAuthorizationRuleListResult",
        "POST " + arm.hub_path + "/IotHubKeys/device/listkeys": "SharedAccessSignatureAuthorizationRule",
        "GET " + arm.hub_path + "/skus": "IotHubSkuDescriptionListResult",
        "GET " + arm.hub_path + "/quotaMetrics": "IotHubQuotaMetricInfoListResult",
        "GET " + arm.hub_path + "/IotHubStats": "RegistryStatistics",
        "GET " + arm.hub_path + "/routingEndpointsHealth": "EndpointHealthDataListResult",
        "GET " + arm.hub_path + "/privateLinkResources": "PrivateLinkResources",
        "GET " + arm.hub_path + "/privateLinkResources/iotHub": "GroupIdInformation",
    }
    for call, model in calls.items():
        method, path = call.split(" ")
        status, _, body = arm.raw(method, path)
        assert status == 200, call
        assert misfits(model, body) == [], call
    assert misfits("IotHubDescription", {"name": 3, "etag": "x", "colour": "red"}) == [
        "IotHubDescription.name: 3 is not str",
        "IotHubDescription.colour: no such key",
    ]


def test_deleting_a_hub_is_long_running_and_may_be_repeated(arm: ArmBench):
    hubs = arm.client().iot_hub_resource
    arm.put({"location": "westeurope", "sku": {"name": "S1", "capacity": 1}}, "short-lived")
    poller = hubs.begin_delete(arm.group, "short-lived", polling=False)
    poller.result()
    with pytest.raises(ResourceNotFoundError) as caught:
        hubs.get(arm.group, "short-lived")
    assert caught.value.error is not None
    assert caught.value.error.code == "ResourceNotFound"
    hubs.begin_delete(arm.group, "short-lived").result()  # 204
    with pytest.raises(HttpResponseError):
        hubs.list_keys(arm.group, "short-lived").next()
