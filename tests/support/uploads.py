"""Uploading and proving on a local hub, for tests: steps that go through the gate and must succeed."""

from __future__ import annotations

from support.authorities import Holder
from support.hub import HubRunner

from console.model.change import Change, Consent, Outcome, Result
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
