"""A fleet is read within the hub's throttle: politely, and to its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from support.kept_fleet import NOW, Pager, clock, devices

from console.model.device import Device
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_snapshot import FleetPage, RefreshState
from console.services.fleet_file import FleetFile
from console.services.fleet_refresh import FleetRefresh, Pace, queries_a_minute
from console.services.ports import NEVER_CANCELLED, Cancel


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, cancel: Cancel, seconds: float) -> bool:
        self.slept.append(seconds)
        self.now += seconds
        return False


class Throttled(Pager):
    """Refuses more than `allowed` calls in any minute, as the hub does, and counts how often it had to."""

    def __init__(self, held: Sequence[Device], allowed: int, time: Time) -> None:
        super().__init__(held, page=10)
        self.allowed, self.time, self.sent, self.refused = allowed, time, [], []

    def fleet_page(self, continuation: str, size: int, cancel: Cancel = NEVER_CANCELLED) -> FleetPage:
        now = self.time.now
        self.sent: list[float] = [one for one in self.sent if now - one < 60]
        self.time.now += 0.05
        if len(self.sent) >= self.allowed:
            self.refused: list[float] = [*self.refused, now]
            raise ConsoleError(ErrorKind.THROTTLED, "x", status=429)
        self.sent.append(now)
        return super().fleet_page(continuation, size, cancel)


@pytest.mark.parametrize(("told", "allowed"), [(40, 40), (None, 20), (40, 25), (1000, 1000)])
def test_a_throttled_refresh_ends_without_a_storm(tmp_path: Path, told: int | None, allowed: int) -> None:
    time = Time()
    pager = Throttled(devices(600), allowed, time)
    states: set[RefreshState] = set()
    file = FleetFile(tmp_path / "f" / "hub.db", clock)
    refresh = FleetRefresh(file, pager, told, seconds=time, sleep=time.sleep)
    whole = refresh.run(600, lambda progress: states.add(progress.state), NEVER_CANCELLED)
    assert whole.count == 600 and RefreshState.DONE in states
    gaps = [later - sooner for sooner, later in zip(pager.refused, pager.refused[1:], strict=False)]
    assert all(gap >= 10 for gap in gaps), "at most one refusal for each back-off"
    if told == allowed:
        assert not pager.refused, "within what the hub takes nobody is refused"


def test_a_console_that_waits_for_the_throttle_keeps_its_turn_and_what_it_read(tmp_path: Path) -> None:
    time, left = Time(), []
    mine, other = (FleetFile(tmp_path / "f" / "hub.db", lambda: NOW + timedelta(seconds=time.now)) for _ in range(2))

    def sleep(cancel: Cancel, seconds: float) -> bool:
        time.sleep(cancel, seconds)
        with pytest.raises(ConsoleError) as caught:
            other.begin()
        assert caught.value.code == "refreshing-elsewhere"
        left.append(other.current().count)  # type: ignore[union-attr]
        return False

    pager = Throttled(devices(600), 40, time)
    FleetRefresh(mine, pager, 25, seconds=time, sleep=sleep).run(600, lambda _: None, NEVER_CANCELLED)
    assert time.now > 60 and left[0] == 20 * 10, "what was read before the wait is kept"


def test_what_a_hub_takes_and_how_calls_are_spread() -> None:
    assert [queries_a_minute(*one) for one in (("S1", 2), ("s3", 3), ("X9", 1))] == [40, 3000, None]
    time = Time()
    pace = Pace(20, time)
    for _ in range(16):
        assert pace.wait() == 0
        pace.sent()
    assert 59 < pace.wait() <= 60
    time.now += 61
    assert pace.wait() == 0
