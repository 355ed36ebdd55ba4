"""Makes the local hub's starting cloud: subscription, principals with roles, a workspace, one complete empty hub."""

from __future__ import annotations

import base64
import binascii
import random
import secrets
import uuid
from copy import deepcopy
from datetime import UTC, datetime

from console.localhub import rbac
from console.localhub.provisioning_logs import CATEGORIES as DPS_LOG_CATEGORIES
from console.localhub.state import (
    DPS_RIGHTS,
    RIGHTS,
    AccessPolicy,
    Cloud,
    HubState,
    Json,
    Principal,
    ProvisioningState,
    RoleAssignment,
    StoryClock,
    Workspace,
    new_key,
)

HUB_NAME = "contoso-plants"
DPS_NAME = "contoso-dps"
DPS_POLICY = "provisioningserviceowner"
RESOURCE_GROUP = "contoso-rg"
WORKSPACE_NAME = "contoso-logs"
DIAGNOSTIC_SETTING = "to-contoso-logs"
LOG_CATEGORIES = (
    "Connections",
    "DeviceTelemetry",
    "C2DCommands",
    "DeviceIdentityOperations",
    "FileUploadOperations",
    "Routes",
    "D2CTwinOperations",
    "C2DTwinOperations",
    "TwinQueries",
    "JobsOperations",
    "DirectMethods",
    "DistributedTracing",
    "Configurations",
    "DeviceStreams",
)
BUILT_IN_POLICIES: dict[str, tuple[str, ...]] = {
    "iothubowner": RIGHTS,
    "service": ("ServiceConnect",),
    "device": ("DeviceConnect",),
    "registryRead": ("RegistryRead",),
    "registryReadWrite": ("RegistryRead", "RegistryWrite"),
}
_NAMESPACE = uuid.UUID("5f3e6e0a-7f6c-5d0e-9b5e-1d7c5a2f9c11")
_PAIRED = {"westeurope": "northeurope", "northeurope": "westeurope", "centralus": "eastus2", "eastus": "westus"}
_DISPLAY = {"westeurope": "West Europe", "northeurope": "North Europe", "centralus": "Central US", "eastus": "East US"}


def seeded_id(seed: int, name: str) -> str:
    """Return the GUID that a name has under a seed."""
    return str(uuid.uuid5(_NAMESPACE, f"{seed}:{name}"))


def next_etag(etag: str | None) -> str:
    """Return the ETag after this one: eight bytes of a counter in base64, as in `AAAAAAFD6M4=`."""
    try:
        counter = int.from_bytes(base64.b64decode(etag or "", validate=True), "big")
    except (binascii.Error, ValueError):
        counter = 0
    return base64.b64encode(((counter + 1) % (1 << 64)).to_bytes(8, "big")).decode()


def default_properties() -> Json:
    """Return what a new hub's properties are when a create says nothing about them."""
    return {
        "ipFilterRules": [],
        "eventHubEndpoints": {"events": {"retentionTimeInDays": 1, "partitionCount": 4}},
        "routing": {
            "endpoints": {"serviceBusQueues": [], "serviceBusTopics": [], "eventHubs": [], "storageContainers": []},
            "routes": [],
            "fallbackRoute": {
                "name": "$fallback",
                "source": "DeviceMessages",
                "condition": "true",
                "endpointNames": ["events"],
                "isEnabled": True,
            },
        },
        "storageEndpoints": {"$default": {"sasTtlAsIso8601": "PT1H", "connectionString": "", "containerName": ""}},
        "messagingEndpoints": {
            "fileNotifications": {"lockDurationAsIso8601": "PT1M", "ttlAsIso8601": "PT1H", "maxDeliveryCount": 10}
        },
        "enableFileUploadNotifications": False,
        "cloudToDevice": {
            "maxDeliveryCount": 10,
            "defaultTtlAsIso8601": "PT1H",
            "feedback": {"lockDurationAsIso8601": "PT1M", "ttlAsIso8601": "PT1H", "maxDeliveryCount": 10},
        },
        "features": "None",
    }


