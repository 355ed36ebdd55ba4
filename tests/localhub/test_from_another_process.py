"""`localhub serve --devices 2000` met by the plain Azure clients of another process, directly and by the real names.

One journey through every call that the local hub offers, and each refusal; the details have tests of their own.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, ExportImportDevice, QuerySpecification, Twin, TwinProperties
from azure.mgmt.iothub import IotHubClient
from azure.mgmt.iothub.models import TagsResource
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryPartialResult
from support.hub import HubProcess, HubRunner, request
from support.registry import FromAddress, refused, wait_until

KEY, OTHER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
HOUR = timedelta(hours=1)
ELSEWHERE = "127.0.9.9"


class Outside:
    """The plain clients, as a program on this machine would make them from the ready file."""

    def __init__(self, process: HubProcess, *, via_proxy: bool) -> None:
        self.ready = process.ready
        self.via_proxy = via_proxy
        self.place = (self.ready["resource_group"], self.ready["hub_name"])

    @property
    def _pipeline(self) -> dict[str, Any]:
        more = {"proxies": {"https": self.ready["proxy"]}} if self.via_proxy else {}
        return {"connection_verify": self.ready["ca_file"], **more}

    def credential(self, principal: str = "operator", secret: str | None = None) -> ClientSecretCredential:
        who = self.ready["principals"][principal]
        # by its real name, the authority is asked which clouds there are, as the client does by itself
        options = {} if self.via_proxy else {"authority": self.ready["authority"], "disable_instance_discovery": True}
        secret = secret or who["client_secret"]
        return ClientSecretCredential(
            self.ready["tenant_id"], who["client_id"], secret, **options, **self._pipeline, retry_total=0
        )

    def arm(self, principal: str = "operator") -> IotHubClient:
        base = {} if self.via_proxy else {"base_url": self.ready["arm_endpoint"]}
        credential = self.credential(principal)
        options = {**base, **self._pipeline, "retry_total": 0, "polling_interval": 0}
        return IotHubClient(credential, self.ready["subscription_id"], **options)

    def logs(self, principal: str = "operator") -> LogsQueryClient:
        base = {} if self.via_proxy else {"endpoint": self.ready["logs_endpoint"]}
        options = {**base, "audience": "https://api.loganalytics.io", **self._pipeline, "retry_total": 0}
        return LogsQueryClient(self.credential(principal), **options)

    def registry(
        self, policy: str | None = None, key: str | None = None, principal: str = "", address: str = ""
    ) -> IoTHubRegistryManager:
        """Return a manager by connection string (iothubowner unless named), or by a principal's token."""
        host = f"{self.ready['hub_name']}.azure-devices.net" if self.via_proxy else self.ready["hub_host"]
        if principal:
            manager = IoTHubRegistryManager.from_token_credential(host, self.credential(principal))
        else:
            parts = dict(part.split("=", 1) for part in self.ready["hub_connection_string"].split(";"))
            policy, key = policy or parts["SharedAccessKeyName"], key or parts["SharedAccessKey"]
            text = f"HostName={host};SharedAccessKeyName={policy};SharedAccessKey={key}"
            manager = IoTHubRegistryManager.from_connection_string(text)
        config = manager.protocol.config
        config.connection.verify = self.ready["ca_file"]
        config.proxies.use_env_settings = False
        if self.via_proxy:
            config.proxies.add("https", self.ready["proxy"])
        if address:

            def bind(session: Any, *_: Any, **__: Any) -> None:
                session.mount("https://", FromAddress(address))

            config.session_configuration_callback = bind
        return manager

    def raw(self, path: str, method: str = "GET", body: Any = None, version: str = "2023-06-30", more: str = "") -> Any:
        """Make a call of Azure's resource manager that azure-mgmt-iothub does not have, with its own kind of token."""
        token = self.credential().get_token("https://management.azure.com/.default").token
        url = f"{self.ready['arm_endpoint']}{path}?api-version={version}{more}"
        status, _, answer = request(url, ca_file=self.ready["ca_file"], method=method, token=token, body=body)
        assert status in {200, 201}, answer
        return answer

    def hub(self) -> dict[str, Any]:
        found: dict[str, Any] = self.arm().iot_hub_resource.get(*self.place, cls=lambda r, *_: r.http_response.json())
        return found

    def write(self, hub: dict[str, Any]) -> None:
        body = io.BytesIO(json.dumps(hub).encode())
        self.arm().iot_hub_resource.begin_create_or_update(*self.place, body, if_match=hub["etag"]).result()


