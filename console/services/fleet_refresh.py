"""Reading a whole fleet page by page, within the hub's throttle, into the file that keeps it."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_snapshot import DeviceRow, FleetPage, RefreshProgress, RefreshState, Snapshot
from console.services.fleet_file import LEASE_SECONDS, FleetFile
from console.services.paging import Pages
from console.services.ports import Cancel, FleetPager

PAGE = 1000
"""Rows per page: the service's own maximum."""
_MOST_PAGES = 20_000  # a hub holds a million devices at most, and a page may be short
_TOGETHER = 10
"""Pages that are kept in one transaction."""
_KEPT_SECONDS = 5.0
_TOLD_EVERY = 2.0
_SHARE = 0.8
"""Others read, too: so much of the hub's throttle is taken at most."""
_FIRST_BACKOFF, _LONGEST_BACKOFF = 10.0, 120.0
"""A 429 of the data plane has no Retry-After; its text says "Wait 10 seconds" (seen of the service)."""
_MOST_BACKOFFS = 30
_TOKEN_LOST = frozenset({ErrorKind.BAD_QUERY, ErrorKind.NOT_FOUND})

Tell = Callable[[RefreshProgress], None]
Seconds = Callable[[], float]
_clock: Seconds = time.monotonic


def queries_a_minute(sku: str, units: int) -> int | None:
    """Return how many queries a minute a hub takes, None for a SKU that is not known.

    20 a minute and unit on S1 and S2 (as on B and F, which are not listed), 1,000 on S3 (Azure's document on quotas).
    """
    known = {"S1": 20, "S2": 20, "B1": 20, "B2": 20, "F1": 20, "S3": 1000, "B3": 1000}.get(sku.upper())
    return None if known is None else known * max(units, 1)


class Pace:
    """Lets calls through at most so many a minute, a minute's worth at once."""

    def __init__(self, a_minute: int | None, seconds: Seconds) -> None:
        self._allowed = None if a_minute is None else max(int(a_minute * _SHARE), 1)
        self._seconds = seconds
        self._sent: deque[float] = deque()

    def slower(self, a_minute: int) -> None:
        """Go no faster than this from now on: the hub refused what was thought to be allowed."""
        self._allowed = a_minute if self._allowed is None else max(min(self._allowed, a_minute), 1)
        now = self._seconds()
        self._sent.extend([now] * max(self._allowed - len(self._sent), 0))

    def wait(self) -> float:
        """Return the seconds until the next call may be sent."""
        now = self._seconds()
        while self._sent and now - self._sent[0] >= 60.0:
            self._sent.popleft()
        if self._allowed is None or len(self._sent) < self._allowed:
            return 0.0
        return max(60.0 - (now - self._sent[-self._allowed]), 0.01)  # a shorter wait may not move the clock

    def sent(self) -> None:
        """Note that a call is sent now."""
        self._sent.append(self._seconds())


@dataclass
class _Run:
    """A refresh under way."""

    snapshot: Snapshot
    continuation: str
    read: int
    expected: int | None
    began: float
    at_start: int
    throttled: int = 0
    backoffs: int = 0
    waiting: list[list[DeviceRow]] = field(default_factory=list)
    """Pages that are not kept yet."""