def read_only_properties(name: str, location: str, properties: Json) -> Json:
    """Return the properties with what the service computes: state, host, locations, the built-in endpoint."""
    place = location.replace(" ", "").casefold()
    pair = _PAIRED.get(place, place)
    merged = deepcopy(properties)
    merged["state"] = "Active"
    merged["provisioningState"] = "Succeeded"
    merged["hostName"] = f"{name}.azure-devices.net"
    merged["locations"] = [
        {"location": _DISPLAY.get(place, location), "role": "primary"},
        {"location": _DISPLAY.get(pair, pair), "role": "secondary"},
    ]
    events = merged.setdefault("eventHubEndpoints", {}).setdefault("events", {})
    count = events.get("partitionCount")
    events["partitionIds"] = [str(n) for n in range(count if isinstance(count, int) else 4)]
    events["path"] = name.casefold()
    short = name.casefold()[:13].strip("-")
    number = uuid.uuid5(_NAMESPACE, name.casefold()).hex[:16]
    events["endpoint"] = f"sb://iothub-ns-{short}-{number}.servicebus.windows.net/"
    return merged


def built_in_policies() -> dict[str, AccessPolicy]:
    """Return the five policies a new hub has, with fresh random keys."""
    return {name: AccessPolicy(name, rights, new_key(), new_key()) for name, rights in BUILT_IN_POLICIES.items()}


def new_hub(
    cloud: Cloud,
    name: str,
    *,
    location: str = "westeurope",
    group: str | None = None,
    properties: Json | None = None,
    sku: Json | None = None,
    tags: Json | None = None,
    etag_seed: int = 0,
) -> HubState:
    """Make a hub with the built-in policies and put it into the cloud; hold `cloud.lock` where it matters."""
    group = group or cloud.resource_group
    arm_id = f"/subscriptions/{cloud.subscription_id}/resourceGroups/{group}/providers/Microsoft.Devices/IotHubs/{name}"
    written = {**default_properties(), **(properties or {})}
    resource: Json = {
        "id": arm_id,
        "name": name,
        "type": "Microsoft.Devices/IotHubs",
        "location": location,
        "tags": tags or {},
        "etag": _first_etag(etag_seed),
        "properties": read_only_properties(name, location, written),
        "sku": sku or {"name": "S1", "tier": "Standard", "capacity": 1},
        "systemData": {"createdAt": _created(cloud)},
    }
    hub = HubState(name, arm_id, f"{name}.azure-devices.net", resource, policies=built_in_policies())
    cloud.hubs[name.casefold()] = hub
    return hub


def default_provisioning_properties() -> Json:
    """Return what a new provisioning service's properties are when a create says nothing about them."""
    return {
        "allocationPolicy": "Hashed",
        "iotHubs": [],
        "ipFilterRules": [],
        "publicNetworkAccess": "Enabled",
        "enableDataResidency": False,
    }


def provisioning_facts(name: str, arm_id: str) -> Json:
    """Return the properties that the service computes for a provisioning service: state, host names, id scope."""
    number = uuid.uuid5(_NAMESPACE, arm_id.casefold()).hex[:6].upper()
    return {
        "state": "Active",
        "provisioningState": "Succeeded",
        "deviceProvisioningHostName": "global.azure-devices-provisioning.net",
        "serviceOperationsHostName": f"{name}.azure-devices-provisioning.net",
        "portalOperationsHostName": f"{name}.services.azure-devices-provisioning.net",
        "idScope": f"0ne00{number}",
        "privateEndpointConnections": [],
    }


def provisioning_policies() -> dict[str, AccessPolicy]:
    """Return the one policy a new provisioning service has, with all rights and fresh random keys."""
    return {DPS_POLICY: AccessPolicy(DPS_POLICY, DPS_RIGHTS, new_key(), new_key())}