@pytest.fixture(scope="module")
def process() -> Iterator[HubProcess]:
    with HubRunner.subprocess(devices=2000) as running:
        yield running
        assert running.stop() == (0, "")


@pytest.fixture(params=[False, True], ids=["directly", "by the real names"])
def outside(request: pytest.FixtureRequest, process: HubProcess) -> Outside:
    return Outside(process, via_proxy=request.param)


def test_the_registry(outside: Outside) -> None:
    for way in ({}, {"principal": "operator"}):
        registry = outside.registry(**way)
        made = registry.create_device_with_sas("one", KEY, OTHER_KEY, "enabled")
        registry.create_device_with_x509("two", "A1" * 20, "B2" * 20, "enabled")
        registry.create_device_with_certificate_authority("three", "enabled")
        assert registry.get_device("two").authentication.type == "selfSigned"
        assert registry.get_device("three").authentication.type == "certificateAuthority"
        changed = registry.update_device_with_sas("one", made.etag, KEY, OTHER_KEY, "disabled", status_reason="lost")
        assert changed.status_reason == "lost"
        module = registry.create_module_with_sas("two", "m", "me", KEY, OTHER_KEY)
        assert [one.module_id for one in registry.get_modules("two")] == ["m"]
        registry.update_module_with_sas("two", "m", "you", module.etag, KEY, OTHER_KEY)
        assert registry.get_module("two", "m").managed_by == "you"
        assert registry.update_module_twin("two", "m", Twin(tags={"a": 1})).tags == {"a": 1}
        registry.delete_module("two", "m")
        patch = Twin(tags={"site": "x"}, properties=TwinProperties(desired={"rate": 5}))
        assert registry.update_twin("one", patch, registry.get_twin("one").etag).properties.desired["rate"] == 5
        assert registry.replace_twin("one", Twin(tags={})).tags in (None, {})
        bulk = [ExportImportDevice(id=f"b{n}", import_mode="create", tags={"site": "bulk"}) for n in range(20)]
        assert registry.bulk_create_or_update_devices(bulk).is_successful is True
        again = registry.bulk_create_or_update_devices(bulk)
        assert (again.is_successful, {error.error_code for error in again.errors}) == (False, {"DeviceAlreadyExists"})
        assert registry.get_device_registry_statistics().total_device_count == 2023
        assert registry.get_service_statistics().connected_device_count > 1000
        assert len(registry.get_devices(10)) == 10
        method = CloudToDeviceMethod(method_name="reboot", payload={})
        assert refused(lambda m=method, r=registry: r.invoke_device_method("one", m))[:2] == (404, "DeviceNotOnline")
        query = "SELECT * FROM devices WHERE tags.site = 'bulk'"
        wait_until(lambda q=query, r=registry: len(r.query_iot_hub(QuerySpecification(query=q), None, 50).items) == 20)
        seen, token = [], None
        while True:
            page = registry.query_iot_hub(QuerySpecification(query=query), token, 7)
            seen += [twin.device_id for twin in page.items]
            token = page.continuation_token
            if token is None:
                break
        assert sorted(seen) == sorted(f"b{n}" for n in range(20))
        query = "SELECT COUNT() AS n, authenticationType FROM devices GROUP BY authenticationType"
        groups = registry.query_iot_hub(QuerySpecification(query=query)).items
        assert sum(row.additional_properties["n"] for row in groups) >= 2000
        for name in ("one", "two", "three"):
            registry.delete_device(name)
        gone = [ExportImportDevice(id=f"b{n}", import_mode="delete") for n in range(20)]
        assert registry.bulk_create_or_update_devices(gone).is_successful is True


