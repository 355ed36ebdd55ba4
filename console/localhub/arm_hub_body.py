"""What a PUT of a hub may say: validation as the service does it, and the merge with what the service decides."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from copy import deepcopy
from typing import Any

from console.localhub.arm_errors import ArmError, bad_argument, bad_body, front_door, iot_hub
from console.localhub.cloud_factory import default_properties, read_only_properties, seeded_id
from console.localhub.state import RIGHTS, AccessPolicy, Json, new_key

NAME = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{2,49}[a-zA-Z0-9]")
_RULE_NAME = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;']{1,128}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9\-._]{1,64}")
TIERS = {
    "F1": "Free",
    "B1": "Basic",
    "B2": "Basic",
    "B3": "Basic",
    "S1": "Standard",
    "S2": "Standard",
    "S3": "Standard",
}
MAX_UNITS = {"F1": 1, "B1": 200, "B2": 200, "B3": 10, "S1": 200, "S2": 200, "S3": 10}
MAX_RULES = 100
MAX_CLASSIC_RULES = 10
_READ_ONLY_TOP = ("id", "name", "type", "etag", "systemData")
_READ_ONLY = ("state", "provisioningState", "hostName", "locations", "privateEndpointConnections")
_FLAGS = (
    "disableLocalAuth",
    "disableDeviceSAS",
    "disableModuleSAS",
    "restrictOutboundNetworkAccess",
    "enableFileUploadNotifications",
    "enableDataResidency",
)
NETWORK_KEYS = ("networkRuleSets", "ipFilterRules", "publicNetworkAccess")


def merged_resource(written: Json, current: Json | None, name: str, arm_id: str, tenant: str) -> Json:
    """Return the hub's new ARM body from a PUT: the whole resource as written, read-only fields as they are.

    `current` is the body before, None for a new hub. Properties of no known name are kept; missing ones fall back to
    a new hub's defaults. `authorizationPolicies` is taken out (see `policies_from`). The caller sets the etag.
    Raises `ArmError` (400 and 409) for what the service refuses.
    """
    resource = {key: deepcopy(value) for key, value in written.items() if key not in _READ_ONLY_TOP}
    location, sku = resource.get("location"), resource.get("sku")
    if not isinstance(location, str) or not location:
        raise front_door(400, "LocationRequired", "The location property is required for this definition.")
    resource["sku"] = _sku(sku)
    resource["tags"] = tags_of(resource.get("tags"))
    if current is not None:
        check_location(name, location, str(current["location"]))
    properties = resource.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise bad_body()
    properties = {k: v for k, v in (properties or {}).items() if k not in _READ_ONLY and k != "authorizationPolicies"}
    for key, value in default_properties().items():
        if properties.get(key) is None:
            properties[key] = value
    validate_properties(properties)
    resource["properties"] = read_only_properties(name, location, properties)
    if current is not None:  # the computed parts do not move with a write
        before = current["properties"]
        resource["properties"].update({key: deepcopy(before[key]) for key in _READ_ONLY if key in before})
    _mint_identity(resource, arm_id, tenant)
    resource.update({"id": arm_id, "name": name, "type": "Microsoft.Devices/IotHubs"})
    return resource


def validate_properties(properties: Json) -> None:
    """Check what the service checks of the properties; raises 400059 for shape, 400004 for values."""
    for flag in _FLAGS:
        if not isinstance(properties.get(flag), bool | None):
            raise bad_body()
    if properties.get("publicNetworkAccess") not in (None, "Enabled", "Disabled"):
        raise bad_body()
    if not isinstance(properties.get("minTlsVersion"), str | None):
        raise bad_body()
    allowed = properties.get("allowedFqdnList")
    if allowed is not None and not (isinstance(allowed, list) and all(isinstance(item, str) for item in allowed)):
        raise bad_body()
    for key in ("eventHubEndpoints", "storageEndpoints", "messagingEndpoints", "routing", "cloudToDevice"):
        if not isinstance(properties.get(key), dict | None):
            raise bad_body()
    if not isinstance((properties.get("routing") or {}).get("endpoints"), dict | None):
        raise bad_body()
    events = properties["eventHubEndpoints"].setdefault("events", {})
    if not isinstance(events, dict) or not isinstance(events.setdefault("partitionCount", 4), int):
        raise bad_body()
    if isinstance(events["partitionCount"], bool) or not 1 <= events["partitionCount"] <= 128:
        raise bad_argument("The partition count must be between 1 and 128.")
    rule_sets = properties.get("networkRuleSets")
    if rule_sets is not None:
        _validate_network(rule_sets)
    validate_ordered_rules(properties.get("ipFilterRules"), MAX_CLASSIC_RULES)


def _validate_network(rule_sets: Any) -> None:
    if not isinstance(rule_sets, dict) or not isinstance(rule_sets.get("applyToBuiltInEventHubEndpoint"), bool):
        raise bad_body()  # the case of azure-cli#31631: a set without this flag
    rules = rule_sets.get("ipRules")
    if rule_sets.setdefault("defaultAction", "Deny") not in ("Allow", "Deny") or not isinstance(rules, list):
        raise bad_body()
    if len(rules) > MAX_RULES:
        raise bad_argument(f"The number of IP rules cannot exceed {MAX_RULES}.")
    seen: set[str] = set()
    for rule in rules:
        if not isinstance(rule, dict) or rule.setdefault("action", "Allow") != "Allow":
            raise bad_body()
        _validate_rule(rule, seen)


def validate_ordered_rules(rules: Any, maximum: int, targets: tuple[str, ...] = ()) -> None:
    """Check rules of the ordered kind (Accept or Reject): a hub's old ones and those of a provisioning service.

    `targets` are the values that a rule's optional `target` may have; without them it is not looked at. Raises 400059
    for a shape, 400004 for too many rules, a name that is used twice or a mask that is none.
    """
    if not isinstance(rules, list):
        raise bad_body()
    if len(rules) > maximum:
        raise bad_argument(f"The number of IP filter rules cannot exceed {maximum}.")
    seen: set[str] = set()
    for rule in rules:
        if not isinstance(rule, dict) or rule.get("action") not in ("Accept", "Reject"):
            raise bad_body()
        if targets and rule.get("target") not in (None, *targets):
            raise bad_body()
        _validate_rule(rule, seen)


def _validate_rule(rule: Json, seen: set[str]) -> None:
    name, mask = rule.get("filterName"), rule.get("ipMask")
    if not isinstance(name, str) or not isinstance(mask, str) or not _RULE_NAME.fullmatch(name):
        raise bad_body()
    if name.casefold() in seen:
        raise bad_argument(f"The IP rule name '{name}' is used twice; names are compared without case.")
    seen.add(name.casefold())
    try:
        ipaddress.IPv4Network(mask, strict=False)
        if not mask.partition("/")[2].isdigit() and "/" in mask:
            raise ValueError("a mask in dots is no CIDR range")
    except ValueError:
        raise bad_argument(f"'{mask}' is not an IPv4 address or CIDR range.") from None


def policies_from(written: Any, known: tuple[str, ...] = RIGHTS) -> dict[str, AccessPolicy] | None:
    """Return the shared access policies of a PUT; None when it says nothing of them, which keeps those there are.

    `known` are the rights there are, in the service's order. A key that is null is minted. Raises 400059 for a shape,
    400035 for a key, 400004 for a refused name or rights.
    """
    if written is None:
        return None
    if not isinstance(written, list):
        raise bad_body()
    policies: dict[str, AccessPolicy] = {}
    for item in written:
        if not isinstance(item, dict):
            raise bad_body()
        name, rights = item.get("keyName"), item.get("rights")
        if not isinstance(name, str) or not isinstance(rights, str):
            raise bad_body()
        if not _POLICY_NAME.fullmatch(name):
            raise bad_argument(f"'{name}' is not a valid shared access policy name.")
        if name.casefold() in {other.casefold() for other in policies}:
            raise bad_argument(f"The shared access policy '{name}' is given twice.")
        granted = rights_from(rights, known)
        policies[name] = AccessPolicy(name, granted, _key(item, "primaryKey"), _key(item, "secondaryKey"))
    return policies


def rights_from(text: str, known: tuple[str, ...] = RIGHTS) -> tuple[str, ...]:
    """Return the rights of a comma-separated text in the order of `known`; raises 400004 for a word that is none."""
    words = {word.strip() for word in text.split(",")}
    if not words or words - set(known):
        raise bad_argument(f"'{text}' are not access rights.")
    return tuple(right for right in known if right in words)


def _key(item: Json, which: str) -> str:
    value = item.get(which)
    if value is None or value == "":
        return new_key()
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if not 16 <= len(raw) <= 64:
        raise iot_hub(400035, f"The {which} of a shared access policy must be base64 of 16 to 64 bytes.")
    return str(value)


def _sku(sku: Any) -> Json:
    if not isinstance(sku, dict) or sku.get("name") not in TIERS:
        raise bad_body()
    name, capacity = str(sku["name"]), sku.get("capacity", 1)
    if isinstance(capacity, bool) or not isinstance(capacity, int) or not 1 <= capacity <= MAX_UNITS[name]:
        raise bad_argument(f"The capacity of SKU {name} must be between 1 and {MAX_UNITS[name]}.")
    return {**sku, "tier": TIERS[name], "capacity": capacity}


def tags_of(tags: Any) -> Json:
    """Return the tags of a resource's body, none when it has none; raises 400 for what are no tags."""
    if tags is None:
        return {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise front_door(400, "InvalidTagsFormat", "Tags are a set of names with text values.")
    return dict(tags)


def tags_from(written: Json) -> Json:
    """Return the tags of a PATCH; raises 400 when they are none or something else is asked for."""
    if "tags" not in written:
        raise bad_body()
    return tags_of(written["tags"])


def _mint_identity(resource: Json, arm_id: str, tenant: str) -> None:
    identity = resource.get("identity")
    if not isinstance(identity, dict):
        return
    if "SystemAssigned" in str(identity.get("type", "")):
        identity["principalId"] = seeded_id(0, f"identity:{arm_id.casefold()}")
        identity["tenantId"] = tenant
    else:
        identity.pop("principalId", None)
        identity.pop("tenantId", None)


def check_location(name: str, location: str, current: str) -> None:
    """Raise the front door's 409 when a resource that is in one region is written with another."""
    if _place(location) != _place(current):
        raise front_door(
            409,
            "InvalidResourceLocation",
            f"The resource '{name}' already exists in location '{current}'. A resource with the same name "
            f"cannot be created in location '{location}'. Please select a new resource name.",
        )


def _place(location: str) -> str:
    return location.replace(" ", "").casefold()


def check_name(name: str) -> ArmError | None:
    """Return the error for a hub name the service refuses, None for a good one."""
    if NAME.fullmatch(name):
        return None
    return bad_argument(
        f"IotHub name '{name}' is not valid: 3 to 50 letters, digits and hyphens, not at the ends and not only digits."
    )
