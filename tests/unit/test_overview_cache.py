"""The Overview's snapshot survives the disk whole, marked as cached; anything else on the disk counts as nothing."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model.connection import Cause, FailureBin, FailureGroup, FailureReport, Grouping, LogState
from console.model.device import AuthType, ConnectionState, DeviceStatus, FleetCounts
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, Exposure, Hub, HubCertificate, Identity, IpRule, MetricSeries
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.services.overview_cache import load, save

NOW = datetime(2026, 11, 23, 9, 42, 1, 5, tzinfo=UTC)


def whole() -> OverviewSnapshot:
    hub = Hub(
        "/subscriptions/s",
        "h",
        "h.azure-devices.net",
        "westeurope",
        "S1",
        2,
        "Active",
        "e",
        Exposure(True, True, (IpRule("corporate", "10.0.0.0/12"),)),
        (("a", "b"),),
    )
    report = FailureReport(
        LogState.READY,
        NOW - timedelta(hours=1),
        NOW,
        timedelta(minutes=1),
        Grouping.DEVICE,
        (FailureBin(NOW, ((Cause.CLONED, 3),)),),
        (FailureGroup("k", "l", 3, 1, NOW, NOW, Cause.CLONED, filters=(("DeviceId", "é\x1b"),)),),
        total=3,
        previous_total=1,
        lag=timedelta(seconds=90),
        connected=MetricSeries("c", ((NOW, None), (NOW, 1.0))),
    )
    certificates = (HubCertificate("c", "CN=c", "AB", NOW, True), HubCertificate("d", "", "", None, False))
    counts = FleetCounts(2, ((AuthType.SAS, 2),), ((DeviceStatus.ENABLED, 2),), ((ConnectionState.CONNECTED, 2),), 1)
    return OverviewSnapshot(
        hub=Reading(hub, NOW),
        failures=Reading(report, NOW),
        counts=Reading(counts, NOW),
        certificates=Reading(certificates, NOW),
        last_change=Reading(ActivityEntry(NOW, "op", "ana", "10.2.0.7", "Succeeded"), NOW),
        identity=Reading(Identity("Azure CLI", "ana"), NOW),
    )  # fmt: skip


def test_a_snapshot_comes_back_as_it_was_and_cached(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "overview.json"
    save(file, whole())
    again = load(file)
    for name in ("hub", "failures", "counts", "certificates", "last_change", "identity"):
        old, new = getattr(whole(), name), getattr(again, name)
        assert (new.value, new.as_of, new.cached, new.stale, new.ready) == (old.value, old.as_of, True, True, False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["overview.json"]


def test_parts_that_failed_or_were_not_asked_are_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    failed: Reading[Identity] = Reading(error=ConsoleError(ErrorKind.NETWORK, "x"))
    save(file, OverviewSnapshot(identity=failed))
    assert load(file) == OverviewSnapshot()


def test_no_change_is_a_value_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    save(file, OverviewSnapshot(last_change=Reading(None, NOW)))
    assert load(file).last_change == Reading(None, NOW, cached=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":"other","parts":{}}', "\x00", '{"schema": 1}'])
def test_foreign_content_counts_as_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "o.json"
    file.write_text(text)
    assert load(file) == OverviewSnapshot()
    assert load(tmp_path / "absent.json") == OverviewSnapshot()


def test_one_part_that_does_not_fit_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    save(file, whole())
    raw = json.loads(file.read_text())
    raw["parts"]["hub"]["value"]["units"] = "many"
    raw["parts"]["identity"]["value"] = {"surprise": 1}
    file.write_text(json.dumps(raw))
    again = load(file)
    assert (again.hub.asked, again.identity.asked, again.counts.stale) == (False, False, True)


def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    save(blocker / "sub" / "o.json", whole())
    assert load(blocker / "sub" / "o.json") == OverviewSnapshot()
