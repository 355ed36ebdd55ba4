"""The provisioning service read and changed over sockets: keys kept, conflicts seen, blocks, undo, the cross-check."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from support.authorities import authority
from support.console import by_connection_string, impatient, profile_of
from support.hub import HubRunner, request
from support.provisioning import (  # noqa: F401
    GROUP,
    INDIVIDUAL,
    done,
    endorsement_key,
    hub,
    made,
    register,
    runner,
    service_of,
    services,
)

from console.localhub.cloud_factory import new_provisioning, principal_named
from console.localhub.rbac import DPS_DATA_CONTRIBUTOR
from console.localhub.state import DeviceRecord, RoleAssignment
from console.model.change import Consent, Result
from console.model.enrollment import Attestation, CertificateSlot, CrossKind, NewEnrollment
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState
from console.model.secret import Secret
from console.services.bundle import Services
from console.services.ports import Cancel


def keys(hub: HubRunner, name: str, kind: object = INDIVIDUAL) -> tuple[str | None, str | None]:
    held = service_of(hub).enrollments if kind is INDIVIDUAL else service_of(hub).groups
    return held[name].primary_key, held[name].secondary_key


def test_the_instance_that_links_the_hub_is_the_one(hub: HubRunner, services: Services) -> None:
    found = services.dps.instance()
    assert (found.name, found.id_scope) == (service_of(hub).name, service_of(hub).id_scope)
    assert [one.host for one in found.hubs] == [hub.hub.host]
    assert services.dps.instance(found.arm_id.upper()) == found
    with pytest.raises(ConsoleError) as caught:
        services.dps.instance("other")
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_keys_stay_when_an_enrollment_is_switched(hub: HubRunner, services: Services) -> None:
    mine = (Secret(base64.b64encode(b"a" * 32).decode()), Secret(base64.b64encode(b"b" * 32).decode()))
    made(services, "press-1", keys=mine, device_id="Press-One", tags={"site": "lyon"})
    assert keys(hub, "press-1") == (mine[0].reveal(), mine[1].reveal())
    instance = services.dps.instance()
    plan = services.dps.plan_status(instance, INDIVIDUAL, "PRESS-1", False)
    assert [edit.path for edit in plan.edits] == [("provisioningStatus",)]
    done(services, plan)
    assert keys(hub, "press-1") == (mine[0].reveal(), mine[1].reveal())
    (read,) = services.dps.read(instance).enrollments
    assert (read.id, read.device_id, read.enabled) == ("press-1", "Press-One", False)
    with pytest.raises(ConsoleError) as caught:
        services.dps.plan_status(instance, INDIVIDUAL, "press-1", False)
    assert caught.value.code == "nothing"
    done(services, services.changes.undo.plan())
    assert services.dps.read(instance).enrollments[0].enabled


def test_reading_keys_to_plan_is_journalled_first(hub: HubRunner, services: Services) -> None:
    made(services, "press-1")
    services.dps.plan_status(services.dps.instance(), INDIVIDUAL, "press-1", False)
    entries = services.changes.journal.entries()
    assert [entry.kind for entry in entries if entry.state is EntryState.READ] == ["enrollment.keys"]
    primary, _ = keys(hub, "press-1")
    assert primary
    assert primary.encode() not in services.changes.journal.path.read_bytes()


def test_a_deleted_enrollment_comes_back_with_its_keys(hub: HubRunner, services: Services) -> None:
    made(services, "press-1")
    before = keys(hub, "press-1")
    plan = services.dps.plan_delete(services.dps.instance(), INDIVIDUAL, "press-1")
    assert {"keys-lost"} <= {risk.id for risk in plan.risks}
    done(services, plan)
    assert not service_of(hub).enrollments
    done(services, services.changes.undo.plan())
    assert keys(hub, "press-1") == before


def test_a_creation_never_replaces_and_another_s_change_is_a_conflict(hub: HubRunner, services: Services) -> None:
    instance = services.dps.instance()
    order = NewEnrollment(INDIVIDUAL, "press-1", Attestation.SYMMETRIC_KEY)
    late = services.dps.plan_create(instance, order)
    done(services, services.dps.plan_create(instance, order))
    before = keys(hub, "press-1")
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(late, Consent())
    assert caught.value.kind is ErrorKind.CONFLICT
    assert keys(hub, "press-1") == before
    with pytest.raises(ConsoleError, match="has it already"):
        services.dps.plan_create(instance, order)
    plan = services.dps.plan_status(instance, INDIVIDUAL, "press-1", False)
    with hub.cloud.lock:
        service_of(hub).enrollments["press-1"].counter += 1
    outcome = services.changes.gate.apply(plan, Consent(), fresh=True)  # the service itself must notice
    assert outcome.result is Result.CONFLICT
    assert service_of(hub).enrollments["press-1"].enabled


def test_a_group_by_certificate_and_a_device_that_is_shut_out_of_it(hub: HubRunner, services: Services) -> None:
    ca = authority("Lyon CA")
    made(services, "lyon", GROUP, attestation=Attestation.X509, certificates=(ca.pem,))
    instance = services.dps.instance()
    (group,) = services.dps.read(instance).groups
    assert group.certificate_slot is CertificateSlot.SIGNING
    assert group.certificates[0][1].sha256 == ca.sha256
    register(hub, "press-1", "lyon")
    done(services, services.dps.plan_block(instance, "lyon", "press-1", ca.issue("press-1").pem))
    done(services, services.dps.plan_block(instance, "lyon", "press-2"))
    found = {one.id: (one.enabled, one.attestation) for one in services.dps.read(instance).enrollments}
    assert found == {"press-1": (False, Attestation.X509), "press-2": (False, Attestation.SYMMETRIC_KEY)}
    with pytest.raises(ConsoleError, match="is of “press-9”"):
        services.dps.plan_block(instance, "lyon", "press-3", ca.issue("press-9").pem)
    with pytest.raises(ConsoleError) as caught:
        services.dps.plan_block(instance, "lyon", "press-2")
    assert caught.value.code == "nothing"
    plan = services.dps.plan_delete(instance, INDIVIDUAL, "press-2")
    assert [risk.id for risk in plan.blocking] == ["block-lifted"]
    done(services, services.dps.plan_status(instance, GROUP, "lyon", False))
    assert service_of(hub).groups["lyon"].certificate_ders["signing.primary"] == ca.der


def test_deleting_a_group_below_another_must_be_accepted_and_is_told_later(hub: HubRunner, services: Services) -> None:
    root = authority("Root CA")
    plant = root.issue("Lyon CA", ca=True)
    made(services, "all", GROUP, attestation=Attestation.X509, certificates=(root.pem,))
    made(services, "lyon", GROUP, attestation=Attestation.X509, certificates=(plant.pem,))
    register(hub, "press-1", "lyon")
    instance = services.dps.instance()
    plan = services.dps.plan_delete(instance, GROUP, "lyon")
    assert [risk.id for risk in plan.blocking] == ["broader-group"]
    assert ("assigned through it", "1 devices") in plan.effect
    with pytest.raises(ConsoleError) as caught:
        done(services, plan)
    assert caught.value.code == "risk"
    done(services, plan, "broader-group")
    check = services.dps.cross_check(instance, services.dps.read(instance))
    assert [(one.kind, one.enrollment_id) for one in check.findings] == [(CrossKind.BROADER_GROUP, "lyon")]


def test_an_enrollment_by_tpm(hub: HubRunner, services: Services) -> None:
    key = endorsement_key()
    made(services, "gateway-1", attestation=Attestation.TPM, endorsement_key=key)
    (read,) = services.dps.read(services.dps.instance()).enrollments
    assert (read.attestation, read.endorsement_key) == (Attestation.TPM, key)


def test_a_group_key_is_read_to_derive_and_that_is_noted(hub: HubRunner, services: Services) -> None:
    made(services, "presses", GROUP)
    instance = services.dps.instance()
    primary, secondary = keys(hub, "presses", GROUP)
    assert primary
    told = services.dps.derive_key(instance, "presses", "press-7", "a replacement")
    expected = hmac.new(base64.b64decode(primary), b"press-7", hashlib.sha256).digest()
    assert told.reveal() == base64.b64encode(expected).decode()
    found = services.dps.reveal_keys(instance, GROUP, "presses")
    assert tuple(key.reveal() for key in found) == (primary, secondary)
    notes = [entry for entry in services.changes.journal.entries() if entry.state is EntryState.READ]
    assert [(note.kind, note.target.name, note.reason) for note in notes] == [
        ("enrollment.keys", "presses", ""),
        ("enrollment.keys", "presses", "a replacement"),
    ]
    made(services, "gateway-1", attestation=Attestation.TPM, endorsement_key=endorsement_key())
    with pytest.raises(ConsoleError, match="has no keys"):
        services.dps.reveal_keys(instance, INDIVIDUAL, "gateway-1")


def knocks(hub: HubRunner, name: str, key: str) -> int:
    """Ask to register as a device would, with a token signed by its own code; return the status."""
    scope = service_of(hub).id_scope
    resource, expires = quote(f"{scope}/registrations/{name}", safe=""), int(time.time()) + 300
    signed = hmac.new(base64.b64decode(key), f"{resource}\n{expires}".encode(), hashlib.sha256).digest()
    token = f"SharedAccessSignature sr={resource}&sig={quote(base64.b64encode(signed))}&se={expires}&skn=registration"
    url = f"https://{hub.ready['dps_host']}/{scope}/registrations/{name}/register?api-version=2021-06-01"
    headers = {"Authorization": token}
    body = {"registrationId": name}
    return request(url, ca_file=hub.ready["ca_file"], method="PUT", body=body, headers=headers)[0]


def test_a_derived_key_lets_a_device_in_and_a_block_keeps_it_out(hub: HubRunner, services: Services) -> None:
    made(services, "presses", GROUP)
    instance = services.dps.instance()
    derived = {name: services.dps.derive_key(instance, "presses", name).reveal() for name in ("press-1", "press-2")}
    assert [knocks(hub, name, key) for name, key in derived.items()] == [202, 202]
    assert knocks(hub, "press-1", derived["press-2"]) == 401
    done(services, services.dps.plan_block(instance, "presses", "press-2"))
    assert [knocks(hub, name, key) for name, key in derived.items()] == [202, 401]


def test_policies_are_read_without_their_keys(hub: HubRunner, services: Services) -> None:
    found = services.dps.policies(services.dps.instance(), "to look")
    assert {one.name for one in found} == set(service_of(hub).policies)
    assert all("ServiceConfig" in one.rights for one in found if one.name == "provisioningserviceowner")
    assert services.changes.journal.entries()[0].kind == "provisioning.policies"


def test_pages_are_all_read_and_a_reading_can_be_stopped(hub: HubRunner, services: Services) -> None:
    made(services, "press-0")
    service = service_of(hub)
    with hub.cloud.lock:
        first = service.enrollments["press-0"]
        for number in range(1, 230):
            name = f"press-{number}"
            service.enrollments[name] = replace(first, id=name, body={**first.body, "registrationId": name})
    instance = services.dps.instance()
    assert len({one.id for one in services.dps.read(instance).enrollments}) == 230
    cancel = Cancel()
    services.meter.calls = 0
    cancel.cancel()
    with pytest.raises(ConsoleError) as caught:
        services.dps.read(instance, cancel)
    assert caught.value.kind is ErrorKind.CANCELLED


def test_who_may_only_read_reads_no_keys_and_changes_nothing(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    made(services, "presses", GROUP)
    theirs = impatient(profile_of(hub.ready, tmp_path, "reader"), state_dir=tmp_path / "reader")
    instance = theirs.dps.instance()
    assert [one.id for one in theirs.dps.read(instance).groups] == ["presses"]
    for forbidden in (
        lambda: theirs.dps.reveal_keys(instance, GROUP, "presses"),
        lambda: theirs.dps.plan_status(instance, GROUP, "presses", False),
        lambda: theirs.dps.policies(instance),
    ):
        with pytest.raises(ConsoleError) as caught:
            forbidden()
        assert caught.value.kind in {ErrorKind.PERMISSION, ErrorKind.AUTHENTICATION}


def test_hostile_text_is_clean_in_every_reading(hub: HubRunner, services: Services) -> None:
    made(services, "press-1")
    with hub.cloud.lock:
        service_of(hub).enrollments["press-1"].body["deviceId"] = "\x1b[31mred\u202e"
    register(hub, "press-1", error_message="\x1b]0;owned\x07", status="failed", error_code="401002")
    reading = services.dps.read(services.dps.instance())
    assert "\x1b" not in repr(reading)
    assert "\u202e" not in repr(reading)


def test_several_services_behind_one_endpoint_are_not_confused(hub: HubRunner, services: Services) -> None:
    other = new_provisioning(hub.cloud, "other-dps", hub.hub, "iothubowner")
    try:
        with hub.cloud.lock:
            other.resource["properties"]["ipFilterRules"] = []
            operator = principal_named(hub.cloud, "operator").object_id
            hub.cloud.role_assignments["dps"] = RoleAssignment("dps", operator, DPS_DATA_CONTRIBUTOR, other.arm_id)
        with pytest.raises(ConsoleError) as caught:
            services.dps.instance()
        assert caught.value.code == "usage"
        order = NewEnrollment(INDIVIDUAL, "press-1", Attestation.SYMMETRIC_KEY)
        done(services, services.dps.plan_create(services.dps.instance("other-dps"), order))
        assert list(other.enrollments) == ["press-1"]
        assert not service_of(hub).enrollments
    finally:
        with hub.cloud.lock:
            hub.cloud.provisioning.pop(next(name for name, one in hub.cloud.provisioning.items() if one is other))


def test_a_certificate_that_the_service_does_not_give_out_cannot_come_back(hub: HubRunner, services: Services) -> None:
    made(services, "lyon", GROUP, attestation=Attestation.X509, certificates=(authority("Lyon CA").pem,))
    done(services, services.dps.plan_delete(services.dps.instance(), GROUP, "lyon"))
    with pytest.raises(ConsoleError, match="certificate file"):
        services.changes.undo.plan()
    assert not service_of(hub).groups


@pytest.mark.parametrize("at_once", [400, 1], ids=["by id", "the whole fleet"])
def test_the_hub_and_the_service_are_compared(
    hub: HubRunner, services: Services, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.services.enrollment_check._BY_ID", at_once)
    there, off, unseen = (DeviceRecord(name, "1", auth="sas") for name in ("Press-1", "press-2", "press-3"))
    for one in (there, off, unseen):
        made(services, one.device_id.casefold(), device_id=one.device_id)
        register(hub, one.device_id.casefold(), device_id=one.device_id)
    made(services, "gone")
    register(hub, "gone")
    made(services, "waiting")
    made(services, "presses", GROUP)
    register(hub, "far", "presses", assigned_hub="elsewhere.azure-devices.net")
    instance = services.dps.instance()
    done(services, services.dps.plan_status(instance, INDIVIDUAL, off.device_id.casefold(), False))
    with hub.hub.lock:
        there.last_activity = off.last_activity = "2026-01-02T03:04:05Z"
        hub.hub.devices = {one.device_id: one for one in (there, off, unseen)}
    check = services.dps.cross_check(instance, services.dps.read(instance))
    assert {(one.kind, one.device_id) for one in check.findings} == {
        (CrossKind.DISABLED_HERE_ENABLED_THERE, off.device_id),
        (CrossKind.NEVER_SEEN, unseen.device_id),
        (CrossKind.NOT_IN_HUB, "gone"),
        (CrossKind.NEVER_REGISTERED, "waiting"),
    }
    assert any("1 registrations were assigned to other hubs" in text for text in check.unknown)


def test_a_registration_is_forgotten(hub: HubRunner, services: Services) -> None:
    made(services, "press-1")
    register(hub, "press-1")
    instance = services.dps.instance()
    done(services, services.dps.plan_delete_registration(instance, "press-1"))
    assert not service_of(hub).registrations
    with pytest.raises(ConsoleError) as caught:
        services.dps.plan_delete_registration(instance, "press-1")
    assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(ConsoleError, match="registers again"):
        services.changes.undo.plan()


def test_a_connection_string_opens_no_provisioning_service(hub: HubRunner, tmp_path: Path) -> None:
    theirs = impatient(by_connection_string(hub.ready, tmp_path), state_dir=tmp_path / "state")
    with pytest.raises(ConsoleError) as caught:
        theirs.dps.instance()
    assert caught.value.kind is ErrorKind.NOT_CONFIGURED


def test_a_refusing_filter_is_told(hub: HubRunner, services: Services) -> None:
    properties = service_of(hub).resource["properties"]
    before = properties["ipFilterRules"]
    with hub.cloud.lock:
        properties["ipFilterRules"] = [{"filterName": "none", "action": "Reject", "ipMask": "0.0.0.0/0"}]
    try:
        with pytest.raises(ConsoleError) as caught:
            services.dps.read(services.dps.instance())
    finally:
        with hub.cloud.lock:
            properties["ipFilterRules"] = before
    assert "IP rule" in caught.value.sentence()
    assert "provisioning service" in caught.value.sentence()
