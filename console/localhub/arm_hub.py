"""The hub as a resource: list, read, create and replace (long-running, by ETag), tags, delete."""

from __future__ import annotations

from copy import deepcopy

from starlette.responses import JSONResponse, Response

from console.localhub import private_links
from console.localhub.arm_core import GROUP, HUB, HUBS, SUBSCRIPTION, Call, Route, group_of
from console.localhub.arm_errors import bad_etag, iot_hub
from console.localhub.arm_hub_body import NETWORK_KEYS, check_name, merged_resource, policies_from, tags_from
from console.localhub.arm_writes import long_running, operation_result
from console.localhub.cloud_factory import built_in_policies, next_etag
from console.localhub.state import AccessPolicy, HubState, Json

READ = "Microsoft.Devices/IotHubs/read"
WRITE = "Microsoft.Devices/IotHubs/write"
PAGE = 50


def hub_body(hub: HubState) -> Json:
    """Return the ARM body of a hub as a GET shows it: no shared access policies, no keys."""
    with hub.lock:
        body = deepcopy(hub.resource)
        if hub.private_endpoint_connections:
            body["properties"]["privateEndpointConnections"] = deepcopy(hub.private_endpoint_connections)
    return body


def _list(call: Call) -> Response:
    with call.cloud.lock:
        hubs = list(call.cloud.hubs.values())
    return call.listing(READ, (hub_body(hub) for hub in hubs), PAGE)


def _get(call: Call) -> Response:
    return JSONResponse(hub_body(call.hub()))


def _put(call: Call) -> Response:
    """Create or replace a hub; the change is made at once, the operation ends a moment later."""
    name, group = call.params["hub"], call.params["group"]
    call.check_group(group)
    written = call.json()
    properties = written.get("properties")
    policies = policies_from(properties.get("authorizationPolicies") if isinstance(properties, dict) else None)
    with call.cloud.lock:
        hub = call.cloud.hubs.get(name.casefold())
    if hub is None:
        return _create(call, written, policies)
    if group_of(hub.arm_id) != group.casefold():
        raise iot_hub(409000, f"The IotHub name '{name}' is not available.")
    return _replace(call, hub, written, policies)


def _replace(call: Call, hub: HubState, written: Json, policies: dict[str, AccessPolicy] | None) -> Response:
    with hub.lock:
        wanted = call.if_match()
        if wanted is None or wanted not in ("*", hub.resource["etag"]):
            raise bad_etag()
        resource = merged_resource(written, hub.resource, hub.name, hub.arm_id, call.cloud.tenant_id)

    def change() -> Json:
        with hub.lock:
            before = hub.resource
            if wanted not in ("*", before["etag"]):  # somebody else was faster
                raise bad_etag()
            resource["etag"] = next_etag(before["etag"])
            resource["systemData"] = before.get("systemData", {})
            hub.resource = resource
            network = _differ(before, resource, NETWORK_KEYS)
            locks = _differ(before, resource, ("disableLocalAuth", "disableDeviceSAS", "disableModuleSAS"))
            if network:
                hub.network_changed += 1
            if policies is not None:
                hub.policies = policies
            body = hub_body(hub)
        if network:
            call.cloud.notify(hub, "network")
        if policies is not None or locks:
            call.cloud.notify(hub, "policies")
        return body

    answer = long_running(call, 201, change, unchanged=lambda: hub_body(hub))
    if call.arm.fault("meanwhile", call) is not None:
        with hub.lock:
            _set_tags(hub, {**hub.resource["tags"], "colleague": "1"})
    return answer


def _create(call: Call, written: Json, policies: dict[str, AccessPolicy] | None) -> Response:
    name, group = call.params["hub"], call.params["group"]
    if call.if_match() is not None:
        raise bad_etag()
    refused = check_name(name)
    if refused is not None:
        raise refused
    arm_id = HUB.format(subscription=call.cloud.subscription_id, group=group, hub=name)
    resource = merged_resource(written, None, name, arm_id, call.cloud.tenant_id)
    moment = call.cloud.clock.story()
    resource["etag"] = next_etag(None)
    resource["systemData"] = {"createdAt": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"}
    hub = HubState(name, arm_id, f"{name}.azure-devices.net", resource)
    hub.policies = policies if policies is not None else built_in_policies()

    def change() -> Json:
        with call.cloud.lock:
            if name.casefold() in call.cloud.hubs:  # made meanwhile: this is an update without If-Match
                raise bad_etag()
            call.cloud.hubs[name.casefold()] = hub
        return hub_body(hub)

    return long_running(call, 201, change, unchanged=lambda: hub_body(hub))


def _differ(before: Json, after: Json, keys: tuple[str, ...]) -> bool:
    return any(before["properties"].get(key) != after["properties"].get(key) for key in keys)


def _patch(call: Call) -> Response:
    """Replace the tags; nothing else can be patched."""
    hub = call.hub()
    _set_tags(hub, tags_from(call.json()))
    return JSONResponse(hub_body(hub))


def _set_tags(hub: HubState, tags: Json) -> None:
    with hub.lock:
        hub.resource["tags"] = tags
        hub.resource["etag"] = next_etag(hub.resource["etag"])


def _delete(call: Call) -> Response:
    call.check_group(call.params["group"])
    with call.cloud.lock:
        hub = call.cloud.hubs.get(call.params["hub"].casefold())
    if hub is None or group_of(hub.arm_id) != call.params["group"].casefold():
        return Response(status_code=204)

    def change() -> None:
        with call.cloud.lock:
            call.cloud.hubs.pop(hub.name.casefold(), None)
        private_links.cut_all(call.cloud, hub)

    return long_running(call, 202, change)


ROUTES = (
    Route("GET", SUBSCRIPTION + HUBS, _list),
    Route("GET", GROUP + HUBS, _list),
    Route("GET", HUB, _get, READ),
    Route("PUT", HUB, _put, WRITE, operation="Microsoft.Devices/IotHubs/Write"),
    Route("PATCH", HUB, _patch, WRITE, operation="Microsoft.Devices/IotHubs/Write"),
    Route("DELETE", HUB, _delete, "Microsoft.Devices/IotHubs/delete", operation="Microsoft.Devices/IotHubs/Delete"),
    Route(
        "GET",
        HUB + "/operationResults/{operation}",
        operation_result,
        "Microsoft.Devices/IotHubs/operationresults/read",
        HUB,
    ),
)
