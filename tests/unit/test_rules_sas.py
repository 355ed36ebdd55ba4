"""Tokens agree with the Azure SDK's own token code and explain themselves."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import TokenScope, Verdict
from console.rules.sas import covers, decode_key, explain, mint, parse, resource_uri

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = Secret(base64.b64encode(bytes(range(32))).decode())
OTHER = Secret(base64.b64encode(bytes(32)).decode())
HOST = "contoso-plants.azure-devices.net"


def test_the_signature_is_the_sdks(monkeypatch):
    sastoken = pytest.importorskip("azure.iot.hub.sastoken")
    monkeypatch.setattr(sastoken.time, "time", lambda: NOW.timestamp())
    theirs = parse(str(sastoken.SasToken(HOST, KEY.reveal(), "service", ttl=3600)))
    ours = parse(mint(HOST, KEY, NOW + timedelta(hours=1), "service").reveal())
    assert ours == theirs


@given(st.binary(min_size=16, max_size=64), st.text("abcXYZ019-._%#*", min_size=1, max_size=20))
def test_what_is_minted_is_explained_as_valid(raw, device_id):
    key = Secret(base64.b64encode(raw).decode())
    token = mint(resource_uri(HOST, device_id), key, NOW + timedelta(hours=1))
    report = explain(token.reveal(), NOW, keys=[("primary", key)], wanted_resource=resource_uri(HOST, device_id))
    assert report.verdict is Verdict.VALID
    assert report.remaining_seconds == 3600
    assert report.parts is not None
    assert report.parts.scope is TokenScope.DEVICE


def test_wrong_key_expired_and_wrong_resource_are_told_apart():
    token = mint(resource_uri(HOST, "press-1"), KEY, NOW + timedelta(minutes=1)).reveal()
    assert explain(token, NOW, keys=[("primary", OTHER)]).verdict is Verdict.WRONG_KEY
    assert explain(token, NOW, keys=[("primary", OTHER), ("secondary", KEY)]).verdict is Verdict.VALID
    assert explain(token, NOW + timedelta(minutes=2), keys=[("primary", KEY)]).verdict is Verdict.EXPIRED
    wanted = resource_uri(HOST, "press-2")
    assert explain(token, NOW, keys=[("primary", KEY)], wanted_resource=wanted).verdict is Verdict.WRONG_RESOURCE
    assert explain(token, NOW).verdict is Verdict.UNVERIFIED


@pytest.mark.parametrize(
    ("token", "where"),
    [
        ("", "begin"),
        ("Bearer abc", "begin"),
        ("SharedAccessSignature sr=a&sig=b", "lacks “se”"),
        ("SharedAccessSignature sr=a&sig=AAAA&se=tomorrow", "whole number"),
        ("SharedAccessSignature sr=a&sig=!!&se=1", "not base64"),
        ("SharedAccessSignature sr=a&sr=b&sig=AAAA&se=1", "twice"),
        ("SharedAccessSignature sr=a&nonsense&sig=AAAA&se=1", "part 2"),
    ],
)
def test_malformed_tokens_say_where(token, where):
    report = explain(token, NOW)
    assert report.verdict is Verdict.MALFORMED
    assert where in report.findings[0]


def test_parameters_may_stand_in_any_order():
    token = mint(HOST, KEY, NOW, "service").reveal()
    scheme, _, body = token.partition(" ")
    shuffled = f"{scheme} " + "&".join(reversed(body.split("&")))
    assert parse(shuffled) == parse(token)


def test_a_resource_covers_whole_segments_only():
    assert covers("h/a/b", "H/a/b/c")
    assert covers("h/a/b", "h/a/b")
    assert not covers("h/a/b", "h/a/bc")
    assert not covers("h/a/b", "h/a")
    assert not covers("h/a/B", "h/a/b")


def test_keys_are_checked_before_use():
    with pytest.raises(ConsoleError, match="not base64"):
        decode_key(Secret("not base64 at all!"))
    with pytest.raises(ConsoleError, match="3 bytes"):
        decode_key(Secret("AAAA"))


def test_neither_token_nor_key_shows_in_an_error():
    with pytest.raises(ConsoleError) as caught:
        decode_key(Secret("c2VjcmV0LWJ1dC1icm9rZW4!"))
    assert not re.search("c2VjcmV0", str(caught.value))


def test_scopes():
    def scope(resource):
        return parse(mint(resource, KEY, NOW).reveal()).scope

    assert scope(HOST) is TokenScope.HUB
    assert scope(f"{HOST}/devices") is TokenScope.ALL_DEVICES
    assert scope(resource_uri(HOST, "d", "m")) is TokenScope.MODULE
    assert scope("0ne00000000/registrations/r") is TokenScope.REGISTRATION
    assert scope(f"{HOST}/twins/d") is TokenScope.OTHER
