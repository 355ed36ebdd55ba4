"""One order for many devices on the local hub: faults, throttling, a stop in the middle, going on from the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.devices import Clients, identity, register
from support.fleet import read_fleet
from support.hub import HubRunner
from support.writes import writable

from console.model.change import Consent
from console.model.device_order import (
    Act,
    BulkItem,
    BulkPlan,
    BulkResult,
    DeviceOrder,
    ItemState,
    KeyChoice,
    Stage,
)
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState
from console.services.bundle import Services
from console.services.device_bulk import DeviceBulk
from console.services.device_changes import DeviceChanges
from console.services.ports import Cancel

IDS = [f"press-{number:02}" for number in range(14)]
DISABLE = DeviceOrder(Act.DISABLE, "recalled")
ROTATE = DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.PRIMARY)
BULK = Consent(frozenset({"bulk"}))


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr(DeviceBulk, "pauses", (0.0, 0.0))
    with hub.hub.lock:
        hub.hub.devices.clear()
    for device_id in IDS:
        register(hub, device_id)
    yield writable(hub, tmp_path, budget=0.1)
    hub.faults.clear()


@pytest.fixture
def devices(services: Services) -> DeviceChanges:
    return services.changes.devices


def keys(hub: HubRunner) -> dict[str, str | None]:
    with hub.hub.lock:
        return {device_id: hub.hub.devices[device_id].primary_key for device_id in IDS}


def states(result: BulkResult) -> dict[str, ItemState]:
    return {item.device_id: item.state for item in result.items}


def in_state(result: BulkResult, state: ItemState) -> list[str]:
    return [item.device_id for item in result.items if item.state is state]


# --- planning -----------------------------------------------------------------------------------------------------


def test_many_devices_are_planned_without_reading_one(hub: HubRunner, services: Services) -> None:
    hub.faults.add("server-error", endpoint="hub")  # any call would fail
    plan = services.changes.devices.bulk(DISABLE, [*IDS, IDS[0]])
    assert plan.ids == tuple(IDS)
    (risk,) = plan.blocking
    assert (risk.id, "14 devices" in risk.message) == ("bulk", True)
    assert "14 devices" in plan.title
    assert any("read" in note for note in plan.notes)


def test_what_the_fleet_tells_becomes_risks(hub: HubRunner, services: Services, devices: DeviceChanges) -> None:
    for device_id in IDS[:5]:
        hub.hub.devices[device_id].connection_state = "Connected"
    hub.hub.devices[IDS[6]].status = "disabled"
    register(hub, IDS[7], auth="certificateAuthority")
    rows = {device.device_id: device for device in read_fleet(services)}
    plan = devices.bulk(DISABLE, IDS, rows)
    assert {risk.id: risk.message for risk in plan.risks}["cut"].startswith("5 of 14 devices are connected")
    assert any("1 device so already" in note for note in plan.notes)
    both = devices.bulk(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.BOTH), IDS, rows)
    assert {risk.id for risk in both.blocking} == {"bulk", "both-keys"}
    assert any("1 device without keys" in note for note in both.notes)
    assert {risk.id for risk in devices.bulk(DeviceOrder(Act.DELETE), IDS, rows).blocking} == {"bulk", "twin-lost"}


def test_a_few_devices_are_read_first_so_that_their_risks_are_exact(hub: HubRunner, devices: DeviceChanges) -> None:
    hub.hub.devices[IDS[1]].connection_state = "Connected"
    hub.hub.devices[IDS[2]].status = "disabled"
    plan = devices.bulk(DISABLE, [*IDS[:3], "nobody"])
    assert [risk.id for risk in plan.risks] == ["cut"]
    assert plan.risks[0].message.startswith("1 of 4:")
    assert any("nobody: skipped" in note for note in plan.notes)
    assert any("1 device so already" in note for note in plan.notes)


def test_what_makes_no_sense_for_many_is_refused(devices: DeviceChanges) -> None:
    for order, ids in (
        (DeviceOrder(Act.THUMBPRINT, thumbprint="ab" * 32), IDS),
        (DISABLE, []),
        (DISABLE, [*IDS, "a/b"]),
        (DeviceOrder(Act.DISABLE, "x" * 129), IDS),
    ):
        with pytest.raises(ConsoleError) as caught:
            devices.bulk(order, ids)
        assert caught.value.code == "usage"


# --- carrying out -------------------------------------------------------------------------------------------------


def test_each_device_is_changed_and_told_of(hub: HubRunner, services: Services, devices: DeviceChanges) -> None:
    hub.hub.devices[IDS[3]].status = "disabled"
    plan = devices.bulk(DISABLE, IDS)
    with pytest.raises(ConsoleError) as caught:
        devices.carry_out(plan, Consent())
    assert caught.value.code == "risk"
    assert (identity(hub, IDS[0]) or {})["status"] == "enabled"

    told: list[BulkItem] = []
    calls = services.meter.calls
    result = devices.carry_out(plan, BULK, on_item=told.append)
    assert result.complete
    assert (result.left, result.stopped) == ((), None)
    assert told == list(result.items)
    assert in_state(result, ItemState.NOTHING) == [IDS[3]]
    assert all(record.status == "disabled" for record in hub.hub.devices.values())
    assert hub.hub.devices[IDS[3]].status_reason is None, "it was so already: its reason is not overwritten"
    assert services.meter.calls - calls <= 3 * len(IDS) + 1, "read, write, read back: no more"
    entries = services.changes.journal.entries()
    assert {entry.batch for entry in entries} == {plan.batch}
    assert len(entries) == len(IDS) - 1


def test_some_failures_are_reported_and_the_rest_goes_on(hub: HubRunner, devices: DeviceChanges) -> None:
    before = keys(hub)
    hub.faults.add("server-error", endpoint="hub", path=r"press-0[37]", method="PUT")
    result = devices.carry_out(devices.bulk(ROTATE, [*IDS, "nobody"]), BULK)
    assert not result.complete
    assert in_state(result, ItemState.FAILED) == ["press-03", "press-07"]
    assert in_state(result, ItemState.SKIPPED) == ["nobody"]
    assert "press-03" in next(item.message for item in result.items if item.device_id == "press-03")
    after = keys(hub)
    assert [one for one in IDS if after[one] == before[one]] == ["press-03", "press-07"]

    hub.faults.clear()
    plan = devices.bulk(ROTATE, IDS, resume=result.plan.batch)
    assert plan.ids == ("press-03", "press-07")
    assert len(plan.done) == 12
    assert plan.blocking == ()
    again = devices.carry_out(plan, Consent())
    assert again.complete
    final = keys(hub)
    assert [one for one in IDS if final[one] != after[one]] == ["press-03", "press-07"], "nothing is rotated twice"


def test_a_write_that_was_taken_and_answered_with_an_error_counts_as_done(
    hub: HubRunner, devices: DeviceChanges
) -> None:
    hub.faults.add("server-error", endpoint="hub", path="press-02", method="PUT", when="after")
    result = devices.carry_out(devices.bulk(ROTATE, IDS[:4]), Consent())
    assert set(states(result).values()) == {ItemState.APPLIED}


def test_throttling_is_waited_out(hub: HubRunner, devices: DeviceChanges) -> None:
    before = keys(hub)
    hub.faults.add("throttle", endpoint="hub", path="press-0", count=2)  # more than a reading's own patience here
    waits: list[str] = []
    result = devices.carry_out(devices.bulk(ROTATE, IDS), BULK, on_wait=waits.append)
    assert result.complete, result.items
    assert any("throttles" in text for text in waits)
    after = keys(hub)
    assert all(after[one] != before[one] for one in IDS)
    made = [entry for entry in devices._journal.entries() if entry.state is EntryState.APPLIED]
    assert len(made) == len(IDS), "each key was rotated once"


def test_throttling_without_end_stops_the_command_and_leaves_the_rest(hub: HubRunner, devices: DeviceChanges) -> None:
    hub.faults.add("throttle", endpoint="hub", path=r"press-(0[5-9]|1)")
    result = devices.carry_out(devices.bulk(DISABLE, IDS), BULK)
    assert result.stopped is not None
    assert in_state(result, ItemState.APPLIED) == IDS[:5]
    assert in_state(result, ItemState.FAILED) == IDS[5:6]
    assert result.left == tuple(IDS[6:])


def test_a_hub_that_only_fails_ends_the_command(hub: HubRunner, devices: DeviceChanges) -> None:
    hub.faults.add("server-error", endpoint="hub", method="PUT")
    result = devices.carry_out(devices.bulk(DISABLE, IDS), BULK)
    assert result.stopped is not None
    assert set(states(result).values()) == {ItemState.FAILED}
    assert (len(result.items), result.left) == (5, tuple(IDS[5:]))


def test_what_concerns_all_devices_stops_at_once(hub: HubRunner, tmp_path: Path, services: Services) -> None:
    services.session.disarm()
    plan = services.changes.devices.bulk(DISABLE, IDS)
    services.session.arm()

    def disarm(_item: BulkItem) -> None:
        services.session.disarm()  # as a change to another hub would

    result = services.changes.devices.carry_out(plan, BULK, on_item=disarm)
    assert len(result.items) == 1
    assert result.stopped is not None
    assert result.stopped.kind is ErrorKind.READ_ONLY
    assert len(result.left) == 13


def test_without_a_journal_nothing_is_written(hub: HubRunner, services: Services, devices: DeviceChanges) -> None:
    plan = devices.bulk(DISABLE, IDS)
    services.changes.journal.rows()
    path = services.changes.journal.path

    def destroy(_item: BulkItem) -> None:
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        path.mkdir()

    result = devices.carry_out(plan, BULK, on_item=destroy)
    assert result.stopped is not None
    assert result.stopped.code == "journal"
    assert [one for one in IDS if hub.hub.devices[one].status == "disabled"] == IDS[:1]


# --- a stop in the middle, and going on -----------------------------------------------------------------------------


def test_a_stop_leaves_whole_devices_and_the_journal_knows_where_to_go_on(
    hub: HubRunner, tmp_path: Path, devices: DeviceChanges
) -> None:
    before = keys(hub)
    cancel = Cancel()

    def stop(item: BulkItem) -> None:
        if item.device_id == IDS[4]:
            cancel.cancel()

    first = devices.carry_out(devices.bulk(ROTATE, IDS), BULK, cancel, stop)
    assert in_state(first, ItemState.APPLIED) == IDS[:5]
    assert (first.left, first.stopped) == (tuple(IDS[5:]), None)
    between = keys(hub)
    assert [one for one in IDS if between[one] != before[one]] == IDS[:5]

    other = writable(hub, tmp_path)  # another process, the same state folder
    plan = other.changes.devices.bulk(ROTATE, IDS, resume=first.plan.batch)
    assert (plan.batch, plan.ids, plan.done) == (first.plan.batch, tuple(IDS[5:]), tuple(IDS[:5]))
    assert other.changes.devices.carry_out(plan, BULK).complete
    after = keys(hub)
    assert [one for one in IDS if after[one] != between[one]] == IDS[5:]
    final = other.changes.devices.bulk(ROTATE, IDS, resume=first.plan.batch)
    assert final.ids == ()
    assert other.changes.devices.carry_out(final, Consent()).complete


@pytest.mark.parametrize("taken", [True, False])
def test_an_unknown_outcome_is_settled_by_reading_before_going_on(
    hub: HubRunner, services: Services, devices: DeviceChanges, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console is killed between the intent and the outcome: after the write, or just before it."""
    gateway = type(services.changes.gate)

    class Killed(BaseException):
        pass

    def killed(*_arguments: object, **_more: object) -> None:
        raise Killed

    if taken:
        monkeypatch.setattr(gateway, "_read_back", killed)
    else:
        hub.faults.add("server-error", endpoint="hub", path="press-00", method="PUT")
        monkeypatch.setattr(gateway, "_read_back", killed)
    plan = devices.bulk(ROTATE, IDS[:3])
    with pytest.raises(Killed):
        devices.carry_out(plan, Consent())
    monkeypatch.undo()
    hub.faults.clear()
    monkeypatch.setattr("console.services.journal._alive", lambda _process: False)
    between = keys(hub)
    (entry,) = services.changes.journal.unfinished()

    result = devices.carry_out(devices.bulk(ROTATE, IDS[:3], resume=plan.batch), Consent())
    assert result.complete
    after = keys(hub)
    assert (after[IDS[0]] == between[IDS[0]]) == taken, "rotated once, not twice"
    assert [one for one in IDS if after[one] != between[one]] == (IDS[1:3] if taken else IDS[:3])
    resolved = services.changes.journal.entry(entry.id)
    assert resolved.state is (EntryState.APPLIED if taken else EntryState.NOT_APPLIED)


