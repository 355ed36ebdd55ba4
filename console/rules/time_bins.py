"""Time windows cut into bins: aligned to the clock, contiguous, empty ones kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from console.model.connection import Cause, FailureBin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor_time(time: datetime, step: timedelta) -> datetime:
    """Return the start of the bin that holds a time; bins are aligned to midnight UTC as KQL's bin() aligns them."""
    return _EPOCH + ((time - _EPOCH) // step) * step


def window_start(end: datetime, window: timedelta, step: timedelta) -> datetime:
    """Return where a window that ends now begins, so that its bins, the unfinished last one included, are whole.

    Raises ValueError when the step is not positive or longer than the window.
    """
    if not timedelta(0) < step <= window:
        raise ValueError("a step must be positive and no longer than its window")
    return floor_time(end - timedelta(microseconds=1), step) + step - window


def fill_bins(
    counts: Iterable[tuple[datetime, Cause, int]], start: datetime, end: datetime, step: timedelta
) -> tuple[FailureBin, ...]:
    """Return contiguous bins from `start` to `end`; counts outside are left out, causes stand in the chart's order."""
    order = {cause: number for number, cause in enumerate(Cause)}
    table: dict[datetime, dict[Cause, int]] = {}
    for time, cause, count in counts:
        bin_start = floor_time(time, step)
        causes = table.setdefault(bin_start, {})
        causes[cause] = causes.get(cause, 0) + count
    bins: list[FailureBin] = []
    at = start
    while at < end:
        causes = table.get(at, {})
        bins.append(FailureBin(at, tuple(sorted(causes.items(), key=lambda item: order[item[0]]))))
        at += step
    return tuple(bins)
