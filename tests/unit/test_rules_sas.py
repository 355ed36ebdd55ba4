"""Tokens are minted as the service reads them; keys are checked before they are used."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import parse

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import TokenScope, Verdict
from console.rules.sas import covers, decode_key, mint, resource_uri
from console.rules.sas_explain import NamedKey, explain

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = Secret(base64.b64encode(bytes(range(32))).decode())
OTHER = Secret(base64.b64encode(bytes(32)).decode())
HOST = "contoso-plants.azure-devices.net"


def verdict(token, now=NOW, keys=(), wanted=""):
    named = [NamedKey(f"key {place}", key) for place, key in enumerate(keys)]
    return explain(token.reveal(), now, keys=named, wanted=wanted).verdict


@given(st.binary(min_size=16, max_size=64), st.text("abcXYZ019-._%#*", min_size=1, max_size=20))
def test_what_is_minted_is_explained_as_valid(raw, device_id):
    key = Secret(base64.b64encode(raw).decode())
    token = mint(resource_uri(HOST, device_id), key, NOW + timedelta(hours=1))
    assert verdict(token, keys=[key], wanted=resource_uri(HOST, device_id)) is Verdict.VALID
    assert parse(token.reveal()).scope is TokenScope.DEVICE
    assert parse(token.reveal()).expires == NOW + timedelta(hours=1)


def test_wrong_key_expired_and_wrong_resource_are_told_apart():
    token = mint(resource_uri(HOST, "press-1"), KEY, NOW + timedelta(minutes=1))
    assert verdict(token, keys=[OTHER]) is Verdict.WRONG_KEY
    assert verdict(token, keys=[OTHER, KEY]) is Verdict.VALID
    assert verdict(token, NOW + timedelta(minutes=2), keys=[KEY]) is Verdict.EXPIRED
    assert verdict(token, keys=[KEY], wanted=resource_uri(HOST, "press-2")) is Verdict.WRONG_RESOURCE
    assert verdict(token) is Verdict.UNVERIFIED


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
