"""`hubwarden access roles --lint --file`: every form a role comes in, and no all-clear for what is not understood."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.model.errors import ConsoleError
from console.rules.rbac_reading import decoded, read_roles

H = "Microsoft.Devices/IotHubs"
SCOPE = "/subscriptions/8d1f5c0e-3b7a-4a52-9c46-2e0b6f7d9a13"
READ = f"{H}/devices/read"
Lint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Lint a definition, given as text, bytes or what becomes JSON; return exit code, stdout, stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def call(given: Any, *more: str) -> tuple[int, str, str]:
        raw = given if isinstance(given, bytes) else (given if isinstance(given, str) else json.dumps(given)).encode()
        (tmp_path / "role.json").write_bytes(raw)
        capsys.readouterr()
        code = run(["access", "roles", "--lint", "--file", str(tmp_path / "role.json"), *more])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def flat(**more: Any) -> dict[str, Any]:
    return {"Name": "Line 3", "Description": "d", "Actions": [f"{H}/read"], "AssignableScopes": [SCOPE], **more}


def rest(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = list(blocks) or [{"actions": [f"{H}/read"], "notActions": [], "dataActions": [READ], "notDataActions": []}]
    return {"properties": {"roleName": "Line 3", "permissions": given, "assignableScopes": [SCOPE], **more}}


LISTED = {
    "roleName": "Line 3",
    "roleType": "CustomRole",
    "type": "Microsoft.Authorization/roleDefinitions",
    "name": "8d1f5c0e-3b7a-4a52-9c46-2e0b6f7d9a13",
    "permissions": [{"actions": [f"{H}/read"], "condition": None}],
    "assignableScopes": [SCOPE],
    "description": "",
    "createdOn": "2024-01-01",
    "createdBy": "a",
    "updatedOn": "2024-01-01",
    "updatedBy": None,
    "id": "/x",
}
RESOURCE = {"type": "Microsoft.Authorization/roleDefinitions", "name": "[guid('x')]", "apiVersion": "2022-04-01"}


def template(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"$schema": "https://x/deploymentTemplate.json#", "contentVersion": "1.0", "resources": resources, **more}


@pytest.mark.parametrize(
    "definition",
    [
        flat(),
        flat(Permissions=None),
        flat(IsCustom=True, Id=None, NotActions=[], DataActions=[READ], NotDataActions=[]),
        rest(),
        {"value": [rest(), rest()]},
        {"value": [flat()], "Count": 1},
        LISTED,
        [LISTED, LISTED],
        template({**RESOURCE, **rest(type="customRole")}),
        template({"type": "x/y", "resources": [{**RESOURCE, **rest()}]}),
        template(
            {
                "type": "Microsoft.Resources/deployments",
                "properties": {"mode": "Incremental", "template": template({**RESOURCE, **rest()})},
            }
        ),
        {**template(), "languageVersion": "2.0", "resources": {"role": {**RESOURCE, **rest()}}},
    ],
)
def test_every_form_is_read_and_a_right_one_is_clear(lint: Lint, definition: Any) -> None:
    code, out, err = lint(definition)
    assert (code, out) == (0, ""), out
    assert "Nothing is wrong" in err
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"):  # as PowerShell's > writes it
        assert lint(json.dumps(definition).encode(encoding))[0] == 0, encoding


def test_roles_come_by_standard_input_in_any_encoding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = json.dumps(flat(DataActions=["*"]), ensure_ascii=False).encode("utf-16")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert run(["access", "roles", "--lint", "--file", "-"]) == 1
    assert "wildcard-wide" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (flat(DataAction=[READ]), ("DataAction", "Is DataActions meant?")),
        (flat(NotDataAction=[READ]), ("NotDataAction", "Is NotDataActions meant?")),
        (flat(AssignableScope=[SCOPE]), ("Is AssignableScopes meant?",)),
        (flat(data_actions=[READ]), ("data_actions", "Is dataActions meant?")),
        (flat(Dataactions=[READ]), ("member-case", "Write dataActions")),
        ({**flat(), "NAME": "x"}, ("NAME is there more than once",)),
        (flat(Actoins=[]), ("Actoins", "Is Actions meant?")),
        (flat(IsCustom="nope"), ("IsCustom is neither true nor false",)),
        (flat(Colour="red"), ("Colour means nothing", "Leave it out")),
        (flat(properties={}), ("Actions",)),
        (rest(dataActions=[READ]), ("properties.dataActions", "wrong place", "inside permissions")),
        (rest({"actions": [f"{H}/read"], "data_actions": ["*"]}), ("permissions[0].data_actions", "Is dataActions")),
        (rest({"actions": [f"{H}/read"], "assignableScopes": [SCOPE]}), ("wrong place", "beside permissions")),
        ({**rest(), "Actions": ["*"]}, ("its member Actions", "wrong place")),
        ({**LISTED, "Actions": ["*"]}, ("its member Actions", "wrong place")),
        (
            {"role_name": "V", "permissions": [{"data_actions": [READ]}], "assignable_scopes": [SCOPE]},
            ("role_name", "permissions[0].data_actions", "Is assignableScopes meant?"),
        ),
        ('{"Name": "V", "Actions": ["a/b"], "Actions": []}', ("Actions is there more than once",)),
        ({"value": [rest()], "nextLink": "https://x"}, ("nextLink",)),
        (template({"type": "Microsoft.Authorization/roleDefinition", **rest()}), ("roleDefinitions meant",)),
        (
            template({"type": "Microsoft.Resources/deployments", "properties": {"templateLink": {"uri": "x"}}}),
            ("templateLink",),
        ),
    ],
)
def test_what_is_not_understood_is_named_and_never_clear(lint: Lint, definition: Any, told: tuple[str, ...]) -> None:
    code, out, err = lint(definition)
    joined = " ".join((out + err).split())
    assert code == 1 and "Nothing is wrong" not in joined, joined
    assert all(text in joined for text in told), joined
    assert "corrected definition:" not in joined or "member-case" in joined
    code, _, err = lint(definition, "--fix")
    assert code == 2 or "no profile" in err.lower()  # refused, or it would have gone on to the hub


@pytest.mark.parametrize(
    "scope",
    [
        "/subscriptions/{subscription-id}",
        "/subscriptions/<sub>",
        "/subscriptions/<sub>/resourceGroups/rg",
        "/subscriptions/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        "/subscriptions/00000000-0000-0000-0000-000000000000",
        "/subscriptions/11111111-1111-1111-1111-111111111111",
        "/subscriptions/$SUB",
        "/subscriptions/${var.subscription}",
        "/subscriptions/%SUB%",
        "/subscriptions/YOUR_SUBSCRIPTION_ID",
        "/subscriptions/your-subscription-id",
        "/subscriptions/SUBSCRIPTION_ID",
        "/subscriptions/subscriptionId1",
        "/subscriptions/__SUB__",
        "/subscriptions/...",
        "/subscriptions/contoso",
        f"{SCOPE}/resourceGroups/<rg>",
        f"{SCOPE}/resourceGroup/rg",
        f"{SCOPE}/resourceGroups",
        f"{SCOPE}/resourceGroups/YOUR_RG",
        f"{SCOPE}/resourceGroups/{{resource-group-name}}",
        "/providers/Microsoft.Management/managementGroups/{mg}",
        "{scope}",
        "[subscription().id]",
    ],
)
def test_a_scope_that_is_still_to_be_filled_in_is_named(lint: Lint, scope: str) -> None:
    code, out, err = lint(flat(AssignableScopes=[scope]))
    assert code == 1 and scope in "".join(out.split()) and "Nothing is wrong" not in err
    assert lint(flat(AssignableScopes=[scope], IsCustom=False))[0] == 1  # whatever it calls itself


@pytest.mark.parametrize(
    "scope",
    [
        SCOPE,
        SCOPE.upper().replace("/SUBSCRIPTIONS", "/subscriptions"),
        f"{SCOPE}/resourceGroups/my-rg",
        f"{SCOPE}/resourceGroups/idea",
        f"{SCOPE}/resourceGroups/rg_(west).1",
        "/providers/Microsoft.Management/managementGroups/contoso",
    ],
)
def test_a_scope_like_those_people_have_is_no_placeholder(lint: Lint, scope: str) -> None:
    assert lint(flat(AssignableScopes=[scope]))[0] == 0


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("*/read", "blobs and queues"),
        ("*", "every operation there is"),
        ("Microsoft.*/read", "every service"),
        ("Microsoft.Devices/*/read", "read device identities, with their keys"),
        (f"{H}/*/read", "read and query twins"),
        (f"{H}/*", "operations known today"),
        ("*/write", "every provider"),
        ("Microsoft.KeyVault/vaults/*", "was not judged"),
    ],
)
def test_a_wide_data_wildcard_is_named_with_what_it_grants(lint: Lint, entry: str, told: str) -> None:
    code, out, _ = lint(flat(DataActions=[entry]))
    assert code == 1 and told in " ".join(out.split()) and f"- {entry}" in out


@pytest.mark.parametrize(
    "entry",
    ["Microsft.Devices/IotHubs/read", "Microsoft.Device/IotHubs/read", "Contoso.X/IotHubs/read", "IotHubs/read"],
)
def test_a_misspelt_provider_is_an_unknown_operation(lint: Lint, entry: str) -> None:
    code, out, _ = lint(flat(Actions=[f"{H}/read", entry]))
    assert code == 1 and "unknown-operation" in out and f"Is {H}/read meant?" in out


def test_operations_of_other_providers_are_told_as_not_judged(lint: Lint) -> None:
    code, out, err = lint(flat(Actions=[f"{H}/read", "Microsoft.Compute/virtualMachines/start/action"]))
    assert code == 1 and "operation-not-known" in out and "Nothing is wrong" not in err
    assert "az provider operation show --namespace Microsoft.Compute" in " ".join(out.split())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"Name": "<role name>"}, "name-placeholder"),
        ({"Name": "${role}"}, "name-placeholder"),
        ({"Name": ""}, "no-name"),
        ({"Id": "my-role"}, "id-malformed"),
        ({"Actions": ["Microsoft.Authorization/roleDefinitions/write"]}, "can-give-roles"),
        ({"Actions": ["Microsoft.Authorization/roleEligibilityScheduleRequests/write"]}, "can-give-roles"),
        ({"Actions": ["Microsoft.Authorization/*"]}, "can-give-roles"),
    ],
)
def test_a_small_slip_or_a_way_to_more_is_told(lint: Lint, more: dict[str, Any], told: str) -> None:
    code, out, _ = lint(flat(**more))
    assert code == 1 and told in out


CONDITION = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {x}"


@pytest.mark.parametrize("form", ["flat", "rest"])
def test_a_condition_is_mentioned_and_no_correction_loses_it(lint: Lint, form: str) -> None:
    lists = {"actions": [f"{H}/devices/*", "Microsoft.Authorization/roleAssignments/write"]}
    limits = {"condition": CONDITION, "conditionVersion": "2.0"}
    definition = rest({**lists, **limits}) if form == "rest" else flat(**{"Actions": lists["actions"], **limits})
    code, out, err = lint(definition)
    joined = " ".join(out.split())
    assert code == 1 and "can-give-roles" in out and "as far as its condition lets it" in joined
    assert "corrected definition:" not in out and "without its condition" in " ".join(err.split())
    code, _, err = lint(definition, "--fix")
    assert code == 2 and "without its condition" in " ".join(err.split())
    code, out, _ = lint(rest({**lists}, {**lists, **limits}))  # another block gives them without
    assert "without it the role" not in " ".join(out.split())


def test_two_blocks_are_corrected_in_rest_s_form(lint: Lint) -> None:
    definition = rest(
        {"actions": [f"{H}/*"], "notActions": [f"{H}/delete"]}, {"actions": [f"{H}/delete", f"{H}/twins/write"]}
    )
    code, out, err = lint(definition)
    assert code == 1 and "--form" not in out + err and "in REST's form, for it has several blocks" in out
    made = json.loads(out.partition("say:\n")[2])
    assert [one["notActions"] for one in made["properties"]["permissions"]] == [[f"{H}/delete"], []]
    assert made["properties"]["permissions"][1]["dataActions"] == [f"{H}/twins/write"]
    code, out, _ = lint(definition, "--json")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMAS["access_lint"])
    assert document["corrected"] == made and document["corrections"][0]["form"] == "rest"
    assert lint(made)[0] == 1  # it can be read again; its wildcard is still wide


def test_expressions_of_a_template_are_not_known(lint: Lint) -> None:
    block = {"actions": "[parameters('actions')]", "dataActions": ["[concat(variables('x'), '/read')]", READ]}
    code, out, err = lint(template({**RESOURCE, **rest(block)}, {"type": "Microsoft.Storage/storageAccounts"}))
    joined = " ".join(out.split())
    assert code == 1 and "permissions[0].actions is decided when the template is deployed" in joined
    assert "permissions[0].dataActions[0]" in joined and "Microsoft.Storage/storageAccounts" in err
    code, out, _ = lint(rest(block))  # outside a template an expression is a slip
    assert code == 2


def test_several_roles_are_each_judged_by_name(lint: Lint) -> None:
    wrong = flat(Name="Line 4", Actions=[READ])
    code, out, err = lint([flat(), wrong])
    assert code == 1 and "data-action-under-actions  Line 4" in out and "The corrected definition of Line 4:" in out
    code, out, _ = lint([flat(), wrong], "--json")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMAS["access_lint"])
    assert document["corrected"] is None and [one["role"] for one in document["corrections"]] == ["Line 4"]
    code, _, err = lint([flat(), wrong], "--name", "x")
    assert code == 2 and "go with one role" in err


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[" * 200_000, "nested too deep"),
        ('{"a":' * 200_000, "nested too deep"),
        ('{"Actions": ' + "[" * 200_000, "nested too deep"),
        (b"\xff\xfe\x00\xd8", "no text in UTF-8 or UTF-16"),
        ("Actions: [x]".encode("cp1252"), "it is not JSON"),
        ({"$schema": "x/deploymentParameters.json#", "parameters": {}}, "parameters of a template"),
        (template({"type": "Microsoft.Storage/storageAccounts"}), "a template without a role"),
        (rest({"actions": f"{H}/read {H}/write"}), "-Depth 10"),
        (rest(permissions=["@{actions=System.Object[]}"]), "-Depth 10"),
        ({"foo": 1}, "nothing under Actions"),
        ({"value": [3]}, "entry 1 of its list"),
    ],
)
def test_what_is_no_role_is_one_sentence(lint: Lint, given: Any, why: str) -> None:
    code, out, err = lint(given)
    assert (code, out) == (2, "") and why in " ".join(err.split()) and len(err) < 600


def test_create_role_takes_no_file_that_is_not_understood_whole(lint: Lint) -> None:
    from console.rules.rbac_reading import read_role

    for definition in (flat(DataAction=[READ]), {"value": [flat()], "nextLink": "x"}):
        with pytest.raises(ConsoleError, match="not understood whole"):
            read_role(json.dumps(definition))
    assert read_role(json.dumps(flat(Dataactions=[READ]))).permissions[0].data_actions == (READ,)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("[x]"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Actions", "actions", "properties", "permissions", "value", "resources", "type", "name", "condition",
                 "AssignableScopes", "data_actions", "dataActions", "template", "$schema"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_whatever_a_file_holds_it_is_read_or_refused(value: Any) -> None:
    """Every member that grants something is in the role, or told as lost."""
    try:
        found = read_roles(decoded(json.dumps(value).encode("utf-16"), "x"))
    except ConsoleError as error:
        assert error.code == "usage"
        return
    for one in found.roles:
        assert one.lost or one.role.permissions
