"""Kills, races and full disks in the middle of writes: the journal knows of all that was sent and never lies."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.depth import trials
from support.devices import register
from support.hub import HubProcess, HubRunner
from support.stopped import check_nothing_left, check_whole, command, ended, killed_after, started, wait_for_rows
from support.waiting import until
from support.writes import later, writable_in

from console.model.change import Consent
from console.model.device_order import Act, DeviceOrder, KeyChoice
from console.model.journal import EntryState, JournalEntry
from console.model.secret import Secret
from console.services.journal import Journal

pytestmark = pytest.mark.slow
ROTATE = DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.PRIMARY)
IDS = [f"press-{number}" for number in range(6)]
RULE = {"filterName": "jump-box", "action": "Allow", "ipMask": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        for device_id in IDS:
            register(runner, device_id)
        yield runner


@pytest.fixture(autouse=True)
def reset(hub: HubRunner) -> None:
    with hub.hub.lock:
        sets = {"defaultAction": "Deny", "applyToBuiltInEventHubEndpoint": False, "ipRules": [dict(RULE)]}
        hub.hub.resource["properties"]["networkRuleSets"] = sets
        hub.hub.network_changed += 1


def keys(hub: HubRunner) -> dict[str, str]:
    with hub.hub.lock:
        return {one: str(hub.hub.devices[one].primary_key) for one in IDS}


def rules(hub: HubRunner) -> set[str]:
    with hub.hub.lock:
        return {rule["filterName"] for rule in hub.hub.resource["properties"]["networkRuleSets"]["ipRules"]}


def rotation(hub: HubRunner) -> list[str]:
    return command(hub, "devices", "rotate-keys", *IDS, "--key", "primary", "--accept", "bulk")


def rule(hub: HubRunner | HubProcess, name: str, number: int) -> list[str]:
    return command(hub, "network", "set", "--add-rule", f"{name}=10.{number % 250}.0.0/16")


def check_rotated(hub: HubRunner, state: Path, before: dict[str, str]) -> list[JournalEntry]:
    """See that journal and hub agree on every device of a bulk rotation."""
    entries = check_whole(state)
    journal, now = Journal(state), keys(hub)
    intended = {entry.target.id for entry in entries}
    assert {one for one in IDS if now[one] != before[one]} <= intended, "something was sent that the journal knows not"
    for entry in entries:
        if entry.state is EntryState.APPLIED:
            (edit,) = journal.entry(entry.id).edits
            assert edit.after == journal.fingerprint(Secret(now[entry.target.id])), entry.title
    return entries


def check_resumed(hub: HubRunner, state: Path, before: dict[str, str], entries: list[JournalEntry]) -> None:
    """Go on with the batch when nothing can arrive any more: every device was rotated once, and all is known."""
    between = keys(hub)
    services = later(writable_in(hub, state))
    devices = services.changes.devices
    batch = entries[0].batch if entries else ""
    if batch:
        assert devices.carry_out(devices.bulk(ROTATE, IDS, resume=batch), Consent(frozenset({"bulk"}))).complete
        after = keys(hub)
        assert all(after[one] != before[one] for one in IDS)
        assert all(after[one] == between[one] for one in IDS if between[one] != before[one]), "one was rotated twice"
    assert services.changes.journal.unfinished() == []
    check_rotated(hub, state, before)
    check_nothing_left(state)


def check_settled(hub: HubRunner, state: Path, name: str) -> None:
    """Read what is unknown again: the journal says in the end what the hub holds."""
    services = later(writable_in(hub, state))
    journal = services.changes.journal
    for entry in journal.unfinished():
        found = until(
            lambda entry=entry: (now := services.changes.undo.settle(entry)).state is not EntryState.UNKNOWN and now,
            "the end of the operation",
        )
        assert found.state in {EntryState.APPLIED, EntryState.NOT_APPLIED}, found.message
    applied = [entry for entry in check_whole(state) if entry.state is EntryState.APPLIED]
    assert (name in rules(hub)) is (len(applied) == 1)
    assert journal.unfinished() == []
    check_nothing_left(state)


def test_bulk_rotations_that_are_killed(hub: HubRunner, tmp_path: Path) -> None:
    for number in range(trials(test=1, deep=4, full=280)):
        chance, state, before = random.Random(number), tmp_path / f"rotate-{number}", keys(hub)
        process = started(rotation(hub), state)
        killed_after(process, state, chance.randrange(2 * len(IDS)), chance)
        check_resumed(hub, state, before, check_rotated(hub, state, before))


def test_network_sets_that_are_killed(hub: HubRunner, tmp_path: Path) -> None:
    for number in range(trials(test=1, deep=3, full=40)):
        chance, state, name = random.Random(number), tmp_path / f"set-{number}", f"rule-{number}"
        killed_after(started(rule(hub, name, number), state), state, chance.choice([0, 1, 1, 1, 2]), chance)
        entries = check_whole(state)
        if name in rules(hub):
            assert len(entries) == 1, "it was sent, and the journal knows"
        if [entry.state for entry in entries] == [EntryState.APPLIED]:
            assert name in rules(hub)
        check_settled(hub, state, name)


def test_hubs_that_are_killed_while_they_are_written(tmp_path: Path) -> None:
    for number in range(trials(test=1, deep=2, full=22)):
        chance, state = random.Random(number), tmp_path / f"hub-{number}"
        with HubRunner.subprocess(scenario="empty", devices=1, history_hours=0) as dying:
            process = started(rule(dying, "lyon", number), state)
            wait_for_rows(process, state, 1)
            threading.Event().wait(chance.random() * chance.choice([0.0, 0.05, 0.5]))
            dying.process.kill()
            code, errors = ended(process)
        (entry,) = check_whole(state)
        assert entry.state in {EntryState.APPLIED, EntryState.UNKNOWN}, entry.message
        assert (code == 0) is (entry.state is EntryState.APPLIED)
        assert entry.state is EntryState.APPLIED or "OUTCOME UNKNOWN" in errors
        check_nothing_left(state)


def test_races_of_two_processes(hub: HubRunner, tmp_path: Path) -> None:
    state = tmp_path / "state"
    for number in range(trials(test=1, deep=4, full=100)):
        names = [f"{side}-{number}" for side in ("left", "right")]
        running = [started(rule(hub, name, index + 2 * number), state) for index, name in enumerate(names)]
        codes = [ended(process)[0] for process in running]
        there = [name in rules(hub) for name in names]
        assert there == [code == 0 for code in codes], "who was told that it is done has it there, and nobody else"
        assert any(there)
        entries = check_whole(state)
        applied = [entry for entry in entries if entry.state is EntryState.APPLIED]
        assert len(applied) == len(rules(hub)) - 1
        assert all(entry.state in {EntryState.APPLIED, EntryState.CONFLICT} for entry in entries)
    check_nothing_left(state)


def test_full_disks(hub: HubRunner, tmp_path: Path) -> None:
    for number in range(trials(test=1, deep=6, full=190)):
        chance, state, name = random.Random(number), tmp_path / f"full-{number}", f"full-{number}"
        process = started(rule(hub, name, number), state, file_size=chance.randrange(0, 90_000, 37))
        code, errors = ended(process)
        entries = check_whole(state)
        if name in rules(hub):
            assert len(entries) == 1, "it was sent, and the journal knows"
        else:
            assert code == 1
            assert "nothing was changed" in errors, errors
        if code == 0:
            assert [entry.state for entry in entries] == [EntryState.APPLIED]
            assert name in rules(hub)
        check_settled(hub, state, name)
