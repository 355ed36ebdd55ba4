"""Operations that roles grant: those of Microsoft.Devices, and the ones of other providers that a hub's people need.

Source: Azure's list of permissions for Internet of Things and of the providers named (learn.microsoft.com,
role-based-access-control/permissions, of 2026-02). Names compare without case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

DEVICES = "Microsoft.Devices"


class Plane(StrEnum):
    """Which list of a role grants an operation: `actions` (control) or `dataActions` (data)."""

    CONTROL = "control"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a resource provider, `Company.Provider/type/verb`. `words` says what it lets people do."""

    name: str
    plane: Plane
    words: str = ""

    @property
    def provider(self) -> str:
        """The resource provider's namespace."""
        return self.name.partition("/")[0]


_CONTROL: dict[str, dict[str, str]] = {
    "": {
        "register/action": "register the provider",
        "checkNameAvailability/action": "ask whether a name is free",
        "locations/operationresults/read": "",
        "operationresults/read": "",
        "operations/read": "",
        "usages/read": "read what the subscription uses",
    },
    "IotHubs": {
        "read": "read the hub",
        "write": "change the hub: network rules, policies, routes",
        "delete": "delete the hub",
        "listkeys/action": "read every policy's keys",
        "iotHubKeys/listkeys/action": "read one policy's keys",
        "exportDevices/action": "export all devices, with keys if asked",
        "importDevices/action": "import devices",
        "notifyNetworkSecurityPerimeterUpdatesAvailable/action": "",
        "privateEndpointConnectionsApproval/action": "approve private endpoints",
        "networkSecurityPerimeterConfigurations/action": "",
        "networkSecurityPerimeterConfigurations/read": "",
        "networkSecurityPerimeterAssociationProxies/read": "",
        "networkSecurityPerimeterAssociationProxies/write": "",
        "networkSecurityPerimeterAssociationProxies/delete": "",
        "certificates/read": "read CA certificates",
        "certificates/write": "upload CA certificates",
        "certificates/delete": "delete CA certificates",
        "certificates/generateVerificationCode/action": "ask for a verification code",
        "certificates/verify/action": "prove possession of a CA's key",
        "diagnosticSettings/read": "read where logs go",
        "diagnosticSettings/write": "change where logs go",
        "eventGridFilters/read": "",
        "eventGridFilters/write": "",
        "eventGridFilters/delete": "",
        "eventHubEndpoints/consumerGroups/read": "",
        "eventHubEndpoints/consumerGroups/write": "",
        "eventHubEndpoints/consumerGroups/delete": "",
        "iotHubStats/read": "read device counts",
        "jobs/read": "read import and export jobs",
        "logDefinitions/read": "",
        "metricDefinitions/read": "",
        "operationresults/read": "",
        "privateEndpointConnectionProxies/validate/action": "",
        "privateEndpointConnectionProxies/read": "",
        "privateEndpointConnectionProxies/write": "",
        "privateEndpointConnectionProxies/delete": "",
        "privateEndpointConnectionProxies/operationResults/read": "",
        "privateEndpointConnections/read": "read private endpoint connections",
        "privateEndpointConnections/write": "approve or reject private endpoint connections",
        "privateEndpointConnections/delete": "remove private endpoint connections",
        "privateEndpointConnections/operationResults/read": "",
        "privateLinkResources/read": "",
        "quotaMetrics/read": "read quotas",
        "routing/$testall/action": "test routes",
        "routing/$testnew/action": "test a route",
        "routingEndpointsHealth/read": "read the health of routing endpoints",
        "securitySettings/read": "",
        "securitySettings/write": "",
        "securitySettings/operationResults/read": "",
        "skus/read": "",
    },
    "provisioningServices": {
        "read": "read the provisioning service",
        "write": "change the provisioning service",
        "delete": "delete the provisioning service",
        "listkeys/action": "read every policy's keys",
        "keys/listkeys/action": "read one policy's keys",
        "privateEndpointConnectionsApproval/action": "approve private endpoints",
        "certificates/read": "read CA certificates",
        "certificates/write": "upload CA certificates",
        "certificates/delete": "delete CA certificates",
        "certificates/generateVerificationCode/action": "ask for a verification code",
        "certificates/verify/action": "prove possession of a CA's key",
        "diagnosticSettings/read": "read where logs go",
        "diagnosticSettings/write": "change where logs go",
        "logDefinitions/read": "",
        "metricDefinitions/read": "",
        "operationresults/read": "",
        "privateEndpointConnectionProxies/validate/action": "",
        "privateEndpointConnectionProxies/read": "",
        "privateEndpointConnectionProxies/write": "",
        "privateEndpointConnectionProxies/delete": "",
        "privateEndpointConnectionProxies/operationResults/read": "",
        "privateEndpointConnections/read": "read private endpoint connections",
        "privateEndpointConnections/write": "approve or reject private endpoint connections",
        "privateEndpointConnections/delete": "remove private endpoint connections",
        "privateEndpointConnections/operationResults/read": "",
        "privateLinkResources/read": "",
        "skus/read": "",
    },
}

