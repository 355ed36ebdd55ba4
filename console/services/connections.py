"""Failed connections: who fails, since when and why, aggregated where the log is and judged by the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import unquote

from console.model.connection import (
    PROVISIONING_CODE,
    Cause,
    ConnectionEvent,
    FailureReport,
    Grouping,
    LogState,
    Source,
)
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, MetricSeries
from console.model.text import clean
from console.rules.causes import SOON, Cut, RangeEvidence, cut_ranges, network_writes
from console.rules.folding import CONTEXT_BEFORE, FOLD_WITHIN
from console.rules.time_bins import fill_bins, window_start
from console.services import connections_kql as kql
from console.services.connections_groups import build_groups
from console.services.connections_provisioning import Refusals, RefusalsReader
from console.services.log_time import time_of
from console.services.network_memory import MEMORY, NetworkMemory, RuleHistory
from console.services.ports import NEVER_CANCELLED, Cancel, LogsReader, LogTable, ProvisioningReader, count_of
from console.services.session import NoDiagnosticSettingError, Session

T = TypeVar("T")
CONNECTED, TOTAL = "connectedDeviceCount", "totalDeviceCount"
_LOOK_BACK = timedelta(hours=24)
_WIDER = timedelta(days=7)
_FINE, _COARSE = timedelta(minutes=5), timedelta(minutes=15)
"""Coarsest grain of the device counts: a drop is looked for within 15 minutes, and the last value stands for now."""
_BLIND = "IP rules and their changes could not be read, so devices cut off by them count as other causes"
_CONTEXT_AGE = 15.0
_SETTING_AGE = 30.0


class NoTableError(ConsoleError):
    """The workspace has no AzureDiagnostics table: no resource log ever arrived."""

    def __init__(self, cause: ConsoleError) -> None:
        super().__init__(
            ErrorKind.NOT_CONFIGURED,
            "The workspace holds no resource log yet",
            "its table AzureDiagnostics is made with the first record",
            "Check that the hub's diagnostic setting sends Connections to this workspace; first records take minutes",
            status=cause.status,
            code=cause.code,
        )


@dataclass(frozen=True)
class Circumstances:
    """What else is known about the time of the failures; parts that could not be read are None or empty."""

    history: RuleHistory = field(default_factory=RuleHistory)
    connected: MetricSeries | None = None
    total: MetricSeries | None = None
    setting: bool | None = None
    blind: bool = False
    """Whether the hub's network rules or its activity log could not be read: then nothing is blamed on IP rules."""


@dataclass(frozen=True)
class _Finding:
    """A window with what was found out about IP rules in it."""

    scope: kql.Scope
    cuts: tuple[Cut, ...]


