"""A hub whose policies tests may change, its services, and what of it must not move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hub import HubRunner
from support.writes import writable

from console.localhub.cloud_factory import new_provisioning
from console.localhub.state import AccessPolicy
from console.model.change import Change, Consent, Result
from console.model.policy import Right
from console.rules.keys import new_key
from console.services.bundle import Services
from console.services.policies import PoliciesService

LIST_KEYS = "listkeys/action"


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=3, throttle=False) as hub:
        yield hub


@pytest.fixture
def hub(runner: HubRunner) -> Iterator[HubRunner]:
    """The hub with three policies, and a provisioning service that links it by "linked"."""
    with runner.cloud.lock, runner.hub.lock:
        for switch in ("disableLocalAuth", "disableDeviceSAS", "disableModuleSAS"):
            runner.hub.resource["properties"][switch] = False
        runner.hub.resource["properties"]["futureProperty"] = {"unknown": [1, None]}
        runner.hub.policies = {
            name: AccessPolicy(name, rights, new_key(), new_key())
            for name, rights in {
                "iothubowner": tuple(right.value for right in Right),
                "linked": ("RegistryRead", "RegistryWrite", "ServiceConnect"),
                "press": ("ServiceConnect",),
            }.items()
        }
        runner.cloud.provisioning.clear()
        new_provisioning(runner.cloud, "contoso-dps", runner.hub, "linked")
        runner.cloud.activity.clear()
    yield runner
    runner.faults.clear()


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return writable(hub, tmp_path)


@pytest.fixture
def policies(services: Services) -> PoliciesService:
    return services.changes.policies


def keys(hub: HubRunner) -> dict[str, tuple[str, str, str]]:
    with hub.hub.lock:
        return {
            one.name: (", ".join(one.rights), one.primary_key, one.secondary_key) for one in hub.hub.policies.values()
        }


def others(hub: HubRunner, name: str) -> dict[str, tuple[str, str, str]]:
    return {other: value for other, value in keys(hub).items() if other != name}


def listed(hub: HubRunner) -> int:
    """Return how often keys were listed, by the hub's own log."""
    with hub.cloud.lock:
        return sum(LIST_KEYS in event.operation.casefold() for event in hub.cloud.activity if event.status != "Started")


def make(services: Services, change: Change, *accepted: str) -> None:
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.result is Result.APPLIED, outcome.message


def risks(change: Change) -> dict[str, bool]:
    return {risk.id: risk.blocking for risk in change.risks}
