"""A certificate's thumbprint registered for a device on the local hub: who gets in, and what speaks against it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.authorities import DAY, Holder, authority, make
from support.hub import HubRunner
from support.uploads import apply, by_ca, hub, refused, runner, services  # noqa: F401

from console.localhub.door import Attempt, Door
from console.localhub.state import DeviceRecord
from console.services.bundle import Services

CA = authority()


def thumb(hub: HubRunner, **more: Any) -> None:
    fields = {"auth": "selfSigned", "primary_thumbprint": "AB" * 32, **more}
    with hub.hub.lock:
        hub.hub.devices["press-1"] = DeviceRecord("press-1", "1", **fields)


def test_a_certificate_is_registered_in_the_second_slot_and_gets_in(hub: HubRunner, services: Services) -> None:
    thumb(hub)
    leaf = make("press-1")
    change = services.credentials.uploads.plan_register("press-1", leaf.pem + leaf.key_bytes())
    assert change.risks == ()
    assert any("private key" in note for note in change.notes)
    assert any("--stage promote" in note for note in change.notes)
    door = Door(hub.cloud, hub.hub, lambda _hub, _records: None)
    attempt = Attempt(datetime.now(UTC), "press-1", "127.0.0.1", client_chain=(leaf.der,))
    assert not door.attempt(attempt).admitted
    apply(services, change)
    record = hub.hub.devices["press-1"]
    assert (record.primary_thumbprint, record.secondary_thumbprint) == ("AB" * 32, leaf.sha256)
    assert door.attempt(attempt).admitted
    stored = b"".join(file.read_bytes() for file in services.changes.journal.path.parent.iterdir())
    assert leaf.key_bytes().splitlines()[1] not in stored


def test_of_a_chain_the_device_s_own_certificate_is_taken(hub: HubRunner, services: Services) -> None:
    thumb(hub)
    leaf = CA.issue("press-1")
    change = services.credentials.uploads.plan_register("press-1", CA.pem + leaf.pem)
    assert change.after is not None
    assert change.after["authentication"]["x509Thumbprint"]["secondaryThumbprint"] == leaf.sha256
    error = refused(services.credentials.uploads.plan_register, "press-1", leaf.pem + CA.issue("press-2").pem)
    assert error.code == "several"


def test_a_pkcs12_file_is_opened_with_its_passphrase(hub: HubRunner, services: Services) -> None:
    from console.model.secret import Secret

    thumb(hub)
    leaf = make("press-1")
    uploads = services.credentials.uploads
    sealed = leaf.p12("secret words")
    assert refused(uploads.plan_register, "press-1", sealed).code == "passphrase"
    assert refused(uploads.plan_register, "press-1", sealed, passphrase=Secret("wrong")).code == "passphrase"
    change = uploads.plan_register("press-1", sealed, passphrase=Secret("secret words"))
    assert change.after is not None
    assert change.after["authentication"]["x509Thumbprint"]["secondaryThumbprint"] == leaf.sha256


@pytest.mark.parametrize(
    ("holder", "risks", "blocking"),
    [
        (make("press-1", start=-DAY * 9, end=-DAY), {"expired"}, {"expired"}),
        (make("press-1", start=DAY), {"not-yet-valid"}, set()),
        (make("press-1", start=-DAY * 90, end=DAY * 10), {"expires-soon"}, set()),
        (make("press-2"), {"other-name"}, set()),
        (authority("press-1"), {"ca-certificate"}, set()),
        (make("press-1", kind="ed25519"), {"key"}, set()),
        (make("press-1", kind="rsa-1024"), {"key"}, set()),
    ],
)
def test_what_speaks_against_a_device_s_certificate_is_said(
    hub: HubRunner, services: Services, holder: Holder, risks: set[str], blocking: set[str]
) -> None:
    thumb(hub)
    change = services.credentials.uploads.plan_register("press-1", holder.der)
    assert {risk.id for risk in change.risks} == risks
    assert {risk.id for risk in change.blocking} == blocking


def test_a_device_that_signs_in_otherwise_is_refused(hub: HubRunner, services: Services) -> None:
    by_ca(hub, 1)
    assert refused(services.credentials.uploads.plan_register, "press-1", make("press-1").pem).code == "auth-type"
