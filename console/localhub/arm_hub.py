"""The hub as a resource: list, read, create and replace (long-running, by ETag), tags, delete."""

from __future__ import annotations

from copy import deepcopy

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import GROUP, HUB, HUBS, SUBSCRIPTION, Call, Route, group_of
from console.localhub.arm_errors import bad_etag, forbidden, iot_hub, resource_not_found
from console.localhub.arm_hub_body import NETWORK_KEYS, check_name, merged_resource, policies_from, tags_from
from console.localhub.arm_operations import Operation, operation_body
from console.localhub.cloud_factory import built_in_policies, next_etag
from console.localhub.state import AccessPolicy, HubState, Json

READ = "Microsoft.Devices/IotHubs/read"
WRITE = "Microsoft.Devices/IotHubs/write"
PAGE = 50
_FAILURE = {
    "code": "InternalServerError",
    "message": "The operation failed because of an internal error. The hub was not changed.",
}


def hub_body(hub: HubState) -> Json:
    """Return the ARM body of a hub as a GET shows it: no shared access policies, no keys."""
    with hub.lock:
        body = deepcopy(hub.resource)
        if hub.private_endpoint_connections:
            body["properties"]["privateEndpointConnections"] = deepcopy(hub.private_endpoint_connections)
    return body


def _list(call: Call) -> Response:
    """Answer the hubs of a subscription or group that the caller may read; 403 when a role for it is nowhere."""
    group = call.params.get("group")
    if group is not None:
        call.check_group(group)
    with call.cloud.lock:
        hubs = list(call.cloud.hubs.values())
    if group is not None:
        hubs = [hub for hub in hubs if group_of(hub.arm_id) == group.casefold()]
    scope = (GROUP if group is not None else SUBSCRIPTION).format(**call.params)
    readable = [hub for hub in hubs if call.may(READ, hub.arm_id)]
    if not readable and not call.may(READ, scope):
        raise forbidden(call.principal, READ, scope)
    return call.page((hub_body(hub) for hub in sorted(readable, key=lambda hub: hub.name)), PAGE)


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
    with hub.lock:
        wanted = call.if_match()
        if wanted is None or wanted not in ("*", hub.resource["etag"]):
            raise bad_etag()
        resource = merged_resource(written, hub.resource, hub.name, hub.arm_id, call.cloud.tenant_id)
        operation, apply = _operation(call)
        if not apply:
            return call.accepted(operation, 201, hub_body(hub))
        before = hub.resource
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
    return call.accepted(operation, 201, body)


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
    operation, apply = _operation(call)
    hub = HubState(name, arm_id, f"{name}.azure-devices.net", resource)
    hub.policies = policies if policies is not None else built_in_policies()
    if apply:
        call.cloud.hubs[name.casefold()] = hub
    return call.accepted(operation, 201, hub_body(hub))


def _operation(call: Call) -> tuple[Operation, bool]:
    """Start the operation of a write and say whether the write takes effect; faults make it fail or never end."""
    if call.arm.fault("lro-fail", call) is not None:
        call.notes["failed"] = _FAILURE
        return call.arm.operations.start(error=dict(_FAILURE)), False
    if call.arm.fault("lro-stuck", call) is not None:
        call.notes["stuck"] = True
        return call.arm.operations.start(stuck=True), False
    return call.arm.operations.start(), True


def _differ(before: Json, after: Json, keys: tuple[str, ...]) -> bool:
    return any(before["properties"].get(key) != after["properties"].get(key) for key in keys)


def _patch(call: Call) -> Response:
    """Replace the tags; nothing else can be patched."""
    hub = call.hub()
    tags = tags_from(call.json())
    with hub.lock:
        hub.resource["tags"] = tags
        hub.resource["etag"] = next_etag(hub.resource["etag"])
    return JSONResponse(hub_body(hub))


def _delete(call: Call) -> Response:
    call.check_group(call.params["group"])
    with call.cloud.lock:
        hub = call.cloud.hubs.get(call.params["hub"].casefold())
        if hub is None or group_of(hub.arm_id) != call.params["group"].casefold():
            return Response(status_code=204)
        operation, apply = _operation(call)
        if apply:
            del call.cloud.hubs[hub.name.casefold()]
    return call.accepted(operation, 202, None)


def _operation_result(call: Call) -> Response:
    operation = call.arm.operations.get(call.params["operation"])
    if operation is None:
        raise resource_not_found(
            "Microsoft.Devices/IotHubs/operationResults", call.params["operation"], call.params["group"]
        )
    if "asyncinfo" in call.query:
        headers = {"Retry-After": "1"} if operation.status() == "InProgress" else {}
        return JSONResponse(operation_body(operation), 200, headers)
    if operation.status() == "InProgress":
        return Response(status_code=202, headers={"Location": f"{call.base_url}{call.path}", "Retry-After": "1"})
    return Response(status_code=204)


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
        _operation_result,
        "Microsoft.Devices/IotHubs/operationresults/read",
        HUB,
    ),
)
