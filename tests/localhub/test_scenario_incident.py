"""The incident: what the log tells at the start, that it repeats exactly, and that putting the range back ends it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from console.localhub import network
from console.localhub.cloud_factory import new_cloud
from console.localhub.fleet_plan import CLONED
from console.localhub.log_store import LogStore
from console.localhub.scenario import ANA, REMOVED, build, rule
from console.localhub.scenario_live import Live
from console.localhub.state import StoryClock

START = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
ERRORS = (
    'AzureDiagnostics | where Category == "Connections" and Level == "Error" | extend p = parse_json(properties_s) '
    "| extend DeviceId = tostring(p.deviceId), Ip = tostring(p.maskedIpAddress), Message = tostring(p.errorMessage) "
)


class Story:
    def __init__(self, devices=2000, seed=1, start=START, hours=24.0, log_ip_rejections=True):
        self.cloud = new_cloud(StoryClock(start), seed)
        self.cloud.log_ip_rejections = log_ip_rejections
        self.store = LogStore(self.cloud)
        self.scenario = build(self.cloud, self.store, devices, seed, hours)
        self.hub = self.scenario.hub
        self.start = start
        self.live = Live(self.cloud, self.scenario)

    def ask(self, kql, start=-60.0, end=0.0):
        """Run KQL over minutes relative to the start."""
        from_, to = (self.start + timedelta(minutes=minutes) for minutes in (start, end))
        return self.store.query(kql, from_, to).rows

    def number(self, kql, start=-60.0, end=0.0):
        return self.ask(kql + " | count", start, end)[0][0]

    def set_lyon(self, *, allowed):
        with self.hub.lock:
            rules = self.hub.resource["properties"]["networkRuleSets"]
            rules["ipRules"] = [entry for entry in rules["ipRules"] if entry["filterName"] != REMOVED[0]]
            if allowed:
                rules["ipRules"].append(rule(*REMOVED))
            self.hub.network_changed += 1
        self.cloud.notify(self.hub, "network")

    def events(self):
        rows = self.ask(
            "AzureDiagnostics | project TimeGenerated, OperationName, ResultType, properties_s", -24 * 60, 24 * 60
        )
        found = []
        for time, operation, code, properties in rows:
            offset = (datetime.fromisoformat(time) - self.start).total_seconds()
            found.append((round(offset, 6), json.loads(properties)["deviceId"], operation, code))
        return sorted(found)


@pytest.fixture(scope="module")
def story() -> Story:
    """The demo as it starts; tests only read it."""
    return Story()


LYON = ERRORS + '| where Ip startswith "10.20." '


def test_lyon_was_cut_off_forty_minutes_ago(story):
    assert 360 <= story.number(LYON) <= 720
    assert story.number(LYON, -60, -41) <= 8  # renewals and one lost network at most
    devices, first = story.ask(LYON + "| summarize dcount(DeviceId), min(TimeGenerated)", -40)[0]
    assert devices == pytest.approx(214, abs=15)
    assert first >= "2026-11-23T09:02:00"
    assert story.number(LYON + '| where ResultType == "404104"', -40, -34) > 150
    messages = story.ask(LYON + '| where ResultType == "401003" | distinct Message', -34)
    assert messages == [["Authentication failed for this device, renew token or certificate and reconnect"]]


def test_one_credential_is_used_from_two_ranges(story):
    kicked = ERRORS + '| where ResultType == "400027" '
    rows = story.ask(kicked + "| summarize n = count(), a = min(TimeGenerated) by DeviceId, Ip | order by Ip asc")
    assert [row[0] for row in rows] == [CLONED, CLONED]
    assert rows[0][1] in {"10.31.8.XXX", "10.31.9.XXX"}
    assert rows[1][1] == "10.6.18.XXX"
    assert sum(row[2] for row in rows) == pytest.approx(31, abs=4)
    assert story.number(kicked, -24 * 60, -60) == 0


def test_a_batch_of_certificates_ran_out(story):
    expired = ERRORS + '| where Message has "not valid after" '
    count, devices = story.ask(expired + "| summarize count(), dcount(DeviceId)")[0]
    assert (count, devices) == (16, 16)
    assert story.number(expired, -24 * 60, -583) == 0
    assert story.number(expired, -582, -577) == 16


def test_the_small_causes(story):
    wrong = ERRORS + '| where OperationName == "deviceConnect" and ResultType == "401003" and Ip !startswith "10.20." '
    plain = wrong + '| where Message startswith "Authentication failed" | summarize count(), dcount(DeviceId)'
    count, devices = story.ask(plain)[0]
    assert (count, devices) == (9, 3)
    assert 1 <= story.number(wrong + '| where Message startswith "Thumbprint does not match"') <= 3
    assert 1 <= story.number(wrong + '| where Message has "does not contain the specified device"') <= 3
    assert story.number(ERRORS + '| where ResultType == "403012"') == 1


def test_token_renewals_are_everywhere_and_end_in_a_connect(story):
    expired = story.ask(
        ERRORS
        + '| where OperationName == "deviceDisconnect" and ResultType == "401003" | project DeviceId, TimeGenerated',
        -120,
        -60,
    )
    assert len(expired) == pytest.approx(106, abs=25)
    connects = story.ask(
        'AzureDiagnostics | where OperationName == "deviceConnect" and ResultType == "" '
        "| project tostring(parse_json(properties_s).deviceId), TimeGenerated",
        -120,
        -50,
    )
    back = {}
    for device, time in connects:
        back.setdefault(device, []).append(datetime.fromisoformat(time))
    for device, time in expired:
        lost = datetime.fromisoformat(time)
        assert any(timedelta() < again - lost < timedelta(minutes=2) for again in back[device])


def test_a_day_of_history_and_the_platforms_metrics(story):
    assert 20_000 <= story.number("AzureDiagnostics", -24 * 60) <= 60_000
    assert story.number("AzureDiagnostics", -48 * 60, -24 * 60 - 0.01) == 0
    connected = dict(story.hub.metric_history["connectedDeviceCount"])
    assert len(connected) == 24 * 60 + 1
    assert connected[START] == len(story.scenario.door.sessions) == pytest.approx(1541, abs=60)
    assert connected[START - timedelta(minutes=41)] - connected[START] > 180
    assert set(dict(story.hub.metric_history["totalDeviceCount"]).values()) == {2000.0}
    states = [device.connection_state for device in story.hub.devices.values()]
    assert states.count("Connected") == connected[START]


def test_the_hub_at_start(story):
    rules = {
        entry["filterName"]: entry["ipMask"] for entry in story.hub.resource["properties"]["networkRuleSets"]["ipRules"]
    }
    assert rules == {"corporate": "10.0.0.0/12", "genoa-plant": "10.31.8.0/22", "jump-box": "127.0.0.0/8"}
    assert story.hub.policies["legacy-all"].rights == (
        "RegistryRead",
        "RegistryWrite",
        "ServiceConnect",
        "DeviceConnect",
    )
    verified = {name: body["properties"]["isVerified"] for name, body in story.hub.certificates.items()}
    assert verified == {"plants-2021": True, "plants-2025": True, "contractor-test": False}
    assert story.hub.certificates["plants-2021"]["properties"]["expiry"].startswith("Sat, 12 Dec 2026")
    assert not network.admitted(story.hub, "10.20.4.17")
    write = max(story.cloud.activity, key=lambda event: event.time)
    assert (write.caller, write.operation, write.status) == (ANA, "Microsoft.Devices/IotHubs/Write", "Succeeded")
    assert timedelta(minutes=39) < START - write.time <= timedelta(minutes=40)


def test_every_kind_of_identity_is_registered(story):
    devices = story.hub.devices.values()
    assert {len(d.primary_thumbprint or "") for d in devices if d.auth == "selfSigned"} == {0, 40, 64}
    assert any(d.edge and "$edgeHub" in d.modules for d in devices)
    assert any(d.status == "disabled" and d.status_reason for d in devices)
    month = (START - timedelta(days=30)).isoformat()
    assert sum(d.last_activity < month for d in devices) == pytest.approx(88, abs=25)
    assert all(d.tags["site"] in d.device_id for d in devices)


def test_the_same_seed_and_start_tell_the_same_story():
    first, second = Story(150), Story(150)
    for story in (first, second):
        story.live.run_until(START + timedelta(minutes=30))
    assert first.events() == second.events()
    assert [(d.device_id, d.auth, d.status, d.generation_id) for d in first.hub.devices.values()] == [
        (d.device_id, d.auth, d.status, d.generation_id) for d in second.hub.devices.values()
    ]
    keys = [d.primary_key for d in first.hub.devices.values() if d.primary_key]
    assert not set(keys) & {d.primary_key for d in second.hub.devices.values()}


def test_another_start_tells_the_same_story_later():
    later = Story(150, start=datetime(2025, 3, 1, 0, 5, tzinfo=UTC))
    assert later.events() == Story(150).events()


def test_another_seed_tells_another_story():
    assert Story(60, seed=2).events() != Story(60).events()


def test_lyon_comes_back_once_the_range_is_back_and_not_before():
    story = Story(600, hours=2)
    step = lambda minutes: story.live.run_until(START + timedelta(minutes=minutes))  # noqa: E731
    step(10)
    failed = LYON + '| where OperationName == "deviceConnect"'
    assert story.number(failed, 0, 10) > 10
    away = sum(d.connection_state != "Connected" for d in story.hub.devices.values() if d.tags["site"] == "lyon")
    story.set_lyon(allowed=True)
    step(70)
    assert story.number(failed, 10, 70) == 0
    still = sum(d.connection_state != "Connected" for d in story.hub.devices.values() if d.tags["site"] == "lyon")
    assert still < away / 4
    came = (
        'AzureDiagnostics | where ResultType == "" and properties_s has "10.20." and OperationName == "deviceConnect"'
    )
    assert story.number(came, 10, 11) >= 1
    story.set_lyon(allowed=False)
    step(76)
    assert story.number(LYON + '| where ResultType == "404104"', 70, 76) > 40
    assert not any(s.address.startswith("10.20.") for s in story.scenario.door.sessions.values())


def test_rejected_addresses_can_be_left_out_of_the_log():
    story = Story(300, hours=2, log_ip_rejections=False)
    story.live.run_until(START + timedelta(minutes=10))
    assert story.number(LYON + '| where ResultType == "404104"', -40, 10) > 20  # the drops themselves are seen
    assert story.number(LYON + '| where OperationName == "deviceConnect"', -40, 10) == 0


def test_a_device_that_the_operator_disables_is_dropped_and_refused():
    story = Story(200, hours=1)
    device = next(d for d in story.hub.devices.values() if d.connection_state == "Connected" and d.device_id != CLONED)
    device.status = "disabled"
    story.cloud.notify(story.hub, f"device:{device.device_id}")
    story.live.run_until(START + timedelta(minutes=50))
    rows = story.ask(
        ERRORS + f'| where DeviceId == "{device.device_id}" | order by TimeGenerated asc | project ResultType', 0, 50
    )
    assert rows[0] == ["404104"]
    assert ["403012"] in rows


def test_a_fleet_of_one_still_has_its_clone():
    story = Story(1, hours=1)
    assert list(story.hub.devices) == [CLONED]
    assert story.number(ERRORS + '| where ResultType == "400027"') > 20


def test_the_thread_plays_by_the_clock_and_stops():
    story = Story(40, hours=1)
    played = threading.Event()
    times = []
    story.scenario.player.at(0.05, lambda: (times.append(story.cloud.clock.story()), played.set()))
    others = set(threading.enumerate())
    story.live.start()
    try:
        assert played.wait(30)
    finally:
        story.live.stop()
    assert times[0] >= START + timedelta(seconds=0.05)
    assert not any(t.name == "hubwarden-fleet" for t in set(threading.enumerate()) - others)
