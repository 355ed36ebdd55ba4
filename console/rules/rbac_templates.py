"""Ready roles for the people around a hub, what the console itself needs, and what is wider than a template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.model.errors import ConsoleError, ErrorKind
from console.model.operations import COMPLETE, OPERATIONS, Plane
from console.model.role import Feature, Permissions, RoleDefinition, RoleTemplate
from console.model.text import clean
from console.rules.rbac import lists, matches

_H, _D = "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices"
_LOOK = (
    f"{_H}/read",
    f"{_H}/certificates/read",
    f"{_H}/iotHubStats/read",
    f"{_H}/quotaMetrics/read",
    f"{_H}/privateEndpointConnections/read",
    f"{_H}/diagnosticSettings/read",
    f"{_H}/metricDefinitions/read",
    "Microsoft.Insights/diagnosticSettings/read",
    "Microsoft.Insights/metrics/read",
    "Microsoft.Insights/metricDefinitions/read",
    "Microsoft.Insights/eventtypes/values/read",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleDefinitions/read",
    "Microsoft.Authorization/denyAssignments/read",
)

TEMPLATES: tuple[RoleTemplate, ...] = (
    RoleTemplate(
        "device-operator",
        "IoT Device Operator",
        "Reads, creates, changes and deletes devices and twins; cannot change the hub or read its policies' keys.",
        Permissions(
            actions=(f"{_H}/read",),
            data_actions=(
                f"{_H}/devices/read",
                f"{_H}/devices/write",
                f"{_H}/devices/delete",
                f"{_H}/twins/read",
                f"{_H}/twins/write",
            ),
        ),
        "looks after devices",
    ),
    RoleTemplate(
        "read-only-responder",
        "IoT Hub Read-only Responder",
        "Sees the hub, its logs' settings, metrics, who has access, and its devices; changes nothing, lists no keys.",
        Permissions(actions=_LOOK, data_actions=(f"{_H}/devices/read", f"{_H}/twins/read", f"{_H}/statistics/read")),
        "looks, in an incident",
    ),
    RoleTemplate(
        "network-responder",
        "IoT Hub Network Responder",
        "Sees what the read-only responder sees, and changes IP rules, public access and private endpoint connections.",
        Permissions(
            actions=(
                *_LOOK,
                f"{_H}/write",
                f"{_H}/privateEndpointConnectionsApproval/action",
                f"{_H}/privateEndpointConnections/write",
                f"{_H}/privateEndpointConnections/delete",
                f"{_H}/privateLinkResources/read",
            ),
            data_actions=(f"{_H}/devices/read", f"{_H}/twins/read", f"{_H}/statistics/read"),
        ),
        "lets sites in and shuts them out",
    ),
    RoleTemplate(
        "enrollment-manager",
        "IoT Enrollment Manager",
        "Creates, changes and deletes enrollments, groups and registrations; reads no enrollment's keys.",
        Permissions(
            actions=(f"{_D}/read", f"{_D}/certificates/read"),
            data_actions=(
                f"{_D}/enrollments/read",
                f"{_D}/enrollments/write",
                f"{_D}/enrollments/delete",
                f"{_D}/enrollmentGroups/read",
                f"{_D}/enrollmentGroups/write",
                f"{_D}/enrollmentGroups/delete",
                f"{_D}/registrationStates/read",
                f"{_D}/registrationStates/delete",
            ),
        ),
        "decides who gets in by DPS",
    ),
)

FEATURES: tuple[Feature, ...] = (
    Feature("hub", "The hub, its exposure and CA certificates", False, (f"{_H}/read", f"{_H}/certificates/read")),
    Feature(
        "logs",
        "Failed connections",
        False,
        ("Microsoft.Insights/diagnosticSettings/read",),
        elsewhere=(
            ("Microsoft.OperationalInsights/workspaces/read", "workspace"),
            ("Microsoft.OperationalInsights/workspaces/query/read", "workspace"),
        ),
    ),
    Feature("metrics", "Metrics", False, ("Microsoft.Insights/metrics/read",)),
    Feature("activity", "The activity log", False, ("Microsoft.Insights/eventtypes/values/read",)),
    Feature("devices", "Devices and twins", False, (), (f"{_H}/devices/read", f"{_H}/twins/read")),
    Feature(
        "access",
        "Roles and who has them",
        False,
        (
            "Microsoft.Authorization/roleAssignments/read",
            "Microsoft.Authorization/roleDefinitions/read",
            "Microsoft.Authorization/denyAssignments/read",
        ),
    ),
    Feature(
        "network",
        "Private endpoints and provisioning services around the hub",
        False,
        (f"{_H}/read", f"{_H}/privateEndpointConnections/read"),
        elsewhere=(
            ("Microsoft.Network/privateEndpoints/read", "subscription"),
            (f"{_D}/read", "dps"),
        ),
    ),
    Feature(
        "provisioning",
        "Enrollments and registrations",
        False,
        (f"{_H}/read",),  # which service links the hub
        elsewhere=(
            (f"{_D}/read", "dps"),
            (f"{_D}/certificates/read", "dps"),
            (f"{_D}/enrollments/read", "dps"),
            (f"{_D}/enrollmentGroups/read", "dps"),
            (f"{_D}/registrationStates/read", "dps"),
        ),
    ),
    Feature(
        "change-network",
        "IP rules, public access, private endpoint connections",
        True,
        (
            f"{_H}/read",
            f"{_H}/write",
            f"{_H}/privateEndpointConnections/read",
            f"{_H}/privateEndpointConnections/write",
            f"{_H}/privateEndpointConnections/delete",
        ),
    ),
    Feature(
        "change-policies",
        "Shared access policies and their keys",
        True,
        (f"{_H}/read", f"{_H}/write", f"{_H}/listkeys/action"),
    ),
    Feature(
        "change-devices",
        "Devices: create, enable, disable, keys, thumbprints, delete",
        True,
        (),
        (f"{_H}/devices/read", f"{_H}/devices/write", f"{_H}/devices/delete", f"{_H}/twins/read"),
    ),
    Feature(
        "change-certificates",
        "CA certificates: upload, prove, delete",
        True,
        (
            f"{_H}/read",
            f"{_H}/certificates/read",
            f"{_H}/certificates/write",
            f"{_H}/certificates/delete",
            f"{_H}/certificates/generateVerificationCode/action",
            f"{_H}/certificates/verify/action",
        ),
    ),
    Feature(
        "change-enrollments",
        "Enrollments and groups",
        True,
        (f"{_H}/read",),
        elsewhere=(
            (f"{_D}/read", "dps"),
            (f"{_D}/certificates/read", "dps"),
            (f"{_D}/enrollments/read", "dps"),
            (f"{_D}/enrollments/write", "dps"),
            (f"{_D}/enrollments/delete", "dps"),
            (f"{_D}/enrollmentGroups/read", "dps"),
            (f"{_D}/enrollmentGroups/write", "dps"),
            (f"{_D}/enrollmentGroups/delete", "dps"),
            (f"{_D}/registrationStates/read", "dps"),
            (f"{_D}/registrationStates/delete", "dps"),
            (f"{_D}/attestationmechanism/details/action", "dps"),
        ),
    ),
    Feature(
        "change-access",
        "Roles: create, assign, take away",
        True,
        (
            "Microsoft.Authorization/roleAssignments/read",
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "Microsoft.Authorization/roleDefinitions/read",
            "Microsoft.Authorization/roleDefinitions/write",
            "Microsoft.Authorization/roleDefinitions/delete",
            "Microsoft.Authorization/denyAssignments/read",
        ),
    ),
)
"""What each part of the console asks for; a test makes every one work with exactly these, and fail without each."""


def template(template_id: str) -> RoleTemplate | None:
    """Return a template by its id or its role's name, any case."""
    wanted = template_id.casefold()
    return next((one for one in TEMPLATES if wanted in {one.id, one.name.casefold()}), None)