def new_provisioning(cloud: Cloud, name: str, hub: HubState, policy: str, *, etag_seed: int = 0) -> ProvisioningState:
    """Make a provisioning service that is linked to a hub by a policy's primary key, and put it into the cloud."""
    group = cloud.resource_group
    scope = f"/subscriptions/{cloud.subscription_id}/resourceGroups/{group}"
    arm_id = f"{scope}/providers/Microsoft.Devices/provisioningServices/{name}"
    key = hub.policies[policy].primary_key
    properties = {**default_provisioning_properties(), **provisioning_facts(name, arm_id)}
    properties["iotHubs"] = [{"name": hub.host, "applyAllocationPolicy": True, "location": hub.resource["location"]}]
    resource: Json = {
        "id": arm_id,
        "name": name,
        "type": "Microsoft.Devices/provisioningServices",
        "location": cloud.location,
        "tags": {},
        "etag": _first_etag(etag_seed),
        "properties": properties,
        "resourcegroup": group,
        "subscriptionid": cloud.subscription_id,
        "sku": {"name": "S1", "tier": "Standard", "capacity": 1},
    }
    links = {hub.host.casefold(): f"HostName={hub.host};SharedAccessKeyName={policy};SharedAccessKey={key}"}
    service = ProvisioningState(name, arm_id, resource, provisioning_policies(), links)
    cloud.provisioning[name.casefold()] = service
    return service


def diagnostic_setting(
    arm_id: str,
    workspace_arm_id: str,
    name: str,
    enabled: tuple[str, ...],
    categories: tuple[str, ...] = LOG_CATEGORIES,
) -> Json:
    """Return the ARM body (2021-05-01-preview) of a resource's setting that sends these log categories to a workspace.

    `categories` are all that the resource has.
    """
    no_retention = {"enabled": False, "days": 0}
    return {
        "id": f"{arm_id}/providers/microsoft.insights/diagnosticSettings/{name}",
        "type": "Microsoft.Insights/diagnosticSettings",
        "name": name,
        "location": None,
        "kind": None,
        "tags": None,
        "properties": {
            "storageAccountId": None,
            "serviceBusRuleId": None,
            "workspaceId": workspace_arm_id,
            "eventHubAuthorizationRuleId": None,
            "eventHubName": None,
            "metrics": [{"category": "AllMetrics", "enabled": False, "retentionPolicy": dict(no_retention)}],
            "logs": [
                {
                    "category": category,
                    "categoryGroup": None,
                    "enabled": category in enabled,
                    "retentionPolicy": dict(no_retention),
                }
                for category in categories
            ],
            "logAnalyticsDestinationType": None,
        },
        "identity": None,
    }


def new_cloud(clock: StoryClock, seed: int = 1, *, hub_name: str = HUB_NAME, location: str = "westeurope") -> Cloud:
    """Make a cloud with one empty hub, a workspace for its Connections log, a linked DPS, and operator, reader, nobody.

    Ids follow from `seed`; keys and client secrets are random on every start.
    """
    subscription = seeded_id(seed, "subscription")
    cloud = Cloud(clock, subscription, seeded_id(seed, "tenant"), RESOURCE_GROUP, location)
    cloud.role_definitions.update(deepcopy(rbac.BUILT_IN_ROLES))
    group_scope = f"/subscriptions/{subscription}/resourceGroups/{RESOURCE_GROUP}"
    workspace = Workspace(
        WORKSPACE_NAME,
        f"{group_scope}/providers/Microsoft.OperationalInsights/workspaces/{WORKSPACE_NAME}",
        seeded_id(seed, "workspace"),
        location,
    )
    cloud.workspaces[workspace.customer_id] = workspace
    hub = new_hub(
        cloud,
        hub_name,
        location=location,
        properties={
            "networkRuleSets": {
                "defaultAction": "Deny",
                "applyToBuiltInEventHubEndpoint": True,
                "ipRules": [{"filterName": "jump-box", "action": "Allow", "ipMask": "127.0.0.0/8"}],
            },
            "publicNetworkAccess": "Enabled",
            "disableLocalAuth": False,
            "disableDeviceSAS": False,
            "disableModuleSAS": False,
            "minTlsVersion": "1.2",
            "enableDataResidency": False,
        },
        sku={"name": "S1", "tier": "Standard", "capacity": 2},
        tags={"system": "plant-telemetry"},
        etag_seed=seed,
    )
    setting = diagnostic_setting(hub.arm_id, workspace.arm_id, DIAGNOSTIC_SETTING, ("Connections",))
    hub.diagnostic_settings[DIAGNOSTIC_SETTING] = setting
    service = new_provisioning(cloud, DPS_NAME, hub, "iothubowner", etag_seed=seed + 1)
    kept = diagnostic_setting(
        service.arm_id, workspace.arm_id, DIAGNOSTIC_SETTING, DPS_LOG_CATEGORIES, DPS_LOG_CATEGORIES
    )
    service.diagnostic_settings[DIAGNOSTIC_SETTING] = kept
    _principals(cloud, seed)
    _assignments(cloud, seed, (hub.arm_id, service.arm_id), workspace, group_scope)
    return cloud


