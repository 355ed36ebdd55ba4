"""Private endpoints and a hub's connections to them: made, approved, rejected, cut, from either end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from support.arm import EXAMPLES, ArmBench, arm, misfits, needs_examples  # noqa: F401
from support.hub import request

from console.localhub.cloud_factory import principal_named
from console.localhub.rbac import role_definition
from console.localhub.state import RoleAssignment

VERSION = "2024-05-01"
SUBNET = (
    "/subscriptions/00000000-0000-0000-0000-00000000beef/resourceGroups/net/providers/Microsoft.Network"
    "/virtualNetworks/contoso-vnet/subnets/hubs"
)


class Links:
    """Calls on private endpoints and on the hub's connections."""

    def __init__(self, arm: ArmBench) -> None:
        self.arm = arm
        self.group = f"/subscriptions/{arm.subscription}/resourceGroups/{arm.group}"
        self.connections = arm.client().private_endpoint_connections

    def path(self, name: str) -> str:
        return f"{self.group}/providers/Microsoft.Network/privateEndpoints/{name}"

    def body(self, *, manual: bool = False, **change: Any) -> dict[str, Any]:
        link = {"name": "to-hub", "properties": {"privateLinkServiceId": self.arm.hub_path, "groupIds": ["iotHub"]}}
        link["properties"].update(change)
        key = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
        return {"location": "westeurope", "properties": {"subnet": {"id": SUBNET}, key: [link]}}

    def put(self, name: str, body: dict[str, Any], principal: str = "operator") -> tuple[int, dict[str, str], Any]:
        return self.arm.raw("PUT", self.path(name), body, principal=principal, version=VERSION)

    def get(self, name: str) -> dict[str, Any]:
        status, _, body = self.arm.raw("GET", self.path(name), version=VERSION)
        assert status == 200
        return body

    def delete(self, name: str) -> tuple[int, dict[str, str], Any]:
        return self.arm.raw("DELETE", self.path(name), version=VERSION)

    def made(self, name: str, **body: Any) -> str:
        """Make an endpoint and return the name of its connection on the hub."""
        assert self.put(name, self.body(**body))[0] == 201
        return next(one["name"] for one in self.on_hub() if one["name"].startswith(name + "."))

    def on_hub(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.arm.raw("GET", self.arm.hub_path + "/privateEndpointConnections")[2]
        return found

    def set(self, connection: str, status: Any, description: Any = "said so") -> Any:
        body = {"properties": {"privateLinkServiceConnectionState": {"status": status, "description": description}}}
        return self.arm.raw("PUT", f"{self.arm.hub_path}/privateEndpointConnections/{connection}", body)

    def status_at(self, endpoint: str) -> str:
        properties = self.get(endpoint)["properties"]
        links = properties["privateLinkServiceConnections"] + properties["manualPrivateLinkServiceConnections"]
        return str(links[0]["properties"]["privateLinkServiceConnectionState"]["status"])


@pytest.fixture
def links(arm: ArmBench) -> Iterator[Links]:
    yield Links(arm)
    arm.runner.faults.clear()
    with arm.runner.cloud.lock:
        arm.runner.cloud.private_endpoints.clear()
    arm.runner.hub.private_endpoint_connections = []


def test_an_endpoint_is_made_and_approved_at_once_by_who_may(links: Links):
    arm, before, counted = links.arm, links.arm.get()["etag"], links.arm.runner.hub.network_changed
    status, headers, body = links.put("from-office", links.body())
    assert status == 201
    assert re.fullmatch(r'W/"[0-9a-f-]{36}"', body["etag"])
    assert (body["id"], body["type"]) == (links.path("from-office"), "Microsoft.Network/privateEndpoints")
    (link,) = body["properties"]["privateLinkServiceConnections"]
    assert link["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"
    assert link["id"] == links.path("from-office") + "/privateLinkServiceConnections/to-hub"
    assert links.get("FROM-office") == body
    address = headers["azure-asyncoperation"]
    while (found := request(address, ca_file=arm.ready["ca_file"], token=arm.runner.token())[2]["status"]) != (
        "Succeeded"
    ):
        assert found == "InProgress"
    (connection,) = links.on_hub()
    assert re.fullmatch(r"from-office\.[0-9a-f-]{36}", connection["name"])
    assert connection["properties"] == {
        "privateEndpoint": {"id": body["id"]},
        "privateLinkServiceConnectionState": {
            "status": "Approved",
            "description": "Auto-Approved",
            "actionsRequired": "None",
        },
    }
    assert arm.get()["etag"] != before
    assert arm.get()["properties"]["privateEndpointConnections"] == [connection]
    assert arm.runner.hub.network_changed == counted + 1
    for scope in (links.group, f"/subscriptions/{arm.subscription}"):
        path = f"{scope}/providers/Microsoft.Network/privateEndpoints"
        assert [one["name"] for one in arm.raw("GET", path, version=VERSION)[2]["value"]] == ["from-office"]


def test_an_endpoint_waits_when_its_owner_may_not_approve_or_asks_for_it(links: Links):
    cloud = links.arm.runner.cloud
    nobody = principal_named(cloud, "nobody").object_id
    actions = ["Microsoft.Network/privateEndpoints/*"]
    cloud.role_definitions["net"] = role_definition("net", "Network", "", actions=actions, custom=True)
    cloud.role_assignments["net"] = RoleAssignment("net", nobody, "net", links.group)
    try:
        assert links.put("from-plant", links.body(requestMessage="please"), principal="nobody")[0] == 201
    finally:
        del cloud.role_assignments["net"], cloud.role_definitions["net"]
    links.made("from-lab", manual=True)
    states = [one["properties"]["privateLinkServiceConnectionState"] for one in links.on_hub()]
    assert [(one["status"], one["description"]) for one in states] == [("Pending", "please"), ("Pending", "")]
    assert links.status_at("from-plant") == links.status_at("from-lab") == "Pending"


def test_the_sdk_approves_rejects_and_deletes(links: Links):
    from azure.mgmt.iothub import models

    arm, name = links.arm, links.made("e", manual=True)
    etag = arm.get()["etag"]
    for status in ("Approved", "Rejected", "Approved"):
        state = models.PrivateLinkServiceConnectionState(status=status, description=f"{status} by a test")
        written = models.PrivateEndpointConnection(
            properties=models.PrivateEndpointConnectionProperties(private_link_service_connection_state=state)
        )
        found = links.connections.begin_update(arm.group, arm.name, name.upper(), written).result()
        assert found.properties.private_link_service_connection_state.description == f"{status} by a test"
        assert found.properties.private_endpoint.id == links.path("e")
        assert links.status_at("e") == status
    assert arm.get()["etag"] != etag
    assert [one.name for one in links.connections.list(arm.group, arm.name)] == [name]
    links.connections.begin_delete(arm.group, arm.name, name).result()
    assert links.on_hub() == []
    assert links.status_at("e") == "Disconnected"
    assert "privateEndpointConnections" not in arm.get()["properties"]
    links.connections.begin_delete(arm.group, arm.name, name).result()  # 204
    with pytest.raises(ResourceNotFoundError):
        links.connections.begin_update(arm.group, arm.name, name, written)


@pytest.mark.parametrize(
    ("start", "to", "allowed"),
    [
        ("Pending", "Disconnected", False),
        ("Approved", "Pending", False),
        ("Approved", "Disconnected", True),
        ("Approved", "Approved", True),
        ("Rejected", "Pending", False),
        ("Rejected", "Disconnected", False),
        ("Disconnected", "Approved", False),
    ],
)
def test_what_may_follow_what(links: Links, start: str, to: str, allowed: bool):
    name = links.made("e", manual=True)
    if start == "Disconnected":
        links.set(name, "Approved")
    if start != "Pending":
        assert links.set(name, start)[0] == 201
    status, _, body = links.set(name, to)
    assert status == (201 if allowed else 400)
    assert allowed or body["code"] == 400004
    assert links.status_at("e") == (to if allowed else start)


def test_reachability_is_told_when_it_changes(links: Links):
    name, told = links.made("e", manual=True), []
    links.arm.runner.cloud.listeners.append(lambda _hub, what: told.append(what))
    try:
        for status, count in (("Rejected", 0), ("Approved", 1), ("Approved", 1), ("Rejected", 2)):
            links.set(name, status)
            assert told == ["network"] * count
    finally:
        links.arm.runner.cloud.listeners.clear()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"properties": None},
        {"properties": {"privateLinkServiceConnectionState": "Approved"}},
        {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}},
        {"properties": {"privateLinkServiceConnectionState": {"description": "x"}}},
        {"properties": {"privateLinkServiceConnectionState": {"status": "Fine", "description": "x"}}},
        {"properties": {"privateLinkServiceConnectionState": {"status": ["Approved"], "description": "x"}}},
        {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": None}}},
    ],
)
def test_a_state_needs_status_and_description(links: Links, body: dict[str, Any]):
    name = links.made("e", manual=True)
    status, _, answer = links.arm.raw("PUT", f"{links.arm.hub_path}/privateEndpointConnections/{name}", body)
    assert (status, answer["code"]) == (400, 400059)
    assert links.status_at("e") == "Pending"


