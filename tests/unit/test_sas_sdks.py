"""Tokens of ours, of azure-iot-hub and of azure-iot-device say the same, for every character an id may have."""

from __future__ import annotations

import base64
import random
import string
from datetime import UTC, datetime

import pytest
from support.tokens import parse

from console.model.secret import Secret
from console.model.token import SasParts, TokenOrder
from console.rules.device_input import ID_MARKS, check_id
from console.rules.sas import mint
from console.rules.sas_reading import read
from console.rules.sas_resource import is_provisioning
from console.rules.token_order import checked, resource_of, signing_policy

hub_sdk = pytest.importorskip("azure.iot.hub.sastoken")
device_sdk = pytest.importorskip("azure.iot.device.common.auth.sastoken")
signing = pytest.importorskip("azure.iot.device.common.auth.signing_mechanism")

COUNT = 1000
HOSTS = ("contoso-plants.azure-devices.net", "Contoso.azure-devices.cn", "x.azure-devices-provisioning.net")
LETTERS = string.ascii_letters + string.digits + ID_MARKS


def orders():
    """Yield random orders; together they use every character that an id may have, and every kind of token."""
    chance = random.Random(20261123)
    letters = list(LETTERS)
    for number in range(COUNT):
        first = letters[number % len(letters)]
        device = first + "".join(chance.choices(LETTERS, k=chance.randint(1, 127)))
        module = "".join(chance.choices(LETTERS, k=chance.randint(2, 128)))
        check_id(device), check_id(module)
        policy = "".join(chance.choices(string.ascii_letters + string.digits + "._-", k=chance.randint(1, 64)))
        key = base64.b64encode(chance.randbytes(chance.randint(16, 64))).decode()
        ttl = chance.randint(1, 10**9)
        kind = number % 5
        host = chance.choice([host for host in HOSTS if kind == 2 or not is_provisioning(host)])
        if kind == 0:
            yield TokenOrder(host, device, ttl_seconds=ttl), key
        elif kind == 1:
            yield TokenOrder(host, device, module, ttl_seconds=ttl), key
        elif kind == 2:
            yield TokenOrder(host, policy=policy, ttl_seconds=ttl), key
        elif kind == 3:
            yield TokenOrder(host, device, policy=policy, ttl_seconds=ttl), key
        else:
            yield TokenOrder("0ne00A1B2C3", registration_id=f"reg-{number}", ttl_seconds=ttl), key


def theirs(order: TokenOrder, key: str) -> tuple[str, str, int]:
    """Return the tokens that both SDKs make for an order, with the same expiry, and that expiry."""
    resource, policy = resource_of(order), signing_policy(order)
    hub = hub_sdk.SasToken(resource, key, policy or None, ttl=order.ttl_seconds)
    mechanism = signing.SymmetricKeySigningMechanism(key)
    while True:  # both read the clock: again when a second went by between them
        device = device_sdk.RenewableSasToken(resource, mechanism, policy or None, ttl=order.ttl_seconds)
        if device.expiry_time == hub.expiry_time:
            return str(hub), str(device), hub.expiry_time
        hub.refresh()


def test_a_thousand_tokens_say_the_same_as_those_of_both_sdks():
    letters: set[str] = set()
    signatures = ""
    for order, key in orders():
        order = checked(order)
        of_hub, of_device, expiry = theirs(order, key)
        resource, policy = resource_of(order), signing_policy(order)
        ours = mint(resource, Secret(key), datetime.fromtimestamp(expiry, UTC), policy).reveal()
        mine = parse(ours)
        assert mine.resource == resource
        assert mine.policy == policy
        assert mine.expiry_text == str(expiry)
        assert parse(of_hub) == mine
        assert parse(of_device) == mine
        known = device_sdk.NonRenewableSasToken(ours)  # and their reader reads ours
        assert (known.resource_uri, known.expiry_time) == (resource, expiry)
        for text in (ours, of_hub, of_device):  # the tolerant reader finds nothing to repair
            told = read(text)
            assert told.parts == mine
            assert [one.id for one in told.findings if one.verdict] == []
        letters |= set(order.device_id + order.module_id)
        signatures += base64.b64encode(mine.signature).decode()
    assert letters == set(LETTERS)
    assert "/" in signatures
    assert "+" in signatures


def test_the_same_from_the_same(monkeypatch):
    """The whole text is the same as azure-iot-device's, and as azure-iot-hub's but for the slashes of a signature."""
    order, key = next(iter(orders()))
    of_hub, of_device, expiry = theirs(order, key)
    ours = mint(resource_of(order), Secret(key), datetime.fromtimestamp(expiry, UTC)).reveal()
    assert ours == of_device
    assert ours == of_hub.replace("/", "%2F")
    assert isinstance(parse(ours), SasParts)