def _principals(cloud: Cloud, seed: int) -> None:
    for name in ("operator", "reader", "nobody"):
        principal = Principal(
            name,
            seeded_id(seed, f"principal:{name}"),
            seeded_id(seed, f"application:{name}"),
            secrets.token_urlsafe(30),
        )
        cloud.principals[principal.object_id] = principal


def add_principal(cloud: Cloud, name: str, *, upn: str | None = None) -> Principal:
    """Add somebody who can sign in with a client secret and has no role yet; ids follow from the name."""
    principal = Principal(
        name,
        seeded_id(0, f"principal:{cloud.subscription_id}:{name}"),
        seeded_id(0, f"application:{cloud.subscription_id}:{name}"),
        secrets.token_urlsafe(30),
        upn,
    )
    with cloud.lock:
        cloud.principals[principal.object_id] = principal
    return principal


def give(
    cloud: Cloud, object_id: str, role_id: str, scope: str, *, principal_type: str = "ServicePrincipal"
) -> RoleAssignment:
    """Give a role, without asking anybody, and return the assignment."""
    name = seeded_id(0, f"assignment:{object_id}:{role_id}:{scope.casefold()}")
    assignment = RoleAssignment(name, object_id, role_id, scope, principal_type, _created(cloud))
    with cloud.lock:
        cloud.role_assignments[name] = assignment
    return assignment


def principal_named(cloud: Cloud, name: str) -> Principal:
    """Return the principal of that name (operator, reader, nobody); KeyError when there is none."""
    for principal in cloud.principals.values():
        if principal.name == name:
            return principal
    raise KeyError(name)


def _assignments(cloud: Cloud, seed: int, resources: tuple[str, str], workspace: Workspace, group: str) -> None:
    hub, service = resources
    operator = principal_named(cloud, "operator").object_id
    reader = principal_named(cloud, "reader").object_id
    wanted = (
        # on the group, so that hubs can be made next to the first one and the workspace can be found
        (operator, rbac.CONTRIBUTOR, group),
        (operator, rbac.IOT_HUB_DATA_CONTRIBUTOR, hub),
        (operator, rbac.DPS_DATA_CONTRIBUTOR, service),
        (operator, rbac.LOG_ANALYTICS_READER, workspace.arm_id),
        (operator, rbac.USER_ACCESS_ADMINISTRATOR, hub),
        (reader, rbac.READER, group),
        (reader, rbac.IOT_HUB_DATA_READER, hub),
        (reader, rbac.DPS_DATA_READER, service),
        (reader, rbac.LOG_ANALYTICS_READER, workspace.arm_id),
    )
    created = _created(cloud)
    for principal, role, scope in wanted:
        name = seeded_id(seed, f"assignment:{principal}:{role}:{scope}")
        cloud.role_assignments[name] = RoleAssignment(name, principal, role, scope, created=created)


def _first_etag(seed: int) -> str:
    return base64.b64encode(random.Random(seed).randrange(1 << 24, 1 << 32).to_bytes(8, "big")).decode()  # noqa: S311


def _created(cloud: Cloud) -> str:
    moment: datetime = cloud.clock.story().astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
