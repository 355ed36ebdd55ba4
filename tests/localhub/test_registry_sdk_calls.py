"""Every call of the data plane that the local hub offers, made by the real azure-iot-hub over a real socket."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import (
    CloudToDeviceMethod,
    ExportImportDevice,
    QuerySpecification,
    Twin,
    TwinProperties,
)
from support.hub import HubRunner
from support.registry import AUDIENCE, StaticCredential, manager, refused, token_manager, wait_until

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(32, 64))).decode()
SHA1 = "A1" * 20
SHA256 = "b2" * 32


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield hub


WAYS: dict[str, Callable[[HubRunner], IoTHubRegistryManager]] = {
    "connection string": manager,
    "token": token_manager,
    "connection string by proxy": lambda hub: manager(hub, via_proxy=True),
    "token by proxy": lambda hub: token_manager(hub, via_proxy=True),
}


@pytest.fixture(scope="module", params=WAYS)
def registry(request: pytest.FixtureRequest, runner: HubRunner) -> Iterator[IoTHubRegistryManager]:
    runner.hub.devices.clear()
    made = WAYS[request.param](runner)
    yield made
    made.protocol.close()


@pytest.fixture(autouse=True)
def empty(runner: HubRunner) -> None:
    with runner.hub.lock:
        runner.hub.devices.clear()
        runner.hub.ghosts.clear()


def test_a_sas_device_is_created_read_updated_and_deleted(registry: IoTHubRegistryManager) -> None:
    made = registry.create_device_with_sas("pump-1", KEY, OTHER_KEY, "enabled", status_reason="new")
    assert (made.device_id, made.status, made.status_reason) == ("pump-1", "enabled", "new")
    assert made.authentication.type == "sas"
    assert made.authentication.symmetric_key.primary_key == KEY
    read = registry.get_device("pump-1")
    assert read.etag == made.etag and read.generation_id == made.generation_id
    assert read.connection_state == "Disconnected"
    assert read.last_activity_time.year == 1 and read.last_activity_time.tzinfo is None
    changed = registry.update_device_with_sas("pump-1", read.etag, KEY, OTHER_KEY, "disabled", status_reason="lost")
    assert (changed.status, changed.status_reason) == ("disabled", "lost")
    assert changed.etag != read.etag
    assert changed.status_updated_time > read.status_updated_time
    registry.delete_device("pump-1", changed.etag)
    assert refused(lambda: registry.get_device("pump-1"))[:2] == (404, "DeviceNotFound")


def test_thumbprint_and_ca_devices(registry: IoTHubRegistryManager) -> None:
    pinned = registry.create_device_with_x509("cam-1", SHA256, SHA1, "enabled")
    assert pinned.authentication.type == "selfSigned"
    assert pinned.authentication.x509_thumbprint.primary_thumbprint == SHA256
    assert pinned.authentication.x509_thumbprint.secondary_thumbprint == SHA1
    assert pinned.authentication.symmetric_key.primary_key is None
    ours = registry.create_device_with_certificate_authority("cam-2", "disabled")
    assert ours.authentication.type == "certificateAuthority"
    swapped = registry.update_device_with_x509("cam-1", pinned.etag, SHA1, SHA256, "enabled")
    assert swapped.authentication.x509_thumbprint.primary_thumbprint == SHA1
    to_ca = registry.update_device_with_certificate_authority("cam-1", swapped.etag, "enabled")
    assert to_ca.authentication.type == "certificateAuthority"
    assert {device.device_id for device in registry.get_devices()} == {"cam-1", "cam-2"}


def test_a_device_written_back_whole_keeps_everything_else(registry: IoTHubRegistryManager) -> None:
    registry.create_device_with_sas("pump-2", KEY, OTHER_KEY, "enabled", iot_edge=True)
    device = registry.get_device("pump-2")
    device.status = "disabled"
    after = registry.protocol.devices.create_or_update_identity("pump-2", device, f'"{device.etag}"')
    assert after.status == "disabled"
    assert after.capabilities.iot_edge is True
    assert after.device_scope == device.device_scope and "pump-2" in after.device_scope
    assert after.authentication.symmetric_key.primary_key == KEY


def test_ids_with_every_allowed_mark_come_back_as_they_are(registry: IoTHubRegistryManager) -> None:
    name = "a-:.+%_#*?!(),=@;$'Z"
    made = registry.create_device_with_sas(name, KEY, OTHER_KEY, "enabled")
    assert made.device_id == name
    assert registry.get_device(name).etag == made.etag
    assert registry.get_twin(name).device_id == name
    registry.delete_device(name)
    assert refused(lambda: registry.get_device("no/slash"))[:2] == (404, "DeviceNotFound")


def test_modules(registry: IoTHubRegistryManager) -> None:
    registry.create_device_with_sas("gw", KEY, OTHER_KEY, "enabled")
    made = registry.create_module_with_sas("gw", "telemetry", "me", KEY, OTHER_KEY)
    assert (made.module_id, made.managed_by, made.authentication.type) == ("telemetry", "me", "sas")
    pinned = registry.create_module_with_x509("gw", "camera", "me", SHA1, SHA256)
    assert pinned.authentication.type == "selfSigned"
    assert {module.module_id for module in registry.get_modules("gw")} == {"telemetry", "camera"}
    changed = registry.update_module_with_sas("gw", "telemetry", "you", made.etag, OTHER_KEY, KEY)
    assert (changed.managed_by, changed.authentication.symmetric_key.primary_key) == ("you", OTHER_KEY)
    assert refused(lambda: registry.update_module_with_sas("gw", "telemetry", "x", made.etag, KEY, KEY))[0] == 412
    twin = registry.update_module_twin("gw", "telemetry", Twin(tags={"line": 4}), "*")
    assert registry.get_module_twin("gw", "telemetry").tags == {"line": 4} == twin.tags
    replaced = registry.replace_module_twin("gw", "telemetry", Twin(tags={"row": 1}), twin.etag)
    assert replaced.tags == {"row": 1}
    registry.delete_module("gw", "telemetry", changed.etag)
    assert refused(lambda: registry.get_module("gw", "telemetry"))[:2] == (404, "ModuleNotFound")


def test_an_edge_device_brings_its_system_modules(registry: IoTHubRegistryManager) -> None:
    registry.create_device_with_sas("edge", KEY, OTHER_KEY, "enabled", iot_edge=True)
    modules = {module.module_id: module for module in registry.get_modules("edge")}
    assert set(modules) == {"$edgeAgent", "$edgeHub"}
    assert {module.authentication.type for module in modules.values()} == {"none"}
    assert {module.managed_by for module in modules.values()} == {"iotEdge"}


def test_twins(registry: IoTHubRegistryManager) -> None:
    device = registry.create_device_with_sas("t", KEY, OTHER_KEY, "enabled")
    first = registry.get_twin("t")
    assert first.device_etag == device.etag != first.etag
    assert first.authentication_type == "sas" and first.status_update_time.tzinfo is not None
    patch = Twin(tags={"site": "lyon", "pos": {"x": 1}}, properties=TwinProperties(desired={"rate": 5}))
    second = registry.update_twin("t", patch, first.etag)
    assert second.tags == {"site": "lyon", "pos": {"x": 1}}
    assert second.properties.desired["rate"] == 5
    assert second.properties.desired["$version"] == first.properties.desired["$version"] + 1
    assert second.properties.desired["$metadata"]["rate"]["$lastUpdated"] > "2000"
    assert second.version > first.version and second.etag != first.etag
    assert second.device_etag == device.etag  # the identity did not change
    assert refused(lambda: registry.update_twin("t", patch, first.etag))[:2] == (412, "PreconditionFailed")
    third = registry.update_twin("t", Twin(tags={"site": None, "pos": {"y": 2}}))
    assert third.tags == {"pos": {"x": 1, "y": 2}}
    fourth = registry.replace_twin("t", Twin(tags={"only": True}, properties=TwinProperties(desired={})), third.etag)
    assert fourth.tags == {"only": True}
    assert set(fourth.properties.desired) == {"$metadata", "$version"}
    again = registry.replace_twin("t", registry.get_twin("t"))  # what was read can be written back
    assert again.tags == {"only": True}


def test_bulk(registry: IoTHubRegistryManager) -> None:
    made = registry.bulk_create_or_update_devices(
        [ExportImportDevice(id=f"b{n}", import_mode="create", status="enabled", tags={"n": n}) for n in range(100)]
    )
    assert made.is_successful is True and made.errors == []
    assert registry.get_device_registry_statistics().total_device_count == 100
    assert registry.get_twin("b7").tags == {"n": 7}
    etag = registry.get_device("b0").etag
    mixed = registry.bulk_create_or_update_devices(
        [
            ExportImportDevice(id="b0", e_tag=etag, import_mode="updateIfMatchETag", status="disabled"),
            ExportImportDevice(id="b1", e_tag="AAAA", import_mode="updateIfMatchETag", status="disabled"),
            ExportImportDevice(id="b2", import_mode="delete"),
            ExportImportDevice(id="b3", import_mode="create"),
            ExportImportDevice(id="missing", import_mode="update"),
            ExportImportDevice(id="b4", import_mode="updateTwin", tags={"n": None, "m": 1}),
        ]
    )
    assert mixed.is_successful is False
    assert {(error.device_id, error.error_code) for error in mixed.errors} == {
        ("b1", "PreconditionFailed"),
        ("b3", "DeviceAlreadyExists"),
        ("missing", "DeviceNotFound"),
    }
    assert registry.get_device("b0").status == "disabled"
    assert registry.get_device("b1").status == "enabled"
    assert registry.get_twin("b4").tags == {"m": 1}
    assert refused(lambda: registry.get_device("b2"))[0] == 404
    again = ExportImportDevice(id="b5", import_mode="createOrUpdate", status="disabled", tags={"n": "again"})
    assert registry.bulk_create_or_update_devices([again]).is_successful is True
    assert registry.get_twin("b5").tags == {"n": "again"}
    plain = ExportImportDevice(id="b5", import_mode="update", status="enabled")
    assert registry.bulk_create_or_update_devices([plain]).is_successful is True
    assert registry.get_twin("b5").tags == {"n": "again"}, "what is not named stays"


def test_statistics(registry: IoTHubRegistryManager, runner: HubRunner) -> None:
    for number, status in enumerate(["enabled", "enabled", "disabled"]):
        registry.create_device_with_sas(f"s{number}", KEY, OTHER_KEY, status)
    runner.hub.devices["s0"].connection_state = "Connected"
    counts = registry.get_device_registry_statistics()
    assert (counts.total_device_count, counts.enabled_device_count, counts.disabled_device_count) == (3, 2, 1)
    assert registry.get_service_statistics().connected_device_count == 1


def test_queries_page_and_group(registry: IoTHubRegistryManager) -> None:
    registry.bulk_create_or_update_devices(
        [ExportImportDevice(id=f"q{n}", import_mode="create", tags={"site": "ab"[n % 2]}) for n in range(7)]
    )
    everything = QuerySpecification(query="SELECT * FROM devices")
    wait_until(lambda: len(registry.query_iot_hub(everything, None, 1000).items) == 7)
    seen: list[str] = []
    token = None
    while True:
        page = registry.query_iot_hub(everything, token, 3)
        assert page.type == "Twin" and len(page.items) <= 3
        seen += [twin.device_id for twin in page.items]
        token = page.continuation_token
        if not token:
            break
    assert seen == [f"q{n}" for n in range(7)]
    query = "SELECT tags.site AS site, COUNT() AS n FROM devices GROUP BY tags.site"
    grouped = registry.query_iot_hub(QuerySpecification(query=query))
    assert grouped.type == "Raw"
    assert sorted((row.additional_properties["site"], row.additional_properties["n"]) for row in grouped.items) == [
        ("a", 4),
        ("b", 3),
    ]


def test_methods_find_nobody_online(registry: IoTHubRegistryManager) -> None:
    registry.create_device_with_sas("m", KEY, OTHER_KEY, "enabled")
    method = CloudToDeviceMethod(method_name="reboot", payload={})
    assert refused(lambda: registry.invoke_device_method("m", method))[:2] == (404, "DeviceNotOnline")
    assert refused(lambda: registry.invoke_device_method("nobody", method))[:2] == (404, "DeviceNotFound")


def test_configurations_are_an_empty_list(runner: HubRunner) -> None:
    credential = StaticCredential(runner.token("operator", AUDIENCE))
    configurations = IoTHubConfigurationManager.from_token_credential(runner.ready["hub_host"], credential)
    configurations.protocol.config.connection.verify = runner.ready["ca_file"]
    assert configurations.get_configurations() == []
