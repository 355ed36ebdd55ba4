"""A right role with one slip in it: whatever the slip, it is told, or the role still means the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.depth import trials
from support.fake_access import HUB, ME, NOW, assigned, role

from console.model.errors import ConsoleError
from console.model.operations import Plane
from console.model.role import GRANT, AccessFacts, Answer, Permissions
from console.rules.rbac import verdict
from console.rules.rbac_correction import correction, lint_file
from console.rules.rbac_difference import moved, write_over
from console.rules.rbac_json import rest_body
from console.rules.rbac_reading import read_roles
from console.ui.panes.provisioning.forms import public_key_problem

H = "Microsoft.Devices/IotHubs"
SCOPE = "/subscriptions/8d1f5c0e-3b7a-4a52-9c46-2e0b6f7d9a13"
ENTRIES = [f"{H}/devices/read", f"{H}/read", SCOPE]
BLOCK = {"actions": [f"{H}/read"], "notActions": [], "dataActions": [f"{H}/devices/read"], "notDataActions": []}
PLAIN: list[dict[str, Any]] = [
    {"Name": "a", "AssignableScopes": [SCOPE], **{name[:1].upper() + name[1:]: one for name, one in BLOCK.items()}},
    {"properties": {"roleName": "a", "description": "d", "permissions": [BLOCK], "assignableScopes": [SCOPE]}},
    {"value": [{"properties": {"roleName": "a", "permissions": [BLOCK], "assignableScopes": [SCOPE]}}]},
    {"roleName": "a", "roleType": "CustomRole", "permissions": [BLOCK], "assignableScopes": [SCOPE]},
]  # fmt: skip


def names_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(name for one in value.values() for name in names_in(one))]
    return [name for one in value for name in names_in(one)] if isinstance(value, list) else []


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, str]:
    """A definition's text, and the same with one letter of one member's name gone, doubled, exchanged or another."""
    text = json.dumps(draw(st.sampled_from(PLAIN)))
    name = draw(st.sampled_from(sorted(set(names_in(json.loads(text))) - {"value"})))
    at = draw(st.integers(0, len(name) - 1))
    other = draw(
        st.sampled_from(
            [
                name[:at] + name[at + 1 :],
                name[: at + 1] + name[at:],
                name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
                name[:at] + draw(st.sampled_from("abcxyz_-1 ")) + name[at + 1 :],
                name[:at] + name[at].swapcase() + name[at + 1 :],
            ]
        )
    )
    return text, text.replace(f'"{name}":', f'"{other}":', 1)


def told(text: str) -> bool | None:
    """Whether something was found; None: it was refused."""
    try:
        return bool(lint_file(read_roles(text)))
    except ConsoleError:
        return None


@settings(max_examples=trials(test=200, deep=3000, full=30_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(slips())
def test_no_slip_in_a_member_s_name_gets_an_all_clear(pair: tuple[str, str]) -> None:
    right, slipped = pair
    assert told(right) is False
    if told(slipped) is False:  # then nothing of it may be lost: a first letter's case, or the same name
        assert read_roles(slipped).roles[0].role == read_roles(right).roles[0].role


@settings(max_examples=trials(test=100, deep=2000), deadline=None)
@given(
    st.sampled_from(PLAIN), st.sampled_from([f"{H}/devices/read", f"{H}/read", SCOPE]), st.integers(0, 200), st.data()
)
def test_no_slip_in_an_operation_or_scope_gets_an_all_clear(
    plain: dict[str, Any], entry: str, at: int, data: st.DataObject
) -> None:
    at %= len(entry)
    letter = data.draw(st.sampled_from("abxz09.-_/<{$ "))
    slipped = entry[:at] + letter + entry[at + 1 :]
    text = json.dumps(plain).replace(entry, slipped)
    if slipped.casefold() != entry.casefold() and told(text) is False:
        assert entry == SCOPE, slipped  # another subscription's id is as good as this one
        assert all(one in "0123456789abcdef-" for one in slipped.rpartition("/")[2])


@pytest.mark.parametrize("number", range(len(PLAIN)))
def test_a_correction_holds_all_that_the_definition_held(number: int) -> None:
    text = json.dumps(PLAIN[number]).replace(f"{H}/read", f"{H}/twins/write")
    (read,) = read_roles(text).roles
    made = correction(read)
    again = read_roles(json.dumps(made.definition)).roles[0].role
    entries = {entry for block in again.permissions for entry in (*block.actions, *block.data_actions)}
    assert entries == {f"{H}/twins/write", f"{H}/devices/read"}
    assert (again.name, again.assignable_scopes) == (read.role.name, read.role.assignable_scopes)
    assert correction(replace(read, lost=("DataAction",))).refused and not correction(replace(read, lost=("x",))).form


def test_a_condition_in_a_role_makes_giving_roles_conditional() -> None:
    limited = role("c", "limited", custom=True)
    block = Permissions((GRANT,), condition="@Request[x] StringEquals 'y'", condition_version="2.0")
    for blocks, answer in (((block,), Answer.CONDITIONAL), ((block, Permissions((GRANT,))), Answer.YES)):
        one = replace(limited, permissions=blocks)
        facts = AccessFacts(HUB, NOW, (assigned(ME, "c", HUB),), {"c": one}, ME)
        assert verdict(facts, ME, GRANT, Plane.CONTROL).answer is answer


def test_a_plan_names_a_condition_that_goes() -> None:
    limited = replace(role("c", "limited", custom=True), permissions=(Permissions((GRANT,), condition="@x"),))
    free = replace(limited, permissions=(Permissions((GRANT,)),))
    assert moved("drops", limited, free) == [("drops", "condition: @x")] and moved("adds", free, limited) == []
    body = {"permissions": [{"actions": [GRANT], "condition": "@x", "conditionVersion": "2.0"}], "x": 1}
    write_over(body, free, limited)
    assert body == {"permissions": [rest_body(free)["properties"]["permissions"][0]], "x": 1}


def test_a_key_that_is_typed_is_checked_by_its_letters() -> None:
    for good in ("AToAAQALAAMA", "013a0001", "01:3a:00", "-----BEGIN PUBLIC KEY-----MIIB-----END PUBLIC KEY-----"):
        assert public_key_problem(good) == ""
    assert public_key_problem("") and public_key_problem("no key!")
