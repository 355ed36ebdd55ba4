"""Uploading and proving on a local hub, for tests: steps that go through the gate and must succeed; who gets in.

A test module imports the fixtures `runner`, `hub` (without certificates) and `services`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.authorities import Holder
from support.hub import HubRunner
from support.writes import writable

from console.localhub.door import Attempt, Door
from console.localhub.state import DeviceRecord
from console.model.change import Change, Consent, Outcome, Result
from console.model.errors import ConsoleError
from console.services.bundle import Services


def apply(services: Services, change: Change, *accepted: str) -> Outcome:
    """Make a change; it must be as planned."""
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.result is Result.APPLIED, outcome.message
    return outcome


def upload(services: Services, holder: Holder, name: str = "plants", *, verified: bool = False) -> Outcome:
    """Upload a CA."""
    return apply(services, services.credentials.uploads.plan_upload(name, holder.pem, verified=verified))


def ask(services: Services, name: str = "plants") -> str:
    """Ask for a code."""
    uploads = services.credentials.uploads
    return uploads.code_of(apply(services, uploads.plan_code(name)))


def prove(services: Services, holder: Holder, name: str = "plants") -> Outcome:
    """Prove possession."""
    code = ask(services, name)
    return apply(services, services.credentials.uploads.plan_proof(name, holder.issue(code).pem, code))


def at_hub(hub: HubRunner) -> dict[str, bool]:
    """Return the hub's certificates and whether each is verified, from its own memory."""
    with hub.hub.lock:
        return {name: body["properties"]["isVerified"] for name, body in hub.hub.certificates.items()}


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as one:
        yield one


@pytest.fixture
def hub(runner: HubRunner) -> HubRunner:
    runner.faults.clear()
    with runner.hub.lock:
        runner.hub.certificates.clear()
        runner.hub.certificate_ders.clear()
        for name in [name for name in runner.hub.devices if name.startswith("press-")]:
            del runner.hub.devices[name]
    return runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return writable(hub, tmp_path)


def by_ca(hub: HubRunner, count: int) -> None:
    with hub.hub.lock:
        for number in range(1, count + 1):
            name = f"press-{number}"
            hub.hub.devices[name] = DeviceRecord(name, str(number), auth="certificateAuthority")


def gets_in(hub: HubRunner, holder: Holder, device_id: str = "press-1") -> bool:
    door = Door(hub.cloud, hub.hub, lambda _hub, _records: None)
    chain = (holder.issue(device_id).der,)
    return door.attempt(Attempt(datetime.now(UTC), device_id, "127.0.0.1", client_chain=chain)).admitted


def refused(call: Any, *arguments: Any, **named: Any) -> ConsoleError:
    with pytest.raises(ConsoleError) as caught:
        call(*arguments, **named)
    return caught.value