def test_an_unknown_outcome_that_fits_neither_is_left_to_a_person(
    hub: HubRunner, services: Services, devices: DeviceChanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console.localhub.state import new_key

    def lost(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(services.changes.gate), "_read_back", lost)
    plan = devices.bulk(ROTATE, IDS[:2])
    with pytest.raises(KeyboardInterrupt):
        devices.carry_out(plan, Consent())
    monkeypatch.undo()
    monkeypatch.setattr("console.services.journal._alive", lambda _process: False)
    colleague = new_key()
    with hub.hub.lock:
        hub.hub.devices[IDS[0]].primary_key = colleague
    result = devices.carry_out(devices.bulk(ROTATE, IDS[:2], resume=plan.batch), Consent())
    assert states(result) == {IDS[0]: ItemState.UNKNOWN, IDS[1]: ItemState.APPLIED}
    assert hub.hub.devices[IDS[0]].primary_key == colleague


def test_a_batch_is_resumed_only_by_the_command_that_began_it(hub: HubRunner, devices: DeviceChanges) -> None:
    result = devices.carry_out(devices.bulk(ROTATE, IDS[:2]), Consent())
    for order, batch, kind in (
        (DISABLE, result.plan.batch, ErrorKind.BAD_INPUT),
        (DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.SECONDARY), result.plan.batch, ErrorKind.BAD_INPUT),
        (ROTATE, "20260101T000000-ffffffff", ErrorKind.NOT_FOUND),
    ):
        with pytest.raises(ConsoleError) as caught:
            devices.bulk(order, IDS, resume=batch)
        assert caught.value.kind is kind


