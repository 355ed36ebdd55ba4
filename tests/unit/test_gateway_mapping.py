"""JSON of the services to the model: odd keys, odd times, odd text."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from console.gateways.activity_log import entries_from
from console.gateways.answers import Answer
from console.gateways.credentials import identity_of
from console.gateways.mapping import certificate_from, device_from_twin, exposure_from, flatten, setting_from
from console.model.device import AuthType, ConnectionState, DeviceStatus


def test_thumbprints_are_read_in_either_spelling() -> None:
    for primary, secondary in (
        ("primaryThumbprint", "secondaryThumbprint"),
        ("PrimaryThumbprint", "SecondaryThumbprint"),
    ):
        twin = {
            "deviceId": "d",
            "authenticationType": "selfSigned",
            "x509Thumbprint": {primary: "A" * 64, secondary: "B" * 40},
        }
        device = device_from_twin(twin)
        assert device.thumbprints == ("A" * 64, "B" * 40)
        assert device.auth is AuthType.THUMBPRINT_SHA1


def test_year_one_is_never_and_missing_words_are_unknown() -> None:
    device = device_from_twin({"deviceId": "d", "lastActivityTime": "0001-01-01T00:00:00", "capabilities": None})
    assert device.last_activity is None
    assert (device.status, device.connection, device.auth) == (
        DeviceStatus.UNKNOWN, ConnectionState.UNKNOWN, AuthType.UNKNOWN,
    )  # fmt: skip


def test_tags_are_flattened_cleaned_and_bounded() -> None:
    tags = {"site": "lyon", "a": {"b": {"c": 1}, "$version": 3}, "list": [1, "x"], "bad\x1b": "\x07", "none": None}
    assert list(flatten(tags)) == [
        ("site", "lyon"), ("a.b.c", "1"), ("list", '[1, "x"]'), ("bad\\x1b", "\\x07"), ("none", "null"),
    ]  # fmt: skip
    assert len(list(flatten({str(n): n for n in range(500)}))) == 64
    assert len(dict(flatten({"long": "x" * 9000}))["long"]) == 256


@pytest.mark.parametrize(
    ("properties", "public", "deny", "filtered"),
    [
        ({}, True, False, False),
        ({"publicNetworkAccess": "Disabled"}, False, False, False),
        (
            {"networkRuleSets": {"defaultAction": "Deny", "applyToBuiltInEventHubEndpoint": True, "ipRules": []}},
            True,
            True,
            True,
        ),
        (
            {"networkRuleSets": {"defaultAction": "Allow", "applyToBuiltInEventHubEndpoint": False, "ipRules": []}},
            True,
            False,
            False,
        ),
    ],
)
def test_exposure(properties: dict[str, Any], public: bool, deny: bool, filtered: bool) -> None:
    exposure = exposure_from(properties)
    assert (exposure.public_access, exposure.default_deny, exposure.built_in_endpoint_filtered) == (
        public,
        deny,
        filtered,
    )


def test_private_endpoints_are_counted_by_state() -> None:
    states = ("Approved", "Pending", "approved", "Rejected")
    items = [{"properties": {"privateLinkServiceConnectionState": {"status": state}}} for state in states]
    exposure = exposure_from({"privateEndpointConnections": items})
    assert (exposure.private_endpoints_approved, exposure.private_endpoints_pending) == (2, 1)


def test_certificate_dates_are_rfc_1123() -> None:
    found = certificate_from(
        {"name": "c", "properties": {"expiry": "Sat, 31 Dec 2039 23:59:59 GMT", "isVerified": True}}
    )
    assert found.expires is not None
    assert found.expires.isoformat() == "2039-12-31T23:59:59+00:00"
    assert certificate_from({"properties": {"expiry": "soon"}}).expires is None


def test_a_category_group_counts_as_the_connections_log() -> None:
    logs = [{"categoryGroup": "allLogs", "enabled": True}, {"category": "Routes", "enabled": False}]
    assert setting_from({"properties": {"logs": logs, "workspaceId": "/w"}}).categories == ("Connections",)
    assert setting_from({"properties": {"logs": [{"category": "Connections", "enabled": False}]}}).categories == ()


def event(time: str, status: str, correlation: str, *rules: str) -> dict[str, Any]:
    body = {"properties": {"networkRuleSets": {"ipRules": [{"filterName": r, "ipMask": "10.0.0.0/8"} for r in rules]}}}
    return {
        "eventTimestamp": time,
        "operationName": {"value": "Microsoft.Devices/IotHubs/write"},
        "status": {"value": status},
        "correlationId": correlation,
        "caller": "ana\x1b",
        "httpRequest": {"clientIpAddress": "10.2.0.7"},
        "properties": {"requestbody": json.dumps(body)} if rules else {},
    }


def test_one_write_is_one_entry_and_says_which_rules_changed_where_the_log_tells() -> None:
    entries = entries_from(
        [
            event("2026-11-23T09:01:04Z", "Succeeded", "2"),
            event("2026-11-23T09:01:00Z", "Started", "2", "corporate", "new"),
            event("2026-11-22T09:01:00Z", "Succeeded", "1", "corporate", "lyon"),
            event("2026-11-21T09:01:00Z", "Failed", "0"),
            {"eventTimestamp": "nonsense"},
        ]
    )
    assert [(entry.time.day, entry.status, entry.caller) for entry in entries] == [
        (23, "Succeeded", "ana\\x1b"), (22, "Succeeded", "ana\\x1b"), (21, "Failed", "ana\\x1b"),
    ]  # fmt: skip
    assert entries[0].summary == 'IP rule "lyon" removed, IP rule "new" added'
    assert entries[0].time.second == 0
    assert entries[1].summary == "hub written"
    assert entries[0].caller_address == "10.2.0.7"


def test_who_a_token_names() -> None:
    def token(claims: object) -> str:
        return "h." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".s"

    assert identity_of(token({"upn": "ana@contoso", "oid": "o", "tid": "t"}), "Azure CLI").name == "ana@contoso"
    assert identity_of(token({"appid": "app"}), "client secret").name == "app"
    for odd in ("", "not a token", token([1]), "a.b!.c"):
        assert identity_of(odd, "x").name == "unknown"


INNER = {"code": "BadArgumentError", "message": "m", "innererror": {"code": "x", "message": "inner"}}
NESTED = '{"errorCode":401002,"message":"Unauthorized access"}'


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"Message": "ErrorCode:DeviceNotFound;d1", "ExceptionMessage": "Tracking ID:x"}, "DeviceNotFound", "d1"),
        ({"errorCode": 409301, "message": "already"}, "409301", "already"),
        ({"Message": NESTED, "ExceptionMessage": ""}, "401002", "Unauthorized access"),
        ({"code": 412001, "httpStatusCode": "PreconditionFailed", "message": "Invalid"}, "412001", "Invalid"),
        ({"error": {"code": "AuthorizationFailed", "message": "no"}}, "AuthorizationFailed", "no"),
        ({"error": INNER}, "BadArgumentError", "inner"),
        ({"error": "invalid_client", "error_description": "AADSTS1: x\nTrace"}, "invalid_client", "AADSTS1: x"),
        (["odd"], "", ""),
    ],
)
def test_every_body_of_a_failure_is_read(body: object, code: str, message: str) -> None:
    assert Answer(400, {}, json.dumps(body)).problem() == (code, message)


def test_retry_after_is_read_in_seconds_and_milliseconds() -> None:
    assert Answer(429, {"retry-after": "7"}, "").retry_after == 7
    assert Answer(429, {"retry-after-ms": "250", "retry-after": "7"}, "").retry_after == 0.25
    assert Answer(429, {"retry-after": "soon"}, "").retry_after is None
    assert Answer(429, {}, "").retry_after is None
