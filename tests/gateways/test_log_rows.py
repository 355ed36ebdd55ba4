"""Rows as anybody may have caused them: hostile names in the log, and rules changed before the activity log tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.console import profile_of
from support.hub import HubRunner

from console.cli.compose import services_for
from console.localhub.log_rows import LogRecord, connection_properties
from console.model.connection import Cause, FailureGroup, Grouping, LogState
from console.services.bundle import Services

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HOSTILE = ['"[/]\x1b]52;c;AAAA\x07', '" or 1 == 1 //', "back\\slash\\", "line\nbreak\u202e", "🏭 é"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=0) as running:
        yield running


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return services_for(profile_of(hub.ready, tmp_path), clock=hub.cloud.clock.story)


def refuse(hub: HubRunner, device: str, address: str, age: timedelta = MINUTE, code: str = "401003") -> None:
    """Write the record of a refused device, as the hub's own door would."""
    text = connection_properties(device, "Mqtt", address, auth=None, status="401", message="no", sdk="sdk\x1b[2J")
    time = hub.cloud.clock.story() - age
    record = LogRecord(time, "deviceConnect", "Error", code, "IoTHubUnauthorized", text, "c")
    hub.server.world.store.append(hub.hub, [record])


def groups(services: Services, grouping: Grouping) -> tuple[FailureGroup, ...]:
    return services.connections.report(HOUR, MINUTE, grouping).groups


def test_an_empty_workspace_is_not_good_news(services: Services) -> None:
    assert services.connections.report(HOUR, MINUTE, Grouping.CAUSE).state is LogState.NO_TABLE


@pytest.mark.parametrize("device", HOSTILE)
def test_a_hostile_device_id_is_one_harmless_cell_that_still_drills_down(
    hub: HubRunner, services: Services, device: str
) -> None:
    refuse(hub, device, "10.77.1.9")
    refuse(hub, "innocent", "10.77.1.9")
    report = services.connections.report(HOUR, MINUTE, Grouping.DEVICE)
    group = next(one for one in report.groups if one.filters == (("DeviceId", device),))
    assert group.label.isprintable()
    assert group.evidence.isprintable()
    events = services.connections.events(report.start, report.end, group.filters)
    assert len(events) == group.count
    assert {event.device_id for event in events} == {group.label}
    assert all(event.sdk == "sdk\\x1b[2J" for event in events)


def test_a_rule_put_back_is_noticed_before_the_activity_log_tells(hub: HubRunner, services: Services) -> None:
    network = hub.hub.resource["properties"]["networkRuleSets"]
    for number in range(6):
        refuse(hub, f"oslo-{number}", "10.88.1.9", age=timedelta(minutes=3))
    first = next(one for one in groups(services, Grouping.ADDRESS) if one.key == "10.88.1.XXX")
    assert first.cause is Cause.IP_RULES
    network["ipRules"].append({"filterName": "oslo", "action": "Allow", "ipMask": "10.88.0.0/16"})
    try:
        services.session.hub(fresh=True)
        again = services.connections.report(HOUR, MINUTE, Grouping.ADDRESS)
        oslo = next(one for one in again.groups if one.key == "10.88.1.XXX")
        assert (oslo.count, oslo.cause) == (6, Cause.IP_RULES), "what failed before stays explained"
    finally:
        network["ipRules"].pop()