def test_the_resource_manager(outside: Outside) -> None:
    client, place = outside.arm(), outside.place
    hubs = client.iot_hub_resource
    assert [hub.name for hub in hubs.list_by_subscription()] == [place[1]]
    assert [hub.name for hub in hubs.list_by_resource_group(place[0])] == [place[1]]
    before = outside.hub()
    before["properties"]["ofAnotherVersion"] = {"kept": [1, 2]}
    outside.write(before)
    after = outside.hub()
    assert after["etag"] != before["etag"]
    assert after["properties"] == before["properties"]
    with pytest.raises(HttpResponseError) as caught:
        outside.write(before)
    assert (caught.value.status_code, caught.value.error.code) == (412, 412001)
    assert hubs.begin_update(*place, TagsResource(tags={"a": "b"})).result().tags == {"a": "b"}
    keys = {policy.key_name: policy for policy in hubs.list_keys(*place)}
    assert {"iothubowner", "service", "device", "registryRead", "registryReadWrite", "legacy-all"} == set(keys)
    assert hubs.get_keys_for_key_name(*place, "service").primary_key == keys["service"].primary_key
    assert list(hubs.get_quota_metrics(*place)) and list(hubs.get_valid_skus(*place))
    assert hubs.get_stats(*place).total_device_count == 2000
    names = {one.name for one in client.certificates.list_by_iot_hub(*place).value}
    assert names == {"plants-2021", "plants-2025", "contractor-test"}
    assert client.private_endpoint_connections.list(*place) == []
    assert client.private_link_resources.list(*place).value[0].properties.group_id == "iotHub"
    with pytest.raises(ResourceNotFoundError) as missing:
        hubs.get(place[0], "nowhere")
    assert missing.value.error.code == "ResourceNotFound"


def test_azure_monitor_and_authorization(outside: Outside) -> None:
    hub, group = outside.ready["hub_arm_id"], outside.ready["resource_group"]
    subscription = f"/subscriptions/{outside.ready['subscription_id']}"
    insights = "/providers/Microsoft.Insights"
    settings = outside.raw(hub + insights + "/diagnosticSettings", version="2021-05-01-preview")["value"]
    workspace = outside.raw(settings[0]["properties"]["workspaceId"], version="2023-09-01")
    assert workspace["properties"]["customerId"] == outside.ready["workspace_id"]
    metrics = outside.raw(hub + insights + "/metrics", version="2018-01-01", more="&metricnames=totalDeviceCount")
    assert metrics["value"][0]["timeseries"][0]["data"][-1]["average"] >= 2000
    year = int(outside.ready["story_start"][:4]) - 1
    events = outside.raw(
        subscription + insights + "/eventtypes/management/values",
        version="2015-04-01",
        more="&$filter=" + quote(f"eventTimestamp ge '{year}-01-01' and resourceGroupName eq '{group}'"),
    )["value"]
    removed = [event for event in events if event["caller"] == "ana@contoso.com"]
    assert {event["operationName"]["value"] for event in removed} == {"Microsoft.Devices/IotHubs/Write"}
    assert {event["httpRequest"]["clientIpAddress"] for event in removed} == {"10.2.0.31"}
    roles = outside.raw(hub + "/providers/Microsoft.Authorization/roleAssignments", version="2022-04-01")["value"]
    holders = {role["properties"]["principalId"] for role in roles}
    who = outside.ready["principals"]
    assert holders > {who["operator"]["object_id"], who["reader"]["object_id"]}


def test_the_log(outside: Outside) -> None:
    logs, workspace = outside.logs(), outside.ready["workspace_id"]
    count = 'AzureDiagnostics | where Category == "Connections" and ResultType == "401003" | count'
    first = logs.query_workspace(workspace, count, timespan=HOUR)
    assert not isinstance(first, LogsQueryPartialResult)
    assert first.tables[0].rows[0][0] > 100
    of_the_hub = logs.query_resource(outside.ready["hub_arm_id"], count, timespan=HOUR)
    # the hour slides on between the two questions: a row or two may have left it, or come in
    assert abs(of_the_hub.tables[0].rows[0][0] - first.tables[0].rows[0][0]) <= 5
    good, bad = logs.query_batch(
        [
            LogsBatchQuery(workspace, count, timespan=HOUR),
            LogsBatchQuery(workspace, "AzureDiagnostics | summarize count() by DeviceId", timespan=HOUR),
        ]
    )
    assert good.tables[0].rows[0][0] > 100
    assert "DeviceId" in bad.message
    for kql, code in {"AzureDiagnostics | | count": "SyntaxError", "NoSuchTable": "SemanticError"}.items():
        with pytest.raises(HttpResponseError) as caught:
            logs.query_workspace(workspace, kql, timespan=HOUR)
        assert caught.value.response.json()["error"]["innererror"]["code"] == code


# --- refusals --------------------------------------------------------------------------------------------------------

BAD_KEY = (401, "IotHubUnauthorizedAccess")


