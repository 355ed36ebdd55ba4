"""Who else has access in the demo: people, groups and applications beside its three principals, with their history."""

from __future__ import annotations

from datetime import timedelta

from console.localhub import rbac
from console.localhub.cloud_factory import principal_named, seeded_id
from console.localhub.state import Cloud, GroupState, RoleAssignment

_H = "Microsoft.Devices/IotHubs"


def grant_others(cloud: Cloud, seed: int, ana: str) -> None:
    """Give roles to people whom the story needs; nobody of the three principals can do more than before.

    `ana` is the object id of the administrator. Ids and dates follow from the seed and the story's start.
    """
    subscription = f"/subscriptions/{cloud.subscription_id}"
    group = f"{subscription}/resourceGroups/{cloud.resource_group}"
    engineers = GroupState(
        seeded_id(seed, "group:plant-engineers"),
        "plant-engineers",
        {principal_named(cloud, "reader").object_id, seeded_id(seed, "person:ben")},
    )
    shift = GroupState(seeded_id(seed, "group:plant-shift"), "plant-shift", {seeded_id(seed, "person:carla")})
    automation, gone = seeded_id(seed, "application:release-pipeline"), seeded_id(seed, "person:left-in-2023")
    custom = seeded_id(seed, "role:plant-operators")
    cloud.groups.update({one.object_id: one for one in (engineers, shift)})
    definition = rbac.role_definition(
        custom,
        "Plant operators",
        "Shift leads: whatever a plant needs.",
        actions=[f"{_H}/*", "Microsoft.Insights/diagnosticSettings/read"],
        data_actions=[f"{_H}/devices/*", f"{_H}/twins/*"],
        not_data_actions=[f"{_H}/devices/delete"],
        custom=True,
        scopes=[group],
    )
    definition["properties"] |= {
        "createdOn": _past(cloud, 611),
        "updatedOn": _past(cloud, 203),
        "createdBy": ana,
        "updatedBy": ana,
    }
    cloud.role_definitions[custom] = definition
    told = (
        (ana, rbac.OWNER, subscription, "User", 1290, ana, ""),
        (engineers.object_id, rbac.IOT_HUB_DATA_READER, group, "Group", 702, ana, "read the fleet"),
        (shift.object_id, custom, group, "Group", 610, ana, ""),
        (automation, rbac.CONTRIBUTOR, group, "ServicePrincipal", 455, ana, "release pipeline"),
        (gone, rbac.IOT_HUB_DATA_CONTRIBUTOR, subscription, "User", 1204, gone, ""),
    )
    for principal, role, scope, kind, days, by, words in told:
        name = seeded_id(seed, f"assignment:{principal}:{role}:{scope}")
        cloud.role_assignments[name] = RoleAssignment(name, principal, role, scope, kind, _past(cloud, days), by, words)
    for number, one in enumerate(cloud.role_assignments.values()):
        if not one.created_by:  # those of the demo's own principals
            one.created, one.created_by = _past(cloud, 380 - 17 * number), ana


def _past(cloud: Cloud, days: int) -> str:
    moment = cloud.clock.start - timedelta(days=days, minutes=days % 600)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ".4904312Z"
