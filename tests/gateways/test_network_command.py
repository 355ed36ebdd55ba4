"""`hubwarden network` against the incident: what is printed, what is changed, exit codes, schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.hub import HubRunner

from console.cli.main import run
from console.cli.schemas import SCHEMAS

Go = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=150, seed=4) as runner:
        yield runner


@pytest.fixture
def go(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Go]:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def command(*arguments: str, write: bool = False) -> tuple[int, str, str]:
        code = run(["--profile", hub.ready["profile"], *(["--write"] if write else []), "network", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    before = json.dumps(hub.hub.resource["properties"])
    yield command
    with hub.hub.lock:
        hub.hub.resource["properties"] = json.loads(before)
        hub.hub.network_changed += 1


def rules(hub: HubRunner) -> list[str]:
    with hub.hub.lock:
        return [rule["filterName"] for rule in hub.hub.resource["properties"]["networkRuleSets"]["ipRules"]]


def valid(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    noun = document["schema"].removeprefix("hubwarden.").removesuffix("/1")
    jsonschema.validate(document, SCHEMAS[noun])
    return document


def test_a_plan_is_printed_and_changes_nothing(hub: HubRunner, go: Go) -> None:
    etag = hub.hub.resource["etag"]
    code, out, err = go("set", "--add-rule", "lyon=10.20.0.0/16")
    assert code == 0
    assert "+ ipRules[lyon]" in out
    assert "10.20.4.x" in out
    assert "not seen in 24 h" in out
    assert "not subject to IP rules" in out
    assert "Nothing was changed" in err
    assert hub.hub.resource["etag"] == etag


def test_it_is_refused_in_read_only_and_made_with_write(hub: HubRunner, go: Go) -> None:
    code, _, err = go("set", "--add-rule", "lyon=10.20.0.0/16", "--yes")
    assert code == 1
    assert "read-only" in err
    assert "lyon" not in rules(hub)
    code, out, _ = go("set", "--add-rule", "lyon=10.20.0.0/16", "--yes", write=True)
    assert code == 0
    assert "read back as planned" in out
    assert "lyon" in rules(hub)


def test_all_options_are_one_plan(hub: HubRunner, go: Go) -> None:
    options = (
        ("--add-rule", "lyon=10.20.0.0/16"),
        ("--remove-rule", "genoa-plant"),
        ("--rename-rule", "corporate=head-office"),
        ("--built-in-endpoint", "filtered"),
        ("--min-tls", "none"),
        ("--outbound", "restricted"),
        ("--allow-fqdn", "a.blob.core.windows.net"),
    )
    code, out, _ = go("set", *(word for option in options for word in option), "--json")
    assert code == 0
    plan = valid(out)
    (change,) = plan["changes"]
    places = {row["path"] for row in change["diff"]}
    assert {"minTlsVersion", "restrictOutboundNetworkAccess", "allowedFqdnList", "ipRules[lyon]"} <= places
    assert {"ipRules[genoa-plant]", "ipRules[corporate]", "ipRules[head-office]"} <= places
    assert not plan["applied"]
    assert rules(hub) == ["corporate", "genoa-plant", "jump-box"]


@pytest.mark.parametrize(
    ("risk", "options"),
    [
        ("own-lock-out", ("--remove-rule", "jump-box")),
        ("cut-off", ("--remove-rule", "corporate")),
        ("deny-all", ("--remove-rule", "corporate", "--remove-rule", "genoa-plant", "--remove-rule", "jump-box")),
        ("no-private-endpoint", ("--public-access", "disabled")),
    ],
)
def test_each_blocking_risk_needs_its_id(risk: str, options: tuple[str, ...], hub: HubRunner, go: Go) -> None:
    code, out, err = go("set", *options, "--yes", write=True)
    assert code == 1
    assert f"--accept {risk}" in err
    assert rules(hub) == ["corporate", "genoa-plant", "jump-box"]
    plan = valid(go("set", *options, "--json")[1])
    blocking = {one["id"] for one in plan["risks"] if one["blocking"]}
    assert risk in blocking
    for one in blocking - {risk}:
        options += ("--accept", one)
    code, out, err = go("set", *options, "--yes", write=True)
    assert code == 1, out
    assert f"--accept {risk}" in err
    code, out, err = go("set", *options, "--accept", risk, "--yes", write=True)
    assert code == 0, err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--add-rule", "ly/on=10.20.0.0/16"), "“/” at place 3"),
        (("--add-rule", "lyon=10.20.0.0/33"), "/33"),
        (("--add-rule", "lyon"), "NAME=CIDR"),
        (("--rename-rule", "lyon"), "OLD=NEW"),
        (("--allow-fqdn", "https://x.y"), "“:” at place 6"),
        (("--add-filter", "x=accept:10.0.0.0/8"), "--dps"),
        (("--dps", "contoso-dps"), "no filter option"),
        (("--dps", "contoso-dps", "--add-filter", "x=deny:10.0.0.0/8"), "NAME=accept:CIDR"),
        ((), "no option"),
    ],
)
def test_malformed_input_is_named_and_exits_2(options: tuple[str, ...], named: str, go: Go) -> None:
    code, _, err = go("set", *options)
    assert code == 2
    assert named in err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--add-rule", "Corporate=10.20.0.0/16"), "there already"),
        (("--remove-rule", "gone"), "only corporate, genoa-plant, jump-box"),
        (("--migrate",), "has a rule set already"),
        (("--narrow", "jump-box"), "no address was seen"),
        (("--dps", "gone", "--remove-filter", "x"), "contoso-dps"),
    ],
)
def test_what_does_not_fit_the_hub_exits_1(options: tuple[str, ...], named: str, go: Go) -> None:
    code, _, err = go("set", *options)
    assert code == 1
    assert named in err


def test_a_filter_of_a_provisioning_service_is_a_plan_of_its_own(hub: HubRunner, go: Go) -> None:
    code, out, _ = go(
        "set", "--add-rule", "lab=10.99.0.0/24", "--dps", "contoso-dps", "--add-filter", "lab=accept:10.99.0.0/24@1"
    )
    assert code == 0
    assert "network rules of contoso-plants" in out
    assert "filters of the provisioning service contoso-dps" in out
    assert "ipFilterRules[0]  name lab" in out


def test_show_and_simulate_follow_their_schemas(go: Go) -> None:
    code, out, _ = go("show")
    assert code == 0
    assert "default deny, 3 IP ranges" in out
    assert "built-in endpoint OPEN to all" in out
    assert "127.0.0.1" in out
    document = valid(go("show", "--json")[1])
    assert [item["name"] for item in document["items"]] == ["corporate", "genoa-plant", "jump-box"]
    assert document["seen"]["devices"] > 0
    simulation = valid(go("simulate", "--add-rule", "lyon=10.20.0.0/16", "--address", "10.20.4.9", "--json")[1])
    assert simulation["devices"]["let_in"] > 0
    (asked,) = simulation["addresses"]
    assert (asked["before"]["admitted"], asked["after"]["rule"]) == (False, "lyon")
    code, out, _ = go("simulate", "--address", "10.2.0.9")
    assert code == 0
    assert "allowed by “corporate”" in out
    assert go("simulate", "--address", "10.2.0")[0] == 2


def test_endpoints_by_command(hub: HubRunner, go: Go) -> None:
    group = hub.ready["hub_arm_id"].split("/providers/")[0]
    subnet = f"{group}/providers/Microsoft.Network/virtualNetworks/plants/subnets/devices"
    create = ("endpoint", "create", "from-plants", "--subnet", subnet, "--message", "please")
    assert go(*create)[0] == 0
    assert hub.cloud.private_endpoints == {}
    code, out, err = go(*create, "--yes", write=True)
    assert code == 0, err
    assert valid(go("endpoint", "list", "--json")[1])["items"][0]["status"] == "Pending"
    assert go("endpoint", "approve", "from-plants", "--yes", write=True)[0] == 0
    code, out, _ = go("endpoint", "reject", "from-plants")
    assert code == 0
    assert "endpoint-removal" in out
    assert go("endpoint", "delete", "from-plants", "--yes", write=True)[0] == 0
    assert hub.cloud.private_endpoints == {}
    assert go("endpoint", "approve", "from-plants")[0] == 1
