"""Tokens against the local hub: ours and the SDKs' are let in alike, keys are read with the profile and journalled."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from support.console import by_connection_string
from support.devices import Clients, register
from support.hub import HubRunner
from support.registry import PlainClient, hub_properties, policy_sas
from support.writes import writable

from console.cli.compose import services_for
from console.localhub.door import Attempt
from console.localhub.state import AccessPolicy, ModuleRecord, new_key
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.token import TokenOrder, Verdict
from console.rules.device_input import ID_MARKS
from console.rules.sas import mint, resource_uri
from console.services.bundle import Services
from console.services.token_keys import READ_DEVICE

hub_sdk = pytest.importorskip("azure.iot.hub.sastoken")
device_sdk = pytest.importorskip("azure.iot.device.common.auth.sastoken")
signing = pytest.importorskip("azure.iot.device.common.auth.signing_mechanism")

ALL = ("RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    with hub.cloud.lock, hub.hub.lock:
        hub.hub.devices.clear()
        hub.hub.policies = {
            "iothubowner": AccessPolicy("iothubowner", ALL, new_key(), new_key()),
            "device": AccessPolicy("device", ("DeviceConnect",), new_key(), new_key()),
            "service": AccessPolicy("service", ("ServiceConnect",), new_key(), new_key()),
        }
    return writable(hub, tmp_path)


def ids(count: int) -> list[str]:
    """Return device ids that use every character between them."""
    chance = random.Random(7)
    letters = "abcXYZ019" + ID_MARKS
    made = [f"d{number}" + "".join(chance.choices(letters, k=chance.randint(1, 60))) for number in range(count)]
    return [made[place] + letters[place % len(letters)] for place in range(count)]


def three(resource: str, key: str, policy: str = "") -> list[str]:
    """Return tokens of ours and of both SDKs."""
    expires = datetime.now(UTC) + timedelta(hours=1)
    mechanism = signing.SymmetricKeySigningMechanism(key)
    return [
        mint(resource, Secret(key), expires, policy).reveal(),
        str(hub_sdk.SasToken(resource, key, policy or None)),
        str(device_sdk.RenewableSasToken(resource, mechanism, policy or None)),
    ]


def test_the_registry_lets_in_ours_and_theirs_over_https(hub: HubRunner, services: Services) -> None:
    host, owner = hub.hub.host, hub.hub.policies["iothubowner"]
    for device_id in ids(25):
        register(hub, device_id)
        path = f"/devices/{quote(device_id, safe='')}"
        for resource, key in ((host, owner.primary_key), (resource_uri(host, device_id), owner.secondary_key)):
            for token in three(resource, key, "iothubowner"):
                answer = PlainClient(hub, token)("GET", path)
                assert (answer.status_code, answer.json()["deviceId"]) == (200, device_id)
        for token in three(resource_uri(host, device_id + "x"), owner.primary_key, "iothubowner"):
            assert PlainClient(hub, token)("GET", path).status_code == 401


def test_the_door_lets_in_ours_and_theirs(hub: HubRunner, services: Services) -> None:
    door = Clients(hub).door
    for device_id in ids(60):
        record = register(hub, device_id)
        for token in three(resource_uri(hub.hub.host, device_id), record.primary_key):
            verdict = door.attempt(Attempt(datetime.now(UTC), device_id, "127.0.0.1", sas_token=token))
            assert verdict.code == ""
        for token in three(resource_uri(hub.hub.host, device_id), new_key()):
            verdict = door.attempt(Attempt(datetime.now(UTC), device_id, "127.0.0.1", sas_token=token))
            assert verdict.code == "401003"


# --- minting with the profile ------------------------------------------------------------------------------------


def reads(services: Services, kind: str) -> list[str]:
    return [entry.title for entry in services.changes.journal.entries() if entry.kind == kind]


def test_a_device_token_by_profile_is_let_in_and_journalled(hub: HubRunner, services: Services) -> None:
    register(hub, "press#1")
    minted = services.credentials.tokens.mint_by_profile(TokenOrder("", "press#1"), "test the door")
    attempt = Attempt(datetime.now(UTC), "press#1", "127.0.0.1", sas_token=minted.token.reveal())
    assert Clients(hub).door.attempt(attempt).code == ""
    entry = services.changes.journal.entries()[0]
    assert (entry.kind, entry.reason) == (READ_DEVICE, "test the door")
    assert "press#1" in entry.title
    noted = services.credentials.tokens.ledger()[0]
    assert noted.resource == f"{hub.hub.host}/devices/press#1"
    assert noted.who == entry.who
    assert noted.expires == minted.expires


def test_a_module_token_by_profile(hub: HubRunner, services: Services) -> None:
    record = register(hub, "edge")
    key = new_key()
    record.modules["agent"] = ModuleRecord("edge", "1", module_id="agent", primary_key=key, secondary_key=new_key())
    minted = services.credentials.tokens.mint_by_profile(TokenOrder("", "edge", "agent"))
    assert services.credentials.tokens.explain(minted.token.reveal(), key=Secret(key)).verdict is Verdict.VALID
    assert "module agent of device edge" in reads(services, READ_DEVICE)[0]


def test_a_policy_token_by_profile_opens_what_the_policy_does(hub: HubRunner, services: Services) -> None:
    register(hub, "press-1")
    tokens = services.credentials.tokens
    minted = tokens.mint_by_profile(TokenOrder("", policy="IOTHUBOWNER"))
    assert minted.policy == "iothubowner"
    assert PlainClient(hub, minted.token.reveal())("GET", "/devices/press-1").status_code == 200
    assert "iothubowner" in reads(services, "policy.keys")[0].casefold()
    weak = tokens.mint_by_profile(TokenOrder("", "press-1", policy="service"))
    assert any("lacks DeviceConnect" in text for text in weak.warnings)
    with hub_properties(hub, disableLocalAuth=True):
        minted = tokens.mint_by_profile(TokenOrder("", policy="service"))
        assert any("refuses all shared access policies" in text for text in minted.warnings)


def test_what_cannot_be_minted_is_refused_with_its_reason(hub: HubRunner, services: Services) -> None:
    tokens = services.credentials.tokens
    register(hub, "by-certificate", auth="selfSigned")
    for order, kind, words in (
        (TokenOrder("", "nobody"), ErrorKind.NOT_FOUND, "There is no device nobody"),
        (TokenOrder("", "by-certificate"), ErrorKind.BAD_INPUT, "by certificate thumbprint"),
        (TokenOrder("", policy="nobody"), ErrorKind.NOT_FOUND, "no policy nobody"),
        (TokenOrder("other.azure-devices.net", "press-1"), ErrorKind.BAD_INPUT, "the profile's hub is"),
        (TokenOrder("0ne00A1B2C3", registration_id="r"), ErrorKind.BAD_INPUT, "a profile opens a hub"),
    ):
        with pytest.raises(ConsoleError) as caught:
            tokens.mint_by_profile(order)
        assert caught.value.kind is kind
        assert words in caught.value.sentence()
    register(hub, "off", status="disabled")
    assert any("disabled" in text for text in tokens.mint_by_profile(TokenOrder("", "off")).warnings)


def test_nothing_is_read_when_the_journal_cannot_be_written(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    register(hub, "press-1")
    services.session.whoami()
    services.changes.journal.path.mkdir(parents=True)
    before = services.meter.calls
    with pytest.raises(ConsoleError) as caught:
        services.credentials.tokens.mint_by_profile(TokenOrder("", "press-1"))
    assert caught.value.code == "journal"
    assert services.meter.calls == before
    assert services.credentials.tokens.ledger() == ()


def test_a_connection_string_profile_signs_with_its_own_key_without_a_call(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    register(hub, "press-1")
    key = hub.hub.policies["iothubowner"].primary_key
    text = f"HostName={hub.ready['hub_host']};SharedAccessKeyName=iothubowner;SharedAccessKey={key}"
    own = services_for(by_connection_string(hub.ready, tmp_path, text), state_dir=tmp_path / "own", retry_budget=0.0)
    minted = own.credentials.tokens.mint_by_profile(TokenOrder("", policy="iothubowner"))
    assert own.meter.calls == 0
    assert PlainClient(hub, minted.token.reveal())("GET", "/devices/press-1").status_code == 200
    assert own.credentials.tokens.ledger()[0].who == "policy iothubowner (connection string)"
    told = own.credentials.tokens.explain_at_hub(minted.token.reveal())
    assert told.verdict is Verdict.VALID
    assert own.meter.calls == 0
    with pytest.raises(ConsoleError, match="connection string is of the policy iothubowner"):
        own.credentials.tokens.mint_by_profile(TokenOrder("", policy="service"))
    device = own.credentials.tokens.mint_by_profile(TokenOrder("", "press-1"))  # by the registry, with its rights
    record = hub.hub.devices["press-1"]
    assert (
        own.credentials.tokens.explain(device.token.reveal(), key=Secret(record.primary_key)).verdict is Verdict.VALID
    )


# --- explaining at the hub ---------------------------------------------------------------------------------------


def test_a_token_is_held_against_the_hubs_own_keys(hub: HubRunner, services: Services) -> None:
    record, host = register(hub, "press-1"), hub.hub.host
    tokens = services.credentials.tokens
    good = mint(f"{host}/devices/press-1", Secret(record.secondary_key), datetime.now(UTC) + timedelta(hours=1))
    told = tokens.explain_at_hub(good.reveal(), "who made this?")
    assert told.verdict is Verdict.VALID
    assert dict(told.facts)["signature"] == "fits the secondary key of device press-1"
    assert services.changes.journal.entries()[0].reason == "who made this?"
    assert tokens.explain_at_hub(policy_sas(hub, "service")).verdict is Verdict.VALID
    with hub.hub.lock:
        record.secondary_key = new_key()
    told = tokens.explain_at_hub(good.reveal())
    assert told.verdict is Verdict.WRONG_KEY
    assert record.primary_key not in repr(told)


def found(services: Services, token: str) -> tuple[Verdict, set[str]]:
    told = services.credentials.tokens.explain_at_hub(token)
    return told.verdict, {one.id for one in told.details}


def test_whose_key_it_was_is_told(hub: HubRunner, services: Services) -> None:
    record, host = register(hub, "press-1"), hub.hub.host
    end = datetime.now(UTC) + timedelta(hours=1)
    device = f"{host}/devices/press-1"
    policy_key = Secret(hub.hub.policies["device"].primary_key)
    assert found(services, mint(device, policy_key, end, "device").reveal()) == (Verdict.VALID, set())
    assert found(services, mint(device, policy_key, end).reveal()) == (Verdict.WRONG_KEY, {"skn-missing"})
    own = mint(device, Secret(record.primary_key), end, "device").reveal()
    assert found(services, own) == (Verdict.WRONG_KEY, {"skn-with-device-key"})
    assert found(services, mint(device, policy_key, end, "iothubowner").reveal()) == (
        Verdict.WRONG_KEY,
        {"skn-other-policy"},
    )
    gone = mint(host, policy_key, end, "gone").reveal()
    assert "policy-unknown" in found(services, gone)[1]
    raw = base64.b64encode(record.primary_key.encode()).decode()
    undecoded = mint(device, Secret(raw), end).reveal()  # signed with the text of the key
    assert found(services, undecoded) == (Verdict.MALFORMED, {"key-not-decoded"})


def test_what_the_hub_has_against_it_is_told(hub: HubRunner, services: Services) -> None:
    host, end = hub.hub.host, datetime.now(UTC) + timedelta(hours=1)
    record = register(hub, "press-1", status="disabled")
    token = mint(f"{host}/devices/press-1", Secret(record.primary_key), end).reveal()
    assert found(services, token) == (Verdict.REFUSED, {"device-disabled"})
    register(hub, "ca", auth="certificateAuthority")
    verdict, findings = found(services, mint(f"{host}/devices/ca", Secret(new_key()), end).reveal())
    assert verdict is not Verdict.VALID
    assert "not-by-token" in findings
    nobody = mint(f"{host}/devices/nobody", Secret(new_key()), end).reveal()
    assert found(services, nobody) == (Verdict.WRONG_RESOURCE, {"device-unknown"})
    elsewhere = mint("other.azure-devices.net", Secret(new_key()), end, "service").reveal()
    before = len(services.changes.journal.entries())
    assert found(services, elsewhere) == (Verdict.WRONG_RESOURCE, {"other-hub"})
    assert len(services.changes.journal.entries()) == before  # no key was read for it
    lacking = mint(f"{host}/devices/press-1", Secret(hub.hub.policies["service"].primary_key), end, "service").reveal()
    assert "policy-lacks-right" in found(services, lacking)[1]
    with hub_properties(hub, disableLocalAuth=True):
        assert found(services, policy_sas(hub, "service")) == (Verdict.REFUSED, {"local-auth-off"})
    old = policy_sas(hub, "service", expires=int(time.time()) - 10)
    assert found(services, old) == (Verdict.EXPIRED, {"expired"})


def test_a_token_minted_here_is_recognised(hub: HubRunner, services: Services) -> None:
    register(hub, "press-1")
    tokens = services.credentials.tokens
    minted = tokens.mint_by_profile(TokenOrder("", "press-1"))
    assert dict(tokens.explain(minted.token.reveal()).facts)["minted"].startswith("here, ")
    other = mint(f"{hub.hub.host}/devices/press-1", Secret(new_key()), minted.expires).reveal()
    assert dict(tokens.explain(other).facts)["minted"].startswith("not by this machine")
    string = f"HostName={hub.hub.host};DeviceId=press-1;SharedAccessSignature={minted.token.reveal()}"
    assert dict(tokens.explain(string).facts)["minted"].startswith("here, ")


def test_the_key_of_a_connection_string_is_held_against_the_hubs(hub: HubRunner, services: Services) -> None:
    record, host = register(hub, "press-1"), hub.hub.host
    owner = hub.hub.policies["service"]
    tokens = services.credentials.tokens
    for string, label in (
        (f"HostName={host};DeviceId=press-1;SharedAccessKey={record.secondary_key}", "secondary key of device press-1"),
        (f"HostName={host};SharedAccessKeyName=service;SharedAccessKey={owner.primary_key}", "key of policy service"),
    ):
        told = tokens.explain_at_hub(string)
        assert told.verdict is Verdict.VALID
        assert label in dict(told.facts)["key check"]
    with hub.hub.lock:
        record.secondary_key = new_key()
    told = tokens.explain_at_hub(f"HostName={host};DeviceId=press-1;SharedAccessKey={new_key()}")
    assert (told.verdict, [one.id for one in told.details]) == (Verdict.WRONG_KEY, ["wrong-key"])
    stray = f"HostName={host};DeviceId=press-1;SharedAccessKey={hub.hub.policies['device'].primary_key}"
    assert found(services, stray) == (Verdict.WRONG_KEY, {"key-of-other-owner"})
    assert "policy device" in dict(tokens.explain_at_hub(stray).facts)["key check"]
    record.status = "disabled"
    told = tokens.explain_at_hub(f"HostName={host};DeviceId=press-1;SharedAccessKey={record.primary_key}")
    assert told.verdict is Verdict.REFUSED
