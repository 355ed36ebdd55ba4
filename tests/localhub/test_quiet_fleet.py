"""A fleet that is worked out when it is asked for is, to everybody who asks, a fleet of records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.console import profile_of
from support.hub import HubRunner

from console.cli.compose import services_for
from console.gateways.mapping import device_from_twin
from console.localhub.device_table import DeviceTable, quiet_tally, tally
from console.localhub.query_plan import plan_for
from console.localhub.quiet_fleet import SAMPLES, QuietFleet
from console.localhub.registry_json import twin_json
from console.localhub.state import DeviceRecord
from console.model.device import Device
from console.services.bundle import Services
from console.services.ports import NEVER_CANCELLED, Cancel

START = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)


@pytest.fixture(scope="module")
def fleet() -> QuietFleet:
    return QuietFleet(5000, 3, START)


def keys_of(record: DeviceRecord) -> list[str | None]:
    return [record.primary_key, record.secondary_key]


def test_ids_are_as_repeatable_as_everything_but_secrets(fleet: QuietFleet) -> None:
    again = QuietFleet(5000, 3, START)
    ids = [fleet.device_id(number) for number in range(5000)]
    assert len(set(ids)) == 5000 and ids == [again.device_id(number) for number in range(5000)]
    assert [fleet.number(one) for one in ids] == list(range(5000))
    for wrong in ("", "lyon", "lyon-press-0001", ids[7] + "0", "x" + ids[7], f"{ids[7][:-6]}999999", "a-²"):
        assert fleet.number(wrong) is None
    mine, theirs = fleet.record(12), again.record(12)
    assert mine.auth == theirs.auth and mine.tags == theirs.tags
    number = next(number for number in range(50) if fleet.record(number).auth == "sas")
    keys = [*keys_of(fleet.record(number)), *keys_of(again.record(number))]
    assert all(keys) and len(set(keys)) == 4 and keys_of(fleet.record(number)) == keys[:2]
    kinds = Counter(fleet.record(number).auth for number in range(5000))
    assert kinds["sas"] > kinds["certificateAuthority"] > kinds["selfSigned"] > 0


def test_a_twin_written_from_its_sample_is_the_one_of_its_record(fleet: QuietFleet) -> None:
    numbers = range(0, 5000, 7)
    for number, text in zip(numbers, fleet.twins(numbers), strict=True):
        assert json.loads(text) == twin_json(fleet.record(number))


def test_the_samples_add_up(fleet: QuietFleet) -> None:
    for count in (1, 700, SAMPLES, SAMPLES + 1, 5000):
        part = QuietFleet.__new__(QuietFleet)
        part.count = count
        counted = Counter(fleet.sample(number) for number in range(count))
        assert part.weights() == [counted[place] for place in range(SAMPLES)]


class Tables(RuleBasedStateMachine):
    """The table against a plain dictionary with the same content."""

    def __init__(self) -> None:
        super().__init__()
        quiet = QuietFleet(40, 5, START)
        self.table = DeviceTable(quiet)
        self.plain = {quiet.device_id(number): quiet.record(number) for number in range(40)}
        self.ids = [*self.plain, "lyon-press-0001", "new-one", "other"]

    places = st.integers(min_value=0, max_value=42)

    @rule(place=places)
    def put(self, place: int) -> None:
        record = DeviceRecord(self.ids[place], "1", status="disabled")
        self.table[record.device_id] = record
        self.plain[record.device_id] = record

    @rule(place=places)
    def take(self, place: int) -> None:
        name = self.ids[place]
        mine, theirs = self.table.pop(name, None), self.plain.pop(name, None)
        assert (mine is None) is (theirs is None)

    @rule(place=places)
    def change(self, place: int) -> None:
        name = self.ids[place]
        if name in self.plain:
            self.plain[name].status_reason = self.table[name].status_reason = "changed"
            assert self.table[name] is self.table.get(name), "what was touched stays"
        else:
            with pytest.raises(KeyError):
                self.table[name]

    @invariant()
    def same(self) -> None:
        assert len(self.table) == len(self.plain) and set(self.table) == set(self.plain)
        assert {name for name in self.ids if name in self.table} == set(self.plain)
        assert {one.device_id: one.status_reason for one in self.table.values()} == {
            name: one.status_reason for name, one in self.plain.items()
        }
        assert [name for name, _ in self.table.items()] == list(self.table)
        for word in ("enabled", "disabled"):
            wanted = sum(one.status == word for one in self.plain.values())
            assert tally(self.table, lambda one, word=word: one.status == word) == wanted  # type: ignore[misc]
        assert sum(weight for _, weight in self.table.weighted()) == len(self.plain)


Tables.TestCase.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
TestTables = Tables.TestCase


# --- over the wire --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", quiet_devices=9_000, throttle=False) as runner:
        for number in range(30):
            runner.hub.devices[f"first-{number:02}"] = DeviceRecord(f"first-{number:02}", "1", primary_key="k")
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return services_for(profile_of(hub.ready, tmp_path), state_dir=tmp_path / "state")


def rows(services: Services, text: str, size: int = 1000) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    continuation: str | None = None
    while True:
        page = services.session.registry.query(text, continuation=continuation, page_size=size, cancel=NEVER_CANCELLED)
        found += page.rows
        continuation = page.continuation
        if not continuation:
            return found


def whole(services: Services, text: str) -> dict[str, Device]:
    found: dict[str, Device] = {}
    continuation: str | None = None
    while True:
        page = services.session.registry.query(text, continuation=continuation, page_size=1000, cancel=NEVER_CANCELLED)
        found.update((device.device_id, device) for device in page.devices)
        continuation = page.continuation
        if not continuation:
            return found


def test_every_device_comes_once_though_others_are_read_changed_and_deleted_meanwhile(
    hub: HubRunner, services: Services
) -> None:
    registry, continuation, found = services.session.registry, "", Counter[str]()
    names = list(hub.hub.devices)
    read, late = names[40], [names[-1], names[-2], names[-3]]
    pages = 0
    while True:
        page = registry.fleet_page(continuation, 1000, NEVER_CANCELLED)
        found.update(row[0] for row in page.rows)
        pages += 1
        if pages == 3:
            for name in (read, *late[:2]):
                services.fleet.detail(name)
            hub.hub.devices[late[2]].status = "disabled"
        continuation = page.continuation
        if not continuation:
            break
    assert found == Counter(names) and pages == 10


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "status = 'disabled'",
        "tags.site = 'lyon' AND connectionState = 'Disconnected'",
        "authenticationType = 'selfSigned' AND x509Thumbprint.primaryThumbprint != null",
        "STARTSWITH(deviceId, 'genoa-press-10')",
        "NOT (properties.reported.firmware.version = '4.2.1')",
        "deviceId = 'first-07'",
        "status = 'odd'",
    ],
)
def test_conditions_and_groups_are_those_of_the_records(hub: HubRunner, services: Services, condition: str) -> None:
    plan = plan_for(f"SELECT * FROM devices{' WHERE ' + condition if condition else ''}")
    wanted = [one for one in hub.hub.devices.values() if plan.matches is None or plan.matches(one)]
    where = f" WHERE {condition}" if condition else ""
    assert Counter(row["deviceId"] for row in rows(services, f"SELECT deviceId FROM devices{where}", 700)) == Counter(
        one.device_id for one in wanted
    )
    if condition:
        assert whole(services, f"SELECT * FROM devices{where}") == {
            one.device_id: device_from_twin(twin_json(one)) for one in wanted
        }
    for attribute, read in (
        ("status", "status"),
        ("connectionState", "connection_state"),
        ("authenticationType", "auth"),
    ):
        text = f"SELECT {attribute}, COUNT() AS n FROM devices{where} GROUP BY {attribute}"
        counted = {row[attribute]: row["n"] for row in rows(services, text)}
        assert counted == Counter(getattr(one, read) for one in wanted)
    top = rows(services, f"SELECT TOP 45 deviceId FROM devices{where}", 20)
    assert len(top) == min(45, len(wanted))
    assert rows(services, f"SELECT AVG(properties.desired.telemetryInterval) AS a FROM devices{where}") in (
        [{"a": 60}],
        [{"a": 60.0}],
        [{}],
    )


def test_a_quiet_device_is_changed_deleted_and_made_again_as_any_other(hub: HubRunner, services: Services) -> None:
    registry, cancel = services.session.registry, Cancel()
    name = next(one.device_id for one in hub.hub.devices.values() if one.auth == "sas" and "-1045" in one.device_id)
    before = len(hub.hub.devices)
    body = registry.identity(name, cancel)
    assert body is not None
    changed = registry.put_identity(name, {**body, "statusReason": "moved"}, body["etag"], cancel)
    assert services.fleet.detail(name).device.status_reason == "moved" and changed["etag"] != body["etag"]
    registry.delete_identity(name, changed["etag"], cancel)
    assert registry.identity(name, cancel) is None and len(hub.hub.devices) == before - 1
    assert services.fleet.counts().total in {before, before - 1}, "the index may still have it"
    registry.put_identity(name, {"deviceId": name, "status": "enabled"}, "", cancel)
    assert len(hub.hub.devices) == before and services.fleet.detail(name).device.status_reason == ""
    assert quiet_tally(hub.hub.devices, lambda _: True) < 9_000
