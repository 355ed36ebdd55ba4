"""A write whose answer was lost is unknown until it was read when it can no longer arrive; here it does arrive late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.access import person, services_as
from support.devices import register
from support.hub import HubRunner
from support.waiting import until
from support.writes import later, writable

from console.localhub import rbac as hub_side
from console.model.change import Change, Consent, Result
from console.model.device_order import Act, DeviceOrder, ItemState, KeyChoice
from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError
from console.model.journal import EntryState
from console.model.role import Permissions, RoleDefinition
from console.rules.planning import change_of, copied
from console.services import journal as journal_module
from console.services.bundle import Services


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services that wait three seconds for an answer."""
    monkeypatch.setattr("console.gateways.transport.READ_TIMEOUT", 3.0)
    monkeypatch.setattr("console.gateways.registry.READ_TIMEOUT", 3.0)
    yield writable(hub, tmp_path, budget=30.0)
    hub.faults.clear()


def tagged(services: Services, hub: HubRunner, value: str) -> Change:
    target = Target(TargetKind.HUB, hub.ready["hub_arm_id"])
    document = services.changes.reader.read(target)
    assert document is not None
    after = copied(document)
    after["tags"] = {"late": value}
    return change_of("network.rules", f"tags {value}", target, document, after)


def tags(hub: HubRunner) -> dict[str, Any]:
    with hub.hub.lock:
        return dict(hub.hub.resource["tags"])


def slow(hub: HubRunner, endpoint: str, seconds: float) -> None:
    hub.faults.add("latency", endpoint=endpoint, method="PUT", count=1, seconds=seconds)


@pytest.mark.slow
def test_a_write_that_timed_out_and_arrives_late_was_never_called_not_applied(
    hub: HubRunner, services: Services
) -> None:
    slow(hub, "arm", 6.0)
    outcome = services.changes.gate.apply(tagged(services, hub, "a"), Consent())
    assert outcome.result is Result.UNKNOWN, outcome.message
    assert "read it again in 5 minutes" in outcome.message
    (entry,) = services.changes.journal.unfinished()
    until(lambda: tags(hub) == {"late": "a"}, "the late write")
    assert services.changes.undo.settle(entry).state is EntryState.APPLIED
    assert services.changes.journal.unfinished() == []
    assert services.changes.journal.verify().whole


def test_one_that_never_arrives_is_not_applied_only_after_the_limit(hub: HubRunner, services: Services) -> None:
    before = tags(hub)
    hub.faults.add("drop", endpoint="arm", method="PUT", when="before", count=1)
    outcome = services.changes.gate.apply(tagged(services, hub, "never"), Consent())
    assert outcome.result is Result.UNKNOWN
    (entry,) = services.changes.journal.unfinished()
    rows = len(services.changes.journal.rows())
    for _ in range(2):
        told = services.changes.undo.settle(entry)
        assert told.state is EntryState.UNKNOWN
        assert "may still arrive: read it again after" in told.message
    assert len(services.changes.journal.rows()) == rows, "a reading that tells nothing moves no time limit"
    with pytest.raises(ConsoleError, match="its outcome is not known"):
        services.changes.undo.plan(entry.id)
    assert later(services, 4.9).changes.undo.settle(entry).state is EntryState.UNKNOWN
    assert later(services, 0.2).changes.undo.settle(entry).state is EntryState.NOT_APPLIED
    assert tags(hub) == before


@pytest.mark.slow
def test_a_repeated_write_is_safe_from_the_late_one(hub: HubRunner, services: Services) -> None:
    """The same change is made again before the first arrives: its ETag is void then."""
    hub.faults.add("latency", endpoint="arm", method="PUT", count=1, seconds=12.0)
    assert services.changes.gate.apply(tagged(services, hub, "first"), Consent()).result is Result.UNKNOWN
    assert services.changes.gate.apply(tagged(services, hub, "second"), Consent()).applied
    with pytest.raises(AssertionError, match="did not happen"):
        until(lambda: tags(hub) == {"late": "first"}, "the first write", seconds=12.0)
    assert tags(hub) == {"late": "second"}


