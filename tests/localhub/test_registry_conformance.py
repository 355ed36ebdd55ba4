"""The data plane's answers against Microsoft's own description of it, and its errors against captured bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.hub import HubRunner
from support.registry import PlainClient, operator, policy_sas
from support.swagger import EXAMPLES, problems

ERRORS = EXAMPLES / "errors/iothub-dataplane-error-bodies.json"


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield hub


@pytest.fixture(scope="module")
def call(runner: HubRunner) -> PlainClient:
    client = operator(runner)
    prints = {"primaryThumbprint": "ab" * 20, "secondaryThumbprint": None}
    client("PUT", "/devices/sas", {"statusReason": "because", "status": "disabled"})
    client("PUT", "/devices/pinned", {"authentication": {"type": "selfSigned", "x509Thumbprint": prints}})
    client("PUT", "/devices/ca", {"authentication": {"type": "certificateAuthority"}})
    client("PUT", "/devices/edge", {"capabilities": {"iotEdge": True}, "parentScopes": ["ms-azure-iot-edge://up-1"]})
    client("PUT", "/devices/sas/modules/m", {"managedBy": "me"})
    twin = {"tags": {"a": {"b": [1, "x", None]}}, "properties": {"desired": {"rate": 5, "deep": {"er": True}}}}
    for name in ("sas", "edge", "sas/modules/m"):
        assert client("PATCH", f"/twins/{name}", twin).status_code == 200
    runner.hub.devices["sas"].reported = {"firmware": "1.2", "list": [1, 2]}
    return client


@pytest.fixture(scope="module")
def captured() -> dict[str, dict[str, Any]]:
    if not ERRORS.exists():
        pytest.skip("the captured error bodies are not on this machine")
    cases = json.loads(ERRORS.read_text())["cases"]
    return {case["iothub-errorcode"] + (" nested" if "note" in case else ""): case for case in cases}


ANSWERS: dict[str, tuple[str, str, Any]] = {
    "/devices get": ("GET", "/devices", None),
    "/devices/{id} get": ("GET", "/devices/pinned", None),
    "/devices/{id} put": ("PUT", "/devices/new", {}),
    "/devices post": ("POST", "/devices", [{"id": "bulk"}]),
    "/devices/{id}/modules get": ("GET", "/devices/edge/modules", None),
    "/devices/{id}/modules/{mid} get": ("GET", "/devices/edge/modules/$edgeHub", None),
    "/devices/{id}/modules/{mid} put": ("PUT", "/devices/edge/modules/own", {}),
    "/twins/{id} get": ("GET", "/twins/edge", None),
    "/twins/{id} patch": ("PATCH", "/twins/pinned", {"tags": {"x": 1}}),
    "/twins/{id} put": ("PUT", "/twins/ca", {"tags": {"x": 1}}),
    "/twins/{id}/modules/{mid} get": ("GET", "/twins/edge/modules/$edgeHub", None),
    "/statistics/devices get": ("GET", "/statistics/devices", None),
    "/statistics/service get": ("GET", "/statistics/service", None),
    "/configurations get": ("GET", "/configurations", None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_hold_only_what_the_description_knows(call: PlainClient, swagger: dict[str, Any], name: str) -> None:
    path, verb = name.split()
    method, address, body = ANSWERS[name]
    answer = call(method, address, body)
    described = swagger["paths"][path][verb]["responses"][str(answer.status_code)]
    assert problems(answer.json(), described["schema"], swagger, "") == []


@pytest.mark.parametrize("collection", ["devices", "devices.modules"])
def test_query_rows_are_twins(call: PlainClient, swagger: dict[str, Any], collection: str) -> None:
    answer = call("POST", "/devices/query", {"query": f"SELECT * FROM {collection}"})
    twin = {"type": "array", "items": {"$ref": "#/definitions/Twin"}}
    assert problems(answer.json(), twin, swagger, "") == []


def test_a_failed_bulk_call_is_described_too(call: PlainClient, swagger: dict[str, Any]) -> None:
    answer = call("POST", "/devices", [{"id": "nobody", "importMode": "delete"}])
    described = swagger["paths"]["/devices"]["post"]["responses"]["400"]["schema"]
    assert answer.json()["errors"] and problems(answer.json(), described, swagger, "") == []


def test_the_check_itself_finds_wrong_answers(swagger: dict[str, Any]) -> None:
    device = {"$ref": "#/definitions/Device"}
    for wrong in ({"extra": 1}, {"status": "asleep"}, {"etag": 1}, {"lastActivityTime": "today"}, {"capabilities": []}):
        assert problems(wrong, device, swagger, "")


def test_a_device_carries_everything_but_unset_scopes(call: PlainClient, swagger: dict[str, Any]) -> None:
    known = set(swagger["definitions"]["Device"]["properties"])
    assert set(call("GET", "/devices/edge").json()) == known
    assert known - set(call("GET", "/devices/ca").json()) == {"deviceScope", "parentScopes"}


def test_a_twin_hides_keys_and_generation(call: PlainClient) -> None:
    twin = call("GET", "/twins/sas").json()
    assert not {"generationId", "connectionStateUpdatedTime", "authentication"} & set(twin)
    assert twin["x509Thumbprint"] == {"PrimaryThumbprint": None, "SecondaryThumbprint": None}
    assert twin["statusReason"] == "because" and "moduleId" not in twin
    assert call("GET", "/twins/sas/modules/m").json()["moduleId"] == "m"


# --- error bodies ----------------------------------------------------------------------------------------------------


def conflict(call: PlainClient, runner: HubRunner) -> Any:
    call("PUT", "/devices/tf-dev-01", {})
    return call("PUT", "/devices/tf-dev-01", {})


def module_conflict(call: PlainClient, runner: HubRunner) -> Any:
    call("PUT", "/devices/tf-dev-01", {})
    call("PUT", "/devices/tf-dev-01/modules/telemetry", {})
    return call("PUT", "/devices/tf-dev-01/modules/telemetry", {})


def until_throttled(call: PlainClient, runner: HubRunner) -> Any:
    runner.hub.resource["sku"]["capacity"] = 1
    for _ in range(500):
        answer = call("GET", "/configurations")
        if answer.status_code != 200:
            return answer
    raise AssertionError("never throttled")


CASES: dict[str, Callable[[PlainClient, HubRunner], Any]] = {
    "DeviceAlreadyExists": conflict,
    "PreconditionFailed": lambda call, _: call("PUT", "/devices/ca", {}, If_Match="MA=="),
    "ModuleAlreadyExistsOnDevice": module_conflict,
    "DeviceNotOnline": lambda call, _: call("POST", "/twins/ca/methods", {"methodName": "x"}),
    "ThrottlingBacklogTimeout": until_throttled,
    "DeviceNotFound": lambda call, _: call("GET", "/devices/sensor-thl-001"),
    "IotHubUnauthorizedAccess": lambda _, runner: PlainClient(runner, policy_sas(runner, expires=1))("GET", "/devices"),
    "IotHubUnauthorizedAccess nested": lambda _, runner: PlainClient(runner, policy_sas(runner))(
        "GET", "/devices/nobody/modules/m"
    ),
}
# Captured, and not answered here: the local hub has no jobs.
WITHOUT_JOBS = {"JobQuotaExceeded", "BlobContainerValidationError nested", "BlobContainerValidationError"}


TRACKING = re.compile(r"Tracking ID:[0-9A-Za-z]+-G\d?:\d?-TimeStamp:(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d|\d{4}-\S+Z)")


def neutral(value: Any, key: str = "") -> Any:
    """Blank out what differs from answer to answer; a body inside a text is looked into."""
    if isinstance(value, dict):
        return {name: neutral(inner, name) for name, inner in value.items()}
    if key in {"trackingId", "timestampUtc"}:
        return "..."
    if not isinstance(value, str):
        return value
    if value.startswith("{"):
        return neutral(json.loads(value))
    value = TRACKING.sub("Tracking ID:...", value)
    value = re.sub(r"Operation type: \w+", "Operation type: ...", value)
    return re.sub(r"in IotHub [\w-]+", "in IotHub ...", value)


def test_every_captured_error_has_its_test(captured: dict[str, dict[str, Any]]) -> None:
    assert set(captured) - WITHOUT_JOBS == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_errors_are_as_captured(
    call: PlainClient, runner: HubRunner, captured: dict[str, dict[str, Any]], name: str
) -> None:
    answer = CASES[name](call, runner)
    expected = captured[name]
    assert answer.status_code == expected["http"]
    assert answer.headers["iothub-errorcode"] == expected["iothub-errorcode"]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert list(body) == list(expected["body"])
    assert neutral(body) == neutral(expected["body"])


def test_a_throttled_call_says_nothing_of_when_to_come_back(call: PlainClient, runner: HubRunner) -> None:
    answer = until_throttled(call, runner)
    assert "Retry-After" not in answer.headers
    assert answer.headers["Connection"] == "close"
    assert call("GET", "/devices/ca").status_code == 200  # another kind of operation
