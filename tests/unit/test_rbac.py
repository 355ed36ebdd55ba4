"""What roles allow, against a brute-force expansion; lint and correction; templates; the JSON forms."""

from __future__ import annotations

import fnmatch
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_access import GROUP, HUB, ME, SUBSCRIPTION, assigned, role

from console.model.errors import ConsoleError
from console.model.operations import OPERATIONS, Plane, planes_of
from console.model.role import (
    CONTRIBUTOR,
    GRANT,
    OWNER,
    AccessFacts,
    Answer,
    DenyAssignment,
    Permissions,
    RoleDefinition,
)
from console.rules.rbac import allows, effective, excepted_by, granters, matches, scope_covers, verdict
from console.rules.rbac_json import az_json, rest_body
from console.rules.rbac_lint import corrected, lint_role
from console.rules.rbac_reading import read_role
from console.rules.rbac_review import lint_assignments
from console.rules.rbac_risks import of_loss, without
from console.rules.rbac_templates import FEATURES, TEMPLATES, nearest_template, own_role, template, wider_than

EXAMPLES = Path(__file__).parents[2] / "../shared/reference/examples/rbac"
H = "Microsoft.Devices/IotHubs"
AT = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = {plane: [one.name for one in OPERATIONS if one.plane is plane] for plane in Plane}


def facts(*held: tuple[RoleDefinition, str], principal: str = ME, **more: Any) -> AccessFacts:
    definitions = {one.guid: one for one, _ in held}
    assignments = tuple(assigned(ME, one.guid, scope) for one, scope in held)
    return AccessFacts(HUB, AT, assignments, definitions, principal, **more)


def custom(guid: str = "c", **lists: Any) -> RoleDefinition:
    return role(guid, f"role {guid}", custom=True, **lists)


def covered(pattern: str, operation: str) -> bool:
    """Another matcher: the parts between wildcards must be found one after the other."""
    parts, rest = pattern.lower().split("*"), operation.lower()
    if len(parts) == 1:
        return rest == parts[0]
    if not rest.startswith(parts[0]) or not rest.endswith(parts[-1]) or len(rest) < len(parts[0]) + len(parts[-1]):
        return False
    at, end = len(parts[0]), len(rest) - len(parts[-1])
    for part in parts[1:-1]:
        found = rest.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def expansion(one: RoleDefinition, plane: Plane) -> set[str]:
    """Every operation of the catalogue that a role grants, by writing them all out."""
    found: set[str] = set()
    for block in one.permissions:
        granted, left_out = (
            (block.data_actions, block.not_data_actions) if plane is Plane.DATA else (block.actions, block.not_actions)
        )
        names = {name for name in NAMES[plane] for entry in granted if covered(entry, name)}
        found |= names - {name for name in names for entry in left_out if covered(entry, name)}
    return found


@st.composite
def patterns(draw: st.DrawFn, plane: Plane | None = None) -> str:
    one = draw(st.sampled_from(NAMES[plane] if plane else [*NAMES[Plane.CONTROL], *NAMES[Plane.DATA]]))
    for _ in range(draw(st.integers(0, 2))):
        low = draw(st.integers(0, len(one)))
        high = draw(st.integers(low, len(one)))
        one = f"{one[:low]}*{one[high:]}"
    return draw(st.sampled_from([one, one.upper(), one.lower()]))


def blocks() -> st.SearchStrategy[Permissions]:
    some = st.lists(patterns(), max_size=4).map(tuple)
    return st.builds(Permissions, some, some, some, some)


def definitions() -> st.SearchStrategy[RoleDefinition]:
    made = st.lists(blocks(), min_size=1, max_size=3).map(tuple)
    return made.map(lambda found: RoleDefinition("c", "custom", "", True, found, (GROUP,)))


# --- the evaluator -------------------------------------------------------------------------------------------------


@given(patterns(), st.sampled_from([one.name for one in OPERATIONS]))
def test_patterns_match_as_written_out(pattern: str, operation: str) -> None:
    assert matches(pattern, operation) is covered(pattern, operation)
    assert matches(pattern, operation) is bool(re.fullmatch(fnmatch.translate(pattern.lower()), operation.lower()))


@given(definitions(), st.sampled_from(list(Plane)))
def test_a_role_allows_what_its_expansion_holds(one: RoleDefinition, plane: Plane) -> None:
    wanted = expansion(one, plane)
    assert {name for name in NAMES[plane] if allows(one, name, plane)} == wanted
    told = facts((one, HUB))
    assert {op.name for op, found in effective(told, ME, plane) if found.answer is Answer.YES} == wanted
    for name in NAMES[plane]:
        assert not (allows(one, name, plane) and excepted_by(one, name, plane))


