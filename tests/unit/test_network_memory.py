"""Rules remembered between readings, with and without the activity log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.model.hub import ActivityEntry, Exposure, IpRule
from console.services.network_memory import NOTICED, NetworkMemory

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OLD, NEW = (Exposure(True, True, (IpRule("r", mask),)) for mask in ("10.0.0.0/8", "10.20.0.0/16"))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def write(minutes: float) -> ActivityEntry:
    return ActivityEntry(at(minutes), "Microsoft.Devices/IotHubs/write", "ana", "", "Succeeded", "hub written")


def test_the_rules_of_now_belong_to_the_newest_segment() -> None:
    found = NetworkMemory().history([write(-90), write(-40)], NEW, NOON, NOON)
    assert [entry.time for entry in found.writes] == [at(-90), at(-40)]
    assert dict(found.exposures) == {2: NEW}


def test_rules_of_now_say_nothing_about_a_window_that_ended_before_the_last_write() -> None:
    assert NetworkMemory().history([write(-40)], NEW, NOON, at(-60)).exposures == ()


def test_a_change_between_two_readings_is_an_entry_until_the_log_tells_of_it() -> None:
    memory = NetworkMemory()
    memory.history([write(-40)], OLD, NOON, NOON)
    unexplained = memory.history([write(-40)], NEW, at(5), at(5.1))
    assert [entry.summary for entry in unexplained.writes] == ["hub written", NOTICED]
    assert dict(unexplained.exposures) == {1: OLD, 2: NEW}
    assert dict(memory.history([write(-40)], NEW, at(6), at(2)).exposures) == {1: OLD}
    explained = memory.history([write(-40), write(3)], NEW, at(9), at(9))
    assert [entry.time for entry in explained.writes] == [at(-40), at(3)]
    assert dict(explained.exposures) == {1: OLD, 2: NEW}


def test_a_reading_that_failed_changes_nothing() -> None:
    memory = NetworkMemory()
    memory.history([], OLD, NOON, NOON)
    assert memory.history([], None, at(1), at(1)).exposures == ()
    assert memory.history([], OLD, at(2), at(2)).writes == ()


def test_only_the_newest_writes_are_kept() -> None:
    found = NetworkMemory().history([write(-n) for n in range(30, 0, -1)], NEW, NOON, NOON)
    assert len(found.writes) == 8
    assert dict(found.exposures) == {8: NEW}


def test_a_rule_that_is_gone_is_remembered_until_it_is_back() -> None:
    memory = NetworkMemory()
    lyon, corporate = IpRule("lyon", "10.20.0.0/16"), IpRule("corporate", "10.0.0.0/12")
    whole = Exposure(True, True, (corporate, lyon))
    memory.history((), whole, NOON, NOON)
    assert memory.removed() == ()
    memory.history((), replace(whole, ip_rules=(corporate,)), at(1), at(1))
    assert memory.removed() == ((lyon, at(1)),)
    memory.history((), whole, at(2), at(2))
    assert memory.removed() == ()
