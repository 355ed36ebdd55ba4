"""Changes of one device on the local hub: only what the plan names moves, and the hub's door acts on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.device_changes import (  # noqa: F401
    SHA256,
    blocking,
    clients,
    devices,
    hub,
    make,
    refused,
    rich,
    risks,
    services,
)
from support.devices import Clients, identity, register, settled
from support.hub import HubRunner, request
from support.writes import writable

from console.localhub.state import ModuleRecord
from console.model.change import Consent, Result
from console.model.device_order import Act, DeviceOrder, KeyChoice, NewAuth, NewDevice
from console.model.errors import ErrorKind
from console.services.bundle import Services
from console.services.device_changes import DeviceChanges

# --- enable, disable ----------------------------------------------------------------------------------------------


def test_disabling_keeps_everything_else_and_the_door_refuses(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    rich(hub)
    before = identity(hub, "press-1")
    key = hub.hub.devices["press-1"].primary_key
    assert clients.by_key("press-1", key) == ""
    change = devices.plan(DeviceOrder(Act.DISABLE, "stolen on 2026-11-23"), "press-1")
    assert [str(edit.path[-1]) for edit in change.edits] == ["status", "statusReason"]
    assert "cut" in risks(change)
    assert any("Device Provisioning" in note or "provisioning service" in note for note in change.notes)
    make(services, change)
    after = identity(hub, "press-1")
    assert (after or {})["status"] == "disabled"
    assert (after or {})["statusReason"] == "stolen on 2026-11-23"
    changed = {name for name, value in settled(after).items() if settled(before)[name] != value}
    assert changed <= {"status", "statusReason", "lastActivityTime", "connectionStateUpdatedTime", "connectionState"}
    assert clients.by_key("press-1", key) == "403012"

    make(services, devices.plan(DeviceOrder(Act.ENABLE), "press-1"))
    assert clients.by_key("press-1", key) == ""
    assert (identity(hub, "press-1") or {})["statusReason"] == "stolen on 2026-11-23", "no reason was given: it stays"
    assert settled(identity(hub, "press-1"))["authentication"] == settled(before)["authentication"]


def test_a_device_that_is_so_already_is_nothing_to_do(hub: HubRunner, devices: DeviceChanges) -> None:
    register(hub, "press-1", status="disabled", status_reason="stolen")
    error = refused(devices.plan, DeviceOrder(Act.DISABLE), "press-1")
    assert (error.code, error.why) == ("nothing", "it is disabled already")
    change = devices.plan(DeviceOrder(Act.DISABLE, "sold"), "press-1")
    assert [(edit.before, edit.after) for edit in change.edits] == [("stolen", "sold")]


def test_what_cannot_be_written_is_refused_before_anything_is_read(hub: HubRunner, devices: DeviceChanges) -> None:
    hub.faults.add("server-error", endpoint="hub")  # any call would fail with this
    for call in (
        lambda: devices.plan(DeviceOrder(Act.DISABLE, "x" * 129), "press-1"),
        lambda: devices.plan(DeviceOrder(Act.DISABLE), "press/1"),
        lambda: devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint="AB:CG"), "press-1"),
        lambda: devices.create(NewDevice("press-1", NewAuth.THUMBPRINT)),
        lambda: devices.create(NewDevice("press-1", NewAuth.CA, SHA256)),
    ):
        assert refused(call).code == "usage"


# --- create, delete -----------------------------------------------------------------------------------------------


def test_devices_of_every_kind_are_created_and_let_in(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    der, print_ = clients.certificate("made-2")
    make(services, devices.create(NewDevice("made-1")))
    make(services, devices.create(NewDevice("made-2", NewAuth.THUMBPRINT, print_)))
    make(services, devices.create(NewDevice("made-3", NewAuth.CA, edge=True)))
    made = hub.hub.devices
    assert clients.by_key("made-1", made["made-1"].primary_key) == ""
    assert made["made-1"].primary_key != made["made-1"].secondary_key
    assert clients.by_certificate("made-2", der) == ""
    assert (made["made-3"].auth, made["made-3"].edge) == ("certificateAuthority", True)
    assert "$edgeHub" in made["made-3"].modules
    error = refused(devices.create, NewDevice("made-1"))
    assert error.code == "exists"


def test_a_device_made_by_somebody_else_meanwhile_is_not_overwritten(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    change = devices.create(NewDevice("made-1"))
    record = register(hub, "made-1")
    key = record.primary_key
    error = refused(services.changes.gate.apply, change, Consent())
    assert error.kind is ErrorKind.CONFLICT
    assert hub.hub.devices["made-1"].primary_key == key


def test_deleting_says_what_is_lost_and_asks_for_it(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    rich(hub)
    record = hub.hub.devices["press-1"]
    for name in ("camera", "filter"):
        record.modules[name] = ModuleRecord("press-1", "638", module_id=name)
    change = devices.plan(DeviceOrder(Act.DELETE), "press-1")
    assert blocking(change) == {"twin-lost"}
    assert {"keys-lost", "cut"} <= risks(change)
    lost = next(risk.message for risk in change.risks if risk.id == "twin-lost")
    assert "2 modules (camera, filter), 2 tags" in lost
    assert any("generation id" in note for note in change.notes)
    assert refused(services.changes.gate.apply, change, Consent()).code == "risk"
    make(services, change, "twin-lost")
    assert identity(hub, "press-1") is None
    assert clients.by_key("press-1", record.primary_key) == "401003"


def test_a_ghost_of_the_query_index_gets_a_sentence_and_no_plan(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    ca, token = hub.ready["ca_file"], hub.token(audience="https://iothubs.azure.net")
    url = f"https://{hub.ready['hub_host']}/devices/ghost-1?api-version=2021-04-12"
    listed = 'SELECT * FROM devices WHERE deviceId = "ghost-1"'
    register(hub, "ghost-1")
    assert request(url, ca_file=ca, method="DELETE", token=token, headers={"If-Match": "*"})[0] == 204
    assert services.session.registry.query(listed).devices, "the index still lists it"
    for order in (DeviceOrder(Act.DELETE), DeviceOrder(Act.DISABLE)):
        error = refused(devices.plan, order, "ghost-1")
        assert error.code == "ghost"
        assert "query index still lists it" in error.sentence()
    assert refused(devices.plan, DeviceOrder(Act.DELETE), "never-there").code == "no-device"


# --- somebody else ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh", [False, True])
def test_a_write_in_between_is_a_conflict_and_stays(
    hub: HubRunner, services: Services, devices: DeviceChanges, fresh: bool
) -> None:
    record = register(hub, "press-1")
    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.PRIMARY), "press-1")
    key = record.primary_key
    with hub.hub.lock:  # a colleague disables it
        record.status, record.status_reason = "disabled", "by ana"
        record.identity_counter += 1
    if fresh:  # no reading before the write: the ETag alone must hold
        outcome = services.changes.gate.apply(change, Consent(), fresh=True)
        assert outcome.result is Result.CONFLICT, outcome.message
    else:
        assert refused(services.changes.gate.apply, change, Consent()).kind is ErrorKind.CONFLICT
    assert (record.primary_key, record.status, record.status_reason) == (key, "disabled", "by ana")


def test_read_only_refuses_every_change(hub: HubRunner, tmp_path: Path) -> None:
    services = writable(hub, tmp_path / "ro", armed=False)
    record = register(hub, "press-1")
    change = services.changes.devices.plan(DeviceOrder(Act.DISABLE), "press-1")
    assert refused(services.changes.gate.apply, change, Consent()).kind is ErrorKind.READ_ONLY
    plan = services.changes.devices.bulk(DeviceOrder(Act.DISABLE), ["press-1"])
    assert refused(services.changes.devices.carry_out, plan, Consent()).kind is ErrorKind.READ_ONLY
    assert record.status == "enabled"


def test_undoing_a_creation_is_a_deletion_and_asks_as_one(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    change = devices.create(NewDevice("made-1"))
    make(services, change)
    assert blocking(services.changes.undo.plan(change.id)) == set(), "nobody has used it yet"
    hub.hub.devices["made-1"].last_activity = "2026-11-23T09:00:00Z"
    undo = services.changes.undo.plan(change.id)
    assert blocking(undo) == {"twin-lost"}
    assert refused(services.changes.gate.apply, undo, Consent()).code == "risk"
    make(services, undo, "twin-lost")
    assert identity(hub, "made-1") is None