def features_named(names: Sequence[str], writes: bool) -> tuple[Feature, ...]:
    """Return features by their ids; without ids all that only read, or with `writes` all there are.

    Raises ConsoleError BAD_INPUT (code "usage") for a feature that there is not.
    """
    known = {one.id: one for one in FEATURES}
    for name in names:
        if name not in known:
            why = f"there are: {', '.join(known)}"
            raise ConsoleError(ErrorKind.BAD_INPUT, f"There is no feature {clean(name, limit=60)}", why, code="usage")
    return tuple(known[name] for name in names) or tuple(one for one in FEATURES if writes or not one.writes)


def own_name(writes: bool) -> str:
    """Return the name of the console's own role where no other is wanted."""
    return "hubwarden" if writes else "hubwarden read-only"


def own_role(
    features: Sequence[Feature], name: str, scopes: Iterable[str], *, elsewhere: bool = True
) -> RoleDefinition:
    """Return the role that lets somebody do these things with the console; `elsewhere`: also off the hub."""
    actions: dict[str, None] = {}
    data_actions: dict[str, None] = {}
    data = {one.name.casefold() for one in OPERATIONS if one.plane is Plane.DATA}
    control = {one.name.casefold() for one in OPERATIONS if one.plane is Plane.CONTROL}
    for one in features:
        actions.update(dict.fromkeys(one.actions))
        data_actions.update(dict.fromkeys(one.data_actions))
        for operation, _ in one.elsewhere if elsewhere else ():
            on_data = operation.casefold() in data and operation.casefold() not in control
            (data_actions if on_data else actions)[operation] = None
    titles = ", ".join(one.id for one in features)
    description = f"What hubwarden needs for: {titles}."
    return RoleDefinition(
        "", name, description, True, (Permissions(tuple(actions), (), tuple(data_actions)),), tuple(scopes)
    )


