"""Tokens of a provisioning service with the profile's credential: its key read at the resource manager, journalled."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.console import by_connection_string
from support.hub import HubRunner
from support.tokens import parse
from support.writes import writable

from console.cli.compose import services_for
from console.cli.main import run
from console.localhub.cloud_factory import new_provisioning
from console.localhub.state import AccessPolicy
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.token import TokenOrder, Verdict
from console.rules.sas import mint
from console.services.bundle import Services
from console.services.token_provisioning import READ_SERVICE

OWNER = "provisioningserviceowner"
HOST = "contoso-dps.azure-devices-provisioning.net"
KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    with hub.cloud.lock:
        hub.cloud.provisioning.clear()
        new_provisioning(hub.cloud, "contoso-dps", hub.hub, "iothubowner")
    return writable(hub, tmp_path)


def keys(hub: HubRunner, service: str = "contoso-dps") -> AccessPolicy:
    return hub.cloud.provisioning[service].policies[OWNER]


def reads(services: Services) -> list[tuple[str, str, str]]:
    found = services.changes.journal.entries()
    return [(one.kind, one.target.id, one.reason) for one in found if one.kind == READ_SERVICE]


def test_the_service_that_links_the_hub_is_found_and_its_key_is_noted_before_it_is_read(hub, services) -> None:
    made = services.credentials.tokens.mint_for_service(TokenOrder("", policy=OWNER.upper()), reason="drill")
    parts = parse(made.token.reveal())
    assert (parts.resource, parts.policy, made.warnings) == (HOST, OWNER, ())
    assert made.token == mint(HOST, Secret(keys(hub).primary_key), parts.expires, OWNER)
    assert reads(services) == [(READ_SERVICE, hub.cloud.provisioning["contoso-dps"].arm_id, "drill")]
    (entry,) = services.credentials.tokens.ledger()
    assert (entry.resource, entry.policy) == (HOST, OWNER)
    told = services.credentials.tokens.explain_at_hub(made.token.reveal())
    assert told.verdict is Verdict.VALID
    assert "fits the primary key of policy provisioningserviceowner" in repr(told.facts)


def test_of_several_services_one_is_named(hub, services) -> None:
    new_provisioning(hub.cloud, "second-dps", hub.hub, "iothubowner")
    tokens = services.credentials.tokens
    with pytest.raises(ConsoleError) as caught:
        tokens.mint_for_service(TokenOrder("", policy=OWNER))
    assert caught.value.code == "usage"
    assert "contoso-dps, second-dps" in caught.value.why
    assert reads(services) == []
    made = tokens.mint_for_service(TokenOrder("", policy=OWNER), "Second-DPS")
    assert parse(made.token.reveal()).host == "second-dps.azure-devices-provisioning.net"
    assert tokens.explain_at_hub(made.token.reveal()).verdict is Verdict.VALID
    with pytest.raises(ConsoleError) as caught:
        tokens.mint_for_service(TokenOrder("", policy=OWNER), "third-dps")
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_what_is_not_there_is_said(hub, services) -> None:
    tokens = services.credentials.tokens
    with pytest.raises(ConsoleError, match="nobody"):
        tokens.mint_for_service(TokenOrder("", policy="nobody"))
    with hub.cloud.lock:
        hub.cloud.provisioning["contoso-dps"].resource["properties"]["iotHubs"] = []
    with pytest.raises(ConsoleError, match="none links the hub; the credential sees: contoso-dps") as caught:
        tokens.mint_for_service(TokenOrder("", policy=OWNER))
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_nothing_is_read_when_the_journal_cannot_be_written(hub, services) -> None:
    services.changes.journal.path.mkdir(parents=True)
    with pytest.raises(ConsoleError) as caught:
        services.credentials.tokens.mint_for_service(TokenOrder("", policy=OWNER))
    assert caught.value.code == "journal"
    assert services.credentials.tokens.ledger() == ()


def test_a_connection_string_opens_no_provisioning_service(hub, tmp_path) -> None:
    services = services_for(by_connection_string(hub.ready, tmp_path), state_dir=tmp_path / "state")
    with pytest.raises(ConsoleError) as caught:
        services.credentials.tokens.mint_for_service(TokenOrder("", policy=OWNER))
    assert caught.value.kind is ErrorKind.NOT_CONFIGURED


def test_a_token_of_a_service_at_the_hub(hub, services) -> None:
    expires = parse(mint(HOST, Secret(KEY), services.session.clock().replace(year=2090)).reveal()).expires
    at_hub = services.credentials.tokens.explain_at_hub
    assert at_hub(mint(HOST, Secret(KEY), expires, OWNER).reveal()).verdict is Verdict.WRONG_KEY
    told = at_hub(mint(HOST, Secret(KEY), expires, "nobody").reveal())
    assert (told.verdict, told.details[0].id) == (Verdict.WRONG_KEY, "policy-unknown")
    for resource, policy in (
        ("0ne00A1B2C3/registrations/r", "registration"),
        ("unseen.azure-devices-provisioning.net", OWNER),
    ):
        told = at_hub(mint(resource, Secret(KEY), expires, policy).reveal())
        assert told.verdict is Verdict.UNVERIFIED
        assert told.details[0].id == "key-not-readable"


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def call(services, hub, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))

    def run_it(*arguments: str, given: str = "") -> tuple[int, str, str]:
        import io

        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        code = run(["--profile", hub.ready["profile"], "sas", *arguments])
        return code, *capsys.readouterr()

    return run_it


@pytest.mark.parametrize("more", [(), ("--service", "contoso-dps")])
def test_the_command_by_profile(call, more) -> None:
    code, out, err = call("dps", "--policy", OWNER, "--quiet", *more)
    assert (code, err) == (0, "")
    assert parse(out).host == HOST


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dps", "--policy", OWNER, "--key-stdin"), "which provisioning service"),
        (("dps", "--policy", OWNER, "--key-stdin", "--hub", "contoso-plants.azure-devices.net"), "is a hub's"),
        (("dps", "--policy", OWNER, "--key-stdin", "--service", "contoso-dps"), "--service"),
        (("dps", "--policy", OWNER, "--hub", HOST, "--service", "contoso-dps"), "--service"),
        (("dps", "r", "--scope", "0ne00A1B2C3", "--service", "contoso-dps"), "--service"),
        (("device", "A", "--key-stdin", "--hub", HOST), "is a provisioning service's"),
        (("module", "A", "m", "--key-stdin", "--hub", HOST), "is a provisioning service's"),
    ],
)
def test_a_token_for_the_wrong_kind_of_service_is_not_made(call, arguments, words) -> None:
    code, out, err = call(*arguments, given=KEY)
    assert (code, out) == (2, "")
    assert words in err


def test_a_connection_string_of_a_hub_makes_no_token_of_a_provisioning_service(call) -> None:
    string = f"HostName=contoso-plants.azure-devices.net;SharedAccessKeyName={OWNER};SharedAccessKey={KEY}"
    code, out, err = call("dps", "--policy", OWNER, "--key-stdin", given=string)
    assert (code, out) == (2, "")
    assert "is a hub's" in err