def test_planes_are_apart_and_exceptions_take_from_their_own_role() -> None:
    owner, contributor = role(OWNER, "Owner", actions=["*"]), custom(actions=[f"{H}/*"], not_actions=[f"{H}/delete"])
    found = verdict(facts((owner, HUB)), ME, f"{H}/devices/read", Plane.DATA)
    assert found.answer is Answer.NO
    assert "it is a data operation, and Owner grants actions only" in found.why
    assert "IoT Hub Data Reader" in found.hint
    found = verdict(facts((contributor, HUB)), ME, f"{H}/delete", Plane.CONTROL)
    assert found.answer is Answer.NO and found.excepted == (("role c", f"{H}/delete"),)
    both = verdict(facts((contributor, HUB), (owner, SUBSCRIPTION)), ME, f"{H}/delete", Plane.CONTROL)
    assert both.answer is Answer.YES and both.through[0].inherited and both.through[0].role.name == "Owner"


@pytest.mark.parametrize(
    ("outer", "inner", "covers"),
    [
        ("/", HUB, True),
        (SUBSCRIPTION.upper(), HUB, True),
        (f"{GROUP}/", HUB, True),
        (f"{GROUP}2", HUB, False),
        (HUB, GROUP, False),
        (f"{HUB}/certificates/c", HUB, False),
        ("/providers/Microsoft.Management/managementGroups/corp", HUB, True),
    ],
)
def test_scopes_cover_by_whole_segments(outer: str, inner: str, covers: bool) -> None:
    assert scope_covers(outer, inner) is covers


def test_what_is_not_known_is_not_called_no() -> None:
    reader = custom(actions=[f"{H}/read"])
    everybody = facts((reader, HUB), principal="")
    assert verdict(everybody, ME, f"{H}/read", Plane.CONTROL).answer is Answer.YES
    assert verdict(everybody, ME, f"{H}/write", Plane.CONTROL).answer is Answer.UNKNOWN  # a group may have it
    lost = AccessFacts(HUB, AT, (assigned(ME, "gone", HUB),), {}, ME)
    assert verdict(lost, ME, f"{H}/write", Plane.CONTROL).answer is Answer.UNKNOWN


def test_a_condition_counts_where_azure_has_one() -> None:
    giver = custom(actions=["Microsoft.Authorization/*", f"{H}/*"])
    held = (assigned(ME, "c", HUB, condition="@Resource[…] ForAnyOfAnyValues:GuidEquals {…}"),)
    told = AccessFacts(HUB, AT, held, {"c": giver}, ME)
    assert verdict(told, ME, GRANT, Plane.CONTROL).answer is Answer.CONDITIONAL
    assert verdict(told, ME, f"{H}/read", Plane.CONTROL).answer is Answer.YES


def test_a_deny_assignment_wins_and_its_absence_is_said() -> None:
    owner = role(OWNER, "Owner", actions=["*"])
    denial = DenyAssignment("locked by stack", GROUP, (Permissions(actions=(f"{H}/write",)),), (ME,))
    found = verdict(facts((owner, HUB), denials=(denial,)), ME, f"{H}/write", Plane.CONTROL)
    assert (found.answer, found.denied_by) == (Answer.NO, ("locked by stack",))
    error = ConsoleError("permission", "x")  # type: ignore[arg-type]
    found = verdict(facts((owner, HUB), denials_error=error), ME, f"{H}/write", Plane.CONTROL)
    assert found.answer is Answer.YES and "could not be read" in found.why


def test_who_can_give_roles_the_nearest_first() -> None:
    owner, giver = role(OWNER, "Owner", actions=["*"]), custom(actions=["Microsoft.Authorization/*"])
    told = AccessFacts(
        HUB, AT, (assigned("ana", OWNER, SUBSCRIPTION), assigned("bob", "c", HUB), assigned("eve", CONTRIBUTOR, HUB)),
        {OWNER: owner, "c": giver, CONTRIBUTOR: role(CONTRIBUTOR, "Contributor", actions=["*"], not_actions=[GRANT])},
    )  # fmt: skip
    assert [(one.principal_id, one.name) for one in granters(told, {"ana": "ana@x"})] == [("bob", ""), ("ana", "ana@x")]
    left = of_loss(told, without(without(told, told.assignments[0].name), told.assignments[1].name), None, None, "")
    assert [one.id for one in left if one.blocking] == ["last-granter"]


