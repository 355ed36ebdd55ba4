"""`hubwarden policy …` against the local hub: plans change nothing, `--yes` does, and no key is ever printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.hub import HubRunner

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.state import AccessPolicy
from console.rules.keys import new_key

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as hub:
        yield hub


@pytest.fixture
def hub(runner: HubRunner) -> HubRunner:
    rights = ("RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect")
    with runner.cloud.lock, runner.hub.lock:
        runner.cloud.activity.clear()
        runner.hub.resource["properties"]["disableModuleSAS"] = False
        runner.hub.policies = {
            "iothubowner": AccessPolicy("iothubowner", rights, new_key(), new_key()),
            "press": AccessPolicy("press", ("ServiceConnect",), new_key(), new_key()),
        }
    return runner


@pytest.fixture
def cli(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str, write: bool = True, secret: bool = False) -> tuple[int, str, str]:
        before = keys(hub)
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], *(["--write"] if write else []), "policy", *arguments])
        out, err = capsys.readouterr()
        if not secret:
            assert not any(key in out + err for key in before | keys(hub))
        return code, out, err

    return call


def keys(hub: HubRunner) -> set[str]:
    with hub.hub.lock:
        return {key for one in hub.hub.policies.values() for key in (one.primary_key, one.secondary_key)}


def listed(hub: HubRunner) -> int:
    with hub.cloud.lock:
        return sum("listkeys" in event.operation.casefold() for event in hub.cloud.activity)


def document(text: str, noun: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMAS[noun])
    return found


def test_the_list_has_rights_and_no_keys(cli: Run) -> None:
    code, out, _ = cli("list", write=False)
    assert code == 0
    assert "iothubowner" in out
    found = document(cli("list", "--json", write=False)[1], "policies")
    owner, press = found["items"]
    assert owner["breadth"] == "everything"
    assert press["rights"] == ["ServiceConnect"]
    assert press["keys_filled"] == {"primary": True, "secondary": True}
    assert found["local_auth"] == {"hub": True, "devices": True, "modules": True}
    assert found["links"][0]["policy"] == "iothubowner"


def test_a_policy_lives_and_ends(hub: HubRunner, cli: Run) -> None:
    create = ("create", "deviceManager", "--rights", "RegistryRead,RegistryWrite")
    code, _, err = cli(*create)
    assert code == 0
    assert "Nothing was changed" in err
    assert "deviceManager" not in hub.hub.policies
    assert cli(*create, "--yes", write=False)[0] == 1
    assert "deviceManager" not in hub.hub.policies
    plan = document(cli(*create, "--yes", "--json")[1], "plan")
    assert plan["applied"]
    assert hub.hub.policies["deviceManager"].rights == ("RegistryRead", "RegistryWrite")
    assert cli("set-rights", "deviceManager", "--rights", "DeviceConnect", "--yes")[0] == 0
    assert hub.hub.policies["deviceManager"].rights == ("DeviceConnect",)
    assert cli("swap", "deviceManager", "--yes")[0] == 0
    assert cli("delete", "deviceManager", "--yes")[0] == 0
    assert "deviceManager" not in hub.hub.policies


def test_a_rotation_goes_on_where_it_was_left(hub: HubRunner, cli: Run) -> None:
    first = hub.hub.policies["press"]
    primary, secondary = first.primary_key, first.secondary_key
    code, out, _ = cli("rotate", "press", "--yes")
    assert code == 0
    assert "1 of 2: secondary new" in out
    assert "4. then replace the primary key" in out
    now = hub.hub.policies["press"]
    assert now.primary_key == primary
    assert now.secondary_key != secondary
    before = listed(hub)
    state = document(cli("rotate", "press", "--status", "--json", write=False)[1], "policy_rotation")["items"][0]
    assert (state["stage"], state["next"]) == ("secondary-new", "primary")
    assert listed(hub) == before
    assert cli("rotate", "press", "--yes")[0] == 0
    assert hub.hub.policies["press"].primary_key != primary
    assert "2 of 2: done" in cli("rotate", "press", "--status")[1]


def test_the_primary_first_needs_its_risk_accepted(hub: HubRunner, cli: Run) -> None:
    primary = hub.hub.policies["press"].primary_key
    code, _, err = cli("rotate", "press", "--key", "primary", "--yes")
    assert code == 1
    assert "--accept rotate-order" in err
    assert hub.hub.policies["press"].primary_key == primary
    assert cli("rotate", "press", "--key", "primary", "--yes", "--accept", "rotate-order")[0] == 0
    assert hub.hub.policies["press"].primary_key != primary


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "bad name", "--rights", "RegistryRead"), "a space at position 4"),
        (("create", "good", "--rights", "RegistryReed"), "“RegistryReed” is not a right"),
        (("set-rights", "press", "--rights", ""), "no rights"),
        (("local-auth", "everybody", "off"), "everybody"),
    ],
)
def test_malformed_input_is_usage_and_reads_no_key(
    hub: HubRunner, cli: Run, arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = cli(*arguments, "--yes")
    assert code == 2
    assert said in err
    assert listed(hub) == 0


def test_local_authentication_is_switched_without_reading_a_key(hub: HubRunner, cli: Run) -> None:
    code, out, _ = cli("local-auth", "hub", "off")
    assert code == 0
    assert "BLOCKING" in out
    assert "contoso-dps" in out
    assert cli("local-auth", "modules", "off", "--yes")[0] == 0
    assert hub.hub.resource["properties"]["disableModuleSAS"] is True
    assert cli("local-auth", "modules", "on", "--yes")[0] == 0
    assert hub.hub.resource["properties"]["disableModuleSAS"] is False
    assert listed(hub) == 0


def test_a_connection_string_is_not_for_a_terminal(hub: HubRunner, cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = f"SharedAccessKeyName=press;SharedAccessKey={hub.hub.policies['press'].secondary_key}\n"
    code, out, _ = cli("connection-string", "press", "--key", "secondary", write=False, secret=True)
    assert code == 0
    assert out.endswith(expected)
    before = listed(hub)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, err = cli("connection-string", "press", "--key", "secondary", write=False)
    assert code == 2
    assert "--show" in err
    assert listed(hub) == before, "refused before the key was read"
    assert cli("connection-string", "press", "--key", "secondary", "--show", secret=True)[1].endswith(expected)
