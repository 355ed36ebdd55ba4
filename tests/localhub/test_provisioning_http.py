"""A device's registration over HTTPS, as back ends see it afterwards: transcript, registrations, the service's log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.dps import Dps, told
from support.hub import HubRunner
from support.swagger import EXAMPLES

KEYS = {"type": "symmetricKey"}


@pytest.fixture(scope="module")
def dps() -> Iterator[Dps]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield Dps(hub)


def derived(group_key: str, registration_id: str) -> str:
    return base64.b64encode(
        hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256).digest()
    ).decode()


def register(dps: Dps, registration_id: str, key: str) -> tuple[Any, Any]:
    """Register a device and return the two answers: to the registration and to the question how it ended."""
    token = dps.device_token(registration_id, key)
    begun = dps.device("PUT", registration_id, "/register", token, {"registrationId": registration_id})
    assert begun.status_code == 202, begun.text
    ended = dps.device("GET", registration_id, f"/operations/{begun.json()['operationId']}", token)
    return begun, ended


def logged(dps: Dps, kql: str) -> list[list[Any]]:
    answer = dps.runner.server.world.store.query(f"AzureDiagnostics | {kql}")
    return answer.rows


def test_a_registration_goes_as_in_the_published_transcript(dps: Dps):
    key = dps.put("/enrollments/my-symkey-device", KEYS).json()["attestation"]["symmetricKey"]["primaryKey"]
    begun, ended = register(dps, "my-symkey-device", key)
    assert begun.headers["Retry-After"] == "1"
    assert begun.headers["Location"].endswith(f"/{dps.state.id_scope}/registrations/my-symkey-device/register")
    state = ended.json()["registrationState"]
    assert (ended.status_code, state["assignedHub"], state["status"]) == (200, dps.runner.hub.host, "assigned")
    assert dps.runner.hub.devices["my-symkey-device"].primary_key == key
    looked = dps.device("POST", "my-symkey-device", "", dps.device_token("my-symkey-device", key), {})
    assert looked.json() == state
    if not (published := EXAMPLES / "dps/https-symkey-transcript.json").exists():
        pytest.skip("the published transcript is not beside this tree")
    transcript = json.loads(published.read_text())
    for answer, name in ((begun, "register"), (ended, "operationStatus")):
        expected = transcript[name]["response"]
        assert (answer.status_code, answer.json().keys()) == (expected["status"], expected["body"].keys())
        assert expected.get("headers", {}).keys() <= {word.title() for word in answer.headers} | {"x-ms-request-id"}
    assert state.keys() == transcript["operationStatus"]["response"]["body"]["registrationState"].keys()


def test_back_ends_see_list_and_forget_what_registered(dps: Dps):
    own = dps.put("/enrollments/press-1", KEYS).json()["attestation"]["symmetricKey"]["primaryKey"]
    assert "registrationState" not in dps("GET", "/enrollments/press-1").json()
    register(dps, "press-1", own)
    shown = dps("GET", "/registrations/PRESS-1").json()
    assert dps("GET", "/enrollments/press-1").json()["registrationState"] == shown
    assert (shown["status"], shown["substatus"], shown["deviceId"]) == ("assigned", "initialAssignment", "press-1")

    group = dps.put("/enrollmentGroups/Presses", KEYS).json()["attestation"]["symmetricKey"]["primaryKey"]
    for name in ("line-1", "line-2"):
        register(dps, name, derived(group, name))
    assert "symmetricKey" not in dps("GET", "/registrations/line-1").json()  # for the device alone
    first = dps("POST", "/registrations/presses/query", x_ms_max_item_count="1")
    assert (first.headers["x-ms-item-type"], [one["registrationId"] for one in first.json()]) == (
        "deviceRegistration",
        ["line-1"],
    )
    more = {"x_ms_continuation": first.headers["x-ms-continuation"]}
    assert [one["registrationId"] for one in dps("POST", "/registrations/presses/query", **more).json()] == ["line-2"]

    assert told(dps("DELETE", "/registrations/line-1", If_Match="AAA=")) == (412, 412000)
    assert dps("DELETE", "/registrations/line-1", If_Match=f'"{first.json()[0]["etag"]}"').status_code == 204
    assert told(dps("GET", "/registrations/line-1")) == (404, 404204)
    assert dps("DELETE", "/enrollmentGroups/presses").status_code == 204
    assert told(dps("POST", "/registrations/presses/query")) == (404, 404202)
    assert dps("GET", "/registrations/line-2").status_code == 200
    dps("DELETE", "/enrollments/press-1")
    assert told(dps("GET", "/registrations/press-1")) == (404, 404204)


def test_a_device_is_refused_with_the_services_number(dps: Dps):
    key = dps.put("/enrollments/press-9", KEYS).json()["attestation"]["symmetricKey"]["primaryKey"]
    wrong = dps.device_token("press-9", base64.b64encode(b"x" * 32).decode())
    assert told(dps.device("PUT", "press-9", "/register", wrong, {"registrationId": "press-9"})) == (401, 401002)
    assert told(dps.device("PUT", "press-9", "/register", dps.device_token("press-9", key), [1])) == (400, 400000)
    assert told(dps("PUT", "/0ne00ABCDEF/registrations/press-9/register", {}, auth=wrong))[0] == 404
    dps.put("/enrollments/press-9", KEYS, "*", provisioningStatus="disabled")
    keys = dps("POST", "/enrollments/press-9/attestationmechanism").json()["symmetricKey"]
    _, ended = register(dps, "press-9", keys["secondaryKey"])
    assert ended.json()["status"] == "disabled"
    assert dps("GET", "/registrations/press-9").json()["status"] == "disabled"


def test_writes_and_refusals_get_into_the_services_log_without_keys(dps: Dps):
    made = dps.put("/enrollments/logged-1", KEYS).json()["attestation"]["symmetricKey"]
    dps.put("/enrollments/logged-1", KEYS)
    dps("GET", "/enrollments/logged-2")
    dps("GET", "/enrollments/logged-1")
    dps("DELETE", "/enrollments/logged-1", auth=dps.bearer("reader"))
    rows = logged(
        dps,
        'where ResourceType == "PROVISIONINGSERVICES" and Category == "ServiceOperations" '
        'and properties_s has "logged-" | order by TimeGenerated asc '
        "| project OperationName, ResultType, ResultSignature, ResultDescription, properties_s",
    )
    assert [row[:3] for row in rows] == [
        ["Upsert", "Success", ""],
        ["Upsert", "ClientError", "409"],
        ["Get", "ClientError", "404"],
        ["Delete", "ClientError", "403"],
    ]
    assert json.loads(rows[0][4]) == {"id": "logged-1", "type": "IndividualEnrollment", "protocol": "Http"}
    assert not any(key in str(rows) for key in made.values())


def test_answers_have_no_member_that_the_description_lacks(dps: Dps):
    published = EXAMPLES / "dps/IndividualEnrollment_Get_MaximumSet_Gen.json"
    if not published.exists():
        pytest.skip("the public example is not beside this tree")
    example = json.loads(published.read_text())["responses"]["200"]["body"]
    key = dps.put("/enrollments/whole", KEYS, deviceId="d").json()["attestation"]["symmetricKey"]["primaryKey"]
    register(dps, "whole", key)
    enrollment = dps("GET", "/enrollments/whole").json()
    assert enrollment.keys() <= example.keys()
    assert enrollment["registrationState"].keys() <= example["registrationState"].keys()
    assert dps("POST", "/enrollments/whole/attestationmechanism").json().keys() <= example["attestation"].keys()
