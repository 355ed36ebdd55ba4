"""What the Connections service says when the circumstances of failures cannot be read, and where no row came."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.console import impatient, profile_of
from support.hub import HubRunner

from console.cli.connections import _print_report
from console.localhub.faults import Faults
from console.model.connection import Cause, FailureReport, Grouping, LogState
from console.model.errors import ConsoleError

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_without_the_rules_a_cut_off_is_not_passed_for_something_certain(
    local_hub: HubRunner, tmp_path, faults: Faults
) -> None:
    services = impatient(profile_of(local_hub.ready, tmp_path))
    faults.add("throttle", endpoint="arm")
    blind = services.connections.report(HOUR, MINUTE, Grouping.CAUSE)
    assert blind.state is LogState.READY
    assert Cause.IP_RULES not in {group.cause for group in blind.groups}
    assert "IP rules and their changes could not be read" in blind.partial
    faults.clear()
    seeing = impatient(profile_of(local_hub.ready, tmp_path)).connections.report(HOUR, MINUTE, Grouping.CAUSE)
    assert Cause.IP_RULES in {group.cause for group in seeing.groups}
    assert not seeing.partial


def test_earlier_figures_of_the_overview_stay_while_the_log_is_throttled(
    local_hub: HubRunner, tmp_path, faults: Faults
) -> None:
    overview = impatient(profile_of(local_hub.ready, tmp_path)).overview
    total = overview.load(lambda part: None).failures.value.total
    faults.add("throttle", endpoint="logs")
    after = overview.load(lambda part: None).failures
    assert after.error is not None
    assert after.value.state is LogState.READY and after.value.total == total > 0


def test_the_connected_devices_of_a_week_are_those_of_now(local_hub: HubRunner, tmp_path, faults: Faults) -> None:
    connections = impatient(profile_of(local_hub.ready, tmp_path)).connections
    week = connections.report(timedelta(days=7), timedelta(hours=4), Grouping.CAUSE)
    hour = connections.report(HOUR, MINUTE, Grouping.CAUSE)
    assert abs(week.connected.last - hour.connected.last) <= 5


@pytest.mark.parametrize("state", [LogState.NO_ROWS, LogState.NO_TABLE, LogState.NO_SETTING])
def test_the_command_line_says_what_to_do_about_a_log_that_gives_nothing(state: LogState) -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
    with pytest.raises(ConsoleError) as caught:
        _print_report(FailureReport(state, now - HOUR, now, MINUTE, Grouping.CAUSE))
    assert caught.value.why and caught.value.hint and state.value not in caught.value.sentence()
