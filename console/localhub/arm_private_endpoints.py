"""Private endpoints (Microsoft.Network) that lead to a hub: each adds a connection to the hub, and takes it along."""

from __future__ import annotations

import re
import uuid
from copy import deepcopy
from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub import private_links
from console.localhub.arm_core import GROUP, SUBSCRIPTION, Call, Route
from console.localhub.arm_errors import ArmError, front_door, resource_not_found
from console.localhub.arm_hub_body import check_location, tags_of
from console.localhub.arm_writes import long_running, operation_result
from console.localhub.state import HubState, Json

KIND = "Microsoft.Network/privateEndpoints"
PAGE = 100
GROUP_ID = "iotHub"
_APPROVALS = (
    "Microsoft.Devices/IotHubs/privateEndpointConnectionsApproval/action",
    "Microsoft.Devices/IotHubs/privateEndpointConnections/write",
)
_ALL = "/providers/" + KIND
_ONE = GROUP + _ALL + "/{endpoint}"
_OPERATIONS = SUBSCRIPTION + "/providers/Microsoft.Network/locations/{location}/operations"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?")
_SUBNET = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+",
    re.IGNORECASE,
)


def _list(call: Call) -> Response:
    with call.cloud.lock:
        bodies = deepcopy(list(call.cloud.private_endpoints.values()))
    return call.listing(KIND + "/read", bodies, PAGE)


def _known(call: Call) -> Json | None:
    call.check_group(call.params["group"])
    with call.cloud.lock:
        return deepcopy(call.cloud.private_endpoints.get(_id(call).casefold()))


def _id(call: Call) -> str:
    group, name = call.params["group"], call.params["endpoint"]
    return _ONE.format(subscription=call.cloud.subscription_id, group=group, endpoint=name)


def _get(call: Call) -> Response:
    body = _known(call)
    if body is None:
        raise resource_not_found(KIND, call.params["endpoint"], call.params["group"])
    return JSONResponse(body)


def _put(call: Call) -> Response:
    """Create an endpoint, or write one again: then only tags may differ, as its link and its subnet are for life."""
    before, written = _known(call), call.json()
    location, tags = written.get("location"), tags_of(written.get("tags"))
    if not isinstance(location, str) or not location:
        raise front_door(400, "LocationRequired", "The location property is required for this definition.")
    if not _NAME.fullmatch(call.params["endpoint"]):
        raise front_door(400, "InvalidResourceName", f"Resource name {call.params['endpoint']} is invalid.")
    subnet, key, link, hub = _link_from(call, written.get("properties"))
    if before is not None:
        check_location(call.params["endpoint"], location, before["location"])
        if _essence(before["properties"]) != (subnet.casefold(), key, hub.arm_id.casefold()):
            # the code of this refusal is not published
            raise _bad("PrivateEndpointCannotBeChanged", "The subnet and the link of a private endpoint cannot change.")
        body = {**before, "tags": tags, "etag": private_links.endpoint_etag()}
    else:
        body = _new_body(call, location, tags, subnet, key, link)

    def change() -> Json:
        with call.cloud.lock:
            call.cloud.private_endpoints[body["id"].casefold()] = body
        if before is None:
            state = link["properties"]["privateLinkServiceConnectionState"]
            name = f"{call.params['endpoint']}.{uuid.uuid4()}"
            private_links.connect(call.cloud, hub, name, body["id"], state)
        return deepcopy(body)

    unchanged = before or {**body, "properties": {**body["properties"], "provisioningState": "Updating"}}
    status = 200 if before is not None else 201
    return long_running(call, status, change, unchanged=lambda: deepcopy(unchanged), results=_results(call, location))


