"""Who may call the provisioning service's two APIs: addresses, tokens, policies, roles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.dps import API, Dps, told
from support.hub import HubRunner

from console.localhub.provisioning_state import RegistrationRecord
from console.localhub.state import AccessPolicy, new_key

KEYS = {"type": "symmetricKey"}
GET, PUT, DELETE = ("GET", "/enrollments/a"), ("PUT", "/enrollments/a"), ("DELETE", "/enrollments/a")
QUERY, MECHANISM = ("POST", "/enrollments/query"), ("POST", "/enrollments/a/attestationmechanism")
BULK = ("POST", "/enrollments")
STATE, FORGET, LIST = ("GET", "/registrations/a"), ("DELETE", "/registrations/a"), ("POST", "/registrations/g/query")
READS, WRITES = (GET, QUERY), (PUT, DELETE, MECHANISM, BULK)
EVERY = (*READS, *WRITES, STATE, LIST, FORGET)


@pytest.fixture(scope="module")
def dps() -> Iterator[Dps]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield Dps(hub)


@pytest.fixture(autouse=True)
def filled(dps: Dps) -> Iterator[None]:
    dps.put("/enrollments/a", KEYS)
    dps.put("/enrollmentGroups/g", KEYS)
    dps.state.registrations["a"] = RegistrationRecord("a", operation_id="1", status="assigned")
    yield
    with dps.runner.cloud.lock:
        properties = dps.state.resource["properties"]
        properties.update(ipFilterRules=[], publicNetworkAccess="Enabled")
        properties.pop("disableLocalAuth", None)


def allowed(dps: Dps, call: tuple[str, str], auth: str) -> bool:
    """Make a call and say whether its caller was allowed to; whether it made sense is another question."""
    answer = dps(*call, {"query": "SELECT *", "registrationId": "a"} if call[0] != "GET" else None, auth=auth)
    if answer.status_code == 403:
        assert told(answer) == (403, 403000)
        return False
    assert answer.status_code != 401
    return True


# -- policies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rights", "calls"),
    [
        (("EnrollmentRead",), READS),
        (("EnrollmentWrite",), (*READS, *WRITES)),
        (("RegistrationStatusRead",), (STATE, LIST)),
        (("RegistrationStatusWrite",), (STATE, LIST, FORGET)),
        (("ServiceConfig", "DeviceConnect"), ()),
    ],
)
def test_a_policy_may_what_its_rights_say(dps: Dps, rights: tuple[str, ...], calls: tuple[tuple[str, str], ...]):
    dps.state.policies["some"] = AccessPolicy("some", rights, new_key(), new_key())
    signature = dps.signed("some")
    for call in EVERY:
        filled_again = dps.put("/enrollments/a", KEYS)
        assert filled_again.status_code in (200, 409)
        assert allowed(dps, call, signature) == (call in calls), call


def test_either_key_signs_for_any_of_the_services_names(dps: Dps):
    owner = dps.state.policies["provisioningserviceowner"]
    for signature in (
        dps.signed("provisioningserviceowner"),
        dps.signed("ProvisioningServiceOwner", key=owner.secondary_key),
        dps.signed("provisioningserviceowner", host=dps.host),
    ):
        assert dps(*GET, auth=signature).status_code == 200


def test_what_is_no_valid_signature_is_refused_without_a_reason(dps: Dps):
    hub = dps.runner.hub.policies["iothubowner"]
    for auth in (
        None,
        "Basic x",
        "SharedAccessSignature sr=x",
        dps.signed("provisioningserviceowner", key=new_key()),
        dps.signed("provisioningserviceowner", expires=int(time.time()) - 1),
        dps.signed("provisioningserviceowner", host="other.azure-devices-provisioning.net"),
        dps.signed("iothubowner", key=hub.primary_key),
        dps.device_token("a", dps.state.enrollments["a"].primary_key),
        f"Bearer {dps.runner.token('operator', 'https://iothubs.azure.net')}",
        dps.bearer(lifetime=-10),
    ):
        answer = dps(*GET, auth=auth)
        assert (told(answer), answer.json()["message"]) == ((401, 401002), "Unauthorized")
        assert told(dps("GET", "/enrollments/a/b/c", auth=auth)) == (401, 401002)  # strangers learn no paths


def test_policies_sign_for_nothing_where_local_authentication_is_off(dps: Dps):
    dps.state.resource["properties"]["disableLocalAuth"] = True
    assert told(dps(*GET, auth=dps.signed("provisioningserviceowner"))) == (401, 401002)
    assert dps(*GET).status_code == 200


# -- roles -------------------------------------------------------------------------------------------------------------


def test_roles_decide_over_tokens(dps: Dps):
    for call in EVERY:
        assert not allowed(dps, call, dps.bearer("nobody")), call
        assert allowed(dps, call, dps.bearer("reader")) == (call in (*READS, STATE, LIST)), call
        dps.put("/enrollments/a", KEYS)
        assert allowed(dps, call, dps.bearer("operator")), call


def test_the_token_service_gives_tokens_for_it(dps: Dps):
    who, ready = dps.runner.ready["principals"]["reader"], dps.runner.ready
    answer = requests.post(
        f"{ready['authority']}/{ready['tenant_id']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": who["client_id"],
            "client_secret": who["client_secret"],
            "scope": "https://azure-devices-provisioning.net/.default",
        },
        verify=ready["ca_file"],
        proxies={"https": ""},
        timeout=20,
    )
    assert dps(*GET, auth=f"Bearer {answer.json()['access_token']}").status_code == 200


# -- addresses ---------------------------------------------------------------------------------------------------------


def rule(action: str, mask: str, target: str | None = None) -> dict[str, Any]:
    return {"filterName": f"{action}-{mask}", "action": action, "ipMask": mask} | ({"target": target} if target else {})


ALL = "0.0.0.0/0"


@pytest.mark.parametrize(
    ("rules", "service", "device"),
    [
        ([], True, True),
        ([rule("Reject", ALL)], False, False),
        ([rule("Reject", ALL, "all")], False, False),
        ([rule("Reject", ALL, "serviceApi")], False, True),
        ([rule("Reject", ALL, "deviceApi")], True, False),
        ([rule("Accept", "127.0.7.0/24"), rule("Reject", ALL)], True, True),
        ([rule("Reject", ALL), rule("Accept", "127.0.7.0/24")], False, False),
        ([rule("Accept", "127.0.7.7", "deviceApi"), rule("Reject", "127.0.0.0/8")], False, True),
        ([rule("Accept", "10.0.0.0/8")], True, True),
        ([rule("Accept", "not an address"), rule("reject", "127.0.7.7/32")], False, False),
    ],
)
def test_the_first_filter_that_fits_decides_for_each_api(dps: Dps, rules: Any, service: bool, device: bool):
    token = dps.device_token("a", dps.state.enrollments["a"].primary_key)
    path = f"/{dps.state.id_scope}/registrations/a/register"
    dps.state.resource["properties"]["ipFilterRules"] = rules
    first = dps(*GET, address="127.0.7.7")
    second = dps("PUT", path, {"registrationId": "a"}, auth=token, address="127.0.7.7")
    assert (first.status_code, second.status_code) == (200 if service else 401, 202 if device else 401)
    for answer in (first, second):
        if answer.status_code == 401:
            assert answer.json()["message"] == "Unauthorized"  # the rule is never named


def test_without_public_access_nobody_gets_in(dps: Dps):
    dps.state.resource["properties"]["publicNetworkAccess"] = "Disabled"
    assert told(dps(*GET)) == (401, 401002)
    assert dps.device("POST", "a", "", dps.device_token("a", new_key())).status_code == 401


# -- dispatch ----------------------------------------------------------------------------------------------------------


def test_the_name_of_the_service_leads_to_it_through_the_proxy(dps: Dps):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = dps.runner.ready["ca_file"]
        session.proxies = {"https": dps.runner.ready["proxy"]}
        session.headers["Authorization"] = dps.bearer()
        url = f"https://{dps.state.host}/enrollments/a?{API}"
        assert session.get(url, timeout=20).json()["registrationId"] == "a"
        # the global endpoint has no service API
        host = "global.azure-devices-provisioning.net"
        assert session.get(f"https://{host}/enrollments/a?{API}", timeout=20).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/enrollments/a/b", 404),
        ("PATCH", "/enrollments/a", 405),
        ("GET", "/enrollments", 405),
        ("DELETE", "/enrollments/a/attestationmechanism", 405),
        ("GET", "/0ne00000000/devices/a", 404),
        ("GET", "/0ne00000000/registrations/a/register", 405),
        ("GET", "/0ne00000000/registrations/a/b", 404),
        ("GET", "/enrollments/a?x=1", 400),
        ("POST", "/0ne00000000/registrations/a?x=1", 400),
    ],
)
def test_what_is_no_call_is_refused(dps: Dps, method: str, path: str, status: int):
    assert told(dps(method, path)) == (status, status * 1000)


@pytest.mark.parametrize(
    "path", ["/enrollments/a", "/enrollments/%00%FF%F0%9F%94%91", "/enrollments/query", "/enrollments"]
)
def test_what_is_no_json_is_refused(dps: Dps, path: str):
    for data in (b"", b"\xff\xfe", b"[" * 50_000, b'{"registrationId": NaN}', b'"\\ud800"', b"[]", b"null"):
        for method in ("PUT", "POST"):
            answer = requests.request(
                method,
                f"https://{dps.host}{path}?{API}",
                data=data,
                headers={"Authorization": dps.bearer(), "If-Match": "*"},
                verify=dps.runner.ready["ca_file"],
                proxies={"https": ""},
                timeout=20,
            )
            assert told(answer)[0] in (400, 405, 412)