def test_an_undo_of_unknown_outcome_is_not_made_again(hub: HubRunner, services: Services) -> None:
    made = services.changes.gate.apply(tagged(services, hub, "to be undone"), Consent())
    assert made.applied
    hub.faults.add("drop", endpoint="arm", method="PUT", when="before", count=1)
    undo = services.changes.gate.apply(services.changes.undo.plan(made.change.id), Consent())
    assert undo.result is Result.UNKNOWN
    for plan in (lambda: services.changes.undo.plan(made.change.id), lambda: services.changes.undo.plan_last(1)):
        with pytest.raises(ConsoleError) as caught:
            plan()
        assert f"journal show {undo.change.id} --re-read" in caught.value.hint
    later(services).changes.undo.settle(services.changes.journal.entry(undo.change.id))
    assert services.changes.gate.apply(services.changes.undo.plan(made.change.id), Consent()).applied


def test_what_has_no_etag_is_not_written_while_an_earlier_write_may_arrive(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = f"/subscriptions/{hub.cloud.subscription_id}"
    owner = services_as(hub, tmp_path, person(hub, "boss", (hub_side.OWNER, subscription)))
    permissions = (Permissions(("Microsoft.Devices/IotHubs/read",)),)
    role = RoleDefinition("", "Late", permissions=permissions)
    change = owner.access.plan_role(role)
    with monkeypatch.context() as patch:  # begun by a console that died
        patch.setattr(journal_module, "_this_process", lambda: {"pid": 1, "machine": "elsewhere"})
        owner.changes.journal.intend(change, hub=owner.session.hub_name, who="ana")
    consent = Consent(frozenset(risk.id for risk in change.risks))
    again = replace(change, id="another")
    with pytest.raises(ConsoleError, match="may still arrive until") as caught:
        owner.changes.gate.apply(again, consent)
    assert caught.value.code == "may-arrive"
    assert not [one for one in hub.cloud.role_definitions.values() if "Late" in str(one)]
    assert later(owner).changes.gate.apply(again, consent).applied


# --- bulk ------------------------------------------------------------------------------------------------------------

ROTATE = DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.PRIMARY)


def registered(hub: HubRunner) -> list[str]:
    """Register some devices and return their ids."""
    with hub.hub.lock:
        hub.hub.devices.clear()
    return [register(hub, f"press-{number}").device_id for number in range(3)]


def keys(hub: HubRunner) -> dict[str, str]:
    with hub.hub.lock:
        return {name: device.primary_key for name, device in hub.hub.devices.items()}


@pytest.mark.slow
def test_a_resumed_batch_takes_a_late_write_for_what_it_is(hub: HubRunner, services: Services) -> None:
    ids = registered(hub)
    before = keys(hub)
    slow(hub, "hub", 6.0)
    devices = services.changes.devices
    plan = devices.bulk(ROTATE, ids)
    first = devices.carry_out(plan, Consent())
    unknown = [item.device_id for item in first.items if item.state is ItemState.UNKNOWN]
    assert len(unknown) == 1
    until(lambda: keys(hub)[unknown[0]] != before[unknown[0]], "the late write")
    between = keys(hub)
    assert devices.carry_out(devices.bulk(ROTATE, ids, resume=plan.batch), Consent()).complete
    assert keys(hub) == between, "rotated once, not twice"
    assert services.changes.journal.unfinished() == []


@pytest.mark.slow
def test_a_batch_resumed_before_the_late_write_arrives_makes_it_void(hub: HubRunner, services: Services) -> None:
    ids = registered(hub)
    before = keys(hub)
    slow(hub, "hub", 12.0)
    devices = services.changes.devices
    plan = devices.bulk(ROTATE, ids)
    first = devices.carry_out(plan, Consent())
    (lost,) = [item for item in first.items if item.state is ItemState.UNKNOWN]
    assert keys(hub)[lost.device_id] == before[lost.device_id]
    assert devices.carry_out(devices.bulk(ROTATE, ids, resume=plan.batch), Consent()).complete
    after = keys(hub)
    assert after[lost.device_id] != before[lost.device_id]
    entry = services.changes.journal.entry(lost.change_id)
    assert (entry.state, "its ETag is void" in entry.message) == (EntryState.NOT_APPLIED, True)
    with pytest.raises(AssertionError, match="did not happen"):
        until(lambda: keys(hub) != after, "a second rotation", seconds=12.0)
