"""`hubwarden access …` on the local hub: JSON as documented, exit codes, lint without a hub, one plan that fixes."""

from __future__ import annotations

import io
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
from console.localhub import rbac as hub_side
from console.localhub.cloud_factory import give, principal_named

H = "Microsoft.Devices/IotHubs"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=2, throttle=False) as runner:
        yield runner


@pytest.fixture
def cli(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    cloud = hub.cloud
    roles, held = dict(cloud.role_definitions), dict(cloud.role_assignments)

    def call(*arguments: str, profile: bool = True, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        first = ["--profile", hub.ready["profile"], "--write"] if profile else []
        code = run([*first, "access", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    yield call
    for present, kept in ((cloud.role_definitions, roles), (cloud.role_assignments, held)):
        present.clear()
        present.update(kept)


def read(said: str, noun: str) -> Any:
    document = json.loads(said)
    jsonschema.validate(document, SCHEMAS[noun])
    return document


def nobody(hub: HubRunner) -> str:
    return principal_named(hub.cloud, "nobody").object_id


def printed(folder: Path, scope: str) -> str:
    file = folder / "role.json"
    actions = [f"{H}/read", f"{H}/devices/read", f"{H}/devices/write", f"{H}/devices/delete"]
    file.write_text(json.dumps({"Name": "IoT Device Operator", "Actions": actions, "AssignableScopes": [scope]}))
    return str(file)


def test_lint_of_a_file_needs_no_profile_and_prints_the_corrected_definition(
    hub: HubRunner, cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))  # no profile of the tester's own
    file = printed(tmp_path, "/subscriptions/8d1f5c0e-3b7a-4a52-9c46-2e0b6f7d9a13")
    code, out, err = cli("roles", "--lint", "--file", file, profile=False)
    assert code == 1 and "HIGH   data-action-under-actions" in out and "1 finding" in err
    corrected = json.loads(out.partition("The corrected definition:\n")[2])
    assert corrected["Actions"] == [f"{H}/read"] and len(corrected["DataActions"]) == 3
    code, out, _ = cli("roles", "--lint", "--file", file, "--json", profile=False)
    document = read(out, "access_lint")
    assert code == 1 and document["items"][0]["fixable"] and document["corrected"] == corrected
    (tmp_path / "fixed.json").write_text(json.dumps(corrected))
    assert cli("roles", "--lint", "--file", str(tmp_path / "fixed.json"), profile=False)[0] == 0
    code, _, _ = cli("roles", "--lint", "--file", "-", profile=False, stdin=json.dumps(corrected))
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("roles", "--lint", "--file", "nowhere.json"), "no such file"),
        (("roles", "--file", "x.json"), "--file goes with --lint"),
        (("roles", "--fix"), "--fix goes with --lint"),
        (("create-role",), "--list-templates"),
        (("create-role", "--template", "nothing"), "there are: device-operator"),
        (("check", "--principal", "me", "--operation", f"{H}/jobs/read"), "--plane control|data"),
        (("check", "--principal", "me", "--operation", f"{H}/device/read"), f"Is {H}/devices/read"),
        (("check", "--principal", "ben", "--operation", f"{H}/read"), "az ad user show"),
        (("unassign",), "Give the assignment's name"),
        (("unassign", "x", "--principal", "me"), "Give the assignment's name"),
        (("roles", "--lint", "--yes"), "--yes goes with --lint --fix"),
        (("roles", "--name", "x"), "go with --file"),
        (("own-role", "--scope", "contoso-rg"), "--scope takes a resource id"),
        (("own-role", "--table", "--json"), "Leave --table out"),
        (("own-role", "--feature", "x"), "there are: hub"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(cli: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = cli(*arguments)
    assert code == 2 and said in err


def test_the_printed_role_is_explained_and_fixed_in_one_plan(hub: HubRunner, cli: Run, tmp_path: Path) -> None:
    file = printed(tmp_path, hub.hub.arm_id)
    code, _, err = cli("create-role", "--file", file, "--yes")
    assert code == 2 and "--lint --fix" in err
    code, out, err = cli("roles", "--lint", "--fix", "--file", file)
    assert code == 0 and "data-action-under-actions" in out and "+ properties.permissions[0]" in out
    assert "Nothing was changed" in err
    code, out, _ = cli("roles", "--lint", "--fix", "--file", file, "--json", "--yes")
    plan = read(out, "plan")
    assert code == 0 and plan["applied"] and plan["changes"][0]["kind"] == "role.create"
    code, out, _ = cli("roles", "--custom", "--json")
    (made,) = read(out, "access_roles")["items"]
    assert made["permissions"][0]["data_actions"] == [f"{H}/devices/{verb}" for verb in ("read", "write", "delete")]


def test_check_answers_by_its_exit_code_and_says_through_what(hub: HubRunner, cli: Run) -> None:
    code, out, _ = cli("check", "--principal", "me", "--operation", f"{H}/devices/write", "--json")
    (found,) = read(out, "access_check")["items"]
    assert (code, found["answer"], found["through"][0]["role"]) == (0, "yes", "IoT Hub Data Contributor")
    code, out, _ = cli("check", "--principal", nobody(hub), "--operation", f"{H}/devices/write")
    assert code == 1 and "no role reaches this scope" in out and "IoT Hub Registry Contributor" in out
    code, out, _ = cli("check", "--principal", "me", "--operation", f"{H}/jobs/read", "--plane", "data")
    assert code == 0 and f"{H}/jobs/read (data)" in out


def test_a_role_is_given_listed_and_taken(hub: HubRunner, cli: Run) -> None:
    who = nobody(hub)
    give_it = ("assign", "Reader", "--principal", who, "--type", "service-principal", "--description", "on call")
    assert cli(*give_it, "--yes")[0] == 0
    code, out, err = cli(*give_it, "--yes")
    assert code == 0 and "it is so already" in err
    code, out, _ = cli("assignments", "--principal", who, "--json")
    document = read(out, "access_assignments")
    (one,) = document["items"]
    assert (one["role"], one["description"], one["grants"], one["inherited"]) == (
        "Reader",
        "on call",
        ["control"],
        False,
    )
    assert one["since"] and one["created_by"] == document["me"]
    code, out, err = cli("assignments")
    assert code == 0 and "on call" not in out and f"you · {document['me'][:8]}" in out and "Privileged Identity" in err
    assert cli("unassign", "--principal", who, "--role", "reader", "--yes")[0] == 0
    code, _, err = cli("unassign", "--principal", who, "--role", "Reader", "--yes")
    assert code == 1 and "it has no such role here of its own" in err


def test_what_is_dangerous_must_be_accepted(hub: HubRunner, cli: Run) -> None:
    arguments = ("assign", "Owner", "--principal", nobody(hub), "--type", "service-principal", "--yes")
    code, _, err = cli(*arguments)
    assert code == 1 and "--accept can-give-roles" in err and "--accept wider-than-template" in err
    assert not any(one.role_id == hub_side.OWNER for one in hub.cloud.role_assignments.values())
    code, _, err = cli(*arguments, "--accept", "can-give-roles", "--accept", "wider-than-template")
    # the demo's operator may give roles on the hub: the service lets it
    assert code == 0, err


def test_lint_of_the_hub_names_what_is_wrong(hub: HubRunner, cli: Run) -> None:
    give(hub.cloud, nobody(hub), hub_side.OWNER, f"/subscriptions/{hub.cloud.subscription_id}")
    code, out, _ = cli("roles", "--lint", "--json")
    found = {one["code"] for one in read(out, "access_lint")["items"]}
    assert code == 1 and {"owner-without-data", "wide-scope", "orphan-unknown"} <= found
    code, _, err = cli("roles", "--lint", "--fix", "--yes")
    assert code == 1 and "for people to decide" in err
    code, out, _ = cli("roles", "--lint", "--fix", "--yes", "--json")
    assert code == 1 and read(out, "plan")["changes"] == []


def test_lint_of_a_hub_where_all_is_well_ends_with_0(hub: HubRunner, cli: Run) -> None:
    operator = principal_named(hub.cloud, "operator").object_id
    data, people = (hub_side.IOT_HUB_DATA_CONTRIBUTOR, hub_side.USER_ACCESS_ADMINISTRATOR)
    hub.cloud.role_assignments.clear()
    for role in (data, people):
        give(hub.cloud, operator, role, hub.hub.arm_id)
    code, out, _ = cli("roles", "--lint", "--json")
    assert [one["code"] for one in read(out, "access_lint")["items"]] == ["orphan-unknown"] and code == 0


def test_own_role_is_ready_for_azure_cli_and_for_the_console_itself(
    hub: HubRunner, cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))  # no profile of the tester's own
    code, _, err = cli("own-role", profile=False)
    assert code == 2 and "give --scope" in err
    code, out, _ = cli("own-role", "--scope", hub.hub.arm_id, profile=False)
    assert code == 0 and json.loads(out)["IsCustom"] is True
    (tmp_path / "own.json").write_text(out)
    assert cli("roles", "--lint", "--file", str(tmp_path / "own.json"))[1].count("HIGH") == 0
    assert cli("create-role", "--file", str(tmp_path / "own.json"), "--yes")[0] == 0
    code, out, _ = cli("own-role", "--form", "rest", "--write")
    assert code == 0 and f"{H}/listkeys/action" in json.loads(out)["properties"]["permissions"][0]["actions"]
    code, out, _ = cli("own-role", "--feature", "devices", "--json")
    (one,) = read(out, "access_own_role")["items"]
    assert one["data_actions"] == [f"{H}/devices/read", f"{H}/twins/read"]
    code, out, _ = cli("own-role", "--table", profile=False)
    assert code == 0 and "workspaces/query/read" in out
    assert cli("create-role", "--list-templates", profile=False)[1].count("\n") == 4
    code, out, _ = cli("create-role", "--list-templates", "--json", profile=False)
    assert code == 0 and read(out, "access_templates")["items"][0]["id"] == "device-operator"


def test_another_name_for_a_file_makes_another_role(hub: HubRunner, cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    file.write_text(json.dumps({"Name": "First", "Actions": [f"{H}/read"], "AssignableScopes": [hub.hub.arm_id]}))
    assert cli("create-role", "--file", str(file), "--yes")[0] == 0
    names = {one["properties"]["roleName"]: guid for guid, one in hub.cloud.role_definitions.items()}
    file.write_text(json.dumps({"Id": names["First"], **json.loads(file.read_text())}))  # as `az` lists it
    assert cli("create-role", "--file", str(file), "--name", "Second", "--yes")[0] == 0
    after = {one["properties"]["roleName"]: guid for guid, one in hub.cloud.role_definitions.items()}
    assert after["First"] == names["First"] != after["Second"]
