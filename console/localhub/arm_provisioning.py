"""Provisioning services (DPS) as resources: list, read, create and replace (long-running, by ETag), tags, keys."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import GROUP, PROVISIONING, SUBSCRIPTION, Call, Route
from console.localhub.arm_errors import bad_argument, bad_etag, iot_hub
from console.localhub.arm_hub_actions import policy_body
from console.localhub.arm_hub_body import policies_from, tags_from
from console.localhub.arm_provisioning_body import NAME, merged_provisioning, provisioning_body
from console.localhub.arm_writes import long_running, operation_result
from console.localhub.cloud_factory import next_etag, provisioning_policies
from console.localhub.state import DPS_RIGHTS, Json, ProvisioningState

KIND = "Microsoft.Devices/provisioningServices"
PAGE = 50
_ALL = "/providers/" + KIND
_ONE = PROVISIONING


def _list(call: Call) -> Response:
    with call.cloud.lock:
        bodies = [provisioning_body(service) for service in call.cloud.provisioning.values()]
    return call.listing(KIND + "/read", bodies, PAGE)


def _body(call: Call, service: ProvisioningState) -> Json:
    with call.cloud.lock:
        return provisioning_body(service)


def _get(call: Call) -> Response:
    return JSONResponse(_body(call, call.provisioning()))


def _put(call: Call) -> Response:
    """Create or replace a service; policies that are not named stay, everything else is replaced."""
    written, before, wanted = call.json(), call.find_provisioning(), call.if_match()
    properties = written.get("properties")
    named = properties.get("authorizationPolicies") if isinstance(properties, dict) else None
    policies = policies_from(named, DPS_RIGHTS)
    name = before.name if before is not None else call.params["service"]
    if before is None:
        _check_new(call, name, wanted)
        group = call.params["group"]
        arm_id = _ONE.format(subscription=call.cloud.subscription_id, group=group, service=name)
    else:
        arm_id = before.arm_id
        if wanted not in ("*", before.resource["etag"]):
            raise bad_etag()
    resource, links = merged_provisioning(call.cloud, written, before, name, arm_id)

    def change() -> Json:
        with call.cloud.lock:
            service = call.cloud.provisioning.get(name.casefold())
            if service is not before or (before and wanted not in ("*", before.resource["etag"])):
                raise bad_etag()  # somebody else was faster
            if service is None:
                service = ProvisioningState(name, arm_id, resource, provisioning_policies())
                call.cloud.provisioning[name.casefold()] = service
            resource["etag"] = next_etag(before.resource["etag"] if before else None)
            service.resource, service.links = resource, links
            if policies is not None:
                service.policies = policies
            return provisioning_body(service)

    if before is not None:
        return long_running(call, 200, change, unchanged=lambda: _body(call, before))
    activating = {**resource, "etag": next_etag(None)}
    return long_running(
        call, 201, change, unchanged=lambda: provisioning_body(ProvisioningState(name, arm_id, activating, {}, links))
    )


def _check_new(call: Call, name: str, wanted: str | None) -> None:
    if wanted is not None:
        raise bad_etag()
    with call.cloud.lock:
        if name.casefold() in call.cloud.provisioning:
            raise iot_hub(409000, f"The provisioning service name '{name}' is not available.")
    if not NAME.fullmatch(name):
        raise bad_argument(f"'{name}' is not a name for a provisioning service: 3 to 64 letters, digits and hyphens.")


def _patch(call: Call) -> Response:
    """Replace the tags; nothing else can be patched."""
    service, tags = call.provisioning(), tags_from(call.json())
    with call.cloud.lock:
        service.resource["tags"] = tags
        service.resource["etag"] = next_etag(service.resource["etag"])
    return JSONResponse(_body(call, service))


def _delete(call: Call) -> Response:
    service = call.find_provisioning()
    if service is None:
        return Response(status_code=204)

    def change() -> None:
        with call.cloud.lock:
            call.cloud.provisioning.pop(service.name.casefold(), None)

    return long_running(call, 202, change)


def _list_keys(call: Call) -> Response:
    service = call.provisioning()
    with call.cloud.lock:
        return JSONResponse({"value": [policy_body(policy) for policy in service.policies.values()]})


def _one_key(call: Call) -> Response:
    service = call.provisioning()
    with call.cloud.lock:
        for policy in service.policies.values():
            if policy.name.casefold() == call.params["key"].casefold():
                return JSONResponse(policy_body(policy))
    # the number of this 404 is not published
    raise iot_hub(404000, f"The shared access policy '{call.params['key']}' was not found.")


_LISTKEYS = KIND + "/listkeys/action"

ROUTES = (
    Route("GET", SUBSCRIPTION + _ALL, _list),
    Route("GET", GROUP + _ALL, _list),
    Route("GET", _ONE, _get, KIND + "/read"),
    Route("PUT", _ONE, _put, KIND + "/write", operation=KIND + "/Write"),
    Route("PATCH", _ONE, _patch, KIND + "/write", operation=KIND + "/Write"),
    Route("DELETE", _ONE, _delete, KIND + "/delete", operation=KIND + "/Delete"),
    Route("POST", _ONE + "/listkeys", _list_keys, _LISTKEYS, _ONE, KIND + "/listkeys/Action"),
    Route("POST", _ONE + "/keys/{key}/listkeys", _one_key, _LISTKEYS, _ONE, KIND + "/keys/listkeys/Action"),
    Route("GET", _ONE + "/operationResults/{operation}", operation_result, KIND + "/operationresults/read", _ONE),
)
