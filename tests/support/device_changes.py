"""A hub whose devices tests may change, its services, and what a change risks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.devices import Clients, register
from support.hub import HubRunner
from support.writes import writable

from console.model.change import Change, Consent, Outcome, Result
from console.model.errors import ConsoleError
from console.services.bundle import Services
from console.services.device_changes import DeviceChanges

SHA1, SHA256 = "ab" * 20, "cd" * 32


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Iterator[Services]:
    with hub.hub.lock:
        hub.hub.devices.clear()
    yield writable(hub, tmp_path)
    hub.faults.clear()


@pytest.fixture
def devices(services: Services) -> DeviceChanges:
    return services.changes.devices


@pytest.fixture
def clients(hub: HubRunner) -> Clients:
    return Clients(hub)


def make(services: Services, change: Change, *accepted: str) -> Outcome:
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.result is Result.APPLIED, outcome.message
    return outcome


def risks(change: Change) -> set[str]:
    return {risk.id for risk in change.risks}


def blocking(change: Change) -> set[str]:
    return {risk.id for risk in change.blocking}


def refused(call: object, *arguments: object) -> ConsoleError:
    with pytest.raises(ConsoleError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


def rich(hub: HubRunner, **fields: object) -> None:
    """Register a device with something in every member of its identity."""
    everything = {
        "status_reason": "leased to lyon",
        "edge": True,
        "scope": "ms-azure-iot-edge://press-1-637",
        "parent_scopes": ["ms-azure-iot-edge://gateway-1"],
        "c2d_count": 3,
        "tags": {"site": "lyon", "line": 4},
        "desired": {"rate": 10},
        "connection_state": "Connected",
        "last_activity": "2026-11-23T09:00:00Z",
    }
    register(hub, "press-1", **(everything | fields))
