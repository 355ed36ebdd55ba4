"""Roles given, taken, made and changed through the real gate on the local hub; what is risky is blocked; undo."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.access import custom_role, person, services_as
from support.hub import HubRunner

from console.localhub import rbac as hub_side
from console.localhub.cloud_factory import add_principal, give, principal_named
from console.localhub.state import GroupState
from console.model.change import Change, Consent, Outcome, Result
from console.model.errors import ConsoleError, ErrorKind
from console.model.operations import Plane
from console.model.role import Answer, Permissions, RoleDefinition
from console.rules.rbac_templates import template
from console.services.bundle import Services

H = "Microsoft.Devices/IotHubs"


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=2, throttle=False) as hub:
        yield hub


@pytest.fixture
def hub(runner: HubRunner) -> Iterator[HubRunner]:
    """The hub, whose roles are as they were afterwards."""
    cloud = runner.cloud
    roles, held = dict(cloud.role_definitions), dict(cloud.role_assignments)
    yield runner
    for present, kept in ((cloud.role_definitions, roles), (cloud.role_assignments, held)):
        present.clear()
        present.update(kept)
    cloud.groups.clear()


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return services_as(hub, tmp_path)


def done(services: Services, change: Change, *accepted: str) -> Outcome:
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.applied, outcome.message
    return outcome


def nobody(hub: HubRunner) -> str:
    return principal_named(hub.cloud, "nobody").object_id


def blocking(change: Change) -> set[str]:
    return {risk.id for risk in change.blocking}


def operator_role() -> RoleDefinition:
    chosen = template("device-operator")
    assert chosen is not None
    return RoleDefinition("", chosen.name, chosen.description, True, (chosen.permissions,))


def test_a_template_is_made_given_and_works_then_taken_and_undone(hub: HubRunner, services: Services) -> None:
    access, who = services.access, nobody(hub)
    plan = access.plan_role(operator_role(), template=template("device-operator"))
    # our right to make roles ends at the hub: that is where it can be assigned, and it is said
    assert plan.after is not None and plan.after["properties"]["assignableScopes"] == [hub.hub.arm_id]
    assert any("on this hub alone" in note for note in plan.notes) and not plan.risks
    done(services, plan)
    assert access.check(who, f"{H}/devices/write").answer is Answer.NO
    plan = access.plan_assign("iot device OPERATOR", who, "service-principal", description="nights", reason="shift")
    assert not plan.blocking and ("grants", "control: read the hub") in plan.effect
    done(services, plan)
    found = access.check(who, f"{H}/devices/write")
    assert found.answer is Answer.YES and found.through[0].role.name == "IoT Device Operator"
    given = next(one for one in access.read().facts.assignments if one.principal_id == who)
    assert (given.description, given.created_by) == ("nights", access.me())
    again = access.plan_assign("IoT Device Operator", who, "ServicePrincipal")
    assert not again.edits, "it is so already"
    taken = access.plan_unassign(given.name[:13])
    done(services, taken)
    assert access.check(who, f"{H}/devices/write").answer is Answer.NO
    done(services, services.changes.undo.plan())
    back = next(one for one in access.facts().assignments if one.principal_id == who)
    assert (back.name, back.description) == (given.name, "nights")
    with pytest.raises(ConsoleError) as caught:
        access.plan_delete_role("IoT Device Operator")
    assert "it is assigned to" in caught.value.why


def test_a_role_that_is_there_is_changed_and_changed_back(hub: HubRunner, services: Services) -> None:
    access = services.access
    done(services, access.plan_role(operator_role()))
    more = Permissions((f"{H}/read",), (), (f"{H}/devices/read", f"{H}/twins/write"))
    plan = access.plan_role(RoleDefinition("", "IoT Device Operator", "less", True, (more,)))
    assert plan.kind == "role.update"
    assert ("drops", f"dataActions: {H}/devices/write, {H}/devices/delete, {H}/twins/read") in plan.effect
    done(services, plan)
    assert access.role("IoT Device Operator").permissions == (more,)
    done(services, services.changes.undo.plan())
    assert access.role("IoT Device Operator").permissions == operator_role().permissions
    done(services, services.changes.undo.plan(services.changes.undo.candidates()[-1].id))
    with pytest.raises(ConsoleError) as caught:
        access.role("IoT Device Operator")
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_somebody_else_was_first(hub: HubRunner, services: Services) -> None:
    access = services.access
    done(services, access.plan_role(operator_role()))
    plan = access.plan_role(RoleDefinition("", "IoT Device Operator", "other", True, (Permissions((f"{H}/read",)),)))
    guid = plan.target.name
    hub.cloud.role_definitions[guid]["properties"]["description"] = "changed by ana"
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(plan, Consent())
    assert caught.value.kind is ErrorKind.CONFLICT
    gone = access.plan_assign("Reader", nobody(hub), "ServicePrincipal")
    done(services, gone)
    take = access.plan_unassign(gone.target.name)
    del hub.cloud.role_assignments[gone.target.name]
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(take, Consent())
    assert "it is gone" in caught.value.why


def test_our_own_last_right_is_not_taken_by_accident(hub: HubRunner, services: Services) -> None:
    access, me = services.access, services.access.me()
    mine = {one.role: one.name for one in access.facts().assignments if one.principal_id == me}
    plan = access.plan_unassign(mine[hub_side.USER_ACCESS_ADMINISTRATOR])
    assert blocking(plan) == {"own-last-access", "last-granter"}
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(plan, Consent())
    assert caught.value.code == "risk" and mine[hub_side.USER_ACCESS_ADMINISTRATOR] in hub.cloud.role_assignments
    plan = access.plan_unassign(mine[hub_side.IOT_HUB_DATA_CONTRIBUTOR])
    assert blocking(plan) == {"own-last-access"}
    # somebody else can give roles, and a group of ours has what we would lose: then it is no longer our last
    other = person(hub, "other", (hub_side.OWNER, hub.hub.arm_id))
    hub.cloud.groups["g"] = GroupState("77777777-aaaa-4aaa-8aaa-777777777777", "g", {me})
    give(hub.cloud, "77777777-aaaa-4aaa-8aaa-777777777777", hub_side.IOT_HUB_DATA_READER, hub.hub.arm_id)
    assert not blocking(access.plan_unassign(mine[hub_side.IOT_HUB_DATA_CONTRIBUTOR]))
    assert blocking(access.plan_unassign(mine[hub_side.USER_ACCESS_ADMINISTRATOR])) == {"own-last-access"}
    assert other.object_id in {one.principal_id for one in access.granters()}


def test_a_change_of_a_role_that_gives_us_our_rights_is_seen(hub: HubRunner, tmp_path: Path) -> None:
    guid = custom_role(hub, "55555555-0000-4000-8000-000000000001", actions=["*"], data_actions=[f"{H}/*"])
    one = person(hub, "selfmade", (guid, f"/subscriptions/{hub.cloud.subscription_id}"))
    services = services_as(hub, tmp_path, one)
    less = RoleDefinition(guid, f"role {guid}", "", True, (Permissions((f"{H}/read",)),))
    plan = services.access.plan_role(less)
    assert "own-last-access" in blocking(plan) and any(risk.id == "in-use" for risk in plan.risks)


@pytest.mark.parametrize(
    ("role", "risks"),
    [
        ("Reader", set[str]()),
        ("IoT Hub Data Reader", set[str]()),
        ("IoT Hub Data Contributor", {"wider-than-template"}),
        ("Owner", {"wider-than-template", "can-give-roles"}),
        ("Contributor", {"wider-than-template"}),
        ("IoT Hub Registry Contributor", set[str]()),
    ],
)
def test_giving_more_than_any_template_must_be_accepted(
    hub: HubRunner, services: Services, role: str, risks: set[str]
) -> None:
    plan = services.access.plan_assign(role, nobody(hub), "ServicePrincipal")
    assert blocking(plan) == risks
    group = services.access.group()
    wide = services.access.plan_assign(role, nobody(hub), "ServicePrincipal", scope=group)
    assert any(risk.id == "wide-scope" for risk in wide.risks)


def test_a_template_with_more_is_measured_by_that_template(services: Services) -> None:
    chosen = template("network-responder")
    assert chosen is not None
    more = Permissions((*chosen.permissions.actions, f"{H}/listkeys/action"), (), chosen.permissions.data_actions)
    plan = services.access.plan_role(RoleDefinition("", "N", "", True, (more,)), template=chosen)
    (risk,) = plan.blocking
    assert (risk.id, risk.message.rpartition(": ")[2]) == ("wider-than-template", f"{H}/listkeys/action")


def test_the_printed_role_is_explained_and_put_right_in_one_plan(hub: HubRunner, services: Services) -> None:
    printed = RoleDefinition(
        "", "Printed", "", True, (Permissions((f"{H}/read", f"{H}/devices/*")),), (hub.hub.arm_id,)
    )
    with pytest.raises(ConsoleError) as caught:
        services.access.plan_role(printed)
    assert "InvalidActionOrNotAction" in caught.value.why and "--lint --fix" in caught.value.hint
    plan = services.access.plan_fix(printed)
    assert any("put right: data operations stand under actions" in note for note in plan.notes)
    done(services, plan)
    stored = services.access.role("Printed").permissions[0]
    assert (stored.actions, stored.data_actions) == ((f"{H}/read",), (f"{H}/devices/*",))


def test_what_cannot_be_is_said_before_anything_is_sent(hub: HubRunner, services: Services) -> None:
    access = services.access
    for call, what in (
        (lambda: access.plan_assign("Raeder", "me", "User"), "Is Reader meant?"),
        (lambda: access.plan_assign("Reader", "ben", "User"), "only object ids"),
        (lambda: access.plan_assign("Reader", "me", "robot"), "no type of principal"),
        (lambda: access.plan_assign("Reader", "me", "User", scope="hub"), "is no scope"),
        (lambda: access.plan_unassign(str(uuid.uuid4())), "none of this name reaches the hub"),
        (lambda: access.plan_delete_role("Reader"), "one of Azure's own"),
        (
            lambda: access.plan_role(RoleDefinition("", "Reader", "", True, (Permissions((f"{H}/read",)),))),
            "Azure's own",
        ),
        (lambda: access.own_role(["nothing"]), "there are: hub, logs"),
        (lambda: access.check("me", f"{H}/jobs/read"), "--plane"),
        (lambda: access.check("me", f"{H}/*"), "one operation is checked at a time"),
    ):
        with pytest.raises(ConsoleError) as caught:
            call()
        assert what in caught.value.sentence()


def test_without_the_right_to_write_the_refusal_names_it(hub: HubRunner, tmp_path: Path) -> None:
    reader = services_as(hub, tmp_path, "reader")
    plan = reader.access.plan_assign("Reader", nobody(hub), "ServicePrincipal")
    outcome = reader.changes.gate.apply(plan, Consent())
    assert outcome.result is Result.NOT_APPLIED and outcome.error is not None
    assert outcome.error.operation == "Microsoft.Authorization/roleAssignments/write"
    assert outcome.error.scope == hub.hub.arm_id


def test_a_group_is_asked_about_by_its_own_roles(hub: HubRunner, services: Services) -> None:
    group = GroupState("88888888-aaaa-4aaa-8aaa-888888888888", "g", set())
    hub.cloud.groups[group.object_id] = group
    give(hub.cloud, group.object_id, hub_side.IOT_HUB_DATA_READER, hub.hub.arm_id, principal_type="Group")
    assert services.access.check(group.object_id, f"{H}/devices/read").answer is Answer.YES
    found = services.access.check(group.object_id, f"{H}/devices/write")
    assert found.answer is Answer.UNKNOWN and "its groups are not known" in found.why


@pytest.mark.parametrize("scope", ["@elsewhere.example", "subscriptions/s", "/subscriptions/s?x=", "//elsewhere", "/x"])
def test_what_is_no_scope_is_never_put_into_an_address(services: Services, scope: str) -> None:
    calls = services.meter.calls
    with pytest.raises(ConsoleError) as caught:
        services.access.facts("", scope)
    assert "is no scope" in caught.value.what and services.meter.calls == calls


def test_what_is_not_changed_stays_as_the_service_wrote_it(hub: HubRunner, services: Services) -> None:
    guid = custom_role(hub, "66666666-0000-4000-8000-000000000001", actions=[f"{H}/read"])
    stored = hub.cloud.role_definitions[guid]["properties"]
    stored |= {"description": "two\nlines", "assignableScopes": [hub.hub.arm_id]}
    role = services.access.role(guid)
    assert role.description == "two lines"
    more = RoleDefinition(
        guid, role.name, role.description, True, (Permissions((f"{H}/read", f"{H}/certificates/read")),)
    )
    plan = services.access.plan_role(more)
    assert [edit.path[:2] for edit in plan.edits] == [("properties", "permissions")] * len(plan.edits)
    done(services, plan)
    assert hub.cloud.role_definitions[guid]["properties"]["description"] == "two\nlines"


def test_names_are_those_of_the_activity_log_and_our_own(hub: HubRunner, services: Services) -> None:
    reading = services.access.read()
    assert reading.names[reading.me] == services.session.whoami().name
    assert dict(reading.own)["give roles"] is Answer.YES
    assert [one.principal_id for one in reading.granters] == [reading.me]
    assert services.access.check("me", f"{H}/write", "", Plane.CONTROL).answer is Answer.YES
    one = add_principal(hub.cloud, "fresh")
    assert services.access.check(one.object_id, f"{H}/read").answer is Answer.NO
