"""Private endpoints of the hub and the filters of its provisioning service, changed on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest
from support.hub import HubRunner
from support.network import (  # noqa: F401
    apply,
    hub,
    network,
    properties,
    role,
    services,
    set_properties,
)

from console.model.change import Consent
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import ClassicRule, FilterAction
from console.model.network import FilterEdit, LinkStatus, NetworkEdit
from console.services.bundle import Services
from console.services.network import NetworkService

# --- private endpoints ------------------------------------------------------------------------------------------------


@pytest.fixture
def subnet(hub: HubRunner) -> Iterator[str]:
    group = hub.ready["hub_arm_id"].split("/providers/")[0]
    yield f"{group}/providers/Microsoft.Network/virtualNetworks/plants/subnets/devices"
    with hub.hub.lock, hub.cloud.lock:
        hub.cloud.private_endpoints.clear()
        hub.hub.private_endpoint_connections = []


def test_a_private_endpoint_from_its_creation_to_its_end(
    hub: HubRunner, services: Services, network: NetworkService, subnet: str
) -> None:
    created = network.endpoints.create("from-plants", subnet, message="for the plants")
    apply(services, created)
    (connection,) = network.read().hub.connections
    assert (connection.status, connection.description) == (LinkStatus.PENDING, "for the plants")
    assert connection.endpoint_name == "from-plants"

    apply(services, network.endpoints.approve("from-plants"))
    assert network.read().hub.connections[0].status is LinkStatus.APPROVED
    off = network.plan(NetworkEdit(public_access=False))
    assert "no-private-endpoint" not in {risk.id for risk in off.risks}
    apply(services, off, *(risk.id for risk in off.blocking))

    rejected = network.endpoints.reject(connection.name, "wrong subscription")
    assert {risk.id for risk in rejected.blocking} == {"no-private-endpoint"}
    assert "endpoint-removal" in {risk.id for risk in rejected.risks}
    with pytest.raises(ConsoleError, match="no-private-endpoint"):
        services.changes.gate.apply(rejected, Consent())
    apply(services, rejected, "no-private-endpoint")
    assert network.read().hub.connections[0].description == "wrong subscription"

    apply(services, network.endpoints.remove(connection.name))
    assert network.read().hub.connections == ()
    apply(services, network.endpoints.delete("from-plants"))
    assert hub.cloud.private_endpoints == {}


def test_endpoints_that_cannot_be_are_refused_by_name(network: NetworkService, subnet: str) -> None:
    with pytest.raises(ConsoleError, match="“/” at place 3"):
        network.endpoints.create("a-/b", subnet)
    with pytest.raises(ConsoleError, match="no subnet's resource id"):
        network.endpoints.create("ok", "/subscriptions/x")
    with pytest.raises(ConsoleError, match="141 characters"):
        network.endpoints.create("ok", subnet, message="x" * 141)
    with pytest.raises(ConsoleError) as caught:
        network.endpoints.approve("nobody")
    assert caught.value.kind is ErrorKind.NOT_FOUND


# --- provisioning services --------------------------------------------------------------------------------------------


def test_filters_of_a_provisioning_service_change_in_order(
    hub: HubRunner, services: Services, network: NetworkService
) -> None:
    name = next(iter(hub.cloud.provisioning.values())).name
    links = deepcopy(next(iter(hub.cloud.provisioning.values())).links)
    block = ClassicRule("lab", FilterAction.REJECT, "10.99.0.0/16")
    change = network.filters.plan(name, FilterEdit(add=((block, 0),)))
    apply(services, change)
    stored = next(iter(hub.cloud.provisioning.values()))
    assert [rule["filterName"] for rule in stored.resource["properties"]["ipFilterRules"]] == [
        "lab",
        "corporate",
        "jump-box",
        "everyone-else",
    ]
    assert stored.links == links, "masked keys of linked hubs went back as they came"
    apply(services, network.filters.plan(name, FilterEdit(move=(("lab", 2),))))
    lock = network.filters.plan(name, FilterEdit(remove=("corporate", "jump-box")))
    assert {"own-lock-out", "deny-all", "cut-off"} <= {risk.id for risk in lock.blocking}
    undo = services.changes.undo.plan_last(2)
    for one in undo:
        apply(services, one, *(risk.id for risk in one.blocking))
    assert [row.rule.name for row in (network.read().provisioning.value or ())[0].rows] == [
        "corporate",
        "jump-box",
        "everyone-else",
    ]