# --- what nobody agreed to ------------------------------------------------------------------------------------------


def test_a_blocking_risk_that_was_not_shown_is_not_taken(hub: HubRunner, services: Services) -> None:
    for device_id in IDS:
        register(hub, device_id, auth="selfSigned", primary_thumbprint="AB" * 32, secondary_thumbprint="CD" * 32)
    devices = services.changes.devices
    plan = devices.bulk(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), IDS)
    assert {risk.id for risk in plan.blocking} == {"bulk"}
    result = devices.carry_out(plan, Consent(frozenset({"bulk", "not-moved"})))
    assert set(states(result).values()) == {ItemState.SKIPPED}
    assert "not-moved" in result.items[0].message
    assert all(record.secondary_thumbprint == "CD" * 32 for record in hub.hub.devices.values())
    few = devices.bulk(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), IDS[:2])
    assert {risk.id for risk in few.blocking} == {"not-moved"}, "a few are read first, so that it can be agreed to"
    assert devices.carry_out(few, Consent(frozenset({"not-moved"}))).complete


def test_the_door_follows_a_bulk_disable_and_enable(hub: HubRunner, devices: DeviceChanges) -> None:
    clients = Clients(hub)
    devices.carry_out(devices.bulk(DISABLE, IDS), BULK)
    assert {clients.by_key(one, key) for one, key in keys(hub).items()} == {"403012"}
    devices.carry_out(devices.bulk(DeviceOrder(Act.ENABLE), IDS), BULK)
    assert {clients.by_key(one, key) for one, key in keys(hub).items()} == {""}


def test_a_bulk_delete_reports_ghosts_and_goes_on(hub: HubRunner, devices: DeviceChanges) -> None:
    plan: BulkPlan = devices.bulk(DeviceOrder(Act.DELETE), IDS)
    with hub.hub.lock:
        del hub.hub.devices[IDS[2]]
    result = devices.carry_out(plan, Consent(frozenset({"bulk", "twin-lost"})))
    assert in_state(result, ItemState.SKIPPED) == [IDS[2]]
    assert re.search("no such device", next(item.message for item in result.items if item.device_id == IDS[2]))
    assert not hub.hub.devices