# --- what is wrong -------------------------------------------------------------------------------------------------


def codes(one: RoleDefinition, **more: Any) -> list[str]:
    return [finding.code for finding in lint_role(one, **more)]


def test_the_mistake_that_articles_teach_is_found_and_put_right() -> None:
    printed = custom(actions=[f"{H}/read", f"{H}/devices/*", f"{H}/twins/read"])
    first = lint_role(printed)[0]
    assert (first.code, first.fixable) == ("data-action-under-actions", True)
    assert first.entries == (f"{H}/devices/*", f"{H}/twins/read")
    assert corrected(printed).permissions[0] == Permissions((f"{H}/read",), (), (f"{H}/devices/*", f"{H}/twins/read"))
    other = custom(data_actions=[f"{H}/write", f"{H}/devices/read"])
    assert codes(other)[0] == "control-action-under-data-actions"
    assert corrected(other).permissions[0] == Permissions((f"{H}/write",), (), (f"{H}/devices/read",))
    both = custom(actions=[f"{H}/jobs/read"], data_actions=[f"{H}/jobs/read"])  # one name, two operations
    assert codes(both) == [] and corrected(both) == both
    assert planes_of(f"{H}/jobs/read") == (Plane.CONTROL, Plane.DATA)


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (custom(actions=[f"{H}/raed"]), "unknown-operation"),
        (custom(actions=[f"{H}/*"]), "wildcard-wide"),
        (custom(actions=[f"{H}/*"]), "listkeys"),
        (custom(actions=["*"]), "can-give-roles"),
        (custom(actions=[f"{H}/read"], not_actions=[f"{H}/write"]), "not-actions-no-effect"),
        (custom(data_actions=[f"{H}/devices/*"], not_data_actions=[f"{H}/devices/delete"]), "not-actions-no-deny"),
        (RoleDefinition("", "x", "", True, (Permissions((f"{H}/read",)),), ()), "scope-missing"),
        (RoleDefinition("", "x", "", True, (Permissions((f"{H}/read",)),), ("/",)), "scope-root"),
        (RoleDefinition("", "x", "", True, (Permissions((f"{H}/read",)),), ("rg",)), "scope-malformed"),
        (RoleDefinition("", "x", "", True, (Permissions((f"{H}/read",)),), (HUB,)), "scope-is-resource"),
        (RoleDefinition("", "", "", True, (Permissions((f"{H}/read",)),), (GROUP,)), "no-name"),
        (RoleDefinition("", "x" * 129, "", True, (Permissions((f"{H}/read",)),), (GROUP,)), "too-long"),
        (custom(actions=[f"{H}/devices/read"]), "grants-nothing"),
    ],
)
def test_each_fault_has_its_finding(one: RoleDefinition, code: str) -> None:
    assert code in codes(one)


def test_near_names_are_offered_and_never_put_in() -> None:
    one = custom(data_actions=[f"{H}/device/write"])
    assert f"Is {H}/devices/write meant?" in [finding.hint for finding in lint_role(one)]
    assert corrected(one) == one


def test_a_scope_that_does_not_exist_is_told_only_when_that_is_known() -> None:
    one = custom(actions=[f"{H}/read"])
    assert codes(one) == []
    assert codes(one, scope_known=lambda _: False) == ["scope-missing"]


@given(definitions())
def test_putting_right_adds_nothing_and_is_done_once(one: RoleDefinition) -> None:
    right = corrected(one)
    assert corrected(right) == right
    assert not [finding for finding in lint_role(right) if finding.fixable]
    meant = {
        name
        for block in one.permissions
        for entry in (*block.actions, *block.data_actions)
        for names in NAMES.values()
        for name in names
        if covered(entry, name)
    }
    now = expansion(right, Plane.CONTROL) | expansion(right, Plane.DATA)
    assert now <= meant, "nothing is granted that no entry names"


