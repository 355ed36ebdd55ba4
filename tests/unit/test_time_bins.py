"""Bins: contiguous, aligned, nothing lost inside the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.connection import Cause
from console.rules.time_bins import fill_bins, floor_time, window_start

END = datetime(2026, 11, 23, 9, 42, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def test_an_hour_by_minutes_is_sixty_bins_with_the_unfinished_one_last() -> None:
    start = window_start(END, timedelta(hours=1), MINUTE)
    bins = fill_bins([(END, Cause.CLONED, 2)], start, END, MINUTE)
    assert len(bins) == 60
    assert (bins[0].start, bins[-1].start) == (datetime(2026, 11, 23, 8, 43, tzinfo=UTC), END.replace(second=0))
    assert bins[-1].counts == ((Cause.CLONED, 2),)
    assert bins[0].total == 0


@pytest.mark.parametrize("step", [timedelta(0), timedelta(hours=2), -MINUTE])
def test_impossible_steps_are_refused(step: timedelta) -> None:
    with pytest.raises(ValueError, match="step"):
        window_start(END, timedelta(hours=1), step)


def test_causes_stand_in_the_chart_order_and_renewals_do_not_count() -> None:
    counts = [(END, Cause.RENEWAL, 9), (END, Cause.CLONED, 1), (END, Cause.IP_RULES, 3)]
    (one,) = fill_bins(counts, floor_time(END, MINUTE), END, MINUTE)
    assert [cause for cause, _ in one.counts] == [Cause.IP_RULES, Cause.CLONED, Cause.RENEWAL]
    assert one.total == 4


@given(end=times, step=st.sampled_from([MINUTE, 5 * MINUTE, 60 * MINUTE]), count=st.integers(1, 80), data=st.data())
def test_bins_are_contiguous_and_keep_every_count(
    end: datetime, step: timedelta, count: int, data: st.DataObject
) -> None:
    start = window_start(end, step * count, step)
    inside = data.draw(st.lists(st.datetimes(start.replace(tzinfo=None), end.replace(tzinfo=None)), max_size=20))
    points = [(t.replace(tzinfo=UTC), Cause.NETWORK, 1) for t in inside if t.replace(tzinfo=UTC) < end]
    bins = fill_bins(points, start, end, step)
    assert [b.start for b in bins] == [start + n * step for n in range(count)]
    assert bins[-1].start < end <= bins[-1].start + step
    assert sum(b.total for b in bins) == len(points)
