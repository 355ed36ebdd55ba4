"""The two ends of a private link, kept in step: a hub's endpoint connection and the private endpoint it belongs to."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from copy import deepcopy

from console.localhub.cloud_factory import next_etag
from console.localhub.state import Cloud, HubState, Json

CONNECTION_LISTS = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
_GONE = {"status": "Disconnected", "description": "The connection was removed.", "actionsRequired": "None"}


def link_state(status: str, description: str, actions_required: str = "None") -> Json:
    """Return a `privateLinkServiceConnectionState`; `status` is Pending, Approved, Rejected or Disconnected."""
    return {"status": status, "description": description, "actionsRequired": actions_required}


def state_of(connection: Json) -> Json:
    """Return the state in a hub's endpoint connection."""
    state: Json = connection["properties"]["privateLinkServiceConnectionState"]
    return state


def find(hub: HubState, name: str) -> Json | None:
    """Return a copy of a hub's endpoint connection by its name, in any case; None when there is none."""
    with hub.lock:
        for connection in hub.private_endpoint_connections:
            if str(connection.get("name", "")).casefold() == name.casefold():
                return deepcopy(connection)
    return None


def connect(cloud: Cloud, hub: HubState, name: str, endpoint_id: str, state: Json) -> None:
    """Give a hub a connection from a private endpoint."""
    connection = {
        "name": name,
        "type": "Microsoft.Devices/IotHubs/PrivateEndpointConnections",
        "id": f"{hub.arm_id}/PrivateEndpointConnections/{name}",
        "properties": {"privateEndpoint": {"id": endpoint_id}, "privateLinkServiceConnectionState": dict(state)},
    }
    _rewrite(cloud, hub, lambda connections: [*connections, connection])


def set_state(cloud: Cloud, hub: HubState, name: str, state: Json) -> None:
    """Set the state of a hub's connection, and of the endpoint at its other end."""
    known = find(hub, name)
    if known is None:
        return

    def rewrite(connections: list[Json]) -> list[Json]:
        changed = {**known, "properties": {**known["properties"], "privateLinkServiceConnectionState": dict(state)}}
        return [changed if one["name"] == known["name"] else one for one in connections]

    _rewrite(cloud, hub, rewrite)
    _tell_endpoint(cloud, known, state)


def cut(cloud: Cloud, hub: HubState, name: str) -> None:
    """Take a connection from a hub; the endpoint at its other end, where there still is one, is Disconnected."""
    known = find(hub, name)
    if known is not None:
        _rewrite(cloud, hub, lambda connections: [one for one in connections if one["name"] != known["name"]])
        _tell_endpoint(cloud, known, _GONE)


def cut_all(cloud: Cloud, hub: HubState) -> None:
    """Disconnect the endpoints of a hub that is gone."""
    with hub.lock:
        names = [str(connection["name"]) for connection in hub.private_endpoint_connections]
    for name in names:
        cut(cloud, hub, name)


def cut_endpoint(cloud: Cloud, endpoint_id: str) -> None:
    """Take the connections of a private endpoint from every hub that has one."""
    with cloud.lock:
        hubs = list(cloud.hubs.values())
    for hub in hubs:
        with hub.lock:
            names = [
                str(one["name"])
                for one in hub.private_endpoint_connections
                if str(one["properties"]["privateEndpoint"]["id"]).casefold() == endpoint_id.casefold()
            ]
        for name in names:
            cut(cloud, hub, name)


def endpoint_etag() -> str:
    """Return a new ETag of a private endpoint: weak, a GUID, as Microsoft.Network's are."""
    return f'W/"{uuid.uuid4()}"'


def _rewrite(cloud: Cloud, hub: HubState, rewrite: Callable[[list[Json]], list[Json]]) -> None:
    """Replace a hub's connections; its ETag moves, as writers of hubs notice when endpoints come and go meanwhile."""
    with hub.lock:
        before = hub.private_endpoint_connections
        hub.private_endpoint_connections = rewrite(before)
        hub.resource["etag"] = next_etag(hub.resource["etag"])
        network = _approved(before) != _approved(hub.private_endpoint_connections)
        if network:
            hub.network_changed += 1
    if network:
        cloud.notify(hub, "network")


def _approved(connections: list[Json]) -> set[str]:
    return {str(one["name"]) for one in connections if state_of(one)["status"] == "Approved"}


def _tell_endpoint(cloud: Cloud, connection: Json, state: Json) -> None:
    with cloud.lock:
        endpoint = cloud.private_endpoints.get(str(connection["properties"]["privateEndpoint"]["id"]).casefold())
        if endpoint is None:
            return
        endpoint["etag"] = endpoint_etag()
        for key in CONNECTION_LISTS:
            for one in endpoint["properties"][key]:
                one["etag"] = endpoint["etag"]
                one["properties"]["privateLinkServiceConnectionState"] = dict(state)