def test_a_put_makes_no_connection_and_a_reader_changes_none(links: Links):
    status, _, body = links.set("not-there", "Approved")
    assert (status, body["code"]) == (404, 404000)
    name = links.made("e")
    reader = links.arm.client("reader").private_endpoint_connections
    assert reader.list(links.arm.group, links.arm.name)[0].name == name
    with pytest.raises(HttpResponseError) as caught:
        reader.begin_delete(links.arm.group, links.arm.name, name)
    assert "privateEndpointConnections/delete" in caught.value.message
    assert links.put("e2", links.body(), principal="reader")[0] == 403
    assert links.arm.raw("GET", links.path("e"), principal="reader", version=VERSION)[0] == 200
    assert links.arm.raw("GET", links.path("e"), principal="nobody", version=VERSION)[0] == 403


def test_a_deleted_endpoint_takes_its_connection_along(links: Links):
    links.made("one")
    links.made("two")
    status, headers, _ = links.delete("one")
    assert status == 202
    assert headers["location"]
    assert [one["name"].partition(".")[0] for one in links.on_hub()] == ["two"]
    assert links.arm.raw("GET", links.path("one"), version=VERSION)[2]["error"]["code"] == "ResourceNotFound"
    assert links.delete("one")[0] == 204


def test_a_deleted_hub_leaves_its_endpoints_disconnected(links: Links):
    arm, path = links.arm, links.arm.hub_path + "-two"
    assert arm.raw("PUT", path, {"location": "westeurope", "sku": {"name": "S1"}})[0] == 201
    assert links.put("e", links.body(privateLinkServiceId=path.upper()))[0] == 201
    assert links.status_at("e") == "Approved"
    assert arm.raw("DELETE", path)[0] == 202
    assert links.status_at("e") == "Disconnected"


