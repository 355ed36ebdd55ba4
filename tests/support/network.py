"""A hub whose network tests may change, its services, and roles for an engineer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner
from support.writes import writable

from console.localhub.cloud_factory import next_etag
from console.localhub.rbac import role_definition
from console.localhub.scenario import OPERATOR_ADDRESS
from console.localhub.state import RoleAssignment
from console.model.change import Change, Consent, Result
from console.model.ip_rule import IpRule
from console.services.bundle import Services
from console.services.network import NetworkService

LYON = IpRule("lyon-plant", "10.20.0.0/16")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=200, seed=3) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Iterator[Services]:
    with hub.hub.lock, hub.cloud.lock:
        properties = deepcopy(hub.hub.resource["properties"])
        filters = {name: deepcopy(one.resource) for name, one in hub.cloud.provisioning.items()}
    yield writable(hub, tmp_path, my_ip=OPERATOR_ADDRESS)
    with hub.hub.lock, hub.cloud.lock:
        hub.hub.resource["properties"] = properties
        hub.hub.resource["etag"] = next_etag(hub.hub.resource["etag"])
        hub.hub.network_changed += 1
        for name, resource in filters.items():
            hub.cloud.provisioning[name].resource = resource
    hub.faults.clear()


@pytest.fixture
def network(services: Services) -> NetworkService:
    return services.changes.network


@contextmanager
def role(hub: HubRunner, *actions: str) -> Iterator[None]:
    """Give the principal "nobody" a role with these actions on the hub's group."""
    cloud = hub.cloud
    who = next(one.object_id for one in cloud.principals.values() if one.name == "nobody")
    scope = hub.ready["hub_arm_id"].split("/providers/")[0]
    with cloud.lock:
        cloud.role_definitions["net"] = role_definition("net", "Network", "", actions=actions, custom=True)
        cloud.role_assignments["net"] = RoleAssignment("net", who, "net", scope)
    yield
    with cloud.lock:
        del cloud.role_assignments["net"], cloud.role_definitions["net"]


def properties(hub: HubRunner) -> dict[str, Any]:
    with hub.hub.lock:
        found: dict[str, Any] = deepcopy(hub.hub.resource["properties"])
    return found


def set_properties(hub: HubRunner, **changes: Any) -> None:
    with hub.hub.lock:
        hub.hub.resource["properties"].update(changes)
        hub.hub.resource["etag"] = next_etag(hub.hub.resource["etag"])
        hub.hub.network_changed += 1


def apply(services: Services, change: Change, *accepted: str) -> None:
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.result is Result.APPLIED, outcome.message
