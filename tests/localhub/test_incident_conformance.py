"""What the demo's hub answers, with its fleet and its past: every key and type is the service's own."""

from __future__ import annotations

import json
from typing import Any

from support.arm import misfits, needs_examples
from support.hub import HubRunner, request
from support.registry import operator
from support.swagger import EXAMPLES, problems

# Keys of Connections records that came after the published ones: TLS (IoT Hub's TLS guide), modules (documented scope).
MORE_RECORD_KEYS = {"tlsVersion", "moduleId"}


def arm(hub: HubRunner, path: str, method: str = "GET") -> Any:
    url = f"{hub.ready['arm_endpoint']}{hub.ready['hub_arm_id']}{path}?api-version=2023-06-30"
    status, _, body = request(url, ca_file=hub.ready["ca_file"], method=method, token=hub.token())
    assert status == 200
    return body


@needs_examples
def test_the_resource_managers_answers(local_hub: HubRunner) -> None:
    assert misfits("IotHubDescription", arm(local_hub, "")) == []
    certificates = arm(local_hub, "/certificates")
    assert len(certificates["value"]) == 3
    assert misfits("CertificateListDescription", certificates) == []
    assert misfits("CertificateDescription", arm(local_hub, "/certificates/plants-2025")) == []
    keys = arm(local_hub, "/listkeys", "POST")
    assert len(keys["value"]) == 6
    assert misfits("SharedAccessSignatureAuthorizationRuleListResult", keys) == []
    assert misfits("RegistryStatistics", arm(local_hub, "/IotHubStats")) == []


def test_every_device_twin_and_module(local_hub: HubRunner, swagger: dict[str, Any]) -> None:
    call = operator(local_hub)
    devices = call("GET", "/devices?top=1000").json()
    assert len(devices) >= 300
    array = {"type": "array", "items": {"$ref": "#/definitions/Device"}}
    assert problems(devices, array, swagger, "") == []
    for source in ("devices", "devices.modules"):
        query = {"query": f"SELECT * FROM {source}"}
        twins = call("POST", "/devices/query", query, x_ms_max_item_count="1000").json()
        assert len(twins) > 3
        assert problems(twins, {"type": "array", "items": {"$ref": "#/definitions/Twin"}}, swagger, "") == []
    gateway = next(device["deviceId"] for device in devices if device["capabilities"]["iotEdge"])
    modules = call("GET", f"/devices/{gateway}/modules").json()
    assert len(modules) == 3
    array = {"type": "array", "items": {"$ref": "#/definitions/Module"}}
    assert problems(modules, array, swagger, "") == []


@needs_examples
def test_every_row_of_the_log_is_a_record_as_published(local_hub: HubRunner) -> None:
    published = json.loads((EXAMPLES / "loganalytics/iothub-resource-log-records.json").read_text())
    records = [r for r in published["records"] + published["observed_records"] if r["category"] == "Connections"]
    properties = [json.loads(record["properties"]) for record in records]
    known = {key for one in properties for key in one} | MORE_RECORD_KEYS
    authentication = {key for one in properties if one["authType"] for key in json.loads(one["authType"])}
    rows = local_hub.server.world.store.query(  # type: ignore[union-attr]
        "AzureDiagnostics | project OperationName, Category, Level, ResultType, ResultDescription, properties_s"
    ).rows
    assert len(rows) > 1000
    for operation, category, level, code, name, text in rows:
        assert category == "Connections"
        assert operation in {record["operationName"] for record in records}
        assert level == ("Error" if code else "Information")
        assert bool(code) is bool(name)
        found = json.loads(text)
        assert set(found) <= known
        assert found["statusCode"] == (code[:3] or None)
        assert found["maskedIpAddress"].endswith(".XXX")
        assert ("sdkVersion" in found) is (operation == "deviceConnect")
        if found["authType"] is not None:
            assert set(json.loads(found["authType"])) == authentication
