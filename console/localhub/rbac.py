"""Role-based access: Azure's built-in roles and whether an assignment allows an operation at a scope."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from console.localhub.state import Cloud, Json

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
LOG_ANALYTICS_READER = "73c42c96-874c-492b-b04d-ab87d138a893"
IOT_HUB_DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
IOT_HUB_DATA_READER = "b447c946-2db7-41ec-983d-d8bf3b1c77e3"
IOT_HUB_REGISTRY_CONTRIBUTOR = "4ea46cd5-c1b2-4a8e-910b-273211f9ce47"
IOT_HUB_TWIN_CONTRIBUTOR = "494bdba2-168f-4f31-a0a1-191d2f7c028c"
DPS_DATA_CONTRIBUTOR = "dfce44e4-17b7-4bd1-a6d1-04996ec95633"
DPS_DATA_READER = "10745317-c249-44a1-a5ce-3a4353c0bbd8"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal that means everybody, in deny assignments."""


def role_definition(
    guid: str,
    name: str,
    description: str,
    *,
    actions: Iterable[str] = (),
    not_actions: Iterable[str] = (),
    data_actions: Iterable[str] = (),
    not_data_actions: Iterable[str] = (),
    custom: bool = False,
    scopes: Iterable[str] = ("/",),
) -> Json:
    """Return the ARM body of a role definition (api 2022-04-01) with one permissions block."""
    return {
        "id": f"/providers/Microsoft.Authorization/roleDefinitions/{guid}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": guid,
        "properties": {
            "roleName": name,
            "type": "CustomRole" if custom else "BuiltInRole",
            "description": description,
            "assignableScopes": list(scopes),
            "permissions": [
                {
                    "actions": list(actions),
                    "notActions": list(not_actions),
                    "dataActions": list(data_actions),
                    "notDataActions": list(not_data_actions),
                }
            ],
        },
    }