class FleetRefresh:
    """Refreshes one hub's file. Stopped or killed at any moment it can be gone on with; see `FleetFile`."""

    def __init__(
        self,
        file: FleetFile,
        pager: FleetPager,
        a_minute: int | None,
        *,
        seconds: Seconds | None = None,
        sleep: Callable[[Cancel, float], bool] = lambda cancel, wait: cancel.wait(wait),
    ) -> None:
        self._file = file
        self._pager = pager
        self._seconds = seconds or _clock
        self._sleep = sleep
        self._pace = Pace(a_minute, self._seconds)

    def run(self, expected: int | None, tell: Tell, cancel: Cancel, *, anew: bool = False) -> Snapshot:
        """Read the fleet to its end and return the new snapshot; what is left of an earlier reading is gone on with.

        Raises ConsoleError: CANCELLED when it was stopped (what was read is kept), CONFLICT (code
        "refreshing-elsewhere") while another console does it, or why a page could not be read.
        """
        snapshot, continuation = self._file.begin(anew=anew)
        run = _Run(snapshot, continuation, snapshot.count, expected, self._seconds(), snapshot.count)
        try:
            self._pages(run, tell, cancel)
        except ConsoleError as error:
            self._file.leave()
            if error.kind in _TOKEN_LOST and run.continuation and not anew:
                return self.run(expected, tell, cancel, anew=True)  # the hub forgot where we were
            raise
        tell(self._progress(run, RefreshState.INDEXING))
        whole = self._file.finish(run.snapshot.generation)
        tell(RefreshProgress(RefreshState.DONE, whole.count, whole.count, throttled=run.throttled))
        return whole

    def _pages(self, run: _Run, tell: Tell, cancel: Cancel) -> None:
        if run.read and not run.continuation:
            return  # read to its end, and stopped before it was put in order
        kept_at = self._seconds()
        pages = Pages("The device query failed", "the hub", most=_MOST_PAGES, seconds=None)
        try:
            while True:
                page = self._page(run, tell, cancel)
                run.waiting.append(page.rows)
                run.read += len(page.rows)
                run.continuation = page.continuation
                early = run.read < _TOGETHER * PAGE  # somebody waits for a first list
                if early or len(run.waiting) >= _TOGETHER or self._seconds() - kept_at > _KEPT_SECONDS:
                    self._keep(run)
                    kept_at = self._seconds()
                tell(self._progress(run, RefreshState.READING))
                if not page.continuation:
                    return
                pages.follow(page.continuation)
        finally:
            self._keep(run)

    def _keep(self, run: _Run) -> None:
        if run.waiting:
            pages, run.waiting = run.waiting, []
            self._file.add(run.snapshot.generation, pages, run.continuation)

    def _page(self, run: _Run, tell: Tell, cancel: Cancel) -> FleetPage:
        backoff = _FIRST_BACKOFF
        while True:
            cancel.check()
            if (wait := self._pace.wait()) > 0:
                self._wait(run, wait, "the hub's throttle", tell, cancel)
                continue
            self._pace.sent()
            try:
                return self._pager.fleet_page(run.continuation, PAGE, cancel)
            except ConsoleError as error:
                if error.kind is not ErrorKind.THROTTLED or run.backoffs >= _MOST_BACKOFFS:
                    raise
            run.throttled += 1
            run.backoffs += 1
            self._pace.slower(20)
            # others share the throttle: all that wait as long as we do should not come back together
            self._wait(run, backoff * random.uniform(1.0, 1.3), "the hub throttled us", tell, cancel)  # noqa: S311
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    def _wait(self, run: _Run, seconds: float, why: str, tell: Tell, cancel: Cancel) -> None:
        """Wait, telling how long still; a sign of life is given meanwhile, so that no other console takes over."""
        self._keep(run)
        until, beaten = self._seconds() + seconds, self._seconds()
        while (left := until - self._seconds()) > 0:
            progress = self._progress(run, RefreshState.WAITING)
            tell(replace(progress, note=f"{why}: going on in {max(left, 1.0):.0f} s"))
            if self._seconds() - beaten > LEASE_SECONDS / 3:
                self._file.beat()
                beaten = self._seconds()
            self._sleep(cancel, min(max(left, 0.01), _TOLD_EVERY))
            cancel.check()

    def _progress(self, run: _Run, state: RefreshState) -> RefreshProgress:
        gone = max(self._seconds() - run.began, 0.001)
        rate = (run.read - run.at_start) / gone
        left = None
        if run.expected is not None and rate > 0:
            left = max(run.expected - run.read, 0) / rate
        return RefreshProgress(state, run.read, run.expected, rate, left, run.throttled)
