"""A signature that fits proves the key, not that the hub would look for that key: whose it is must fit, too."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from console.model.secret import Secret
from console.model.token import TokenOrder, Verdict
from console.rules import connection_string
from console.rules.sas import mint
from console.rules.sas_explain import explain, key_of
from console.services.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
KEY = base64.b64encode(bytes(range(32))).decode()
SCOPE = "0ne00A1B2C3"
DEVICE = f"HostName={HOST};DeviceId=A;SharedAccessKey={KEY}"
MODULE = f"HostName={HOST};DeviceId=A;ModuleId=m;SharedAccessKey={KEY}"
POLICY = f"HostName={HOST};SharedAccessKeyName=service;SharedAccessKey={KEY}"
ELSEWHERE = f"HostName=other.azure-devices.net;DeviceId=A;SharedAccessKey={KEY}"


def told(resource: str, key: str, policy: str = ""):
    """Return what is said of a token made with the key itself, held against it: by itself or in its string."""
    made = mint(resource, Secret(KEY), NOW + timedelta(hours=1), policy).reveal()
    found = Tokens(None, None, None, lambda: NOW).explain(made, key=Secret(key))
    return found.verdict, [one.id for one in found.details]


@pytest.mark.parametrize(
    ("resource", "key", "policy", "finding", "verdict"),
    [
        (f"{HOST}/devices/A", ELSEWHERE, "", "key-of-other-hub", Verdict.WRONG_RESOURCE),
        (HOST, POLICY.replace("contoso", "fabrikam"), "service", "key-of-other-hub", Verdict.WRONG_RESOURCE),
        (f"{HOST}/devices/A", MODULE, "", "key-of-other-owner", Verdict.WRONG_RESOURCE),
        (f"{HOST}/devices/A/modules/m", DEVICE, "", "key-of-other-owner", Verdict.WRONG_RESOURCE),
        (f"{HOST}/devices/A/modules/n", MODULE, "", "key-of-other-owner", Verdict.WRONG_RESOURCE),
        (f"{HOST}/devices/B/messages/events", DEVICE, "", "key-of-other-device", Verdict.WRONG_RESOURCE),
        (f"{HOST}/twins/A", DEVICE, "", "skn-missing", Verdict.MALFORMED),
        (f"{HOST}/twins/A", KEY, "", "skn-missing", Verdict.MALFORMED),
        (f"{HOST}/messages/servicebound", KEY, "", "skn-missing", Verdict.MALFORMED),
        (f"{SCOPE}/registrations/A", KEY, "", "skn-not-registration", Verdict.MALFORMED),
        (f"{SCOPE}/registrations/A", KEY, "service", "skn-not-registration", Verdict.MALFORMED),
        (f"{SCOPE}/registrations/A", POLICY, "registration", "key-of-policy", Verdict.WRONG_KEY),
        (f"{HOST}/registrations/A", KEY, "registration", "registration-host", Verdict.WRONG_RESOURCE),
    ],
)
def test_a_fitting_signature_that_the_service_would_not_accept(resource, key, policy, finding, verdict) -> None:
    assert told(resource, key, policy) == (verdict, [finding])


@pytest.mark.parametrize(
    ("resource", "key", "policy"),
    [
        (f"{HOST}/devices/A", DEVICE, ""),
        (f"{HOST.upper()}/devices/A", DEVICE, ""),
        (f"{HOST}/devices/A/messages/events", DEVICE, ""),
        (f"{HOST}/devices/A/modules/m", MODULE, ""),
        (f"{HOST}/devices/A/modules/m/messages/events", MODULE, ""),
        (f"{HOST}/devices/A/modules/m", POLICY, "service"),
        (f"{HOST}/twins/A", POLICY, "service"),
        (f"{HOST}/devices", POLICY, "SERVICE"),
        ("localhost:8883/devices/A", DEVICE, ""),
        (f"{SCOPE}/registrations/A", KEY, "registration"),
        (f"{SCOPE}/registrations/A", DEVICE, "registration"),  # a service hands the enrollment's key on to the hub
    ],
)
def test_what_the_service_accepts(resource, key, policy) -> None:
    assert told(resource, key, policy) == (Verdict.VALID, [])


def test_the_hub_of_a_key_is_compared_as_it_is_meant() -> None:
    string = connection_string.read(DEVICE.replace(HOST, f"https://{HOST}:443/"))[0]
    named = key_of(string)
    made = mint(f"{HOST}/devices/A", Secret(KEY), NOW + timedelta(hours=1)).reveal()
    assert explain(made, NOW, keys=[named]).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("pasted", "key", "verdict"),
    [
        (DEVICE, ELSEWHERE, Verdict.WRONG_KEY),
        (DEVICE, DEVICE.replace("DeviceId=A", "DeviceId=Z"), Verdict.WRONG_KEY),
        (DEVICE, MODULE, Verdict.WRONG_KEY),
        (MODULE, DEVICE, Verdict.WRONG_KEY),
        (POLICY, DEVICE, Verdict.WRONG_KEY),
        (POLICY, POLICY.replace("contoso", "fabrikam"), Verdict.WRONG_KEY),
        (POLICY.replace("Name=service", "Name=service;DeviceId=A"), POLICY, Verdict.VALID),
        (DEVICE, DEVICE, Verdict.VALID),
        (DEVICE, KEY, Verdict.VALID),
    ],
)
def test_a_connection_string_whose_key_is_of_something_else(pasted, key, verdict) -> None:
    assert Tokens(None, None, None, lambda: NOW).explain(pasted, key=Secret(key)).verdict is verdict


@pytest.mark.parametrize(
    ("resource", "policy", "whose"),
    [
        (HOST, "service", "a key of the policy service"),
        (f"{HOST}/devices/A", "", "a key of the device A"),
        (f"{HOST}/devices/A/modules/m", "", "a key of the module m of A"),
        (f"{SCOPE}/registrations/A", "registration", "the key of the enrollment A"),
    ],
)
def test_a_bare_key_that_fits_is_not_said_to_be_the_one_the_service_has(resource, policy, whose) -> None:
    made = mint(resource, Secret(KEY), NOW + timedelta(hours=1), policy).reveal()
    facts = dict(Tokens(None, None, None, lambda: NOW).explain(made, key=Secret(KEY)).facts)
    assert facts["signature"] == f"fits the key given; the service must have it as {whose}"


@pytest.mark.parametrize(
    "wrapped", ["curl -H 'Authorization: {}' https://h/x", "pub -P '{}' -t x", '{{"token":"{}","n":1}}']
)
def test_a_token_in_a_command_or_in_json_is_the_token_alone(wrapped) -> None:
    made = mint(f"{HOST}/devices/A", Secret(KEY), NOW + timedelta(hours=1)).reveal()
    found = Tokens(None, None, None, lambda: NOW).explain(wrapped.format(made), key=Secret(KEY))
    assert found.verdict is Verdict.VALID
    assert "text-after" in [one.id for one in found.details]


@pytest.mark.parametrize("host", ["contoso", f"https://{HOST}", f"{HOST}:8883", f"{HOST}/"])
def test_a_host_name_that_no_sdk_could_use(host) -> None:
    found = Tokens(None, None, None, lambda: NOW).explain(DEVICE.replace(HOST, host))
    assert (found.verdict, found.details[0].id) == (Verdict.MALFORMED, "string-host")


@pytest.mark.parametrize("host", [HOST, "localhost:4433", "127.0.0.1:1", "edge-gw.local"])
def test_a_host_name_that_can_be_used(host) -> None:
    assert Tokens(None, None, None, lambda: NOW).explain(DEVICE.replace(HOST, host)).details == ()


def test_a_key_that_was_cut_is_warned_about() -> None:
    made = Tokens(None, None, None, lambda: NOW).mint(TokenOrder(HOST, "A"), Secret(KEY[:40]))
    assert made.warnings == ("the key has 30 bytes; those that Azure makes have 32 or 64: was it cut?",)
    facts = dict(Tokens(None, None, None, lambda: NOW).explain(made.token.reveal(), key=Secret(KEY[:40])).facts)
    assert "was it cut?" in facts["key"]
