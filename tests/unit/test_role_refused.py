"""What the service would refuse of a role in a file is told: blanks, names and scopes that it does not take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.model.errors import ConsoleError
from console.rules.rbac_correction import correction, lint_file
from console.rules.rbac_reading import read_role, read_roles

H = "Microsoft.Devices/IotHubs"
SCOPE = "/subscriptions/8d1f5c0e-3b7a-4a52-9c46-2e0b6f7d9a13"
GROUPS = "/providers/Microsoft.Management/managementGroups"


def body(**other: Any) -> str:
    return json.dumps({"Name": "a", "AssignableScopes": [SCOPE], "Actions": [f"{H}/read"], **other})


def codes(text: str) -> list[str]:
    return [one.code for one in lint_file(read_roles(text))]


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\u00a0"])
def test_a_blank_at_an_entry_is_told_and_put_right(blank: str) -> None:
    text = body(Actions=[f"{H}/read{blank}"], AssignableScopes=[f"{blank}{SCOPE}"])
    assert codes(text) == ["entry-blank", "entry-blank"]
    made = correction(read_roles(text).roles[0]).definition
    assert made is not None
    assert (made["Actions"], made["AssignableScopes"]) == ([f"{H}/read"], [SCOPE])


@pytest.mark.parametrize("member", ["Name", "Description"])
@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\u3164", "\x1b"])
def test_a_text_that_would_be_written_otherwise_is_told(member: str, sign: str) -> None:
    text = body(**{member: f"Leser{sign}rolle"})
    assert codes(text) == ["unseen-signs"]
    with pytest.raises(ConsoleError, match="signs that are not seen"):
        read_role(text)


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        ([f"{SCOPE}/resourceGroups/*"], "scope-malformed"),
        ([f"{SCOPE}/*"], "scope-malformed"),
        ([f"{SCOPE}//resourceGroups/plants"], "scope-malformed"),
        ([f"{SCOPE}/resourceGroups/two words"], "scope-malformed"),
        ([f"{SCOPE}/resourceGroups/ends."], "scope-malformed"),
        ([f"{GROUPS}/*"], "scope-malformed"),
        ([f"{GROUPS}/one", f"{GROUPS}/two"], "scope-too-many"),
        ([f"{SCOPE}/resourceGroups/g{number}" for number in range(2001)], "scope-too-many"),
    ],
)
def test_scopes_that_the_service_refuses_are_told(scopes: list[str], code: str) -> None:
    assert codes(body(AssignableScopes=scopes)) == [code]


@pytest.mark.parametrize(
    "scopes",
    [
        [f"{GROUPS}/one", SCOPE],
        [f"{GROUPS}/one", f"{GROUPS}/ONE/"],
        [f"{SCOPE}/resourceGroups/Werk_1.(Süd)-a"],
        [f"{SCOPE}/resourcegroups/plants"],
        [f"{SCOPE}/resourceGroups/g{number}" for number in range(2000)],
    ],
)
def test_scopes_that_the_service_takes_are_not_accused(scopes: list[str]) -> None:
    assert codes(body(AssignableScopes=scopes, Name="Leser für Süd", Description="Zwei\nZeilen")) == []


def test_a_name_that_is_taken_is_told() -> None:
    assert codes(body(Name="IoT Hub Data Reader")) == ["name-taken"]
    assert codes(body(Name="owner")) == ["name-taken"]
    one = json.loads(body())
    assert codes(json.dumps([one, {**one, "Name": "A", "Actions": [f"{H}/write"]}])) == ["name-taken"]
    assert codes(json.dumps([one, one])) == []
    assert codes(json.dumps([one, {**one, "Name": "b"}])) == []


def test_a_role_of_azure_keeps_its_name() -> None:
    text = {"roleName": "Reader", "roleType": "BuiltInRole", "assignableScopes": ["/"]}
    assert codes(json.dumps({**text, "permissions": [{"actions": [f"{H}/read"]}]})) == []