class ConnectionsService:
    """Reads the Connections log of the session's hub, and what provisioning services that link it refused.

    `provisioning` None: nothing is known about provisioning services.
    """

    def __init__(self, session: Session, provisioning: ProvisioningReader | None = None) -> None:
        self._session = session
        self._refusals = RefusalsReader(session, provisioning)
        self._last: _Finding | None = None
        self._memory = session.cached(MEMORY, None, NetworkMemory)

    def report(
        self,
        window: timedelta,
        step: timedelta,
        grouping: Grouping,
        cancel: Cancel = NEVER_CANCELLED,
        *,
        end: datetime | None = None,
        source: Source | None = None,
    ) -> FailureReport:
        """Return the failures of a window that ends now (or at `end`), in bins of `step`; of one source or all.

        What is wrong with the log is told by the report's `state` and `error`; only a cancelled reading raises
        (ConsoleError CANCELLED).
        """
        now = end or self._session.now()
        start = window_start(now, window, step)
        blank = FailureReport(LogState.FAILED, start, now, step, grouping, source=source)
        try:
            return self._report(blank, window, source, cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return replace(blank, state=state_of(error), error=error)

    def events(
        self,
        start: datetime,
        end: datetime,
        filters: tuple[tuple[str, str], ...] = (),
        cancel: Cancel = NEVER_CANCELLED,
        *,
        limit: int = 500,
        renewals: bool = False,
        source: Source | None = None,
    ) -> tuple[ConnectionEvent, ...]:
        """Return single failures of [start, end), newest first; `filters` are a group's. Raises ConsoleError."""
        logs = self._session.logs(cancel)
        last = self._last
        refusals = last.scope.refusals if last else self._refusals.read(logs, start, end, cancel)
        if last is None and ("Cause", kql.WORD_OF[Cause.IP_RULES]) in filters:
            last = self._look(
                logs, start, end, self._circumstances(start, end, end - start, cancel), refusals, source, cancel
            )
        writes, cut = (last.scope.writes, last.scope.cut) if last else ((), ())
        scope = kql.Scope(self._session.arm_id(cancel), start, end, writes, cut, refusals, source)
        folded = renewals or ("Cause", kql.WORD_OF[Cause.RENEWAL]) in filters
        table = self._ask(logs, kql.rows(scope, filters, limit, renewals=folded), scope, cancel)
        return tuple(event for row in table.dicts() if (event := _event(row)) is not None)

    def failures_by_device(self, window: timedelta, cancel: Cancel = NEVER_CANCELLED) -> Mapping[str, int]:
        """Return failures per device id in the window that ends now, renewals left out. Raises ConsoleError."""
        end = self._session.now()
        logs = self._session.logs(cancel)
        scope = kql.Scope(self._session.arm_id(cancel), end - window, end)
        table = self._ask(logs, kql.by_device(scope), scope, cancel)
        return {str(row["DeviceId"]): count_of(row["Count"]) for row in table.dicts()}

    def run(self, text: str, start: datetime, end: datetime, cancel: Cancel = NEVER_CANCELLED) -> LogTable:
        """Run a query as somebody wrote it, over the rows a report of [start, end) would see. Raises ConsoleError."""
        return self._session.logs(cancel).query(text, start - CONTEXT_BEFORE, end + FOLD_WITHIN, cancel)

    def _report(self, blank: FailureReport, window: timedelta, source: Source | None, cancel: Cancel) -> FailureReport:
        start, end = blank.start, blank.end
        logs = self._session.logs(cancel)
        arm_id = self._session.arm_id(cancel)
        asked, around, refusals = _together(
            lambda: query_log(logs, kql.pulse(arm_id, start, end), start, end, cancel),
            lambda: self._circumstances(start, end, blank.step, cancel),
            lambda: self._refusals.read(logs, start - window, end, cancel) if source is not Source.HUB else Refusals(),
        )
        pulse = asked.dicts()[0] if asked.rows else {}
        partial = asked.partial or "; ".join(
            part for part in (_BLIND if around.blind else "", refusals.trouble) if part
        )
        known = replace(
            blank,
            connected=around.connected,
            total_devices=around.total,
            partial=partial,
            provisioning=refusals.names,
        )
        newest = time_of(pulse.get("Newest"))
        if not count_of(pulse.get("Rows")) and not refusals.errors:
            state = LogState.NO_SETTING if around.setting is False else LogState.NO_ROWS
            error = NoDiagnosticSettingError(self._session.hub_name, 0) if around.setting is False else None
            lag = self._lag(logs, arm_id, start, end, cancel)
            return replace(known, state=state, lag=lag, error=error)
        known = replace(known, lag=max(end - newest, timedelta(0)) if newest else None)
        found = self._look(logs, start, end, around, refusals, source, cancel)
        self._last = found
        report = self._count(known, found, logs, window, cancel)
        if around.setting is False:
            error = NoDiagnosticSettingError(self._session.hub_name, 0)
            return replace(report, state=LogState.NO_SETTING, error=error)
        return report

    def _count(
        self, known: FailureReport, found: _Finding, logs: LogsReader, window: timedelta, cancel: Cancel
    ) -> FailureReport:
        scope, grouping = found.scope, known.grouping
        both = replace(scope, start=scope.start - window)
        text = kql.groups(scope, grouping)
        binned, grouped, distinct, totals = _together(
            lambda: self._ask(logs, kql.bins(both, known.step), both, cancel),
            lambda: self._ask(logs, text, scope, cancel),
            lambda: (
                LogTable((), ())
                if grouping is Grouping.CAUSE
                else self._ask(logs, kql.devices(scope, grouping), scope, cancel)
            ),
            lambda: self._ask(logs, kql.totals(scope), scope, cancel),
        )
        counts = [
            (time, _cause(row["Cause"]), count_of(row["Count"]))
            for row in binned.dicts()
            if (time := time_of(row["Bin"])) is not None
        ]
        before = sum(count for time, cause, count in counts if time < scope.start and cause is not Cause.RENEWAL)
        sums = totals.dicts()[0] if totals.rows else {}
        total = count_of(sums.get("Failures"))
        return replace(
            known,
            state=LogState.READY if total else LogState.EMPTY,
            bins=fill_bins(counts, scope.start, scope.end, known.step),
            groups=build_groups(grouping, grouped, distinct, found.cuts),
            total=total,
            devices=count_of(sums.get("Devices")),
            previous_total=before,
            folded=count_of(sums.get("Folded")),
            kql=text,
            partial=known.partial or binned.partial or grouped.partial or totals.partial,
        )

    def _look(
        self,
        logs: LogsReader,
        start: datetime,
        end: datetime,
        around: Circumstances,
        refusals: Refusals,
        source: Source | None,
        cancel: Cancel,
    ) -> _Finding:
        writes = tuple(entry.time for entry in around.history.writes)
        scope = kql.Scope(self._session.arm_id(cancel), start, end, writes)
        evidence = [
            RangeEvidence(
                address=str(row["Address"]),
                segment=count_of(row["Segment"]),
                refused=count_of(row["Refused"]),
                lost=count_of(row["Lost"]),
                failures=count_of(row["Failures"]),
                first=first,
                last=last,
                returned=count_of(row["Returned"]),
            )
            for row in self._ask(logs, kql.evidence(scope), scope, cancel).dicts()
            if (first := time_of(row["First"])) is not None and (last := time_of(row["Last"])) is not None
        ]
        history = around.history
        cuts = tuple(cut_ranges(evidence, history.writes, dict(history.exposures), around.connected, start))
        cut = tuple((one.address, one.segment) for one in cuts)
        return _Finding(replace(scope, cut=cut, refusals=refusals, source=source), cuts)

    def _circumstances(self, start: datetime, end: datetime, step: timedelta, cancel: Cancel) -> Circumstances:
        if self._session.data_plane_only:
            return Circumstances()
        session, reader = self._session, self._session.hub_reader
        since = min(start, end - _LOOK_BACK) - SOON

        def activity() -> list[ActivityEntry]:
            return network_writes(
                session.cached(f"activity since {since:%F}", _CONTEXT_AGE, lambda: reader.activity(since, cancel))
            )

        grain = min(step, _FINE if end - start <= _LOOK_BACK else _COARSE)

        def series() -> Sequence[MetricSeries]:
            return reader.metrics((CONNECTED, TOTAL), start - SOON, end, grain, cancel)

        writes, hub, metrics, setting = _together(
            _or_none(activity),
            _or_none(lambda: session.hub(cancel)),
            _or_none(series),
            lambda: session.cached("setting", _SETTING_AGE, lambda: session.has_setting(cancel)),
        )
        connected, total = (metrics[0], metrics[1]) if metrics else (None, None)
        exposure = hub.exposure if hub else None
        history = self._memory.history(writes or (), exposure, session.now(), end)
        blind = (writes is None or hub is None) and not history.writes  # else it is known from an earlier reading
        return Circumstances(history, connected, total, setting, blind)

    def _lag(self, logs: LogsReader, arm_id: str, start: datetime, end: datetime, cancel: Cancel) -> timedelta | None:
        table = query_log(logs, kql.pulse(arm_id, start - _WIDER, end), start - _WIDER, end, cancel)
        newest = time_of(table.dicts()[0].get("Newest")) if table.rows else None
        return end - newest if newest else None

    def _ask(self, logs: LogsReader, text: str, scope: kql.Scope, cancel: Cancel) -> LogTable:
        return query_log(logs, text, scope.read_from, scope.read_to, cancel)


def state_of(error: ConsoleError) -> LogState:
    """Return which state of the log a failure means."""
    if isinstance(error, NoDiagnosticSettingError):
        return LogState.NO_SETTING
    if isinstance(error, NoTableError):
        return LogState.NO_TABLE
    return {
        ErrorKind.NOT_CONFIGURED: LogState.NO_WORKSPACE,
        ErrorKind.PERMISSION: LogState.NO_PERMISSION,
        ErrorKind.THROTTLED: LogState.THROTTLED,
    }.get(error.kind, LogState.FAILED)


def query_log(logs: LogsReader, text: str, start: datetime, end: datetime, cancel: Cancel) -> LogTable:
    """Run one of our own queries; a missing table is told in words that help."""
    try:
        return logs.query(text, start, end, cancel)
    except ConsoleError as error:
        if not (error.kind is ErrorKind.BAD_QUERY and "AzureDiagnostics" in error.why):
            raise
        raise NoTableError(error) from error


def _event(row: Mapping[str, Any]) -> ConnectionEvent | None:
    time = time_of(row["TimeGenerated"])
    if time is None:
        return None
    text = {name: str(value or "") for name, value in row.items()}
    provisioning = text["Source"] == Source.PROVISIONING
    return ConnectionEvent(
        time=time,
        device_id=text["DeviceId"],
        operation=text["OperationName"],
        level=text["Level"],
        code=text["Code"].removeprefix(PROVISIONING_CODE),
        description=text["Description"],
        message=text["Message"],
        address=text["Address"],
        protocol=text["Protocol"],
        sdk=clean(unquote(text["Sdk"])),  # some SDKs escape their own name
        auth=text["Auth"],
        renewal=_cause(text["Cause"]) is Cause.RENEWAL,
        source=Source.PROVISIONING if provisioning else Source.HUB,
    )


def _cause(word: object) -> Cause:
    return kql.CAUSE_WORDS.get(str(word), Cause.OTHER)


def _or_none(read: Callable[[], T]) -> Callable[[], T | None]:
    def attempt() -> T | None:
        try:
            return read()
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return None

    return attempt


def _together(*calls: Callable[[], Any]) -> tuple[Any, ...]:
    """Run calls at the same time (at most four) and return their results in order; the first failure is raised."""
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="connections") as pool:
        return tuple(future.result() for future in [pool.submit(call) for call in calls])