def test_a_wrong_key_and_a_wrong_secret(outside: Outside) -> None:
    assert refused(lambda: outside.registry(key=KEY).get_devices(1))[:2] == BAD_KEY
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        outside.credential(secret="wrong").get_token("https://management.azure.com/.default")


def test_a_missing_right(outside: Outside) -> None:
    keys = {policy.key_name: policy.primary_key for policy in outside.arm().iot_hub_resource.list_keys(*outside.place)}
    reading = outside.registry("registryRead", keys["registryRead"])
    assert len(reading.get_devices(1)) == 1
    for call in (
        lambda: reading.delete_device("x"),
        lambda: reading.query_iot_hub(QuerySpecification(query="SELECT * FROM devices")),
        lambda: outside.registry(principal="reader").create_device_with_sas("x", KEY, OTHER_KEY, "enabled"),
        lambda: outside.registry(principal="nobody").get_devices(1),
    ):
        status, name, body = refused(call)
        assert (status, name) == (401, "IotHubUnauthorized")
        assert "does not allow access" in body["Message"] or "no assigned permissions" in body["Message"]
    for attempt in (
        lambda: outside.arm("nobody").iot_hub_resource.get(*outside.place),
        lambda: list(outside.arm("reader").iot_hub_resource.list_keys(*outside.place)),
    ):
        with pytest.raises(HttpResponseError) as caught:
            attempt()
        assert (caught.value.status_code, caught.value.error.code) == (403, "AuthorizationFailed")
    with pytest.raises(HttpResponseError) as caught:
        outside.logs("nobody").query_workspace(outside.ready["workspace_id"], "print 1", timespan=HOUR)
    assert caught.value.status_code == 403
    assert caught.value.response.json()["error"]["code"] == "InsufficientAccessError"


@contextmanager
def clocks_ahead(outside: Outside, seconds: float) -> Iterator[None]:
    ready = outside.ready
    call = {"ca_file": ready["ca_file"], "token": ready["faults_token"]}
    fault = {"kind": "clock-skew", "seconds": seconds}
    assert request(ready["faults_endpoint"] + "/faults", method="POST", body=fault, **call)[0] == 201
    try:
        yield
    finally:
        request(ready["faults_endpoint"] + "/faults", method="DELETE", **call)


def test_an_expired_token(outside: Outside) -> None:
    manager, arm, logs = outside.registry(principal="operator"), outside.arm(), outside.logs()
    workspace = outside.ready["workspace_id"]
    manager.get_devices(1)
    arm.iot_hub_resource.get(*outside.place)
    logs.query_workspace(workspace, "print 1", timespan=HOUR)
    with clocks_ahead(outside, 7200):  # two hours later, with the tokens of before
        assert refused(lambda: outside.registry().get_devices(1))[:2] == BAD_KEY
        assert refused(lambda: manager.get_devices(1))[:2] == BAD_KEY
        with pytest.raises(ClientAuthenticationError) as late:
            arm.iot_hub_resource.get(*outside.place)
        assert late.value.error.code == "ExpiredAuthenticationToken"
        with pytest.raises(HttpResponseError) as refusal:
            logs.query_workspace(workspace, "print 1", timespan=HOUR)
        assert refusal.value.response.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert len(outside.registry().get_devices(1)) == 1


def test_a_blocked_address(outside: Outside) -> None:
    before = outside.hub()
    narrow = json.loads(json.dumps(before))
    for rule in narrow["properties"]["networkRuleSets"]["ipRules"]:
        if rule["filterName"] == "jump-box":
            rule["ipMask"] = "127.0.0.1"
    for way in ({}, {"principal": "operator"}):
        assert len(outside.registry(**way, address=ELSEWHERE).get_devices(1)) == 1
    outside.write(narrow)
    try:
        for way in ({}, {"principal": "operator"}):
            assert len(outside.registry(**way).get_devices(1)) == 1
            status, name, body = refused(lambda w=way: outside.registry(**w, address=ELSEWHERE).get_devices(1))
            assert (status, name) == BAD_KEY
            assert body["Message"] == "ErrorCode:IotHubUnauthorizedAccess;Unauthorized", "the rule is not named"
        assert outside.hub()["name"] == outside.place[1], "the resource manager is not behind the rules"
    finally:
        outside.write({**before, "etag": outside.hub()["etag"]})
    assert len(outside.registry(address=ELSEWHERE).get_devices(1)) == 1
