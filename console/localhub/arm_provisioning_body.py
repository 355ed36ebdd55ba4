"""What a PUT of a provisioning service may say, and its linked hubs, whose connection strings are shown masked."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from console.localhub.arm_errors import bad_argument, bad_body, front_door
from console.localhub.arm_hub_body import check_location, tags_of, validate_ordered_rules
from console.localhub.cloud_factory import default_provisioning_properties, provisioning_facts
from console.localhub.state import Cloud, Json, ProvisioningState

NAME = re.compile(r"(?!-)[A-Za-z0-9-]{2,63}[A-Za-z0-9]")
MAX_RULES = 100
MAX_HUBS = 50
MASK = "****"
_TARGETS = ("all", "serviceApi", "deviceApi")
_POLICIES = ("Hashed", "GeoLatency", "Static")
_READ_ONLY_TOP = ("id", "name", "type", "etag", "resourcegroup", "subscriptionid", "systemData")


def provisioning_body(service: ProvisioningState) -> Json:
    """Return the ARM body as a GET shows it: no policies, and no key in the linked hubs' connection strings."""
    body = deepcopy(service.resource)
    for hub in body["properties"]["iotHubs"]:
        hub["connectionString"] = masked(service.links[hub["name"].casefold()])
    return body


def masked(connection_string: str) -> str:
    """Return a connection string with stars in place of its key."""
    return re.sub(r"(SharedAccessKey=)[^;]*", rf"\g<1>{MASK}", connection_string)


def merged_provisioning(
    cloud: Cloud, written: Json, current: ProvisioningState | None, name: str, arm_id: str
) -> tuple[Json, dict[str, str]]:
    """Return the new ARM body and the linked hubs' connection strings by lower-case host, from a PUT.

    Properties of no known name are kept; missing ones fall back to a new service's defaults, so a PUT without
    `iotHubs` unlinks every hub. The caller sets the etag. Raises `ArmError` for what the service refuses.
    """
    resource = {key: deepcopy(value) for key, value in written.items() if key not in _READ_ONLY_TOP}
    location, properties = resource.get("location"), resource.get("properties")
    if not isinstance(location, str) or not location:
        raise front_door(400, "LocationRequired", "The location property is required for this definition.")
    resource["tags"] = tags_of(resource.get("tags"))
    resource["sku"] = _sku(resource.get("sku"))
    if current is not None:
        check_location(name, location, str(current.resource["location"]))
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise bad_body()
    facts = provisioning_facts(name, arm_id)
    properties = {k: v for k, v in properties.items() if k not in facts and k != "authorizationPolicies"}
    for key, value in default_provisioning_properties().items():
        if properties.get(key) is None:
            properties[key] = value
    _validate(properties)
    hubs, links = _linked(cloud, properties["iotHubs"], current.links if current is not None else {})
    resource["properties"] = {**properties, "iotHubs": hubs, **facts}
    resource.update({"id": arm_id, "name": name, "type": "Microsoft.Devices/provisioningServices"})
    resource.update({"resourcegroup": arm_id.split("/")[4], "subscriptionid": cloud.subscription_id})
    return resource, links


def _sku(sku: Any) -> Json:
    if not isinstance(sku, dict) or sku.get("name") != "S1":
        raise bad_body()
    capacity = sku.get("capacity", 1)
    if isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 1:
        raise bad_argument("The capacity of SKU S1 must be 1 or more.")
    return {**sku, "tier": "Standard", "capacity": capacity}


def _validate(properties: Json) -> None:
    if properties["allocationPolicy"] not in _POLICIES or not isinstance(properties["enableDataResidency"], bool):
        raise bad_body()
    if properties["publicNetworkAccess"] not in ("Enabled", "Disabled"):
        raise bad_body()
    validate_ordered_rules(properties["ipFilterRules"], MAX_RULES, _TARGETS)


def _linked(cloud: Cloud, written: Any, known: dict[str, str]) -> tuple[list[Json], dict[str, str]]:
    """Return the linked hubs without connection strings, and these by host; a masked one keeps what was stored."""
    if not isinstance(written, list):
        raise bad_body()
    if len(written) > MAX_HUBS:
        raise bad_argument(f"The number of linked hubs cannot exceed {MAX_HUBS}.")
    hubs: list[Json] = []
    links: dict[str, str] = {}
    for item in written:
        text = item.get("connectionString") if isinstance(item, dict) else None
        if not isinstance(text, str) or not isinstance(item.get("location"), str):
            raise bad_body()
        weight, applied = item.get("allocationWeight"), item.get("applyAllocationPolicy")
        if isinstance(weight, bool) or not isinstance(weight, int | None) or not isinstance(applied, bool | None):
            raise bad_body()
        host, policy, key = _parsed(text)
        if host.casefold() in links:
            raise bad_argument(f"The hub '{host}' is linked twice.")
        if key.strip("*") == "":
            stored = known.get(host.casefold())
            if stored is None or _parsed(stored)[1] != policy:
                raise bad_argument(f"There is no key of '{policy}' for the hub '{host}': a masked one was given.")
            text, key = stored, ""
        _check_link(cloud, host, policy, key)
        links[host.casefold()] = text
        kept = {name: value for name, value in item.items() if name not in ("connectionString", "name")}
        hubs.append({"name": host, **deepcopy(kept)})
    return hubs, links


def _parsed(connection_string: str) -> tuple[str, str, str]:
    """Return host, policy and key of a hub's connection string; raises 400004 for anything else."""
    parts = dict(part.partition("=")[::2] for part in connection_string.split(";") if part)
    try:
        return parts["HostName"], parts["SharedAccessKeyName"], parts["SharedAccessKey"]
    except KeyError:
        raise bad_argument("The connection string of a linked hub is not one.") from None


def _check_link(cloud: Cloud, host: str, policy: str, key: str) -> None:
    """Check a link as the service does, by using it; `key` is empty where the stored one is kept."""
    with cloud.lock:
        hub = next((hub for hub in cloud.hubs.values() if hub.host.casefold() == host.casefold()), None)
    if hub is None:
        raise bad_argument(f"The linked hub '{host}' was not found.")
    with hub.lock:
        found = hub.policies.get(policy)
    if found is None:
        raise bad_argument(f"The linked hub '{host}' has no shared access policy '{policy}'.")
    if key and key not in (found.primary_key, found.secondary_key):
        raise bad_argument(f"The linked hub '{host}' refused the key of '{policy}'.")
