"""Connection strings of every kind are told apart, and what is wrong with one is named without its key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from console.model.connection_string import StringKind
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import Verdict
from console.rules.connection_string import looks_like_one, parse, read
from console.rules.sas import mint
from console.rules.sas_explain import explain

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
KEY = base64.b64encode(bytes(range(32))).decode()
TOKEN = mint(f"{HOST}/devices/d", Secret(KEY), NOW + timedelta(hours=1)).reveal()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"HostName={HOST};SharedAccessKeyName=service;SharedAccessKey={KEY}", StringKind.HUB),
        (f"HostName={HOST};DeviceId=d;SharedAccessKey={KEY}", StringKind.DEVICE),
        (f"HostName={HOST};DeviceId=d;ModuleId=m;SharedAccessKey={KEY}", StringKind.MODULE),
        (f"HostName={HOST};DeviceId=d;SharedAccessKey={KEY};GatewayHostName=edge", StringKind.DEVICE),
        (f"HostName={HOST};DeviceId=d;x509=true", StringKind.DEVICE),
        (f"HostName={HOST};DeviceId=d;SharedAccessSignature={TOKEN}", StringKind.DEVICE),
        (
            f"HostName=x.azure-devices-provisioning.net;SharedAccessKeyName=p;SharedAccessKey={KEY}",
            StringKind.PROVISIONING,
        ),
        (f'"HostName={HOST};DeviceId=d;SharedAccessKey={KEY}"', StringKind.DEVICE),
    ],
)
def test_kinds(text, kind):
    assert looks_like_one(text)
    parts = parse(text)
    assert parts.kind is kind
    explanation = explain(text, NOW)
    assert explanation.kind == kind.value
    assert explanation.verdict is Verdict.UNVERIFIED
    assert KEY not in repr((explanation.facts, explanation.findings, parts))


def test_values_keep_their_equals_signs():
    parts = parse(f"HostName={HOST};DeviceId=a=b;SharedAccessKey={KEY}")
    assert parts.device_id == "a=b"
    assert parts.key is not None
    assert parts.key.reveal() == KEY
    assert parse(f"HostName={HOST};DeviceId=d;SharedAccessSignature={TOKEN}").token.reveal() == TOKEN


@pytest.mark.parametrize(
    ("text", "finding", "words"),
    [
        (f"DeviceId=d;SharedAccessKey={KEY}", "string-host", "no HostName"),
        (f"HostName={HOST};SharedAccessKey={KEY}", "string-owner", "neither a policy"),
        (f"HostName={HOST};DeviceId=d", "string-credential", "neither SharedAccessKey"),
        (f"HostName={HOST};ModuleId=m;SharedAccessKey={KEY}", "string-device", "no DeviceId"),
        (f"HostName={HOST};DeviceId=d;nonsense;SharedAccessKey={KEY}", "string-part", "part 3"),
        (f"HostName={HOST};HostName={HOST};DeviceId=d;SharedAccessKey={KEY}", "string-twice", "twice"),
        (f"HostName={HOST};DeviceId=d;x509=true;SharedAccessKey={KEY}", "string-both", "x509"),
        (f"HostName={HOST};DeviceId=d;\nSharedAccessKey={KEY}", "whitespace-inside", "line break"),
        (
            f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=s;SharedAccessKey={KEY}",
            "string-kind",
            "Event",
        ),
        (f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={KEY}", "string-kind", "storage"),
        (f"HostName={HOST};DeviceId=d;SharedAccessKey=AAAA", "key-unusable", "3 bytes"),
    ],
)
def test_mistakes_are_named(text, finding, words):
    explanation = explain(text, NOW)
    assert explanation.verdict is Verdict.MALFORMED
    found = {one.id: one.message for one in explanation.details}
    assert words in found[finding]
    assert KEY not in repr(explanation)
    if finding != "key-unusable":
        with pytest.raises(ConsoleError) as caught:
            parse(text)
        assert caught.value.code == "usage"
        assert KEY not in str(caught.value)


def test_another_spelling_and_an_unknown_part_are_told_and_used():
    parts, findings = read(f"hostname={HOST};DeviceId=d;SharedAccessKey={KEY};Colour=red")
    assert (parts.host, parts.device_id) == (HOST, "d")
    assert [one.id for one in findings] == ["string-case", "string-unknown"]
    assert all(one.verdict is None for one in findings)


def test_a_token_inside_is_explained_too():
    good = f"HostName={HOST};DeviceId=d;SharedAccessSignature={TOKEN}"
    explanation = explain(good, NOW)
    assert dict(explanation.facts)["token: opens"] == "one device: d"
    assert explanation.report is not None
    assert explanation.report.remaining_seconds == 3600
    assert explain(good, NOW + timedelta(hours=2)).verdict is Verdict.EXPIRED
    other = good.replace("DeviceId=d", "DeviceId=e")
    assert "string-other-device" in [one.id for one in explain(other, NOW).details]
    elsewhere = good.replace(f"HostName={HOST}", "HostName=other.azure-devices.net")
    assert "string-other-host" in [one.id for one in explain(elsewhere, NOW).details]
    assert explain(elsewhere, NOW).verdict is Verdict.WRONG_RESOURCE


@pytest.mark.parametrize(
    "text",
    [
        "HostName=h.azure-devices.net;DeviceId=A;SharedAccessKey:{key}",
        "HostName=h.azure-devices.net;DeviceId=A;{key}",
        "HostName=h.azure-devices.net;DeviceId=A;SharedAccessKey=;{key}",
        "sharedaccesskey {key};HostName=h.azure-devices.net",
        "HostName=h.azure-devices.net;DeviceId=A;SharedAccessKey={key};{long}",
        "HostName=h.azure-devices.net&sig{key}&DeviceId=A",
    ],
)
def test_no_piece_of_a_key_is_shown_wherever_it_slipped_to(text: str) -> None:
    key, long = base64.b64encode(bytes(range(32))).decode(), base64.b64encode(bytes(range(48))).decode()
    pasted = text.format(key=key, long=long)
    told = explain(pasted, datetime(2026, 11, 23, tzinfo=UTC))
    shown = repr(told.facts) + repr(told.findings) + repr(told.details) + repr(read(pasted)[1])
    assert not [piece for piece in (key[at : at + 8] for at in range(len(key) - 8)) if piece in shown]


def test_a_part_with_another_sign_than_equals_is_named() -> None:
    told = {one.id: one for one in read("HostName=h.azure-devices.net;DeviceId=A;SharedAccessKey:abc=")[1]}
    assert told["string-part"].message == "after SharedAccessKey stands “:” instead of “=”"