def _link_from(call: Call, properties: Any) -> tuple[str, str, Json, HubState]:
    """Return the subnet, which list the link is in, the link as a GET shows it, and its hub; raises 400."""
    if not isinstance(properties, dict):
        raise _unreadable()
    subnet = properties.get("subnet")
    subnet_id = subnet.get("id") if isinstance(subnet, dict) else None
    if not isinstance(subnet_id, str):
        raise _unreadable()
    if not _SUBNET.fullmatch(subnet_id):
        raise _bad(
            "LinkedInvalidPropertyId",
            f"Property id '{subnet_id}' at path 'properties.subnet.id' is invalid. Expect fully qualified resource Id "
            "that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        )
    links = [
        (key, link)
        for key in private_links.CONNECTION_LISTS
        if isinstance(properties.get(key) or [], list)
        for link in properties.get(key) or []
    ]
    if len(links) != 1:
        raise _unreadable()
    key, link = links[0]
    inner = link.get("properties") if isinstance(link, dict) else None
    if not isinstance(inner, dict) or not isinstance(link.get("name"), str) or not link["name"]:
        raise _unreadable()
    message = inner.get("requestMessage")
    if not isinstance(message, str | None) or len(message or "") > 140:
        raise _unreadable()
    hub = _hub(call, inner.get("privateLinkServiceId"))
    _check_group_ids(call, link["name"], inner.get("groupIds"))
    approved = key == private_links.CONNECTION_LISTS[0] and any(call.may(one, hub.arm_id) for one in _APPROVALS)
    state = private_links.link_state(*(("Approved", "Auto-Approved") if approved else ("Pending", message or "")))
    shown = {
        "provisioningState": "Succeeded",
        "privateLinkServiceId": inner["privateLinkServiceId"],
        "groupIds": [GROUP_ID],
        **({"requestMessage": message} if message else {}),
        "privateLinkServiceConnectionState": state,
    }
    return subnet_id, key, {"name": link["name"], "properties": shown}, hub


def _hub(call: Call, hub_id: Any) -> HubState:
    if not isinstance(hub_id, str):
        raise _unreadable()
    with call.cloud.lock:
        for hub in call.cloud.hubs.values():
            if hub.arm_id.casefold() == hub_id.casefold().rstrip("/"):
                return hub
    raise _bad(
        "InvalidResourceReference",
        f"Resource {hub_id} referenced by resource {_id(call)} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region.",
    )


def _check_group_ids(call: Call, link: str, ids: Any) -> None:
    if not ids:
        raise _bad(
            "MissingParameterOnPrivateLinkServiceConnection",
            f"Private link service connection {_id(call)}/privateLinkServiceConnections/{link} is missing required "
            "parameter 'group Id'.",
        )
    if ids != [GROUP_ID]:  # the message is what such a refusal of another provider says; its code is not published
        raise _bad("BadRequest", "Call to Microsoft.Devices/IotHubs failed. Error message: Invalid groupId")


def _essence(properties: Json) -> tuple[str, str, str]:
    """Return what of an endpoint is for life: its subnet, the kind of its link, its hub."""
    key = next(key for key in private_links.CONNECTION_LISTS if properties[key])
    hub = str(properties[key][0]["properties"]["privateLinkServiceId"])
    return str(properties["subnet"]["id"]).casefold(), key, hub.casefold().rstrip("/")


def _new_body(call: Call, location: str, tags: Json, subnet: str, key: str, link: Json) -> Json:
    endpoint, etag = _id(call), private_links.endpoint_etag()
    kind = f"{KIND}/{key}"
    nic = f"{call.params['endpoint']}.nic.{uuid.uuid4()}"
    group = GROUP.format(subscription=call.cloud.subscription_id, group=call.params["group"])
    properties: Json = {
        "provisioningState": "Succeeded",
        "resourceGuid": str(uuid.uuid4()),
        **{name: [] for name in private_links.CONNECTION_LISTS},
        "subnet": {"id": subnet},
        "ipConfigurations": [],
        "customNetworkInterfaceName": "",
        "networkInterfaces": [{"id": f"{group}/providers/Microsoft.Network/networkInterfaces/{nic}"}],
        "customDnsConfigs": [],
    }
    properties[key] = [{**link, "id": f"{endpoint}/{key}/{link['name']}", "etag": etag, "type": kind}]
    return {
        "name": call.params["endpoint"],
        "id": endpoint,
        "etag": etag,
        "type": KIND,
        "location": location,
        "tags": tags,
        "properties": properties,
    }


def _delete(call: Call) -> Response:
    known = _known(call)
    if known is None:
        return Response(status_code=204)

    def change() -> None:
        with call.cloud.lock:
            call.cloud.private_endpoints.pop(known["id"].casefold(), None)
        private_links.cut_endpoint(call.cloud, known["id"])

    return long_running(call, 202, change, results=_results(call, known["location"]))


def _results(call: Call, location: str) -> str:
    place = location.replace(" ", "").lower()
    return _OPERATIONS.format(subscription=call.cloud.subscription_id, location=place)


def _bad(code: str, text: str) -> ArmError:
    return front_door(400, code, text)


def _unreadable() -> ArmError:
    return _bad("InvalidRequestFormat", "Cannot parse the request.")


def _operation(call: Call) -> Response:
    call.require_any_role("Microsoft.Network/locations/operations/read")
    return operation_result(call)


ROUTES = (
    Route("GET", SUBSCRIPTION + _ALL, _list),
    Route("GET", GROUP + _ALL, _list),
    Route("GET", _ONE, _get, KIND + "/read"),
    Route("PUT", _ONE, _put, KIND + "/write", operation=KIND + "/Write"),
    Route("DELETE", _ONE, _delete, KIND + "/delete", operation=KIND + "/Delete"),
    Route("GET", _OPERATIONS + "/{operation}", _operation),
)
