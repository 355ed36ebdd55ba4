"""Azure Monitor of a hub: platform metrics, diagnostic settings, and the Log Analytics workspaces they name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import GROUP, HUB, SUBSCRIPTION, Call, Route, group_of
from console.localhub.arm_errors import flat, forbidden, resource_not_found
from console.localhub.arm_metrics import metrics
from console.localhub.cloud_factory import LOG_CATEGORIES, seeded_id
from console.localhub.state import HubState, Json, Workspace

_INSIGHTS = "/providers/Microsoft.Insights"
_SETTINGS = HUB + _INSIGHTS + "/diagnosticSettings"
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


def _list_settings(call: Call) -> Response:
    hub = call.hub()
    if call.arm.fault("no-diagnostic-setting", call) is not None:
        return JSONResponse({"value": []})
    with hub.lock:
        return JSONResponse({"value": list(hub.diagnostic_settings.values())})


def _setting_name(call: Call, hub: HubState) -> str | None:
    wanted = call.params["setting"].casefold()
    return next((name for name in hub.diagnostic_settings if name.casefold() == wanted), None)


def _get_setting(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        name = _setting_name(call, hub)
        if name is None:
            text = f"The diagnostic setting '{call.params['setting']}' doesn't exist."
            raise flat(404, "ResourceNotFound", text)
        return JSONResponse(hub.diagnostic_settings[name])


def _put_setting(call: Call) -> Response:
    hub = call.hub()
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
        "logs": [_category(item, LOG_CATEGORIES) for item in _items(written, "logs")],
    }
    with hub.lock:
        name = _setting_name(call, hub) or call.params["setting"]
        if name not in hub.diagnostic_settings and len(hub.diagnostic_settings) >= MAX_SETTINGS:
            raise flat(409, "Conflict", f"A resource takes at most {MAX_SETTINGS} diagnostic settings.")
        body: Json = {
            "id": f"{hub.arm_id}/providers/microsoft.insights/diagnosticSettings/{name}",
            "type": "Microsoft.Insights/diagnosticSettings",
            "name": name,
            "location": None,
            "kind": None,
            "tags": None,
            "properties": properties,
            "identity": None,
        }
        hub.diagnostic_settings[name] = body
    call.cloud.notify(hub, "diagnostics")
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
    hub = call.hub()
    with hub.lock:
        name = _setting_name(call, hub)
        if name is None:
            return Response(status_code=204)
        del hub.diagnostic_settings[name]
    call.cloud.notify(hub, "diagnostics")
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

ROUTES = (
    Route("GET", _SETTINGS, _list_settings, _SETTING_ACTION + "read", HUB),
    Route("GET", _SETTINGS + "/{setting}", _get_setting, _SETTING_ACTION + "read", HUB),
    Route("PUT", _SETTINGS + "/{setting}", _put_setting, _SETTING_ACTION + "write", HUB, _SETTING_ACTION + "Write"),
    Route(
        "DELETE", _SETTINGS + "/{setting}", _delete_setting, _SETTING_ACTION + "delete", HUB, _SETTING_ACTION + "Delete"
    ),
    Route("GET", HUB + _INSIGHTS + "/metrics", _metrics, "Microsoft.Insights/metrics/read", HUB),
    Route("GET", SUBSCRIPTION + _WORKSPACES, _list_workspaces),
    Route("GET", GROUP + _WORKSPACES, _list_workspaces),
    Route("GET", GROUP + _WORKSPACES + "/{workspace}", _get_workspace, _READ_WORKSPACE),
)
