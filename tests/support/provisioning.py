"""A local hub whose provisioning service tests fill and change, and the console's services on it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hub import HubRunner
from support.writes import writable

from console.localhub.provisioning_state import RegistrationRecord
from console.localhub.state import ProvisioningState
from console.model.change import Change, Consent, Outcome
from console.model.enrollment import Attestation, EnrollmentKind, NewEnrollment
from console.services.bundle import Services

INDIVIDUAL, GROUP = EnrollmentKind.INDIVIDUAL, EnrollmentKind.GROUP


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=3, throttle=False) as hub:
        yield hub


@pytest.fixture
def hub(runner: HubRunner) -> Iterator[HubRunner]:
    """The hub with an empty provisioning service that lets everybody ask."""
    service = service_of(runner)
    with runner.cloud.lock:
        for held in (service.enrollments, service.groups, service.registrations):
            held.clear()
        service.certificates.clear()
        service.certificate_ders.clear()
    yield runner
    runner.faults.clear()


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return writable(hub, tmp_path)


def service_of(hub: HubRunner) -> ProvisioningState:
    """Return the demo's provisioning service."""
    return next(iter(hub.cloud.provisioning.values()))


def done(services: Services, change: Change, *accepted: str) -> Outcome:
    """Make a change; it must end as planned."""
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.applied, outcome.message
    return outcome


def made(services: Services, name: str, kind: EnrollmentKind = INDIVIDUAL, **order: object) -> Outcome:
    """Make an enrollment through the console, by symmetric key unless told otherwise."""
    attestation = order.pop("attestation", Attestation.SYMMETRIC_KEY)
    assert isinstance(attestation, Attestation)
    wanted = NewEnrollment(kind, name, attestation, **order)  # type: ignore[arg-type]
    return done(services, services.dps.plan_create(services.dps.instance(), wanted))


def register(hub: HubRunner, name: str, group: str = "", **more: str) -> RegistrationRecord:
    """Let the service remember that a device was assigned to the hub."""
    times = {"created": "2026-01-02T03:04:05.1234567Z", "updated": "2026-01-02T03:04:05.1234567Z"}
    words = {"status": "assigned", "device_id": name, "assigned_hub": hub.hub.host, "operation_id": "5.1.2", **times}
    record = RegistrationRecord(name, group, **{**words, **more})  # type: ignore[arg-type]
    with hub.cloud.lock:
        service_of(hub).registrations[name] = record
    return record


def endorsement_key() -> str:
    """Return an RSA key as TPM2B_PUBLIC with the default template of TCG's EK credential profile (L-1)."""
    policy = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
    public = b"\x00\x01\x00\x0b" + (0x000300B2).to_bytes(4) + len(policy).to_bytes(2) + policy
    public += b"\x00\x06\x00\x80\x00\x43\x00\x10\x08\x00\x00\x00\x00\x00\x01\x00" + b"\xc3" * 256
    return base64.b64encode(len(public).to_bytes(2) + public).decode()
