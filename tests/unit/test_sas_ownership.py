"""A signature that fits proves the key, not that the hub would look for that key: whose it is must fit, too."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from console.model.secret import Secret
from console.model.token import Verdict
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
