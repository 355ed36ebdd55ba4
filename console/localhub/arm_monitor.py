"""Azure Monitor of hubs and provisioning services: metrics, diagnostic settings, and the workspaces they name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import GROUP, HUB, PROVISIONING, SUBSCRIPTION, Call, Route, group_of
from console.localhub.arm_errors import flat, forbidden, resource_not_found
from console.localhub.arm_metrics import metrics
from console.localhub.cloud_factory import LOG_CATEGORIES, seeded_id
from console.localhub.provisioning_logs import CATEGORIES as DPS_LOG_CATEGORIES
from console.localhub.state import Json, Workspace

_INSIGHTS = "/providers/Microsoft.Insights"
_WORKSPACES = "/providers/Microsoft.OperationalInsights/workspaces"
_READ_WORKSPACE = "Microsoft.OperationalInsights/workspaces/read"
MAX_SETTINGS = 5
_DESTINATIONS = (
    "workspaceId",
    "storageAccountId",
    "eventHubAuthorizationRuleId",
    "serviceBusRuleId",
    "marketplacePartnerId",
)


@dataclass(frozen=True)
class _Monitored:
    """A resource with diagnostic settings: its own, the lock they are under, and its log categories."""

    arm_id: str
    settings: dict[str, Json]
    lock: AbstractContextManager[object]
    categories: tuple[str, ...]
    changed: Callable[[], None]


def _monitored(call: Call) -> _Monitored:
    if "service" in call.params:
        service = call.provisioning()
        settings = service.diagnostic_settings
        return _Monitored(service.arm_id, settings, call.cloud.lock, DPS_LOG_CATEGORIES, lambda: None)
    hub = call.hub()

    def changed() -> None:
        call.cloud.notify(hub, "diagnostics")

    return _Monitored(hub.arm_id, hub.diagnostic_settings, hub.lock, LOG_CATEGORIES, changed)


def _list_settings(call: Call) -> Response:
    place = _monitored(call)
    if call.arm.fault("no-diagnostic-setting", call) is not None:
        return JSONResponse({"value": []})
    with place.lock:
        return JSONResponse({"value": list(place.settings.values())})


def _setting_name(call: Call, place: _Monitored) -> str | None:
    wanted = call.params["setting"].casefold()
    return next((name for name in place.settings if name.casefold() == wanted), None)


def _get_setting(call: Call) -> Response:
    place = _monitored(call)
    with place.lock:
        name = _setting_name(call, place)
        if name is None:
            text = f"The diagnostic setting '{call.params['setting']}' doesn't exist."
            raise flat(404, "ResourceNotFound", text)
        return JSONResponse(place.settings[name])


def _put_setting(call: Call) -> Response:
    place = _monitored(call)
    written = call.json().get("properties")
    if not isinstance(written, dict):
        raise flat(400, "BadRequest", "The properties of the diagnostic setting are missing.")
    if not any(written.get(destination) for destination in _DESTINATIONS):
        raise flat(400, "BadRequest", "At least one data sink needs to be specified.")
    properties: Json = {
        "storageAccountId": None,
        "serviceBusRuleId": None,
        "workspaceId": None,
        "eventHubAuthorizationRuleId": None,
        "eventHubName": None,
        "logAnalyticsDestinationType": None,
        **written,
        "metrics": [_category(item, ("AllMetrics",)) for item in _items(written, "metrics")],
        "logs": [_category(item, place.categories) for item in _items(written, "logs")],
    }
    with place.lock:
        name = _setting_name(call, place) or call.params["setting"]
        if name not in place.settings and len(place.settings) >= MAX_SETTINGS:
            raise flat(409, "Conflict", f"A resource takes at most {MAX_SETTINGS} diagnostic settings.")
        body: Json = {
            "id": f"{place.arm_id}/providers/microsoft.insights/diagnosticSettings/{name}",
            "type": "Microsoft.Insights/diagnosticSettings",
            "name": name,
            "location": None,
            "kind": None,
            "tags": None,
            "properties": properties,
            "identity": None,
        }
        place.settings[name] = body
    place.changed()
    return JSONResponse(body)


def _items(written: Json, key: str) -> list[Json]:
    items = written.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise flat(400, "BadRequest", f"'{key}' must be a list of objects.")
    return items


def _category(item: Json, known: tuple[str, ...]) -> Json:
    category, group = item.get("category"), item.get("categoryGroup")
    if category is not None:
        name = next((one for one in known if one.casefold() == str(category).casefold()), None)
        if name is None:
            text = f"Category '{category}' is not supported, supported ones are: '{', '.join(known)}'."
            raise flat(400, "BadRequest", text)
        item = {**item, "category": name}
    elif str(group).casefold() not in ("alllogs", "audit"):
        raise flat(400, "BadRequest", "A category or a category group is needed.")
    return {"retentionPolicy": {"enabled": False, "days": 0}, **item, "enabled": item.get("enabled") is True}


def _delete_setting(call: Call) -> Response:
    place = _monitored(call)
    with place.lock:
        name = _setting_name(call, place)
        if name is None:
            return Response(status_code=204)
        del place.settings[name]
    place.changed()
    return Response(status_code=200)


def workspace_body(workspace: Workspace) -> Json:
    """Return the ARM body of a workspace; `properties.customerId` is the id that queries use."""
    return {
        "id": workspace.arm_id,
        "name": workspace.name,
        "type": "Microsoft.OperationalInsights/workspaces",
        "location": workspace.location,
        "tags": {},
        "etag": f'"{seeded_id(0, workspace.customer_id)}"',
        "properties": {
            "customerId": workspace.customer_id,
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 30,
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "features": {"enableLogAccessUsingOnlyResourcePermissions": True},
        },
    }


def _list_workspaces(call: Call) -> Response:
    group = call.params.get("group")
    if group is not None:
        call.check_group(group)
    with call.cloud.lock:
        known = list(call.cloud.workspaces.values())
    if group is not None:
        known = [workspace for workspace in known if group_of(workspace.arm_id) == group.casefold()]
    scope = (GROUP if group is not None else SUBSCRIPTION).format(**call.params)
    readable = [workspace for workspace in known if call.may(_READ_WORKSPACE, workspace.arm_id)]
    if not readable and not call.may(_READ_WORKSPACE, scope):
        raise forbidden(call.principal, _READ_WORKSPACE, scope)
    return JSONResponse({"value": [workspace_body(workspace) for workspace in readable]})


def _get_workspace(call: Call) -> Response:
    call.check_group(call.params["group"])
    with call.cloud.lock:
        for workspace in call.cloud.workspaces.values():
            same_group = group_of(workspace.arm_id) == call.params["group"].casefold()
            if workspace.name.casefold() == call.params["workspace"].casefold() and same_group:
                return JSONResponse(workspace_body(workspace))
    kind = "Microsoft.OperationalInsights/workspaces"
    raise resource_not_found(kind, call.params["workspace"], call.params["group"])


def _metrics(call: Call) -> Response:
    hub = call.hub()
    now: datetime = call.cloud.clock.story().astimezone(UTC)
    body: dict[str, Any] = metrics(hub, call.query, now)
    return JSONResponse(body)


_SETTING_ACTION = "Microsoft.Insights/diagnosticSettings/"


def _setting_routes(resource: str) -> tuple[Route, ...]:
    every = resource + _INSIGHTS + "/diagnosticSettings"
    one, action = every + "/{setting}", _SETTING_ACTION
    return (
        Route("GET", every, _list_settings, action + "read", resource),
        Route("GET", one, _get_setting, action + "read", resource),
        Route("PUT", one, _put_setting, action + "write", resource, action + "Write"),
        Route("DELETE", one, _delete_setting, action + "delete", resource, action + "Delete"),
    )


ROUTES = (
    *_setting_routes(HUB),
    *_setting_routes(PROVISIONING),
    Route("GET", HUB + _INSIGHTS + "/metrics", _metrics, "Microsoft.Insights/metrics/read", HUB),
    Route("GET", SUBSCRIPTION + _WORKSPACES, _list_workspaces),
    Route("GET", GROUP + _WORKSPACES, _list_workspaces),
    Route("GET", GROUP + _WORKSPACES + "/{workspace}", _get_workspace, _READ_WORKSPACE),
)
