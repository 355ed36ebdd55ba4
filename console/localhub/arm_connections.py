"""The private endpoint connections of a hub: list, read, approve or reject, delete (the last two long-running)."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub import private_links
from console.localhub.arm_core import HUB, Call, Route
from console.localhub.arm_errors import bad_argument, bad_body, iot_hub
from console.localhub.arm_writes import long_running, operation_result
from console.localhub.state import HubState, Json

STATUSES = ("Pending", "Approved", "Rejected", "Disconnected")
# A connection that was cut stays cut: its owner makes a new one. The service does not publish this table.
_NEXT = {
    "Pending": ("Pending", "Approved", "Rejected"),
    "Approved": ("Approved", "Rejected", "Disconnected"),
    "Rejected": ("Rejected", "Approved"),
    "Disconnected": ("Disconnected",),
}


def _list(call: Call) -> Response:
    """Answer the connections as a bare array, as the service does."""
    hub = call.hub()
    with hub.lock:
        return JSONResponse(list(hub.private_endpoint_connections))


def _get(call: Call) -> Response:
    return JSONResponse(_found(call, call.hub()))


def _found(call: Call, hub: HubState) -> Json:
    connection = private_links.find(hub, call.params["connection"])
    if connection is None:
        # the number of this 404 is not published
        raise iot_hub(404000, f"The private endpoint connection '{call.params['connection']}' was not found.")
    return connection


def _put(call: Call) -> Response:
    """Set the state of a connection that is there; only the private endpoint makes one."""
    hub = call.hub()
    name = str(_found(call, hub)["name"])
    state = _state_from(call.json())

    def change() -> Json:
        before = private_links.state_of(_found(call, hub))["status"]
        if state["status"] not in _NEXT[before]:
            text = f"The private endpoint connection '{name}' is {before} and cannot become {state['status']}."
            raise bad_argument(text)
        private_links.set_state(call.cloud, hub, name, state)
        return _found(call, hub)

    return long_running(call, 201, change, unchanged=lambda: _found(call, hub))


def _state_from(written: Json) -> Json:
    """Return the state of a PUT's body; raises 400059 unless it has a known status and a description."""
    properties: Any = written.get("properties")
    state: Any = properties.get("privateLinkServiceConnectionState") if isinstance(properties, dict) else None
    if not isinstance(state, dict) or state.get("status") not in STATUSES:
        raise bad_body()
    description, actions = state.get("description"), state.get("actionsRequired")
    if not isinstance(description, str) or not isinstance(actions, str | None):
        raise bad_body()
    return private_links.link_state(state["status"], description, actions or "None")


def _delete(call: Call) -> Response:
    hub, name = call.hub(), call.params["connection"]
    if private_links.find(hub, name) is None:
        return Response(status_code=204)
    return long_running(call, 202, lambda: private_links.cut(call.cloud, hub, name))


_ONE = HUB + "/privateEndpointConnections/{connection}"
_ACTION = "Microsoft.Devices/IotHubs/privateEndpointConnections/"

ROUTES = (
    Route("GET", HUB + "/privateEndpointConnections", _list, _ACTION + "read", HUB),
    Route("GET", _ONE, _get, _ACTION + "read", HUB),
    Route("PUT", _ONE, _put, _ACTION + "write", operation=_ACTION + "Write"),
    Route("DELETE", _ONE, _delete, _ACTION + "delete", operation=_ACTION + "Delete"),
    Route("GET", _ONE + "/operationResults/{operation}", operation_result, _ACTION + "operationResults/read", _ONE),
)
