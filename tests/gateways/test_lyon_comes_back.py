"""The incident, end to end: put the removed range back through azure-mgmt-iothub, and Lyon's failures stop."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.iothub import IotHubClient
from support.console import profile_of
from support.fleet import read_fleet
from support.hub import HubRunner

from console.cli.compose import services_for
from console.localhub.scenario_live import Live
from console.model.connection import Cause, FailureGroup, FailureReport, Grouping, LogState
from console.services.bundle import Services

MINUTE = timedelta(minutes=1)


class Story:
    """A hub whose fleet is played by the test: `now` is the story's time, `play` lets some of it pass."""

    def __init__(self, hub: HubRunner, folder: Path) -> None:
        hub.server._live.stop()  # type: ignore[union-attr]  # from here on nothing moves by itself
        self.hub = hub
        self.live = Live(hub.cloud, hub.server.world.scenario)  # type: ignore[arg-type,union-attr]
        self.now = hub.cloud.clock.start + 2 * MINUTE
        hub.cloud.clock.story = lambda: self.now  # type: ignore[method-assign]
        self.services = self.fresh(folder)
        self.folder = folder

    def fresh(self, folder: Path) -> Services:
        return services_for(profile_of(self.hub.ready, folder), clock=lambda: self.now)

    def play(self, minutes: float) -> datetime:
        self.now += minutes * MINUTE
        self.live.run_until(self.now)
        return self.now

    def report(self, minutes: int) -> FailureReport:
        found = self.fresh(self.folder).connections.report(minutes * MINUTE, MINUTE, Grouping.CAUSE)
        assert found.state in {LogState.READY, LogState.EMPTY}
        return found


def cut_off(report: FailureReport) -> FailureGroup | None:
    return next((group for group in report.groups if group.cause is Cause.IP_RULES), None)


def lyon(story: Story, since: datetime) -> list[str]:
    events = story.services.connections.events(since, story.now, (), limit=5000)
    return [event.device_id for event in events if event.device_id.startswith("lyon-") and event.code == "401003"]


def put_back(ready: dict[str, Any]) -> None:
    """Add the rule again as any tool would: GET, add, PUT with the ETag, wait for the operation."""
    credential = ClientSecretCredential(
        ready["tenant_id"],
        ready["client_id"],
        ready["client_secret"],
        authority=ready["authority"],
        disable_instance_discovery=True,
        connection_verify=ready["ca_file"],
    )
    client = IotHubClient(
        credential,
        ready["subscription_id"],
        base_url=ready["arm_endpoint"],
        connection_verify=ready["ca_file"],
        polling_interval=0,
    )
    place = (ready["resource_group"], ready["hub_name"])
    hub = client.iot_hub_resource.get(*place, cls=lambda response, *_: response.http_response.json())
    rule = {"filterName": "lyon-plant", "action": "Allow", "ipMask": "10.20.0.0/16"}
    hub["properties"]["networkRuleSets"]["ipRules"].append(rule)
    body = io.BytesIO(json.dumps(hub).encode())
    client.iot_hub_resource.begin_create_or_update(*place, body, if_match=hub["etag"]).result()


@pytest.fixture
def story(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    with HubRunner(devices=200, seed=3, log_ip_rejections=request.param) as hub:
        yield Story(hub, tmp_path)


@pytest.mark.parametrize("story", [True], indirect=True)
def test_putting_the_range_back_ends_lyons_failures(story: Story) -> None:
    story.play(5)
    before = story.report(10)
    group = cut_off(before)
    assert group is not None
    assert group.last > story.now - 3 * MINUTE
    assert lyon(story, story.now - 10 * MINUTE)

    put_back(story.hub.ready)
    written = story.now
    story.play(30)

    after = story.report(20)
    assert cut_off(after) is None
    assert lyon(story, written + 2 * MINUTE) == []
    assert after.total < before.total * 2
    devices = {device.device_id: device for device in read_fleet(story.services)}
    connected = [name for name, item in devices.items() if name.startswith("lyon-") and item.connection == "connected"]
    assert len(connected) >= group.devices * 0.8
    whole = cut_off(story.report(60))
    assert whole is not None, "what failed before the range came back stays explained"
    assert whole.last <= written + 2 * MINUTE


@pytest.mark.parametrize("story", [False], indirect=True)
def test_the_cut_off_is_inferred_when_the_hub_does_not_log_rejections(story: Story) -> None:
    story.play(5)
    assert lyon(story, story.now - timedelta(hours=1)) == []
    group = cut_off(story.report(60))
    assert group is not None
    assert group.devices >= 3
    assert "silent together" in group.evidence
    assert "connected devices fell by" in group.evidence
    events = story.services.connections.events(story.now - timedelta(hours=1), story.now, group.filters, limit=500)
    assert {event.code for event in events} == {"404104"}
    assert all(event.device_id.startswith("lyon-") for event in events)
