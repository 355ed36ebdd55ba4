"""`access check` against the local hub: 2,000 random questions, and what the hub really lets somebody do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.access import custom_role, person, services_as
from support.hub import HubRunner

from console.localhub import rbac as hub_side
from console.localhub.cloud_factory import add_principal, give
from console.localhub.state import GroupState
from console.model.errors import ConsoleError
from console.model.operations import OPERATIONS, Operation, Plane
from console.model.role import Answer
from console.rules.rbac import verdict

ROUNDS, QUESTIONS = 50, 40
EVERYONE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=2, throttle=False) as runner:
        yield runner


def pattern(chooser: random.Random, plane: Plane) -> str:
    """Return an operation of a plane, mostly with some of it replaced by a wildcard, in whatever case."""
    one = chooser.choice([o for o in OPERATIONS if o.plane is plane]).name
    parts = one.split("/")
    kind = chooser.randrange(6)
    if kind == 0:
        one = "/".join([*parts[: chooser.randrange(1, len(parts))], "*"])
    elif kind == 1:
        one = f"*/{parts[-1]}"
    elif kind == 2:
        place = chooser.randrange(len(parts))
        one = "/".join("*" if number == place else part for number, part in enumerate(parts))
    elif kind == 3:
        cut = chooser.randrange(len(one))
        one = f"{one[:cut]}*{one[cut + chooser.randrange(1, 9) :]}"
    return chooser.choice([one, one.upper(), one.lower()])


def lists(chooser: random.Random) -> dict[str, list[str]]:
    def some(plane: Plane, most: int) -> list[str]:
        return [pattern(chooser, plane) for _ in range(chooser.randrange(most))]

    return {
        "actions": some(Plane.CONTROL, 4),
        "not_actions": some(Plane.CONTROL, 3),
        "data_actions": some(Plane.DATA, 4),
        "not_data_actions": some(Plane.DATA, 3),
    }


def scopes(hub: HubRunner) -> list[str]:
    subscription = f"/subscriptions/{hub.cloud.subscription_id}"
    group = f"{subscription}/resourceGroups/{hub.cloud.resource_group}"
    service = next(iter(hub.cloud.provisioning.values())).arm_id
    return [subscription, group, group.upper(), hub.hub.arm_id, service, f"{hub.hub.arm_id}/certificates/c"]


def deny(hub: HubRunner, chooser: random.Random, who: str, groups: list[str], asker: str) -> None:
    """Forbid something now and then: to everybody (but who asks), to one, or to a group, which may have no role."""
    hub.cloud.deny_assignments.clear()
    if chooser.random() > 0.4:
        return
    rest = lists(chooser)
    one = chooser.choice([who, *groups])
    spared = [{"id": one, "type": "User" if one == who else "Group"}]
    hub.cloud.deny_assignments["d"] = {
        "name": "d",
        "properties": {
            "denyAssignmentName": "locked",
            "scope": chooser.choice(scopes(hub)[:5]),
            "permissions": [
                {
                    "actions": rest["actions"],
                    "notActions": rest["not_actions"],
                    "dataActions": rest["data_actions"],
                    "notDataActions": rest["not_data_actions"],
                }
            ],
            "principals": [{"id": chooser.choice([EVERYONE, who, *groups]), "type": "User"}],
            "excludePrincipals": [{"id": asker, "type": "User"}, *(spared if chooser.random() < 0.3 else ())],
            "doNotApplyToChildScopes": chooser.random() < 0.3,
        },
    }


def test_two_thousand_questions_are_answered_as_the_hub_decides(hub: HubRunner, tmp_path: Path) -> None:
    chooser, cloud = random.Random(1), hub.cloud
    subscription = f"/subscriptions/{cloud.subscription_id}"
    reader = person(hub, "asker", (hub_side.OWNER, subscription))
    access = services_as(hub, tmp_path, reader).access
    who = add_principal(cloud, "subject").object_id
    inner = GroupState("11111111-aaaa-4aaa-8aaa-111111111111", "inner", {who})
    outer = GroupState("22222222-aaaa-4aaa-8aaa-222222222222", "outer", {inner.object_id})
    cloud.groups.update({one.object_id: one for one in (inner, outer)})
    built_in = list(hub_side.BUILT_IN_ROLES)
    asked = allowed = unknown = forbidden = 0
    for number in range(ROUNDS):
        mine = []
        for count in range(chooser.randrange(4)):
            fresh = f"{number:08x}-0000-4000-8000-{count:012x}"
            role = chooser.choice(built_in) if chooser.random() < 0.3 else custom_role(hub, fresh, **lists(chooser))
            holder = chooser.choice([who, who, inner.object_id, outer.object_id])
            mine.append(give(cloud, holder, role, chooser.choice(scopes(hub)[:5])).name)
        deny(hub, chooser, who, [inner.object_id, outer.object_id], reader.object_id)
        for scope in chooser.sample(scopes(hub), 2):
            facts = access.facts(who, scope)
            for _ in range(QUESTIONS // 2):
                one: Operation = chooser.choice(OPERATIONS)
                name = chooser.choice([one.name, one.name.upper()])
                wanted = hub_side.allowed(cloud, who, name, scope, data=one.plane is Plane.DATA)
                found = verdict(facts, who, name, one.plane, scope)
                asked, allowed, forbidden = asked + 1, allowed + wanted, forbidden + bool(found.denied_by)
                assert bool(found.through) or not wanted
                if found.answer is Answer.UNKNOWN:  # honest where a group is spared, and who is in it is not told
                    assert any(one.excluded_groups for one in facts.denials), found
                    unknown += 1
                    continue
                assert found.answer in {Answer.YES, Answer.NO}
                assert (found.answer is Answer.YES) is wanted, (found, facts.assignments, facts.denials)
        # and the whole way once per round, as the command goes it
        one = chooser.choice(OPERATIONS)
        found = access.check(who, one.name, hub.hub.arm_id, one.plane)
        wanted = hub_side.allowed(cloud, who, one.name, hub.hub.arm_id, data=one.plane is Plane.DATA)
        assert found.answer is Answer.UNKNOWN or (found.answer is Answer.YES) is wanted
        for name in mine:
            cloud.role_assignments.pop(name, None)
    cloud.deny_assignments.clear()
    cloud.groups.clear()
    assert asked == ROUNDS * QUESTIONS
    assert allowed > asked / 20 and forbidden > asked / 100  # every answer came often,
    assert 0 < unknown < asked / 50  # but this one


CALLS = (
    ("Microsoft.Devices/IotHubs/read", Plane.CONTROL),
    ("Microsoft.Devices/IotHubs/certificates/read", Plane.CONTROL),
    ("Microsoft.Authorization/roleAssignments/read", Plane.CONTROL),
    ("Microsoft.Devices/IotHubs/twins/read", Plane.DATA),
)


def test_what_is_said_is_what_happens(hub: HubRunner, tmp_path: Path) -> None:
    """Random roles; then the console's own services as that principal, which are let in exactly as was said."""
    chooser, cloud = random.Random(6), hub.cloud
    asker = services_as(
        hub, tmp_path, person(hub, "asker", (hub_side.OWNER, f"/subscriptions/{cloud.subscription_id}"))
    )
    one = add_principal(cloud, "actor")
    seen = set()
    for number in range(12):
        role = custom_role(hub, f"{number:08x}-1111-4000-8000-000000000000", **lists(chooser))
        also = custom_role(
            hub,
            f"{number:08x}-2222-4000-8000-000000000000",
            actions=[name for name, plane in CALLS if plane is Plane.CONTROL and chooser.random() < 0.5],
            data_actions=[name for name, plane in CALLS if plane is Plane.DATA and chooser.random() < 0.5],
        )
        names = [give(cloud, one.object_id, guid, hub.hub.arm_id).name for guid in (role, also)]
        services = services_as(hub, tmp_path, one)
        does = {
            CALLS[0][0]: services.session.hub_reader.hub,
            CALLS[1][0]: services.session.hub_reader.certificates,
            CALLS[2][0]: lambda services=services: services.access._reader.assignments(hub.hub.arm_id),
            CALLS[3][0]: lambda services=services: services.session.registry.query("SELECT deviceId FROM devices"),
        }
        for operation, plane in CALLS:
            said = asker.access.check(one.object_id, operation, "", plane).answer
            try:
                does[operation]()
                happened = Answer.YES
            except ConsoleError:
                happened = Answer.NO
            assert said is happened, operation
            seen.add((operation, said))
        for name in names:
            del cloud.role_assignments[name]
    assert len(seen) == 2 * len(CALLS)
