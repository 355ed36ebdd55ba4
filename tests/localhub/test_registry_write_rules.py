"""The registry's write semantics over plain HTTPS: what creates, what replaces, what is refused, what stays."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from support.hub import HubRunner
from support.registry import PlainClient, operator, policy_sas

from console.localhub.state import HubState


def key(length: int) -> str:
    return base64.b64encode(bytes(length)).decode()


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield hub


@pytest.fixture
def call(runner: HubRunner) -> PlainClient:
    with runner.hub.lock:
        runner.hub.devices.clear()
    return operator(runner)


def make(call: PlainClient, name: str = "d", **body: Any) -> dict[str, Any]:
    answer = call("PUT", f"/devices/{name}", {"deviceId": name, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.headers["iothub-errorcode"]


def test_a_put_without_if_match_only_creates(call: PlainClient) -> None:
    make(call)
    answer = call("PUT", "/devices/d", {"deviceId": "d"})
    assert code(answer) == (409, "DeviceAlreadyExists")
    assert answer.json()["Message"] == "ErrorCode:DeviceAlreadyExists;A device with ID 'd' is already registered."


@pytest.mark.parametrize("header", ["*", '"*"'])
def test_a_put_with_if_match_only_replaces(call: PlainClient, header: str) -> None:
    answer = call("PUT", "/devices/d", {"deviceId": "d"}, If_Match=header)
    assert code(answer) == (404, "DeviceNotFound")
    assert answer.json()["Message"] == "ErrorCode:DeviceNotFound;d"
    made = make(call)
    after = call("PUT", "/devices/d", {"deviceId": "d"}, If_Match=header)
    assert after.status_code == 200 and after.json()["etag"] != made["etag"]


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"'])
def test_the_etag_may_be_quoted_and_must_be_current(call: PlainClient, form: str) -> None:
    first = make(call)
    body = {"deviceId": "d", "authentication": first["authentication"]}
    assert call("PUT", "/devices/d", body, If_Match=form.format(first["etag"])).status_code == 200
    stale = call("PUT", "/devices/d", body, If_Match=form.format(first["etag"]))
    assert code(stale) == (412, "PreconditionFailed")


def test_an_identity_made_again_does_not_have_the_old_etag(call: PlainClient) -> None:
    first = make(call)
    assert call("DELETE", "/devices/d", If_Match="*").status_code == 204
    second = make(call)
    assert second["etag"] != first["etag"] and second["generationId"] != first["generationId"]


def test_a_replacement_that_omits_authentication_mints_new_keys(call: PlainClient) -> None:
    keys = {"primaryKey": key(32), "secondaryKey": key(33)}
    first = make(call, authentication={"type": "sas", "symmetricKey": keys}, statusReason="why")
    assert first["authentication"]["symmetricKey"] == keys
    after = call("PUT", "/devices/d", {"deviceId": "d", "status": "disabled"}, If_Match="*").json()
    minted = after["authentication"]["symmetricKey"]
    assert minted["primaryKey"] not in keys.values() and minted["primaryKey"] != minted["secondaryKey"]
    assert len(base64.b64decode(minted["primaryKey"])) == 32
    assert after["statusReason"] is None and after["status"] == "disabled"
    assert after["generationId"] == first["generationId"]


def test_a_replacement_keeps_the_twin_and_the_modules(call: PlainClient) -> None:
    make(call)
    call("PATCH", "/twins/d", {"tags": {"site": "lyon"}})
    call("PUT", "/devices/d/modules/m", {"deviceId": "d", "moduleId": "m"})
    twin = call("GET", "/twins/d").json()
    call("PUT", "/devices/d", {"deviceId": "d"}, If_Match="*")
    after = call("GET", "/twins/d").json()
    assert after["tags"] == {"site": "lyon"}
    assert after["etag"] == twin["etag"] and after["deviceEtag"] != twin["deviceEtag"]
    assert [module["moduleId"] for module in call("GET", "/devices/d/modules").json()] == ["m"]


def test_a_delete_needs_if_match(call: PlainClient) -> None:
    made = make(call)
    missing = call("DELETE", "/devices/d")
    assert code(missing) == (412, "PreconditionFailed")
    assert missing.json()["Message"] == "ErrorCode:PreconditionFailed;Etag missing"
    assert code(call("DELETE", "/devices/d", If_Match="MA==")) == (412, "PreconditionFailed")
    gone = call("DELETE", "/devices/d", If_Match=f'"{made["etag"]}"')
    assert (gone.status_code, gone.content) == (204, b"")
    assert code(call("DELETE", "/devices/d", If_Match="*")) == (404, "DeviceNotFound")


BAD_BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "one key": (
        {"authentication": {"symmetricKey": {"primaryKey": key(32)}}},
        "Either no keys or both keys can be set",
    ),
    "short key": (
        {"authentication": {"symmetricKey": {"primaryKey": key(15), "secondaryKey": key(32)}}},
        "Invalid device key length",
    ),
    "long key": (
        {"authentication": {"symmetricKey": {"primaryKey": key(64), "secondaryKey": key(65)}}},
        "Invalid device key length",
    ),
    "no base64": ({"authentication": {"symmetricKey": {"primaryKey": "?", "secondaryKey": "?"}}}, "Invalid device key"),
    "colons": (
        {"authentication": {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": ":".join(["aa"] * 20)}}},
        "StringIsNotThumbprint",
    ),
    "a digit too few": (
        {"authentication": {"type": "selfSigned", "x509Thumbprint": {"secondaryThumbprint": "a" * 39}}},
        "StringIsNotThumbprint",
    ),
    "type none": ({"authentication": {"type": "none"}}, "DeviceAuthenticationTypeIsMissing"),
    "type unknown": ({"authentication": {"type": "magic"}}, "Authentication type 'magic' is not valid."),
    "status": ({"status": "asleep"}, "Device status 'asleep' is not valid."),
    "reason": ({"statusReason": "x" * 129}, "StatusReason is longer than 128 characters."),
    "another id": ({"deviceId": "e"}, "The device identifier in the body"),
    "id as a number": ({"deviceId": 5}, "deviceId must be a string."),
    "edge as text": ({"capabilities": {"iotEdge": "yes"}}, "capabilities.iotEdge must be a boolean."),
    "parents as text": ({"parentScopes": "x"}, "parentScopes must be a list"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_bad_bodies_are_refused_and_change_nothing(call: PlainClient, case: str) -> None:
    body, text = BAD_BODIES[case]
    answer = call("PUT", "/devices/d", {"deviceId": "d", **body})
    assert code(answer) == (400, "ArgumentInvalid")
    assert answer.json()["Message"].startswith(f"ErrorCode:ArgumentInvalid;{text}")
    assert call("GET", "/devices/d").status_code == 404


def test_bodies_that_are_no_json_objects(call: PlainClient, runner: HubRunner) -> None:
    url = f"https://{runner.ready['hub_host']}/devices/d"
    for raw, name in [(b"{", "IotHubFormatError"), (b"\xff", "IotHubFormatError"), (b"[]", "ArgumentInvalid")]:
        assert code(call.session.put(url, data=raw)) == (400, name)
    deep = b'{"tags":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}"
    make(call)
    assert call.session.patch(url.replace("devices", "twins"), data=deep).status_code == 400


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "a%22b", "x" * 129, "%C3%A9"])
def test_bad_ids_are_refused(call: PlainClient, name: str) -> None:
    assert code(call("PUT", f"/devices/{name}", {})) == (400, "ArgumentInvalid")


def test_ids_are_case_sensitive_and_decoded_once(call: PlainClient, runner: HubRunner) -> None:
    make(call, "Pump")
    assert call("GET", "/devices/pump").status_code == 404
    call("PUT", "/devices/100%2525", {})
    assert list(runner.hub.devices) == ["Pump", "100%25"]


def test_limits_that_are_still_allowed(call: PlainClient) -> None:
    keys = {"primaryKey": key(16), "secondaryKey": key(64)}
    made = make(call, "x" * 128, statusReason="é" * 128, authentication={"symmetricKey": keys})
    assert made["authentication"] == {
        "type": "sas",
        "symmetricKey": keys,
        "x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None},
    }
    bare = make(call, "self-signed-without", authentication={"type": "selfSigned"})  # accepted, can never sign in
    assert bare["authentication"]["type"] == "selfSigned"
    inferred = make(call, "inferred", authentication={"x509Thumbprint": {"primaryThumbprint": "aB" * 32}})
    assert inferred["authentication"]["type"] == "selfSigned"
    assert inferred["authentication"]["x509Thumbprint"]["primaryThumbprint"] == "aB" * 32  # case as given


def test_a_status_change_is_dated_and_other_changes_are_not(call: PlainClient) -> None:
    made = make(call)
    assert made["statusUpdatedTime"] == "0001-01-01T00:00:00"
    same = call("PUT", "/devices/d", {"deviceId": "d"}, If_Match="*").json()
    assert same["statusUpdatedTime"] == made["statusUpdatedTime"]
    off = call("PUT", "/devices/d", {"deviceId": "d", "status": "disabled"}, If_Match="*").json()
    assert off["statusUpdatedTime"] > made["statusUpdatedTime"]


@pytest.mark.parametrize(("top", "number"), [("2", 2), ("0", 3), ("-1", 3), ("1001", 3), ("x", 3), ("", 3)])
def test_top(call: PlainClient, top: str, number: int) -> None:
    for name in "abc":
        make(call, name)
    assert len(call("GET", f"/devices?top={top}").json()) == number


def test_listeners_hear_of_every_identity_write(call: PlainClient, runner: HubRunner) -> None:
    heard: list[str] = []

    def listener(hub: HubState, what: str) -> None:
        if what.startswith("device:"):
            heard.append(what)

    runner.cloud.listeners.append(listener)
    try:
        make(call)
        call("PUT", "/devices/d", {"deviceId": "d"}, If_Match="*")
        call("PUT", "/devices/d/modules/m", {})
        call("PUT", "/devices/d", {"deviceId": "d"})  # refused: 409
        call("POST", "/devices", [{"id": "e"}, {"id": "d", "importMode": "create"}])
        call("DELETE", "/devices/d", If_Match="*")
    finally:
        runner.cloud.listeners.remove(listener)
    assert heard == ["device:d", "device:d", "device:d", "device:e", "device:d"]


# --- modules ---------------------------------------------------------------------------------------------------------


def test_module_write_rules(call: PlainClient, runner: HubRunner) -> None:
    make(call)
    made = call("PUT", "/devices/d/modules/m", {"moduleId": "m", "authentication": {"type": "none"}}).json()
    assert made["authentication"]["type"] == "sas" and made["authentication"]["symmetricKey"]["primaryKey"]
    again = call("PUT", "/devices/d/modules/m", {})
    assert code(again) == (409, "ModuleAlreadyExistsOnDevice")
    assert again.json()["errorCode"] == 409301
    assert again.json()["message"] == f"Device d in IotHub {runner.hub.name} already contains Module m."
    assert code(call("PUT", "/devices/d/modules/other", {}, If_Match="*")) == (404, "ModuleNotFound")
    assert code(call("DELETE", "/devices/d/modules/m")) == (412, "PreconditionFailed")
    assert code(call("DELETE", "/devices/d/modules/m", If_Match="MA==")) == (412, "PreconditionFailed")
    assert call("DELETE", "/devices/d/modules/m", If_Match=made["etag"]).status_code == 204
    for number in range(50):
        assert call("PUT", f"/devices/d/modules/m{number}", {}).status_code == 200
    assert code(call("PUT", "/devices/d/modules/m50", {})) == (413, "TooManyModulesOnDevice")


def test_modules_of_missing_and_disabled_devices(call: PlainClient, runner: HubRunner) -> None:
    make(call, status="disabled")
    signed = PlainClient(runner, policy_sas(runner))
    for path in ("/devices/d/modules", "/devices/d/modules/m", "/devices/nobody/modules/m"):
        assert code(signed("GET", path)) == (401, "IotHubUnauthorizedAccess")
    assert call("GET", "/devices/d/modules").json() == []  # by token the registry answers
    assert code(call("GET", "/devices/nobody/modules")) == (404, "DeviceNotFound")


def test_system_modules_cannot_be_changed(call: PlainClient) -> None:
    make(call, capabilities={"iotEdge": True})
    refused = call("DELETE", "/devices/d/modules/$edgeAgent", If_Match="*")
    assert code(refused) == (401, "SystemModuleModifyUnauthorizedAccess")
    call("PUT", "/devices/d", {"deviceId": "d"}, If_Match="*")
    assert call("GET", "/devices/d").json()["capabilities"] == {"iotEdge": False}


# --- twins -----------------------------------------------------------------------------------------------------------

BAD_TWINS: dict[str, dict[str, Any]] = {
    "large tags": {"tags": {"t": ["x" * 4000] * 3}},
    "large desired": {"properties": {"desired": {"t": ["x" * 4000] * 9}}},
    "a long text": {"properties": {"desired": {"t": "x" * 4097}}},
    "a large number": {"properties": {"desired": {"t": 2**52}}},
    "dot": {"tags": {"a.b": 1}},
    "space": {"properties": {"desired": {"a": [{"b c": 1}]}}},
    "dollar": {"tags": {"$a": 1}},
    "control": {"tags": {"a": {"\x1b": 1}}},
    "tags as text": {"tags": "x"},
    "properties as list": {"properties": []},
    "too deep": {"tags": {"1": {"2": {"3": {"4": {"5": {"6": {"7": {"8": {"9": {"10": {"11": 1}}}}}}}}}}}},
}


@pytest.mark.parametrize("case", BAD_TWINS)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_bad_twins_are_refused_and_change_nothing(call: PlainClient, case: str, method: str) -> None:
    make(call)
    before = call("GET", "/twins/d").text
    assert code(call(method, "/twins/d", BAD_TWINS[case])) == (400, "ArgumentInvalid")
    assert call("GET", "/twins/d").text == before


def test_the_sizes_of_a_twin_add_up_over_patches(call: PlainClient) -> None:
    make(call)
    assert call("PATCH", "/twins/d", {"tags": {"a": ["x" * 2500] * 2}}).status_code == 200
    assert call("PATCH", "/twins/d", {"tags": {"b": ["x" * 2500] * 2}}).status_code == 400
    assert call("PATCH", "/twins/d", {"tags": {"a": None, "b": ["x" * 2500] * 2}}).status_code == 200


def test_a_twin_read_can_be_written_back(call: PlainClient) -> None:
    make(call)
    call("PATCH", "/twins/d", {"tags": {"a": 1}, "properties": {"desired": {"b": {"c": 2}}}})
    twin = call("GET", "/twins/d").json()
    after = call("PUT", "/twins/d", twin, If_Match=twin["etag"]).json()
    assert after["tags"] == twin["tags"]
    assert after["properties"]["desired"]["b"] == {"c": 2}
    assert after["properties"]["desired"]["$version"] == twin["properties"]["desired"]["$version"] + 1


# --- bulk ------------------------------------------------------------------------------------------------------------


def test_bulk_limits(call: PlainClient) -> None:
    for body in ([], {}, [1], [{"id": f"b{n}"} for n in range(101)]):
        assert code(call("POST", "/devices", body)) == (400, "ArgumentInvalid")


def test_bulk_refusals_one_by_one(call: PlainClient) -> None:
    make(call, "old")
    entries = [
        {"id": "new"},
        {"id": "twice"},
        {"id": "twice"},
        {"id": "bad id"},
        {"status": "enabled"},
        {"id": "old", "importMode": "deleteIfMatchETag", "eTag": "MA=="},
        {"id": "strange", "importMode": "vanish"},
        {"id": "modular", "moduleId": "m"},
        {"id": "one-key", "authentication": {"symmetricKey": {"primaryKey": key(32)}}},
    ]
    answer = call("POST", "/devices", entries)
    assert code(answer) == (400, "BulkRegistryOperationFailure")
    body = answer.json()
    assert body["isSuccessful"] is False and body["warnings"] == []
    assert [(error["deviceId"], error["errorCode"]) for error in body["errors"]] == [
        ("twice", "DeviceDefinedMultipleTimes"),
        ("twice", "DeviceDefinedMultipleTimes"),
        ("bad id", "ArgumentInvalid"),
        ("", "ArgumentNull"),
        ("old", "PreconditionFailed"),
        ("strange", "ArgumentInvalid"),
        ("modular", "FeatureNotSupported"),
        ("one-key", "ArgumentInvalid"),
    ]
    assert {device["deviceId"] for device in call("GET", "/devices").json()} == {"old", "new"}