_BUILT_IN: tuple[Json, ...] = (
    role_definition(
        OWNER,
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        actions=["*"],
    ),
    role_definition(
        CONTRIBUTOR,
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage "
        "assignments in Azure Blueprints, or share image galleries.",
        actions=["*"],
        not_actions=[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
        ],
    ),
    role_definition(
        READER,
        "Reader",
        "View all resources, but does not allow you to make any changes.",
        actions=["*/read"],
    ),
    role_definition(
        USER_ACCESS_ADMINISTRATOR,
        "User Access Administrator",
        "Lets you manage user access to Azure resources.",
        actions=["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
    ),
    role_definition(
        RBAC_ADMINISTRATOR,
        "Role Based Access Control Administrator",
        "Manage access to Azure resources by assigning roles using Azure RBAC. This role does not allow you to manage "
        "access using other ways, such as Azure Policy.",
        actions=[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
    ),
    role_definition(
        NETWORK_CONTRIBUTOR,
        "Network Contributor",
        "Lets you manage networks, but not access to them.",
        actions=[
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Network/*",
            "Microsoft.ResourceHealth/availabilityStatuses/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ],
    ),
    role_definition(
        LOG_ANALYTICS_READER,
        "Log Analytics Reader",
        "Log Analytics Reader can view and search all monitoring data as well as and view monitoring settings, "
        "including viewing the configuration of Azure diagnostics on all Azure resources.",
        actions=[
            "*/read",
            "Microsoft.OperationalInsights/workspaces/analytics/query/action",
            "Microsoft.OperationalInsights/workspaces/search/action",
            "Microsoft.Support/*",
        ],
        not_actions=["Microsoft.OperationalInsights/workspaces/sharedKeys/read"],
    ),
    role_definition(
        IOT_HUB_DATA_CONTRIBUTOR,
        "IoT Hub Data Contributor",
        "Allows for full access to IoT Hub data plane operations.",
        data_actions=["Microsoft.Devices/IotHubs/*"],
    ),
    role_definition(
        IOT_HUB_DATA_READER,
        "IoT Hub Data Reader",
        "Allows for full read access to IoT Hub data-plane properties",
        data_actions=["Microsoft.Devices/IotHubs/*/read", "Microsoft.Devices/IotHubs/fileUpload/notifications/action"],
    ),
    role_definition(
        IOT_HUB_REGISTRY_CONTRIBUTOR,
        "IoT Hub Registry Contributor",
        "Allows for full access to IoT Hub device registry.",
        data_actions=["Microsoft.Devices/IotHubs/devices/*"],
    ),
    role_definition(
        IOT_HUB_TWIN_CONTRIBUTOR,
        "IoT Hub Twin Contributor",
        "Allows for read and write access to all IoT Hub device and module twins.",
        data_actions=["Microsoft.Devices/IotHubs/twins/*"],
    ),
    role_definition(
        DPS_DATA_CONTRIBUTOR,
        "Device Provisioning Service Data Contributor",
        "Allows for full access to Device Provisioning Service data-plane operations.",
        data_actions=["Microsoft.Devices/provisioningServices/*"],
    ),
    role_definition(
        DPS_DATA_READER,
        "Device Provisioning Service Data Reader",
        "Allows for full read access to Device Provisioning Service data-plane properties.",
        data_actions=["Microsoft.Devices/provisioningServices/*/read"],
    ),
)

BUILT_IN_ROLES: dict[str, Json] = {role["name"]: role for role in _BUILT_IN}
"""ARM bodies of the built-in roles by GUID; ids are Azure's own (public list of built-in roles)."""


@lru_cache(maxsize=512)
def _pattern(operation: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in operation.casefold().split("*")))


def _matches(operation: str, patterns: Iterable[str]) -> bool:
    return any(_pattern(pattern).fullmatch(operation) for pattern in patterns)


def covers(pattern: str, operation: str) -> bool:
    """Say whether a pattern of a role covers an operation, any case."""
    return _pattern(pattern).fullmatch(operation.casefold()) is not None


def scope_covers(outer: str, inner: str) -> bool:
    """Say whether a scope contains another: the same resource id or a parent of it, by whole segments, any case."""
    parent = [part for part in outer.casefold().split("/") if part]
    child = [part for part in inner.casefold().split("/") if part]
    return child[: len(parent)] == parent


def role_allows(definition: Json, operation: str, *, data: bool) -> bool:
    """Say whether one role definition allows an operation: in some permissions block it matches and is not excepted."""
    granted, excepted = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    wanted = operation.casefold()
    return any(
        _matches(wanted, block.get(granted) or ()) and not _matches(wanted, block.get(excepted) or ())
        for block in definition["properties"].get("permissions") or ()
    )


def identities(cloud: Cloud, object_id: str) -> set[str]:
    """Return the object ids through which roles reach a principal, in lower case: its own and its groups', nested."""
    found = {object_id.casefold()}
    while True:
        more = {
            group.object_id.casefold()
            for group in cloud.groups.values()
            if any(member.casefold() in found for member in group.members)
        }
        if more <= found:
            return found
        found |= more


def denied(cloud: Cloud, ids: set[str], operation: str, scope: str, *, data: bool) -> bool:
    """Say whether a deny assignment forbids an operation to somebody; it wins over every role."""
    granted, excepted = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    wanted = operation.casefold()
    for body in cloud.deny_assignments.values():
        properties = body["properties"]
        outer, here = str(properties.get("scope") or "/"), scope.casefold().rstrip("/")
        if not scope_covers(outer, scope):
            continue
        if properties.get("doNotApplyToChildScopes") and outer.casefold().rstrip("/") != here:
            continue
        named = {str(one["id"]).casefold() for one in properties.get("principals") or ()}
        spared = {str(one["id"]).casefold() for one in properties.get("excludePrincipals") or ()}
        if not (EVERYONE in named or ids & named) or ids & spared:
            continue
        for block in properties.get("permissions") or ():
            if _matches(wanted, block.get(granted) or ()) and not _matches(wanted, block.get(excepted) or ()):
                return True
    return False


def allowed(cloud: Cloud, object_id: str, operation: str, scope: str, *, data: bool) -> bool:
    """Say whether a principal may do an operation (`Microsoft.Devices/IotHubs/write`) at a scope.

    `data` asks for data actions, which no plain action grants. Assignments at parents of the scope count, and those of
    the principal's groups. An exception in one role takes nothing from what another role grants, as in Azure; a deny
    assignment does. Conditions of assignments are not evaluated: Azure has none that bite on Microsoft.Devices.
    """
    with cloud.lock:
        ids = identities(cloud, object_id)
        if cloud.deny_assignments and denied(cloud, ids, operation, scope, data=data):
            return False
        for assignment in cloud.role_assignments.values():
            if assignment.principal_id.casefold() not in ids or not scope_covers(assignment.scope, scope):
                continue
            definition = cloud.role_definitions.get(assignment.role_id)
            if definition is not None and role_allows(definition, operation, data=data):
                return True
    return False


def has_any_role(cloud: Cloud, object_id: str) -> bool:
    """Say whether a principal has some role somewhere."""
    with cloud.lock:
        ids = identities(cloud, object_id)
        return any(one.principal_id.casefold() in ids for one in cloud.role_assignments.values())