def test_an_endpoint_is_written_again_with_other_tags_and_nothing_else(links: Links):
    name = links.made("e")
    body = {**links.get("e"), "tags": {"owner": "plants"}}
    status, _, answer = links.put("e", body)
    assert (status, answer["tags"]) == (200, {"owner": "plants"})
    assert [one["name"] for one in links.on_hub()] == [name]
    other = links.body()
    other["properties"]["subnet"]["id"] = SUBNET + "2"
    assert links.put("e", other)[2]["error"]["code"] == "PrivateEndpointCannotBeChanged"
    assert links.put("e", {**body, "location": "eastus"})[2]["error"]["code"] == "InvalidResourceLocation"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"location": None}, "LocationRequired"),
        ({"properties": None}, "InvalidRequestFormat"),
        ({"subnet": None}, "InvalidRequestFormat"),
        ({"subnet": {"id": "/subscriptions/x/hubs"}}, "LinkedInvalidPropertyId"),
        ({"privateLinkServiceConnections": []}, "InvalidRequestFormat"),
        ({"privateLinkServiceConnections": "x"}, "InvalidRequestFormat"),
        ({"privateLinkServiceConnections": [7]}, "InvalidRequestFormat"),
        ({"link": {"privateLinkServiceId": "/subscriptions/x"}}, "InvalidResourceReference"),
        ({"link": {"privateLinkServiceId": None}}, "InvalidRequestFormat"),
        ({"link": {"groupIds": None}}, "MissingParameterOnPrivateLinkServiceConnection"),
        ({"link": {"groupIds": ["iothub"]}}, "BadRequest"),
        ({"link": {"groupIds": ["iotHub", "iotDps"]}}, "BadRequest"),
        ({"link": {"requestMessage": "x" * 141}}, "InvalidRequestFormat"),
        ({"tags": {"a": 1}}, "InvalidTagsFormat"),
    ],
)
def test_what_no_endpoint_may_say(links: Links, change: dict[str, Any], code: str):
    body = links.body(**change.get("link", {}))
    for key, value in change.items():
        (body if key in ("location", "properties", "tags") else body["properties"])[key] = value
    status, _, answer = links.put("bad", body)
    assert (status, answer["error"]["code"]) == (400, code)
    assert links.arm.raw("GET", links.path("bad"), version=VERSION)[0] == 404
    assert links.on_hub() == []