def test_assignments_that_explain_trouble() -> None:
    owner, keys = role(OWNER, "Owner", actions=["*"]), custom(actions=[f"{H}/*"], not_actions=[f"{H}/write"])
    contributor = role(CONTRIBUTOR, "Contributor", actions=["*"], not_actions=["Microsoft.Authorization/*/Write"])
    told = AccessFacts(
        HUB,
        AT,
        (assigned(ME, OWNER, SUBSCRIPTION), assigned(ME, "c", HUB), assigned("bob", CONTRIBUTOR, GROUP)),
        {OWNER: owner, "c": keys, CONTRIBUTOR: contributor},
    )
    found = {(one.code, one.role): one for one in lint_assignments(told, {ME: "me@x"})}
    assert "devices answer 401 to its Entra token" in found["owner-without-data", "Contributor"].message
    assert ("wide-scope", "Owner") in found and ("listkeys", "role c") in found
    assert "me@x has it all the same, through Owner" in found["not-actions-no-deny", "role c"].message
    assert "only Microsoft Graph tells" in found["orphan-unknown", ""].message


# --- templates and what the console needs --------------------------------------------------------------------------


def test_templates_are_clean_name_known_operations_and_list_no_keys() -> None:
    for one in TEMPLATES:
        made = RoleDefinition("", one.name, one.description, True, (one.permissions,), (GROUP,))
        assert lint_role(made) == ()
        assert nearest_template(made) is one and not wider_than((one.permissions,), one.permissions)
        assert not allows(made, f"{H}/listkeys/action", Plane.CONTROL)
        assert not allows(made, GRANT, Plane.CONTROL)
    assert template("iot DEVICE operator") is TEMPLATES[0]
    assert wider_than((Permissions((f"{H}/write",)),), TEMPLATES[0].permissions) == (f"{H}/write",)


def test_the_console_needs_no_key_to_look() -> None:
    reads = own_role([one for one in FEATURES if not one.writes], "r", [GROUP])
    assert lint_role(reads) == ()
    entries = (*reads.permissions[0].actions, *reads.permissions[0].data_actions)
    assert all(entry.endswith("/read") for entry in entries)


# --- JSON ----------------------------------------------------------------------------------------------------------


@given(definitions())
def test_both_forms_come_back_as_they_went(one: RoleDefinition) -> None:
    if not any(any((b.actions, b.not_actions, b.data_actions, b.not_data_actions)) for b in one.permissions):
        return
    again = read_role(json.dumps(rest_body(one)))
    assert (again.permissions, again.name, again.assignable_scopes) == (
        one.permissions,
        one.name,
        one.assignable_scopes,
    )
    if len(one.permissions) == 1:
        flat = read_role(json.dumps(az_json(one)))
        assert [set(part) for part in _lists(flat)] == [set(part) for part in _lists(one)]


def _lists(one: RoleDefinition) -> list[tuple[str, ...]]:
    block = one.permissions[0]
    return [block.actions, block.not_actions, block.data_actions, block.not_data_actions]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON at line 1, column 2"),
        ("[]", "it holds 0 roles"),
        ("3", "it is no JSON object"),
        ("{}", "it has nothing under Actions"),
        ('{"Actions": "x"}', "its member actions is no list"),
        ('{"Actions": [1]}', "entry 1 of its member actions is no text"),
        (
            '{"properties": {"permissions": [{"dataActions": [""]}]}}',
            "entry 1 of its member properties.permissions[0].dataActions",
        ),
        ('{"properties": {"permissions": {}}}', "its member properties.permissions is no list of objects"),
        ('{"Actions": ["a/b"], "Description": 3}', "its member description is no text"),
        ("[" * 100_000, "nested too deep"),
        ('{"Actions": ["' + "x" * 1_025 + '"]}', "entry 1 of its member actions is longer than 1,024"),
        ('{"Actions": ["' + "x" * 9_000_000 + '"]}', "more than 8 MiB"),
    ],
)
def test_what_is_no_role_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        read_role(text, "The file x.json")
    assert why in caught.value.why and caught.value.code == "usage"


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the public example data is not beside this tree")
def test_azure_s_own_examples_are_read() -> None:
    for one in json.loads((EXAMPLES / "builtin-roles-iot.json").read_text())["roles"]:
        read = read_role(json.dumps(one))
        assert (read.name, read.guid, read.custom) == (one["roleName"], one["name"], False)
        assert read.permissions[0].data_actions == tuple(one["permissions"][0]["dataActions"])
    example = json.loads((EXAMPLES / "PutRoleDefinition.json").read_text())["responses"]["201"]["body"]
    read = read_role(json.dumps(example))
    assert (read.name, read.permissions[0].data_actions) == ("Role name", ("dataAction",))
    listed = json.loads((EXAMPLES / "builtin-roles-iot.json").read_text())["dataActions"]
    known = {one.name.casefold() for one in OPERATIONS if one.plane is Plane.DATA}
    assert {f"microsoft.devices/{name.casefold()}" for name in listed} == known
