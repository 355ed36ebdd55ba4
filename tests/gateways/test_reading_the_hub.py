"""Every reading of the console, by the real SDKs over real sockets, against the local hub."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.console import by_connection_string, impatient, profile_of
from support.fleet import read_fleet
from support.hub import HubRunner

from console.cli.compose import services_for
from console.config import Endpoints
from console.model.connection import Cause, Confidence, Grouping, LogState
from console.model.device import AuthType, DeviceStatus
from console.model.errors import ConsoleError, ErrorKind
from console.model.overview import OverviewSnapshot
from console.services.bundle import Services

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def services(local_hub: HubRunner, tmp_path_factory: pytest.TempPathFactory) -> Services:
    return services_for(profile_of(local_hub.ready, tmp_path_factory.mktemp("secrets")))


def test_whoami_names_the_principal_and_the_way_it_signed_in(services: Services, local_hub: HubRunner) -> None:
    who = services.session.whoami()
    operator = local_hub.ready["principals"]["operator"]
    assert (who.source, who.object_id) == ("client secret", operator["object_id"])
    assert who.tenant_id == local_hub.ready["tenant_id"]
    assert who.name in services.session.identity_label


def test_the_hub_tells_what_it_exposes(services: Services, local_hub: HubRunner) -> None:
    hub = services.session.hub()
    rules = local_hub.hub.resource["properties"]["networkRuleSets"]
    assert (hub.name, hub.location, hub.sku, hub.units) == ("contoso-plants", "westeurope", "S1", 2)
    assert (hub.exposure.public_access, hub.exposure.default_deny) == (True, rules["defaultAction"] == "Deny")
    assert [rule.name for rule in hub.exposure.ip_rules] == [rule["filterName"] for rule in rules["ipRules"]]
    assert hub.resource_group == local_hub.ready["resource_group"]


def test_the_hub_is_found_by_name_alone(local_hub: HubRunner, tmp_path: Path) -> None:
    profile = profile_of(local_hub.ready, tmp_path, arm_id="", hub_name="CONTOSO-plants", workspace_id="")
    found = services_for(profile)
    assert found.session.hub().arm_id == local_hub.ready["hub_arm_id"]
    assert found.connections.report(HOUR, MINUTE, Grouping.CAUSE).state is LogState.READY


def test_everything_works_under_the_real_names_through_the_proxy(local_hub: HubRunner, tmp_path: Path) -> None:
    profile = profile_of(local_hub.ready, tmp_path, endpoints=Endpoints(), proxy=local_hub.ready["proxy"])
    through = services_for(profile)
    assert through.session.whoami().object_id
    assert through.session.hub().name == "contoso-plants"
    assert through.fleet.counts().total > 0
    assert through.connections.report(HOUR, MINUTE, Grouping.CAUSE).state is LogState.READY


def test_certificates_come_with_their_end_and_whether_they_are_verified(services: Services) -> None:
    found = {item.name: item for item in services.session.hub_reader.certificates()}
    assert found["plants-2021"].verified
    assert found["plants-2021"].expires is not None
    assert found["plants-2021"].expires.tzinfo is not None
    assert not found["contractor-test"].verified


def test_the_diagnostic_setting_leads_to_the_workspace(services: Services, local_hub: HubRunner) -> None:
    (setting,) = services.session.hub_reader.diagnostic_settings()
    assert "Connections" in setting.categories
    assert services.session.hub_reader.workspace_id(setting.workspace_arm_id) == local_hub.ready["workspace_id"]


def test_the_activity_log_has_one_entry_per_write_newest_first(services: Services) -> None:
    entries = services.session.hub_reader.activity(datetime.now(UTC) - timedelta(days=1))
    writes = [entry for entry in entries if entry.operation.casefold().endswith("iothubs/write")]
    assert [entry.time for entry in entries] == sorted((entry.time for entry in entries), reverse=True)
    assert "ana" in writes[0].caller
    assert writes[0].caller_address
    assert writes[0].status == "Succeeded"


def test_metrics_are_series_of_averages(services: Services) -> None:
    now = services.session.now()
    names = ("connectedDeviceCount", "totalDeviceCount")
    connected, total = services.session.hub_reader.metrics(names, now - HOUR, now, MINUTE)
    assert (connected.name, total.name) == names
    assert connected.last is not None
    assert total.last is not None
    assert 0 < connected.last <= total.last


def test_counts_agree_with_the_devices_read_one_by_one(services: Services) -> None:
    fleet = read_fleet(services)
    counts = services.fleet.counts()
    assert counts.total == len(fleet) >= 300
    by_status = dict(counts.by_status)
    for status in (DeviceStatus.ENABLED, DeviceStatus.DISABLED):
        assert by_status[status] == sum(device.status is status for device in fleet)
    assert sum(count for _, count in counts.by_connection) == counts.total
    prints = {AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_MISSING}
    by_auth = dict(counts.by_auth)
    assert by_auth[AuthType.SAS] == sum(device.auth is AuthType.SAS for device in fleet)
    assert by_auth[AuthType.THUMBPRINT_SHA256] == sum(device.auth in prints for device in fleet)
    assert counts.unseen_30_days is not None
    assert counts.unseen_30_days > 0


def test_detail_has_identity_and_twin_but_no_key(services: Services, local_hub: HubRunner) -> None:
    device = next(item for item in read_fleet(services) if item.auth is AuthType.SAS)
    detail = services.fleet.detail(device.device_id)
    record = local_hub.hub.devices[device.device_id]
    assert detail.device.tags == device.tags
    assert detail.keys_filled == (True, True)
    assert detail.generation_id == record.generation_id
    assert record.primary_key is not None
    assert record.primary_key not in repr(detail)
    assert device.device_id in detail.twin_json


def test_a_device_that_is_not_there_is_not_found(services: Services) -> None:
    with pytest.raises(ConsoleError) as caught:
        services.fleet.detail("no/such?device#")
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert "registry has no such device" in caught.value.why


HOSTILE = '"[/]\x1b]52;c;AAAA\x07'


@pytest.fixture
def hostile_device(local_hub: HubRunner) -> Iterator[str]:
    name = sorted(local_hub.hub.devices)[0]
    tags = local_hub.hub.devices[name].tags
    tags["note"] = HOSTILE
    yield name
    del tags["note"]


def test_hostile_tags_arrive_harmless(services: Services, hostile_device: str) -> None:
    fleet = read_fleet(services)
    device = next(item for item in fleet if item.device_id == hostile_device)
    assert device.tag("note") == '"[/]\\x1b]52;c;AAAA\\x07'
    twin = services.fleet.detail(hostile_device).twin_json
    assert "\x1b" not in twin
    assert "AAAA" in twin


@pytest.mark.parametrize("grouping", list(Grouping))
def test_a_report_adds_up_in_every_grouping(services: Services, grouping: Grouping) -> None:
    end = services.session.now() - timedelta(minutes=2)  # the rows of that time do not move any more
    report = services.connections.report(HOUR, MINUTE, grouping, end=end)
    assert (report.state, report.error) == (LogState.READY, None)
    assert len(report.bins) == 60
    assert [one.start for one in report.bins] == [report.start + n * MINUTE for n in range(60)]
    shown = [group for group in report.groups if group.cause is not Cause.RENEWAL]
    assert sum(group.count for group in shown) == report.total == sum(one.total for one in report.bins)
    assert report.devices <= report.total
    assert report.previous_total is not None
    assert report.previous_total < report.total
    assert report.folded > 0
    assert report.kql.startswith("let ")
    assert report.connected is not None
    for number, group in enumerate(shown):
        assert report.start <= group.first <= group.last < report.end
        assert group.evidence
        assert 0 < group.devices <= group.count
        if number < 4:  # each is a query
            events = services.connections.events(report.start, report.end, group.filters, limit=5000)
            assert len(events) == group.count


def test_the_causes_of_the_incident_are_found(services: Services) -> None:
    groups = {group.cause: group for group in services.connections.report(HOUR, MINUTE, Grouping.CAUSE).groups}
    cut = groups[Cause.IP_RULES]
    assert (cut.confidence, cut.flag) == (Confidence.LIKELY, "possible IP-rule cut-off")
    assert "10.20.4.x" in cut.evidence
    assert "ana@contoso" in cut.evidence
    cloned = groups[Cause.CLONED]
    assert (cloned.devices, cloned.flag) == (1, "possible cloned credential")
    assert "genoa-press-0417" in cloned.evidence
    assert groups[Cause.CERTIFICATE_EXPIRED].flag == "expired certificate"
    assert groups[Cause.THUMBPRINT].flag == "thumbprint mismatch"
    assert Cause.WRONG_CREDENTIAL in groups


def test_events_are_newest_first_and_belong_to_their_group(services: Services) -> None:
    report = services.connections.report(HOUR, MINUTE, Grouping.CAUSE)
    events = services.connections.events(report.start, report.end, (("Cause", "ip-rules"),), limit=20)
    assert len(events) == 20
    assert [event.time for event in events] == sorted((event.time for event in events), reverse=True)
    assert all(event.device_id.startswith("lyon") and event.address.startswith("10.20.") for event in events)


@pytest.mark.parametrize("device", ['" or true //', "back\\", "new\nline", HOSTILE])
def test_hostile_filters_find_nothing_and_break_nothing(services: Services, device: str) -> None:
    now = services.session.now()
    assert services.connections.events(now - HOUR, now, (("DeviceId", device),)) == ()


def test_failures_by_device_agree_with_the_report(services: Services) -> None:
    by_device = services.connections.failures_by_device(HOUR)
    report = services.connections.report(HOUR, MINUTE, Grouping.DEVICE)
    assert abs(sum(by_device.values()) - report.total) <= 20  # windows begin at different seconds
    assert by_device["genoa-press-0417"] > 3


def test_an_edited_query_runs_and_a_wrong_one_says_what_is_wrong(services: Services) -> None:
    now = services.session.now()
    table = services.connections.run(
        "AzureDiagnostics | summarize n = count() by Level | order by n desc", now - HOUR, now
    )
    assert table.columns == ("Level", "n")
    assert all(row["n"] > 0 for row in table.dicts())
    with pytest.raises(ConsoleError) as caught:
        services.connections.run("AzureDiagnostics | where DeviceId == 'x'", now - HOUR, now)
    assert caught.value.kind is ErrorKind.BAD_QUERY
    assert "DeviceId" in caught.value.why


def test_the_overview_fills_part_by_part_and_is_kept(local_hub: HubRunner, tmp_path: Path) -> None:
    profile, state = profile_of(local_hub.ready, tmp_path), tmp_path / "state"
    snapshots: list[OverviewSnapshot] = []
    first = services_for(profile, state_dir=state)
    assert not first.overview.cached().hub.asked
    snapshot = first.overview.load(snapshots.append)
    assert len(snapshots) == 6
    parts = ("hub", "failures", "counts", "certificates", "last_change", "identity")
    assert all(getattr(snapshot, part).ready for part in parts)
    change = snapshot.last_change.value
    assert change is not None
    assert "ana" in change.caller
    again = services_for(profile, state_dir=state).overview.cached()
    assert all(getattr(again, part).cached for part in parts)
    assert again.counts.value == snapshot.counts.value
    assert again.hub.as_of == snapshot.hub.as_of
    (file,) = (state / "overview").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets = [one["client_secret"] for one in local_hub.ready["principals"].values()]
    assert not any(secret in file.read_text() for secret in secrets)


def test_a_connection_string_opens_the_registry_and_nothing_else(local_hub: HubRunner, tmp_path: Path) -> None:
    only = impatient(by_connection_string(local_hub.ready, tmp_path))
    assert only.session.data_plane_only
    assert only.fleet.counts().total > 0
    assert only.session.whoami().name == "policy iothubowner"
    report = only.connections.report(HOUR, MINUTE, Grouping.CAUSE)
    assert report.state is LogState.NO_WORKSPACE
    assert report.error is not None
    assert "Add a credential" in report.error.hint
    snapshot = only.overview.load(lambda _: None)
    assert snapshot.counts.ready
    assert snapshot.hub.error is not None
    assert snapshot.hub.error.kind is ErrorKind.NOT_CONFIGURED


def test_threads_share_one_session(services: Services) -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(services.fleet.counts().total)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1


def test_calls_are_counted(local_hub: HubRunner, tmp_path: Path) -> None:
    fresh = services_for(profile_of(local_hub.ready, tmp_path))
    assert fresh.meter.calls == 0
    fresh.session.hub()
    assert (fresh.meter.calls, fresh.meter.in_flight, fresh.meter.note) == (1, 0, "")
