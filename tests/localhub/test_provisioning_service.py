"""The service API of the provisioning service: enrollments and groups written, read, listed and refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.authorities import authority, make
from support.dps import Dps, told
from support.hub import HubRunner

from console.localhub.arm_certificates import put_certificate

KEYS = {"type": "symmetricKey"}
# the public area of an RSA-2048 endorsement key as the TCG's template has it, its modulus made up
EK = base64.b64encode(
    bytes.fromhex(
        "013a0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
        "00060080004300100800000000000100"
    )
    + b"\xc5" * 256
).decode()


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield hub


@pytest.fixture
def dps(runner: HubRunner) -> Iterator[Dps]:
    service = Dps(runner)
    yield service
    with runner.cloud.lock:
        for held in (service.state.enrollments, service.state.groups, service.state.registrations):
            held.clear()
        service.state.certificates.clear()
        service.state.certificate_ders.clear()


def x509(slot: str, **pair: Any) -> dict[str, Any]:
    return {"type": "x509", "x509": {slot: pair}}


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/enrollments/Press-1", "/enrollmentGroups/Presses"])
def test_keys_are_made_told_once_and_never_read(dps: Dps, path: str):
    made = dps.put(path, KEYS)
    assert made.status_code == 200
    keys = made.json()["attestation"]["symmetricKey"]
    assert [len(base64.b64decode(keys[name])) for name in ("primaryKey", "secondaryKey")] == [32, 32]
    read = dps("GET", path.upper().replace("ENROLLMENT", "enrollment"))
    assert read.json() == {**made.json(), "attestation": KEYS}
    listed = dps("POST", f"{path.rpartition('/')[0]}/query", {"query": "SELECT *"})
    assert listed.json() == [read.json()]
    told_again = dps("POST", f"{path}/attestationmechanism")
    assert told_again.json() == made.json()["attestation"]


def test_given_keys_are_kept_and_a_replace_without_keys_makes_new_ones(dps: Dps):
    keys = {"primaryKey": base64.b64encode(b"p" * 16).decode(), "secondaryKey": base64.b64encode(b"s" * 64).decode()}
    made = dps.put("/enrollments/a", {**KEYS, "symmetricKey": keys}).json()
    assert made["attestation"]["symmetricKey"] == keys
    kept = dps.put("/enrollments/a", {**KEYS, "symmetricKey": keys}, made["etag"], provisioningStatus="disabled").json()
    assert (kept["attestation"], kept["provisioningStatus"]) == (made["attestation"], "disabled")
    assert kept["createdDateTimeUtc"] == made["createdDateTimeUtc"] < kept["lastUpdatedDateTimeUtc"]
    lost = dps.put("/enrollments/a", KEYS, kept["etag"]).json()["attestation"]["symmetricKey"]
    assert not set(lost.values()) & set(keys.values())


# -- certificates ------------------------------------------------------------------------------------------------------


def test_a_certificate_is_described_not_given_back_and_stays_where_its_description_is_written(dps: Dps):
    first, second = make("press-1"), make("press-1")
    pem = {"certificate": first.pem.decode()}
    made = dps.put("/enrollments/press-1", x509("clientCertificates", primary=pem, secondary=None)).json()
    info = made["attestation"]["x509"]["clientCertificates"]["primary"]["info"]
    assert made["attestation"] == x509("clientCertificates", primary={"info": info})
    assert (info["subjectName"], info["sha256Thumbprint"], info["version"]) == ("CN=press-1", first.sha256, 3)
    der = {"certificate": base64.b64encode(second.der).decode()}
    both = x509("clientCertificates", primary={"info": info}, secondary=der)
    assert dps.put("/enrollments/press-1", both, made["etag"]).status_code == 200
    held = dps.state.enrollments["press-1"].certificate_ders
    assert held == {"client.primary": first.der, "client.secondary": second.der}
    # as `az iot dps enrollment update --remove-certificate` sends it
    rest = x509("clientCertificates", primary=None, secondary={"info": {"sha256Thumbprint": second.sha256}})
    assert dps.put("/enrollments/press-1", rest, "*").status_code == 200
    assert dps.state.enrollments["press-1"].certificate_ders == {"client.secondary": second.der}
    assert dps.put("/enrollments/press-1", x509("clientCertificates", primary={"info": info}), "*").status_code == 400


def test_a_group_refers_to_a_verified_ca_of_the_service(dps: Dps):
    root = authority()
    with dps.runner.cloud.lock:
        put_certificate(dps.state, "Plants", root.der, dps.runner.cloud.clock.story(), verified=False)
    refer = x509("caReferences", primary="plants")
    assert "not verified" in dps.put("/enrollmentGroups/g", refer).json()["message"]
    dps.state.certificates["Plants"]["properties"]["isVerified"] = True
    made = dps.put("/enrollmentGroups/g", refer).json()
    assert made["attestation"] == x509("caReferences", primary="Plants")
    assert "was not found" in dps.put("/enrollmentGroups/h", x509("caReferences", primary="other")).json()["message"]
    signing = x509("signingCertificates", primary={"certificate": root.pem.decode()})
    assert dps.put("/enrollmentGroups/signed", signing).status_code == 200
    assert dps.state.groups["signed"].certificate_ders == {"signing.primary": root.der}


def test_a_tpm_is_enrolled_by_its_endorsement_key_alone(dps: Dps):
    tpm = {"type": "tpm", "tpm": {"endorsementKey": EK}}
    made = dps.put("/enrollments/tpm-1", tpm)
    assert made.json()["attestation"] == tpm
    assert dps("POST", "/enrollments/tpm-1/attestationmechanism").json() == tpm
    assert dps.put("/enrollmentGroups/tpms", tpm).status_code == 400
    for wrong in ("", "x", base64.b64encode(b"no key").decode(), EK[:-8], None, 7):
        assert dps.put("/enrollments/tpm-2", {"type": "tpm", "tpm": {"endorsementKey": wrong}}).status_code == 400


# -- ETags -------------------------------------------------------------------------------------------------------------


def test_a_write_without_an_etag_creates_and_with_one_replaces(dps: Dps):
    assert told(dps.put("/enrollments/a", KEYS, "*")) == (412, 412000)  # nothing to replace
    first = dps.put("/enrollments/a", KEYS).json()["etag"]
    assert told(dps.put("/enrollments/A", KEYS)) == (409, 409000)
    second = dps.put("/enrollments/a", KEYS, f'"{first}"').json()["etag"]
    assert told(dps.put("/enrollments/a", KEYS, first)) == (412, 412000)
    assert told(dps("DELETE", "/enrollments/a", If_Match=first)) == (412, 412000)
    assert dps.put("/enrollments/a", KEYS, "*").json()["etag"] not in (first, second)
    gone = dps("DELETE", "/enrollments/a")
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert told(dps(method, "/enrollments/a")) == (404, 404201)
        assert told(dps(method, "/enrollmentGroups/a")) == (404, 404202)
    assert dps.put("/enrollments/a", KEYS).json()["etag"] != first


# -- lists and bulk calls ----------------------------------------------------------------------------------------------


def test_lists_come_in_pages_that_deletes_in_between_do_not_upset(dps: Dps):
    items = [{"registrationId": f"d-{n:02}", "attestation": KEYS} for n in range(12)]
    for part in (items[:10], items[10:]):
        done = dps("POST", "/enrollments", {"mode": "create", "enrollments": part})
        assert done.json() == {"isSuccessful": True, "errors": []}
    found: list[str] = []
    headers = {"x_ms_max_item_count": "5"}
    while True:
        page = dps("POST", "/enrollments/query", {"query": "SELECT * FROM enrollments"}, **headers)
        found += [one["registrationId"] for one in page.json()]
        assert (page.headers["x-ms-item-type"], page.headers["x-ms-max-item-count"]) == ("enrollment", "5")
        if "x-ms-continuation" not in page.headers:
            break
        headers["x_ms_continuation"] = page.headers["x-ms-continuation"]
        dps("DELETE", f"/enrollments/{found[-1]}")
    assert found == [item["registrationId"] for item in items]
    assert told(dps("POST", "/enrollments/query", {"query": "SELECT deviceId"})) == (400, 400000)
    for strange in ({"x_ms_max_item_count": "0"}, {"x_ms_continuation": "*"}):
        assert dps("POST", "/enrollments/query", {"query": "SELECT *"}, **strange).status_code == 400


def test_of_a_bulk_call_each_part_succeeds_or_fails_on_its_own(dps: Dps):
    def bulk(mode: str, *items: dict[str, Any]) -> list[tuple[str, int]]:
        body = dps("POST", "/enrollmentGroups", {"mode": mode, "enrollmentGroups": items}).json()
        assert body["isSuccessful"] is (not body["errors"])
        return [(one["enrollmentGroupId"], one["errorCode"]) for one in body["errors"]]

    def group(name: str, **more: Any) -> dict[str, Any]:
        return {"enrollmentGroupId": name, "attestation": KEYS, **more}

    assert bulk("create", group("a"), group("b"), group("a"), group("c d")) == [("a", 409000), ("c d", 400000)]
    etag = dps("GET", "/enrollmentGroups/a").json()["etag"]
    both = (group("a", etag=etag, provisioningStatus="disabled"), group("b", etag="AAA="))
    assert bulk("updateIfMatchETag", *both) == [("b", 412000)]
    assert dps("GET", "/enrollmentGroups/a").json()["provisioningStatus"] == "disabled"
    assert bulk("update", group("b"), group("z")) == [("z", 404202)]
    assert bulk("delete", group("a"), group("z")) == [("z", 404202)]
    assert list(dps.state.groups) == ["b"]
    too_many = {"mode": "delete", "enrollmentGroups": [group(f"g{n}") for n in range(11)]}
    for wrong in (too_many, {"mode": "drop", "enrollmentGroups": []}, {"mode": "create", "enrollmentGroups": [1]}):
        assert dps("POST", "/enrollmentGroups", wrong).status_code == 400


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "attestation", "more"),
    [
        ("/enrollments/a.", KEYS, {}),
        ("/enrollments/" + "a" * 129, KEYS, {}),
        ("/enrollments/a", KEYS, {"registrationId": "b"}),
        ("/enrollments/a", None, {}),
        ("/enrollments/a", {"type": "none"}, {}),
        ("/enrollments/a", {**KEYS, "tpm": {"endorsementKey": EK}}, {}),
        ("/enrollments/a", {**KEYS, "symmetricKey": {"primaryKey": "c2hvcnQ="}}, {}),
        ("/enrollments/a", {"type": "x509", "x509": {}}, {}),
        ("/enrollments/a", x509("clientCertificates", primary=None), {}),
        ("/enrollments/a", x509("clientCertificates", primary={"certificate": "bm90IG9uZQ=="}), {}),
        ("/enrollments/" + "a" * 65, x509("clientCertificates", primary={"certificate": "PEM"}), {}),
        ("/enrollmentGroups/a", x509("clientCertificates", primary={"certificate": "PEM"}), {}),
        ("/enrollmentGroups/a", KEYS, {"deviceId": "one"}),
        ("/enrollments/a", KEYS, {"deviceId": "a b"}),
        ("/enrollments/a", KEYS, {"provisioningStatus": "paused"}),
        ("/enrollments/a", KEYS, {"allocationPolicy": "random"}),
        ("/enrollments/a", KEYS, {"allocationPolicy": "custom"}),
        ("/enrollments/a", KEYS, {"iotHubs": ["elsewhere.azure-devices.net"]}),
        ("/enrollments/a", KEYS, {"iotHubHostName": "elsewhere.azure-devices.net"}),
        ("/enrollments/a", KEYS, {"capabilities": {"iotEdge": "yes"}}),
        ("/enrollments/a", KEYS, {"initialTwin": {"properties": []}}),
    ],
)
def test_what_the_service_refuses_changes_nothing(dps: Dps, path: str, attestation: Any, more: dict[str, Any]):
    text = json.dumps(attestation).replace("PEM", make("a" * 64).pem.decode().replace("\n", "\\n"))
    assert told(dps.put(path, json.loads(text), **more)) == (400, 400000)
    assert (dps.state.enrollments, dps.state.groups) == ({}, {})


def test_a_hundred_groups_of_each_kind_are_taken(dps: Dps):
    for start in range(0, 100, 10):
        items = [{"enrollmentGroupId": f"g{n}", "attestation": KEYS} for n in range(start, start + 10)]
        assert dps("POST", "/enrollmentGroups", {"mode": "create", "enrollmentGroups": items}).json()["isSuccessful"]
    assert "at most 100 symmetric key" in dps.put("/enrollmentGroups/one-more", KEYS).json()["message"]
    assert dps.put("/enrollmentGroups/g1", KEYS, "*").status_code == 200
    signing = x509("signingCertificates", primary={"certificate": authority().pem.decode()})
    assert dps.put("/enrollmentGroups/of-another-kind", signing).status_code == 200


def test_everything_else_of_an_enrollment_is_kept_as_written(dps: Dps):
    more = {
        "deviceId": "press",
        "allocationPolicy": "static",
        "iotHubs": [dps.runner.hub.host],
        "capabilities": {"iotEdge": True},
        "initialTwin": {"tags": {"line": 2, "count": None}, "properties": {"desired": {"rate": [1, {"x": None}]}}},
        "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": False},
        "optionalDeviceInformation": {"colour": "red"},
        "credentialPolicyName": "of a later version",
        "provisioningStatus": "disabled",
    }
    dps.put("/enrollments/press-1", KEYS, **more)
    read = dps("GET", "/enrollments/press-1").json()
    own = {"registrationId", "attestation", "etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"}
    assert read.keys() == more.keys() | own
    assert {name: read[name] for name in more} == more


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda x: st.lists(x, max_size=3))
MEMBERS = st.sampled_from(
    ["attestation", "iotHubs", "initialTwin", "capabilities", "reprovisionPolicy", "deviceId", "provisioningStatus"]
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(MEMBERS, JSON | st.dictionaries(st.sampled_from(["type", "x509", "tpm", "iotEdge"]), JSON)))
def test_no_body_upsets_the_service(runner: HubRunner, body: dict[str, Any]):
    dps = Dps(runner)
    dps.put("/enrollments/any", KEYS)
    answer = dps("PUT", "/enrollments/any", {"registrationId": "any", "attestation": KEYS, **body}, If_Match="*")
    assert answer.status_code in (200, 400), answer.text
    assert dps("POST", "/enrollments/query", {"query": "SELECT *"}).status_code == 200


DER = make("press-1").der
SPOILED = st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(SPOILED)
def test_no_certificate_upsets_the_service(runner: HubRunner, changes: list[tuple[int, int]]):
    dps, spoiled = Dps(runner), bytearray(DER)
    for place, value in changes:
        spoiled[place] = value
    dps("DELETE", "/enrollments/spoiled")
    content = {"certificate": base64.b64encode(spoiled).decode()}
    answer = dps.put("/enrollments/spoiled", x509("clientCertificates", primary=content))
    assert answer.status_code in (200, 400), answer.text
    assert dps("GET", "/enrollments/spoiled").status_code == (200 if answer.status_code == 200 else 404)
