"""What the Connections pane asks for, without a terminal: time range, bin width, grouping; and the last answer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from console.model.connection import FailureGroup, FailureReport, Grouping, LogState, Source
from console.model.errors import ConsoleError, ErrorKind
from console.present.connections import WINDOWS

_MASKED = re.compile(r"\b(\d{1,3}\.\d{1,3}\.\d{1,3})\.(?:x|XXX)\b")
_MORE = re.compile(r"\.x and \d+ more")


class ConnectionsState:
    """Range, bins and grouping as chosen; the report as last read."""

    def __init__(self) -> None:
        self._window = 0
        self._step = 0
        self.grouping = Grouping.CAUSE
        self.source: Source | None = None
        self.report: FailureReport | None = None
        self.as_of: datetime | None = None
        self.error: ConsoleError | None = None

    @property
    def window(self) -> timedelta:
        """The time range."""
        return WINDOWS[self._window][0]

    @property
    def step(self) -> timedelta:
        """The bin width."""
        return WINDOWS[self._window][1][self._step]

    def change_window(self, by: int) -> bool:
        """Choose a longer or shorter range; return whether there was one."""
        place = self._window + by
        if not 0 <= place < len(WINDOWS):
            return False
        self._window, self._step = place, 0
        return True

    def next_step(self) -> None:
        """Choose the next bin width of the range."""
        self._step = (self._step + 1) % len(WINDOWS[self._window][1])

    def next_grouping(self) -> None:
        """Choose the next grouping."""
        kinds = list(Grouping)
        self.grouping = kinds[(kinds.index(self.grouping) + 1) % len(kinds)]

    def next_source(self) -> None:
        """Choose the next source: all, the hub's log, the provisioning services' log."""
        kinds = [None, *Source]
        self.source = kinds[(kinds.index(self.source) + 1) % len(kinds)]

    def filters(self, group: FailureGroup | None) -> tuple[tuple[str, str], ...]:
        """Return what selects the events of a group, or of all, as the report counts them."""
        only = (("Source", self.source.value),) if self.source is not None else ()
        return (*(group.filters if group is not None else ()), *only)

    def take(self, report: FailureReport, now: datetime) -> None:
        """Take an answer. Trouble that passes by itself keeps the earlier figures of the same question, as stale."""
        old = self.report
        passing = report.state in (LogState.THROTTLED, LogState.FAILED)
        if passing and old is not None and old.state in (LogState.READY, LogState.EMPTY) and _same(old, report):
            self.error = report.error or ConsoleError(ErrorKind.THROTTLED, "The log is throttled")
            return
        self.report, self.as_of, self.error = report, now, None

    def group(self, key: str | None) -> FailureGroup | None:
        """Return a group of the table."""
        groups = self.report.groups if self.report is not None else ()
        return next((group for group in groups if group.key == key), None)

    def placeholder(self, now: datetime) -> FailureReport:
        """Return the report to show before the first answer."""
        return FailureReport(LogState.NOT_ASKED, now - self.window, now, self.step, self.grouping, source=self.source)

    def matches(self, report: FailureReport) -> bool:
        """Return whether a report answers what is asked now, and not an earlier choice."""
        return _same(report, self.placeholder(report.end))


def _same(old: FailureReport, new: FailureReport) -> bool:
    return old.step == new.step and old.grouping is new.grouping and old.source is new.source


def cut_off_ranges(group: FailureGroup) -> str:
    """Return the masked ranges of a group, "10.20.4,10.20.5"; "refused" where its evidence does not name them all."""
    named = dict.fromkeys(_MASKED.findall(f"{group.key} {group.evidence}"))
    return ",".join(named) if named and not _MORE.search(group.evidence) else "refused"
