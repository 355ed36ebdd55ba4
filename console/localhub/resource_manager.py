"""Azure Resource Manager on loopback: subscriptions, groups and providers, and the routes of all other parts."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as WebRoute

from console.localhub import (
    arm_activity,
    arm_authorization,
    arm_certificates,
    arm_connections,
    arm_hub,
    arm_hub_actions,
    arm_monitor,
    arm_private_endpoints,
    arm_provisioning,
    arm_provisioning_certificates,
    arm_roles,
    rbac,
    resource_graph,
)
from console.localhub.arm_core import GROUP, SUBSCRIPTION, Arm, Call, Route, groups
from console.localhub.arm_errors import group_not_found
from console.localhub.arm_operations import FaultSource
from console.localhub.state import Cloud, Json

OPERATION_SECONDS = 0.2
_METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def make_app(
    cloud: Cloud,
    faults: FaultSource | None = None,
    base_url: Callable[[Request], str] | None = None,
    *,
    operation_seconds: float = OPERATION_SECONDS,
) -> Starlette:
    """Make the ASGI app of the resource manager.

    `base_url` tells the address the caller used, for links in answers (default: scheme and Host header).
    `operation_seconds` is how long a long-running write says InProgress. Faults `lro-fail` and `lro-stuck` of endpoint
    "arm" make the next write's operation fail or never end; such a write changes nothing. By `lro-late` it takes effect
    when its operation ends, and by `meanwhile` somebody else changes the hub right after a PUT of it.
    """
    arm = Arm(cloud, _ROUTES, faults, base_url, operation_seconds)

    async def answer(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(arm.handle, request, body)

    async def odd(request: Request, _error: Exception) -> Response:
        return await answer(request)  # a line feed in the path, or a method that no route has

    routes = [WebRoute("/{path:path}", answer, methods=_METHODS)]
    return Starlette(routes=routes, exception_handlers={404: odd, 405: odd})


def _sees(call: Call) -> bool:
    return rbac.has_any_role(call.cloud, call.principal.object_id)


def _subscription(cloud: Cloud) -> Json:
    return {
        "id": f"/subscriptions/{cloud.subscription_id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": cloud.subscription_id,
        "tenantId": cloud.tenant_id,
        "displayName": "Contoso Plants",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _list_subscriptions(call: Call) -> Response:
    """Answer the subscriptions in which the caller has any role; none is an empty list, not an error."""
    value = [_subscription(call.cloud)] if _sees(call) else []
    return JSONResponse({"value": value, "count": {"type": "Total", "value": len(value)}})


def _get_subscription(call: Call) -> Response:
    call.require_any_role("Microsoft.Resources/subscriptions/read")
    return JSONResponse(_subscription(call.cloud))


def _group(cloud: Cloud, name: str) -> Json:
    return {
        "id": f"/subscriptions/{cloud.subscription_id}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": cloud.location,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


def _list_groups(call: Call) -> Response:
    call.require_any_role("Microsoft.Resources/subscriptions/resourceGroups/read")
    return JSONResponse({"value": [_group(call.cloud, name) for name in groups(call.cloud)]})


def _get_group(call: Call) -> Response:
    for name in groups(call.cloud):
        if name.casefold() == call.params["group"].casefold():
            return JSONResponse(_group(call.cloud, name))
    raise group_not_found(call.params["group"])


def _provider(call: Call) -> Response:
    call.require_any_role(f"{call.params['provider']}/register/action")
    provider = call.params["provider"]
    return JSONResponse(
        {
            "id": f"/subscriptions/{call.cloud.subscription_id}/providers/{provider}",
            "namespace": provider,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "Registered",
            "resourceTypes": [],
        }
    )


_ROUTES: tuple[Route, ...] = (
    Route("GET", "/subscriptions", _list_subscriptions),
    Route("GET", SUBSCRIPTION, _get_subscription),
    Route("GET", SUBSCRIPTION + "/resourceGroups", _list_groups),
    Route("GET", GROUP, _get_group, "Microsoft.Resources/subscriptions/resourceGroups/read"),
    Route("GET", SUBSCRIPTION + "/providers/{provider}", _provider),
    Route("POST", SUBSCRIPTION + "/providers/{provider}/register", _provider),
    *arm_hub.ROUTES,
    *arm_hub_actions.ROUTES,
    *arm_certificates.ROUTES,
    *arm_connections.ROUTES,
    *arm_private_endpoints.ROUTES,
    *arm_provisioning.ROUTES,
    *arm_provisioning_certificates.ROUTES,
    *arm_monitor.ROUTES,
    *arm_activity.ROUTES,
    *arm_authorization.ROUTES,
    *arm_roles.ROUTES,
    *resource_graph.ROUTES,
)
