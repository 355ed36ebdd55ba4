"""What a hub answers beside its own body: keys, SKUs, quotas, statistics, endpoint health, names, private links."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import HUB, SUBSCRIPTION, Call, Route
from console.localhub.arm_errors import bad_body, iot_hub
from console.localhub.arm_hub_body import MAX_UNITS, TIERS, check_name
from console.localhub.device_table import tally
from console.localhub.state import AccessPolicy, Json

_LISTKEYS = "Microsoft.Devices/IotHubs/listkeys/action"
_DAILY_MESSAGES = {
    "F1": 8_000,
    "B1": 400_000,
    "S1": 400_000,
    "B2": 6_000_000,
    "S2": 6_000_000,
    "B3": 300_000_000,
    "S3": 300_000_000,
}
_PRIVATE_LINK = {
    "groupId": "iotHub",
    "requiredMembers": ["iotHub"],
    "requiredZoneNames": ["privatelink.azure-devices.net", "privatelink.servicebus.windows.net"],
}


def policy_body(policy: AccessPolicy) -> Json:
    """Return a shared access policy with its keys, as listkeys of a hub and of a provisioning service show it."""
    return {
        "keyName": policy.name,
        "primaryKey": policy.primary_key,
        "secondaryKey": policy.secondary_key,
        "rights": ", ".join(policy.rights),
    }


def _list_keys(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        return JSONResponse({"value": [policy_body(policy) for policy in hub.policies.values()]})


def _one_key(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        for policy in hub.policies.values():
            if policy.name.casefold() == call.params["key"].casefold():
                return JSONResponse(policy_body(policy))
    # the number of this 404 is not published
    raise iot_hub(404000, f"The shared access policy '{call.params['key']}' was not found.")


def _skus(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        tier, units = hub.resource["sku"]["tier"], hub.resource["sku"]["capacity"]
    value = [
        {
            "resourceType": "Microsoft.Devices/IotHubs",
            "sku": {"name": name, "tier": TIERS[name], "capacity": units if TIERS[name] != "Free" else 1},
            "capacity": {
                "minimum": 1,
                "maximum": maximum,
                "default": 1,
                "scaleType": "None" if TIERS[name] == "Free" else "Manual",
            },
        }
        for name, maximum in MAX_UNITS.items()
        if TIERS[name] == tier
    ]
    return JSONResponse({"value": value})


def _quota(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        sku, devices = hub.resource["sku"], len(hub.devices)
        points = hub.metric_history.get("dailyMessageQuotaUsed") or []
        used = int(points[-1][1]) if points else 0
    free = sku["name"] == "F1"
    return JSONResponse(
        {
            "value": [
                {
                    "name": "TotalMessages",
                    "currentValue": used,
                    "maxValue": _DAILY_MESSAGES[sku["name"]] * sku["capacity"],
                },
                {"name": "TotalDeviceCount", "currentValue": devices, "maxValue": 500 if free else 1_000_000},
            ]
        }
    )


def _stats(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        enabled = tally(hub.devices, lambda device: device.status == "enabled")
        total = len(hub.devices)
    body = {"totalDeviceCount": total, "enabledDeviceCount": enabled, "disabledDeviceCount": total - enabled}
    return JSONResponse(body)


def _endpoint_health(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        endpoints: Any = hub.resource["properties"].get("routing", {}).get("endpoints") or {}
        names = [
            str(endpoint.get("id") or endpoint.get("name"))
            for kind in endpoints.values()
            if isinstance(kind, list)
            for endpoint in kind
            if isinstance(endpoint, dict)
        ]
    return JSONResponse({"value": [{"endpointId": name, "healthStatus": "healthy"} for name in ["events", *names]]})


def _check_name(call: Call) -> Response:
    call.require_any_role("Microsoft.Devices/checkNameAvailability/action")
    name = call.json().get("name")
    if not isinstance(name, str):
        raise bad_body()
    with call.cloud.lock:
        taken = name.casefold() in call.cloud.hubs
    if check_name(name) is not None:
        text = f"IotHub name '{name}' is not valid."
        return JSONResponse({"nameAvailable": False, "reason": "Invalid", "message": text})
    if taken:
        text = f"IotHub name '{name}' is not available"
        return JSONResponse({"nameAvailable": False, "reason": "AlreadyExists", "message": text})
    return JSONResponse({"nameAvailable": True, "reason": "Invalid", "message": None})


def _private_link(call: Call) -> Json:
    hub = call.hub()
    return {
        "id": f"{hub.arm_id}/PrivateLinkResources/iotHub",
        "name": "iotHub",
        "type": "Microsoft.Devices/IotHubs/PrivateLinkResources",
        "properties": dict(_PRIVATE_LINK),
    }


def _private_links(call: Call) -> Response:
    return JSONResponse({"value": [_private_link(call)]})


def _one_private_link(call: Call) -> Response:
    body = _private_link(call)
    if call.params["member"].casefold() != "iothub":
        raise iot_hub(404000, f"The private link resource '{call.params['member']}' was not found.")
    return JSONResponse(body)


def _devices(name: str) -> str:
    return f"Microsoft.Devices/IotHubs/{name}"


ROUTES = (
    Route("POST", HUB + "/listkeys", _list_keys, _LISTKEYS, HUB, _devices("listkeys/Action")),
    Route("POST", HUB + "/IotHubKeys/{key}/listkeys", _one_key, _LISTKEYS, HUB, _devices("IotHubKeys/listkeys/Action")),
    Route("GET", HUB + "/skus", _skus, _devices("skus/read"), HUB),
    Route("GET", HUB + "/quotaMetrics", _quota, _devices("quotaMetrics/read"), HUB),
    Route("GET", HUB + "/IotHubStats", _stats, _devices("iotHubStats/read"), HUB),
    Route("GET", HUB + "/routingEndpointsHealth", _endpoint_health, _devices("routingEndpointsHealth/read"), HUB),
    Route("GET", HUB + "/privateLinkResources", _private_links, _devices("privateLinkResources/read"), HUB),
    Route("GET", HUB + "/privateLinkResources/{member}", _one_private_link, _devices("privateLinkResources/read"), HUB),
    Route("POST", SUBSCRIPTION + "/providers/Microsoft.Devices/checkNameAvailability", _check_name),
)
