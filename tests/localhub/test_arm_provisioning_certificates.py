"""CA certificates and diagnostic settings of a provisioning service, through the resource manager."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from support.arm import EXAMPLES, ArmBench, arm, needs_examples  # noqa: F401
from support.authorities import Holder, authority

VERSION = "2022-12-12"
MONITOR = "2021-05-01-preview"
CA = authority("Plant CA")


class Service:
    """Calls on the certificates and settings of the provisioning service that every local hub has."""

    def __init__(self, bench: ArmBench) -> None:
        self.bench = bench
        self.state = bench.runner.cloud.provisioning["contoso-dps"]

    def __call__(
        self, method: str, path: str, body: Any = None, etag: str = "", version: str = VERSION, **more: Any
    ) -> tuple[int, dict[str, str], Any]:
        headers = {"If-Match": etag} if etag else {}
        return self.bench.raw(method, self.state.arm_id + path, body, version=version, headers=headers, **more)

    def upload(self, name: str, holder: Holder = CA, etag: str = "", **properties: Any) -> tuple[int, Any]:
        content = base64.b64encode(holder.der).decode()
        body = {"properties": {"certificate": content, **properties}}
        status, _, answer = self("PUT", f"/certificates/{name}", body, etag)
        return status, answer


@pytest.fixture
def dps(arm: ArmBench) -> Service:
    service = Service(arm)
    with arm.runner.cloud.lock:
        service.state.certificates.clear()
        service.state.certificate_ders.clear()
    return service


def test_a_ca_is_uploaded_proved_and_deleted(dps: Service):
    status, made = dps.upload("Plants")
    properties = made["properties"]
    assert (status, made["name"], made["id"]) == (201, "Plants", f"{dps.state.arm_id}/certificates/Plants")
    assert made["type"] == "Microsoft.Devices/provisioningServices/Certificates"
    assert (properties["subject"], properties["isVerified"]) == ("CN=Plant CA", False)
    assert dps("GET", "/certificates/plants")[2] == made
    assert dps("GET", "/certificates")[2] == {"value": [made]}
    assert dps.bench.runner.hub.certificates == {}, "a hub has certificates of its own"

    _, _, asked = dps("POST", "/certificates/plants/generateVerificationCode", etag=made["etag"])
    code = asked["properties"]["verificationCode"]

    def proof(holder: Holder) -> dict[str, str]:
        return {"certificate": base64.b64encode(holder.der).decode()}

    for wrong in (CA.issue("another name"), authority(code)):
        status, _, error = dps("POST", "/certificates/plants/verify", proof(wrong), asked["etag"])
        assert (status, error["code"]) == (400, 400004)
    assert dps("POST", "/certificates/plants/verify", proof(CA.issue(code)), made["etag"])[0] == 412
    status, _, proved = dps("POST", "/certificates/plants/verify", proof(CA.issue(code)), asked["etag"])
    assert (status, proved["properties"]["isVerified"]) == (200, True)
    assert dps.state.certificate_ders == {"Plants": CA.der}

    assert dps("DELETE", "/certificates/plants", etag=made["etag"])[0] == 412
    assert dps("DELETE", "/certificates/plants", etag=proved["etag"])[0] == 200
    assert dps("DELETE", "/certificates/plants", etag="*")[0] == 204
    assert dps("GET", "/certificates/plants")[2]["code"] == 404008


def test_an_upload_may_say_that_it_is_verified_and_a_replace_needs_the_etag(dps: Service):
    status, made = dps.upload("plants", isVerified=True)
    assert (status, made["properties"]["isVerified"]) == (201, True)
    other = authority("Other CA")
    assert dps.upload("plants", other)[0] == 412
    status, replaced = dps.upload("PLANTS", other, made["etag"])
    assert (status, replaced["name"], replaced["properties"]["isVerified"]) == (200, "plants", False)
    assert dps("PUT", "/certificates/x", {"properties": {"certificate": "bm90IG9uZQ=="}})[0] == 400
    assert dps.upload("a%20b")[0] == 400
    assert dps("GET", "-other/certificates")[0] == 404


def test_a_code_is_for_its_own_resource(dps: Service):
    """The hub's certificate of the same name is not proved by the provisioning service's code."""
    _, made = dps.upload("shared")
    code = dps("POST", "/certificates/shared/generateVerificationCode", etag=made["etag"])[2]
    hub = dps.bench.hub_path
    content = {"properties": {"certificate": base64.b64encode(CA.der).decode()}}
    _, _, there = dps.bench.raw("PUT", f"{hub}/certificates/shared", content, version=VERSION)
    proof = {"certificate": base64.b64encode(CA.issue(code["properties"]["verificationCode"]).der).decode()}
    path, headers = f"{hub}/certificates/shared/verify", {"If-Match": there["etag"]}
    assert dps.bench.raw("POST", path, proof, version=VERSION, headers=headers)[0] == 400


def test_who_may_read_and_write_certificates(dps: Service):
    _, made = dps.upload("plants")
    for method, path, action in (
        ("PUT", "/certificates/plants", "certificates/write"),
        ("DELETE", "/certificates/plants", "certificates/delete"),
        ("POST", "/certificates/plants/generateVerificationCode", "certificates/generateVerificationCode/action"),
        ("POST", "/certificates/plants/verify", "certificates/verify/action"),
    ):
        status, _, error = dps(method, path, {}, made["etag"], principal="reader")
        assert (status, f"provisioningServices/{action}'" in error["error"]["message"]) == (403, True)
    assert dps("GET", "/certificates/plants", principal="reader")[2] == made
    assert dps("GET", "/certificates", principal="nobody")[0] == 403


def test_its_log_goes_where_its_own_setting_sends_it(dps: Service):
    settings = "/providers/Microsoft.Insights/diagnosticSettings"
    status, _, listed = dps("GET", settings, version=MONITOR)
    (setting,) = listed["value"]
    logs = {log["category"]: log["enabled"] for log in setting["properties"]["logs"]}
    assert (status, logs) == (200, {"DeviceOperations": True, "ServiceOperations": True})
    workspace = setting["properties"]["workspaceId"]
    for category, expected in (("serviceoperations", 200), ("Connections", 400)):
        body = {"properties": {"workspaceId": workspace, "logs": [{"category": category, "enabled": True}]}}
        assert dps("PUT", f"{settings}/second", body, version=MONITOR)[0] == expected
    status, _, second = dps("GET", f"{settings}/SECOND", version=MONITOR)
    assert (status, second["properties"]["logs"][0]["category"]) == (200, "ServiceOperations")
    assert second["id"].startswith(dps.state.arm_id)
    assert "second" not in dps.bench.runner.hub.diagnostic_settings
    assert dps("PUT", f"{settings}/second", {}, version=MONITOR, principal="reader")[0] == 403
    assert [dps("DELETE", f"{settings}/second", version=MONITOR)[0] for _ in range(2)] == [200, 204]


@needs_examples
def test_members_are_those_of_the_schema(dps: Service):
    schema = EXAMPLES / "arm-schema/2022-12-12-Microsoft.Devices.json"
    definitions = json.loads(schema.read_text())["definitions"]
    # read-only members are left out of the description of a write
    computed = {"subject", "expiry", "thumbprint", "created", "updated"}
    _, made = dps.upload("plants")
    known = {name for key, one in definitions.items() if "certificate" in key.lower() for name in one["properties"]}
    known |= set(definitions["CertificateProperties"]["properties"])
    assert set(made["properties"]) - computed <= known