@pytest.mark.parametrize("kind", ["lro-fail", "lro-stuck"])
def test_a_write_that_fails_or_sticks_changes_nothing(links: Links, kind: str):
    name = links.made("e", manual=True)
    etag = links.arm.get()["etag"]
    connection = f"{links.arm.hub_path}/privateEndpointConnections/{name}"
    for call, status in (
        (lambda: links.set(name, "Approved"), 201),
        (lambda: links.arm.raw("DELETE", connection), 202),
        (lambda: links.put("other", links.body()), 201),
        (lambda: links.delete("e"), 202),
    ):
        links.arm.runner.faults.add(kind, endpoint="arm", count=1)
        assert call()[0] == status
        assert links.status_at("e") == "Pending"
        assert [one["name"] for one in links.on_hub()] == [name]
    assert links.arm.get()["etag"] == etag
    assert links.arm.raw("GET", links.path("other"), version=VERSION)[0] == 404


def test_the_writes_show_in_the_activity_log(links: Links):
    cloud = links.arm.runner.cloud
    with cloud.lock:
        cloud.activity.clear()
    name = links.made("e", manual=True)
    links.set(name, "Approved")
    links.arm.raw("DELETE", f"{links.arm.hub_path}/privateEndpointConnections/{name}")
    links.delete("e")
    path = f"/subscriptions/{links.arm.subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    since = "eventTimestamp%20ge%20'2020-01-01T00:00:00Z'"
    query = f"?$filter={since}%20and%20resourceGroupName%20eq%20'{links.arm.group}'"
    _, _, body = links.arm.raw("GET", path + query, version="2015-04-01")
    done = [one for one in reversed(body["value"]) if one["status"]["value"] == "Succeeded"]
    assert [one["operationName"]["value"] for one in done] == [
        "Microsoft.Network/privateEndpoints/Write",
        "Microsoft.Devices/IotHubs/privateEndpointConnections/Write",
        "Microsoft.Devices/IotHubs/privateEndpointConnections/Delete",
        "Microsoft.Network/privateEndpoints/Delete",
    ]
    assert all("/" not in one["operationName"]["localizedValue"] for one in done)
    assert done[1]["resourceId"].casefold() == f"{links.arm.hub_path}/privateEndpointConnections/{name}".casefold()


@needs_examples
def test_a_connection_has_the_keys_of_the_example_and_the_model(links: Links):
    links.made("e")
    (connection,) = links.on_hub()
    example = json.loads((EXAMPLES / "arm/iothub_listprivateendpointconnections.json").read_text())
    wanted = example["responses"]["200"]["body"][0]
    assert set(connection) == set(wanted)
    assert set(connection["properties"]) == set(wanted["properties"])
    key = "privateLinkServiceConnectionState"
    assert set(connection["properties"][key]) == set(wanted["properties"][key])
    assert misfits("PrivateEndpointConnection", connection) == []