_DATA: dict[str, dict[str, str]] = {
    "IotHubs": {
        "cloudToDeviceMessages/send/action": "send messages to devices",
        "cloudToDeviceMessages/feedback/action": "take the feedback on messages",
        "cloudToDeviceMessages/queue/purge/action": "purge a device's messages",
        "configurations/read": "read configurations",
        "configurations/write": "change configurations",
        "configurations/delete": "delete configurations",
        "configurations/applyToEdgeDevice/action": "apply modules to an edge device",
        "configurations/testQueries/action": "test the queries of a configuration",
        "devices/read": "read device identities, with their keys",
        "devices/write": "create and change device identities",
        "devices/delete": "delete device identities",
        "directMethods/invoke/action": "call methods on devices",
        "fileUpload/notifications/action": "take notices of uploaded files",
        "jobs/read": "read jobs",
        "jobs/write": "start and stop jobs",
        "jobs/delete": "delete jobs",
        "statistics/read": "read device counts",
        "twins/read": "read and query twins",
        "twins/write": "change twins",
    },
    "provisioningServices": {
        "attestationmechanism/details/action": "read an enrollment's keys",
        "enrollmentGroups/read": "read enrollment groups",
        "enrollmentGroups/write": "create and change enrollment groups",
        "enrollmentGroups/delete": "delete enrollment groups",
        "enrollments/read": "read enrollments",
        "enrollments/write": "create and change enrollments",
        "enrollments/delete": "delete enrollments",
        "registrationStates/read": "read registrations",
        "registrationStates/delete": "delete registrations",
    },
}

_OTHERS: dict[str, str] = {
    "Microsoft.Authorization/denyAssignments/read": "read deny assignments",
    "Microsoft.Authorization/elevateAccess/action": "take User Access Administrator at the root",
    "Microsoft.Authorization/locks/read": "read locks",
    "Microsoft.Authorization/locks/write": "set locks",
    "Microsoft.Authorization/locks/delete": "remove locks",
    "Microsoft.Authorization/permissions/read": "read one's own permissions",
    "Microsoft.Authorization/providerOperations/read": "read what operations there are",
    "Microsoft.Authorization/roleAssignments/read": "read who has which role",
    "Microsoft.Authorization/roleAssignments/write": "give roles",
    "Microsoft.Authorization/roleAssignments/delete": "take roles away",
    "Microsoft.Authorization/roleDefinitions/read": "read roles",
    "Microsoft.Authorization/roleDefinitions/write": "create and change custom roles",
    "Microsoft.Authorization/roleDefinitions/delete": "delete custom roles",
    "Microsoft.Insights/diagnosticSettings/read": "read where logs go",
    "Microsoft.Insights/diagnosticSettings/write": "change where logs go",
    "Microsoft.Insights/diagnosticSettings/delete": "stop logs from going there",
    "Microsoft.Insights/eventtypes/values/read": "read the activity log",
    "Microsoft.Insights/logs/read": "read logs of a resource",
    "Microsoft.Insights/metricDefinitions/read": "read which metrics there are",
    "Microsoft.Insights/metrics/read": "read metrics",
    "Microsoft.Network/privateEndpoints/read": "read private endpoints",
    "Microsoft.Network/privateEndpoints/write": "create private endpoints",
    "Microsoft.Network/privateEndpoints/delete": "delete private endpoints",
    "Microsoft.Network/virtualNetworks/read": "read virtual networks",
    "Microsoft.Network/virtualNetworks/subnets/read": "read subnets",
    "Microsoft.Network/virtualNetworks/subnets/join/action": "put things into a subnet",
    "Microsoft.OperationalInsights/workspaces/read": "read workspaces",
    "Microsoft.OperationalInsights/workspaces/write": "change workspaces",
    "Microsoft.OperationalInsights/workspaces/delete": "delete workspaces",
    "Microsoft.OperationalInsights/workspaces/query/read": "query a workspace",
    "Microsoft.OperationalInsights/workspaces/analytics/query/action": "query a workspace",
    "Microsoft.OperationalInsights/workspaces/search/action": "search a workspace",
    "Microsoft.OperationalInsights/workspaces/sharedKeys/read": "read a workspace's keys",
    "Microsoft.OperationalInsights/workspaces/sharedKeys/action": "read a workspace's keys",
    "Microsoft.Resources/deployments/read": "read deployments",
    "Microsoft.Resources/deployments/write": "deploy templates",
    "Microsoft.Resources/subscriptions/read": "read subscriptions",
    "Microsoft.Resources/subscriptions/resourceGroups/read": "read resource groups",
    "Microsoft.Resources/subscriptions/resourceGroups/write": "change resource groups",
    "Microsoft.Resources/subscriptions/resourceGroups/delete": "delete resource groups",
    "Microsoft.Support/supportTickets/read": "read support tickets",
    "Microsoft.Support/supportTickets/write": "open support tickets",
}


def _named(table: dict[str, dict[str, str]], plane: Plane) -> Iterable[Operation]:
    for kind, verbs in table.items():
        for verb, words in verbs.items():
            yield Operation("/".join(part for part in (DEVICES, kind, verb) if part), plane, words)


OPERATIONS: tuple[Operation, ...] = (
    *_named(_CONTROL, Plane.CONTROL),
    *_named(_DATA, Plane.DATA),
    *(Operation(name, Plane.CONTROL, words) for name, words in _OTHERS.items()),
)
"""All of Microsoft.Devices, and of other providers those that somebody who looks after a hub may need."""

COMPLETE = frozenset({DEVICES.casefold()})
"""The providers, in lower case, of which `OPERATIONS` has every operation."""

_BY_NAME: dict[tuple[str, Plane], Operation] = {(one.name.casefold(), one.plane): one for one in OPERATIONS}


def operation(name: str, plane: Plane) -> Operation | None:
    """Return an operation of the catalogue by its name, any case; None when it has none of that plane."""
    return _BY_NAME.get((name.casefold(), plane))


def planes_of(name: str) -> tuple[Plane, ...]:
    """Return the planes on which the catalogue has this operation: `…/IotHubs/jobs/read` is on both, most on one."""
    return tuple(plane for plane in Plane if (name.casefold(), plane) in _BY_NAME)
