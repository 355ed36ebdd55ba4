"""Changes of one device on the local hub: only what the plan names moves, and the hub's door acts on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.devices import Clients, identity, register, settled
from support.hub import HubRunner, request
from support.writes import writable

from console.localhub.state import ModuleRecord
from console.model.change import Change, Consent, Outcome, Result
from console.model.device_order import Act, DeviceOrder, KeyChoice, NewAuth, NewDevice, Stage
from console.model.errors import ConsoleError, ErrorKind
from console.services.bundle import Services
from console.services.device_changes import DeviceChanges
from console.services.device_rollover import RolloverState

HOUR = timedelta(hours=1)
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


# --- keys ---------------------------------------------------------------------------------------------------------


def test_rotating_one_key_cuts_only_who_holds_it(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    rich(hub)
    record = hub.hub.devices["press-1"]
    primary, secondary, before = record.primary_key, record.secondary_key, settled(identity(hub, "press-1"))
    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.SECONDARY), "press-1")
    assert blocking(change) == set()
    assert "key-in-use" in risks(change)
    make(services, change)
    assert record.primary_key == primary
    assert record.secondary_key != secondary
    assert clients.by_key("press-1", primary) == ""
    assert clients.by_key("press-1", secondary) == "401003"
    assert clients.by_key("press-1", record.secondary_key) == ""
    after = settled(identity(hub, "press-1"))
    for volatile in ("authentication", "lastActivityTime", "connectionStateUpdatedTime"):
        before.pop(volatile), after.pop(volatile)
    assert after == before


def test_swapping_keeps_both_keys_and_both_keys_is_blocking(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    record = register(hub, "press-1")
    primary, secondary = record.primary_key, record.secondary_key
    make(services, devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.SWAP), "press-1"))
    assert (record.primary_key, record.secondary_key) == (secondary, primary)
    assert clients.by_key("press-1", primary) == clients.by_key("press-1", secondary) == ""

    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.BOTH), "press-1")
    assert blocking(change) == {"both-keys"}
    error = refused(services.changes.gate.apply, change, Consent())
    assert error.code == "risk"
    assert record.primary_key == secondary, "nothing was changed"
    make(services, change, "both-keys")
    assert clients.by_key("press-1", primary) == clients.by_key("press-1", secondary) == "401003"
    assert clients.by_key("press-1", record.primary_key) == ""


@pytest.mark.parametrize(("auth", "word"), [("certificateAuthority", "X.509 CA"), ("selfSigned", "thumbprint")])
def test_only_devices_with_keys_have_keys_to_rotate(
    hub: HubRunner, devices: DeviceChanges, auth: str, word: str
) -> None:
    register(hub, "press-1", auth=auth, primary_thumbprint=SHA256 if auth == "selfSigned" else None)
    error = refused(devices.plan, DeviceOrder(Act.ROTATE_KEYS), "press-1")
    assert error.code == "auth-type"
    assert word in error.why


def test_no_key_stands_in_a_plan_or_in_the_journal(hub: HubRunner, services: Services, devices: DeviceChanges) -> None:
    from console.cli.changes import plan_json
    from console.present.change import change_lines
    from console.present.lines import plain

    record = register(hub, "press-1")
    old = {record.primary_key, record.secondary_key}
    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.BOTH), "press-1")
    outcome = make(services, change, "both-keys")
    shown = str(plan_json([change], [outcome], applied=True)) + "".join(map(plain, change_lines(change, 100)))
    stored = b"".join(file.read_bytes() for file in services.changes.journal.path.parent.iterdir() if file.is_file())
    for key in (*old, record.primary_key, record.secondary_key):
        assert key
        assert key not in shown
        assert key not in repr(change)
        assert key.encode() not in stored


# --- thumbprints --------------------------------------------------------------------------------------------------


def test_a_thumbprint_is_replaced_without_cutting_the_device(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    (old, old_print), (new, new_print) = clients.certificate("press-1"), clients.certificate("press-1")
    record = register(hub, "press-1", auth="selfSigned", primary_thumbprint=old_print)
    assert clients.by_certificate("press-1", old) == ""
    assert devices.rollover("press-1").state is RolloverState.IDLE

    spelled = ":".join(new_print.lower()[i : i + 2] for i in range(0, 64, 2))
    change = devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint=spelled), "press-1")
    assert any("separators" in note for note in change.notes)
    make(services, change)
    assert (record.primary_thumbprint, record.secondary_thumbprint) == (old_print, new_print.lower())
    assert clients.by_certificate("press-1", old) == clients.by_certificate("press-1", new) == ""
    rollover = devices.rollover("press-1")
    assert (rollover.state, rollover.next) == (RolloverState.ADDED, Stage.PROMOTE)
    assert blocking(devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")) == {"new-thumbprint-goes"}

    make(services, devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1"))
    assert (record.primary_thumbprint, record.secondary_thumbprint) == (new_print.lower(), old_print)
    assert clients.by_certificate("press-1", old) == clients.by_certificate("press-1", new) == ""
    rollover = devices.rollover("press-1")
    assert (rollover.state, rollover.next, rollover.seen_since) == (RolloverState.PROMOTED, Stage.RETIRE, True)
    assert refused(devices.plan, DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1").code == "nothing"

    change = devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")
    assert blocking(change) == set(), "it has connected since"
    make(services, change)
    assert (record.primary_thumbprint, record.secondary_thumbprint) == (new_print.lower(), None)
    assert clients.by_certificate("press-1", new) == ""
    assert clients.by_certificate("press-1", old) == "401003"
    assert devices.rollover("press-1").state is RolloverState.IDLE


def test_retiring_before_the_device_moved_must_be_accepted(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    register(hub, "press-1", auth="selfSigned", primary_thumbprint=SHA256)
    make(services, devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint="ef" * 32), "press-1"))
    make(services, devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1"))
    change = devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")
    assert blocking(change) == {"not-moved"}


def test_a_second_thumbprint_that_nobody_here_knows_is_not_thrown_away_lightly(
    hub: HubRunner, devices: DeviceChanges
) -> None:
    register(hub, "press-1", auth="selfSigned", primary_thumbprint=SHA256, secondary_thumbprint="12" * 32)
    assert devices.rollover("press-1").state is RolloverState.UNCLEAR
    assert blocking(devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint="ef" * 32), "press-1")) == {
        "secondary-replaced"
    }
    assert blocking(devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")) == {"not-moved"}


def test_replacing_the_primary_thumbprint_at_once_is_blocking_and_sha1_is_warned_about(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    register(hub, "press-1", auth="selfSigned", primary_thumbprint=SHA256)
    change = devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint=SHA1), "press-1")
    assert blocking(change) == {"thumbprint-primary"}
    assert "sha1" in risks(change)
    assert refused(services.changes.gate.apply, change, Consent()).code == "risk"
    same = DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint=SHA256.upper())
    assert refused(devices.plan, same, "press-1").code == "nothing"
    register(hub, "press-2", auth="selfSigned")
    first = DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint=SHA256)
    assert blocking(devices.plan(first, "press-2")) == set(), "there was none: nobody is cut"
    assert refused(devices.plan, DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1").code == "no-secondary"
    register(hub, "press-3")
    assert refused(devices.plan, first, "press-3").code == "auth-type"


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
