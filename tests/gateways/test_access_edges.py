"""Roles where it gets difficult: groups in deny assignments, other resources, copies of roles, slow replicas, undos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support.access import custom_role, person, services_as
from support.hub import HubRunner

from console.gateways.authorization import AuthorizationGateway
from console.localhub import rbac as hub_side
from console.localhub.cloud_factory import add_principal, give
from console.localhub.state import GroupState, Principal
from console.model.change import Change, Consent, Outcome, Result
from console.model.errors import ConsoleError, ErrorKind
from console.model.role import Answer, Permissions, RoleDefinition
from console.services.bundle import Services

H = "Microsoft.Devices/IotHubs"
LOOK = (Permissions((f"{H}/read",)),)


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
    cloud.deny_assignments.clear()


@pytest.fixture
def owner(hub: HubRunner, tmp_path: Path) -> Services:
    """Services as an Owner of the subscription."""
    return services_as(hub, tmp_path, person(hub, f"boss-{uuid4()}", (hub_side.OWNER, subscription(hub))))


def subscription(hub: HubRunner) -> str:
    return f"/subscriptions/{hub.cloud.subscription_id}"


def dps(hub: HubRunner) -> str:
    return next(iter(hub.cloud.provisioning.values())).arm_id


def somebody(hub: HubRunner, *roles: tuple[str, str]) -> Principal:
    return person(hub, f"one-{uuid4()}", *roles)


def apply(services: Services, change: Change) -> Outcome:
    return services.changes.gate.apply(change, Consent(frozenset(risk.id for risk in change.risks)))


def done(services: Services, change: Change) -> None:
    outcome = apply(services, change)
    assert outcome.applied, outcome.message


def named(name: str, **more: Any) -> RoleDefinition:
    return RoleDefinition(more.pop("guid", ""), name, "", more.pop("custom", True), more.pop("blocks", LOOK), **more)


# --- deny assignments ------------------------------------------------------------------------------------------------


def forbid(hub: HubRunner, who: str, *spared: tuple[str, str]) -> None:
    hub.cloud.deny_assignments["d"] = {
        "name": "d",
        "properties": {
            "denyAssignmentName": "locked",
            "scope": hub.hub.arm_id,
            "permissions": [{"actions": [f"{H}/*"]}],
            "principals": [{"id": who, "type": "Group"}],
            "excludePrincipals": [{"id": one, "type": kind} for one, kind in spared],
        },
    }


def test_what_is_forbidden_to_a_group_is_forbidden_to_its_members(hub: HubRunner, owner: Services) -> None:
    one = somebody(hub, (hub_side.READER, hub.hub.arm_id))
    inner = GroupState(str(uuid4()), "inner", {one.object_id})
    outer = GroupState(str(uuid4()), "outer", {inner.object_id})
    hub.cloud.groups.update({group.object_id: group for group in (inner, outer)})  # neither has a role
    forbid(hub, outer.object_id)
    found = owner.access.check(one.object_id, f"{H}/read")
    assert (found.answer, found.denied_by) == (Answer.NO, ("locked",))
    other = somebody(hub, (hub_side.READER, hub.hub.arm_id))
    assert owner.access.check(other.object_id, f"{H}/read").answer is Answer.YES


def test_who_is_in_a_group_that_is_spared_is_not_guessed(hub: HubRunner, owner: Services) -> None:
    one = somebody(hub, (hub_side.READER, hub.hub.arm_id))
    group = GroupState(str(uuid4()), "spared", {one.object_id})
    hub.cloud.groups[group.object_id] = group
    forbid(hub, hub_side.EVERYONE, (group.object_id, "Group"))
    assert hub_side.allowed(hub.cloud, one.object_id, f"{H}/read", hub.hub.arm_id, data=False)
    found = owner.access.check(one.object_id, f"{H}/read")
    assert found.answer is Answer.UNKNOWN and "locked" in found.why
    give(hub.cloud, group.object_id, hub_side.READER, hub.hub.arm_id)  # now its role tells that one is in it
    assert owner.access.check(one.object_id, f"{H}/read").answer is Answer.YES
    forbid(hub, hub_side.EVERYONE, (one.object_id, "User"))
    assert owner.access.check(one.object_id, f"{H}/read").answer is Answer.YES


def test_what_is_forbidden_to_everybody_counts_whether_or_not_the_filter_names_it(
    hub: HubRunner, owner: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = somebody(hub, (hub_side.READER, hub.hub.arm_id))
    forbid(hub, hub_side.EVERYONE)
    reader = owner.access._reader
    told = reader.denials
    monkeypatch.setattr(reader, "denials", lambda scope, who="", cancel=None: () if who else told(scope))
    assert owner.access.check(one.object_id, f"{H}/read").answer is Answer.NO


# --- beside the hub --------------------------------------------------------------------------------------------------


def test_roles_are_given_and_taken_beside_the_hub(hub: HubRunner, owner: Services) -> None:
    access, one = owner.access, somebody(hub)
    there = custom_role(hub, str(uuid4()), actions=["Microsoft.Devices/provisioningServices/read"])
    hub.cloud.role_definitions[there]["properties"]["assignableScopes"] = [dps(hub)]
    plan = access.plan_assign(f"role {there}", one.object_id, "service-principal", scope=dps(hub) + "/")
    assert not plan.risks  # one resource is not wide
    assert any("does not reach this hub" in note for note in plan.notes)
    done(owner, plan)
    with pytest.raises(ConsoleError) as caught:
        access.plan_unassign(plan.target.name)
    assert "by its resource id" in caught.value.hint
    taken = access.plan_unassign(plan.target.id)
    assert f"role {there}" in taken.title and any("does not reach this hub" in note for note in taken.notes)
    done(owner, taken)
    done(owner, owner.changes.undo.plan())
    assert plan.target.name in hub.cloud.role_assignments
    with pytest.raises(ConsoleError) as caught:  # and on the hub it is refused before anything is sent
        access.plan_assign(f"role {there}", one.object_id, "service-principal")
    assert caught.value.kind is ErrorKind.NOT_FOUND and "on the hub" in caught.value.why


def test_a_whole_group_stays_wide_wherever_it_is(hub: HubRunner, owner: Services) -> None:
    other = f"{subscription(hub)}/resourceGroups/elsewhere"
    for scope in (subscription(hub), owner.access.group(), other):
        plan = owner.access.plan_assign("Reader", somebody(hub).object_id, "ServicePrincipal", scope=scope)
        assert [risk.id for risk in plan.risks] == ["wide-scope"], scope


@pytest.mark.parametrize("end", ["/.", "/..", "/%2e%2e", "/../resourceGroups/x", "/./resourceGroups/x"])
def test_no_scope_becomes_another_one_on_its_way(hub: HubRunner, owner: Services, end: str) -> None:
    calls = owner.meter.calls
    for scope in (f"{subscription(hub)}/resourceGroups{end}", f"{subscription(hub)}{end}"):
        with pytest.raises(ConsoleError, match="is no scope"):
            owner.access.plan_assign("Reader", "me", "User", scope=scope)
    assert owner.meter.calls == calls


# --- which role is meant ---------------------------------------------------------------------------------------------


def test_a_definition_with_the_id_of_one_role_and_the_name_of_another_is_refused(
    hub: HubRunner, owner: Services
) -> None:
    access = owner.access
    for name in ("One", "Two"):
        done(owner, access.plan_role(named(name)))
    one = access.role("One")
    with pytest.raises(ConsoleError) as caught:
        access.plan_role(named("Two", guid=one.guid))
    assert "the id of another role, One" in caught.value.why and caught.value.code == "usage"
    plan = access.plan_role(named("Three", guid=one.guid))
    assert plan.target.name == one.guid and any(label == "renames" for label, _ in plan.effect)
    done(owner, plan)
    assert access.role("Three").guid == one.guid


def test_a_copy_of_one_of_azures_own_is_a_custom_role(hub: HubRunner, owner: Services) -> None:
    plan = owner.access.plan_role(named("Our reader", guid=hub_side.READER, custom=False))
    assert plan.kind == "role.create" and plan.target.name != hub_side.READER
    done(owner, plan)
    assert owner.access.role("Our reader").custom


def test_a_name_that_is_taken_where_we_do_not_see_is_told(hub: HubRunner, owner: Services) -> None:
    there = custom_role(hub, str(uuid4()), actions=[f"{H}/read"])
    hub.cloud.role_definitions[there]["properties"] |= {"assignableScopes": [dps(hub)], "roleName": "Taken"}
    outcome = apply(owner, owner.access.plan_role(named("Taken")))
    assert outcome.result is Result.CONFLICT
    assert "there is one already" in outcome.message and "Use a different name" in outcome.message


# --- before, during and after a write --------------------------------------------------------------------------------


def test_a_plan_is_one_picture_and_few_calls(hub: HubRunner, owner: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    done(owner, owner.access.plan_role(named("Much read")))
    asked: Counter[tuple[Any, ...]] = Counter()
    for name in ("assignments", "definitions", "denials"):
        real = getattr(AuthorizationGateway, name)

        def counted(self: Any, scope: str, *rest: Any, real: Any = real, name: str = name) -> Any:
            asked[name, scope, *(one for one in rest if isinstance(one, str))] += 1
            return real(self, scope, *rest)

        monkeypatch.setattr(AuthorizationGateway, name, counted)
    change = owner.access.plan_role(named("Much read", blocks=(Permissions((f"{H}/read", f"{H}/write")),)))
    assert change.edits and asked and set(asked.values()) == {1}, asked


def test_who_gives_roles_is_read_again_after_a_write(hub: HubRunner, owner: Services) -> None:
    access, one = owner.access, somebody(hub)
    assert one.object_id not in {holder.principal_id for holder in access.granters()}
    done(owner, access.plan_assign("Owner", one.object_id, "ServicePrincipal"))
    assert one.object_id in {holder.principal_id for holder in access.granters()}


@pytest.mark.parametrize("late", [1, 99])
def test_a_replica_that_is_behind_proves_nothing(
    hub: HubRunner, owner: Services, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """The service accepts a write and shows what was before, for some time."""
    monkeypatch.setattr("console.services.gate.READ_BACK_WAIT", 0.0)
    change = owner.access.plan_assign("Reader", somebody(hub).object_id, "ServicePrincipal")
    gate = owner.changes.gate
    real, reads = gate._reader, Counter[str]()

    class Behind:
        def read(self, target: Any, cancel: Any) -> Any:
            reads["all"] += 1
            return None if reads["all"] <= 1 + late else real.read(target, cancel)  # the first is before the write

    monkeypatch.setattr(gate, "_reader", Behind())
    outcome = gate.apply(change, Consent())
    assert change.target.name in hub.cloud.role_assignments
    if late == 1:
        assert outcome.applied and reads["all"] == 3
        return
    assert outcome.result is Result.UNKNOWN and "does not show it yet" in outcome.message
    monkeypatch.undo()
    entry = owner.changes.journal.entries()[0]
    assert owner.changes.undo.settle(entry).state.value == "applied"


# --- back again ------------------------------------------------------------------------------------------------------


def test_every_change_of_access_goes_back_and_forth(hub: HubRunner, owner: Services) -> None:
    access, undo, one = owner.access, owner.changes.undo, somebody(hub)

    def newest() -> str:
        return owner.changes.journal.entries()[0].id

    def back_and_forth(present: Any) -> None:
        was = present()
        done(owner, undo.plan(newest()))
        assert present() is not was
        done(owner, undo.plan(newest()))
        assert present() is was

    done(owner, access.plan_role(named("Swing")))
    guid = access.role("Swing").guid
    back_and_forth(lambda: guid in hub.cloud.role_definitions)
    given = access.plan_assign("Swing", one.object_id, "ServicePrincipal")
    done(owner, given)
    name = given.target.name
    back_and_forth(lambda: name in hub.cloud.role_assignments)
    hub.cloud.role_assignments[name] = replace(
        hub.cloud.role_assignments[name], condition="@Resource[x] StringEquals 'y'", description="for the night"
    )
    done(owner, access.plan_unassign(name))
    back_and_forth(lambda: name in hub.cloud.role_assignments)
    done(owner, undo.plan(newest()))
    back = hub.cloud.role_assignments[name]
    assert (back.condition, back.description) == ("@Resource[x] StringEquals 'y'", "for the night")
    done(owner, access.plan_unassign(name))
    done(owner, access.plan_delete_role("Swing"))
    back_and_forth(lambda: guid in hub.cloud.role_definitions)


def test_an_undo_has_the_risks_of_what_it_does(hub: HubRunner, owner: Services) -> None:
    access, undo = owner.access, owner.changes.undo
    wide = named("Wide", blocks=(Permissions(("*",)),))
    done(owner, access.plan_role(wide))
    given = access.plan_assign("Wide", add_principal(hub.cloud, f"w-{uuid4()}").object_id, "ServicePrincipal")
    done(owner, given)
    created = next(one for one in undo.candidates() if one.target.kind.value == "role")
    plan = undo.plan(created.id)
    assert any("the service refuses it" in note for note in plan.notes)
    outcome = apply(owner, plan)
    assert outcome.result is Result.NOT_APPLIED and "RoleDefinitionHasAssignments" in outcome.message
    done(owner, access.plan_unassign(given.target.name))
    again = undo.plan()
    assert {"wider-than-template", "can-give-roles"} <= {risk.id for risk in again.blocking}
    with pytest.raises(ConsoleError) as caught:
        owner.changes.gate.apply(again, Consent())
    assert caught.value.code == "risk"
    done(owner, access.plan_delete_role("Wide"))
    assert {"wider-than-template", "can-give-roles"} <= {risk.id for risk in undo.plan().blocking}


def test_our_own_last_right_is_not_undone_by_accident(hub: HubRunner, owner: Services, tmp_path: Path) -> None:
    one = somebody(hub, (hub_side.USER_ACCESS_ADMINISTRATOR, hub.hub.arm_id))
    services = services_as(hub, tmp_path, one)
    done(services, services.access.plan_assign("IoT Hub Data Reader", "me", "service-principal"))
    plan = services.changes.undo.plan()
    assert "own-last-access" in {risk.id for risk in plan.blocking}


# --- answers that are none -------------------------------------------------------------------------------------------


class Arm:
    """The resource manager's pages, as a test has them."""

    def __init__(self, *bodies: Any) -> None:
        self._bodies = bodies

    def pages(self, *_arguments: Any, **_named: Any) -> Any:
        return iter(self._bodies)


