"""The Overview's snapshot survives the disk whole, marked as cached; anything else on the disk counts as nothing."""

from __future__ import annotations

import json
import os
import random
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.depth import trials

from console.model.connection import Cause, FailureBin, FailureGroup, FailureReport, Grouping, LogState
from console.model.device import AuthType, ConnectionState, DeviceStatus, FleetCounts
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, Exposure, Hub, HubCertificate, Identity, IpRule, MetricSeries
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.present.lines import plain
from console.present.overview import board
from console.services.overview_cache import UnreadableError, load, save

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
        (FailureGroup("k", "l", 3, 1, NOW, NOW, Cause.CLONED, filters=(("DeviceId", "é"),)),),
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


def test_what_another_version_kept_counts_as_nothing(tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    file.write_text('{"schema":"hubwarden.overview-cache/99","parts":{"hub":1}}')
    assert load(file) == load(tmp_path / "absent.json") == OverviewSnapshot()
    assert file.exists()


BROKEN = [
    "",
    "[]",
    "{}",
    "\x00",
    '{"schema":"other","parts":{}}',
    '{"schema": 1}',
    "[" * 200_000,
    '{"schema":"hubwarden.overview-cache/1","parts":[1]}',
]


@pytest.mark.parametrize("text", [*BROKEN, "\xff", "[" + "1," * 9_000_000 + "1]"], ids=lambda text: repr(text[:20]))
def test_what_is_no_snapshot_is_told_once_and_set_aside(tmp_path: Path, text: str) -> None:
    file = tmp_path / "o.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UnreadableError) as told:
        load(file)
    assert told.value.place == tmp_path / "o.json.unreadable"
    assert told.value.place.read_text(encoding="latin-1") == text
    assert load(file) == OverviewSnapshot()
    save(file, whole())
    assert load(file).hub.value == whole().hub.value


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    file = tmp_path / "o.json"
    make(file)
    with pytest.raises(UnreadableError):
        load(file)
    save(file, whole())
    assert load(file).counts.value == whole().counts.value
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["o.json", "o.json.unreadable"]


def test_whatever_stands_in_it_can_be_shown(tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    save(file, whole())
    text = file.read_text()
    odd = (
        None,
        [],
        {},
        "",
        "\x1b[2J",
        -1,
        True,
        1e308,
        float("nan"),
        10**30,
        "2026-11-23T09:42:01",
        "0001-01-01T00:00Z",
    )
    chance = random.Random(5)
    for _ in range(trials(test=300, deep=20_000)):
        raw = json.loads(text)
        for _ in range(chance.randint(1, 3)):
            places = list(_places(raw["parts"]))
            inside, name = chance.choice(places)
            inside[name] = chance.choice(odd)
        file.write_text(json.dumps(raw))
        snapshot = load(file)
        for width, height in ((40, 10), (120, 40)):
            for entry in board(snapshot, NOW + timedelta(hours=1), width, height):
                assert "\x1b" not in plain(entry.line)


def _places(node: object) -> Iterator[tuple[Any, Any]]:
    for name, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield node, name
        yield from _places(inner)


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