def wider_than(blocks: Iterable[Permissions], limit: Permissions) -> tuple[str, ...]:
    """Return what permissions grant beyond a template: operations of the catalogue, and patterns that reach further.

    A pattern reaches further when it has a wildcard and names a provider whose operations the catalogue does not know
    all, or none in particular, and the template does not have it.
    """
    found: dict[str, None] = {}
    for block in blocks:
        for plane in Plane:
            granted, excepted = lists(block, plane)
            allowed, forbidden = lists(limit, plane)
            for one in OPERATIONS:
                if one.plane is not plane or not _in(granted, excepted, one.name):
                    continue
                if not _in(allowed, forbidden, one.name):
                    found[one.name] = None
            for pattern in granted:
                known = pattern.partition("/")[0].casefold() in COMPLETE
                if not known and not _in(allowed, forbidden, pattern):
                    found[pattern] = None
    return tuple(found)


def nearest_template(role: RoleDefinition) -> RoleTemplate:
    """Return the template that a role exceeds least; of those the one that it fills most."""

    def distance(one: RoleTemplate) -> tuple[int, int]:
        return len(wider_than(role.permissions, one.permissions)), len(wider_than((one.permissions,), _union(role)))

    return min(TEMPLATES, key=distance)


def _union(role: RoleDefinition) -> Permissions:
    blocks = role.permissions
    return Permissions(
        tuple(entry for one in blocks for entry in one.actions),
        tuple(entry for one in blocks for entry in one.not_actions),
        tuple(entry for one in blocks for entry in one.data_actions),
        tuple(entry for one in blocks for entry in one.not_data_actions),
    )


def _in(granted: Sequence[str], excepted: Sequence[str], operation: str) -> bool:
    return any(matches(one, operation) for one in granted) and not any(matches(one, operation) for one in excepted)