def test_times_at_the_edge_and_members_of_other_kinds_are_no_crash() -> None:
    body = {
        "name": None,
        "properties": {"createdOn": "0001-01-01T00:00:00+14:00", "updatedOn": 5, "principalId": ["x"], "scope": None},
    }
    gateway: Any = AuthorizationGateway(Arm(body, {"properties": None}, {}))  # type: ignore[arg-type]
    first, *_ = gateway.assignments("/subscriptions/s")
    assert (first.created, first.updated, first.scope) == (None, None, "/")
    odd = {"properties": {"permissions": [None, {"actions": "x"}], "principals": {"id": 1}, "assignableScopes": 7}}
    gateway = AuthorizationGateway(Arm(odd))  # type: ignore[arg-type]
    assert gateway.denials("/subscriptions/s")[0].principals == ()
    assert gateway.definitions("/subscriptions/s")[0].permissions == (Permissions(),)


@pytest.mark.parametrize("value", [None, 5, "text", {"a": 1}, [1]])
def test_a_list_that_is_none_is_told_as_such(owner: Services, monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    arm = owner.access._reader._arm
    monkeypatch.setattr(arm, "_read", lambda *_arguments: {"value": value})
    with pytest.raises(ConsoleError) as caught:
        owner.access._reader.assignments("/subscriptions/s")
    assert caught.value.kind is ErrorKind.BAD_ANSWER


def test_pages_that_lead_back_to_themselves_end(
    hub: HubRunner, owner: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm, link = owner.access._reader._arm, hub.ready["arm_endpoint"] + "/subscriptions/s/next"
    monkeypatch.setattr(arm, "_read", lambda *_arguments: {"value": [{}], "nextLink": link})
    with pytest.raises(ConsoleError, match="read already, so its list never ends"):
        owner.access._reader.assignments("/subscriptions/s")
