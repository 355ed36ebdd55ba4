"""`hubwarden connections`: failed connections without the console."""

from __future__ import annotations

import re
from datetime import timedelta

import click

from console.cli.context import Settings
from console.cli.output import Json, envelope, json_text, print_json, print_table, time_text, warning
from console.model.clock import format_time
from console.model.connection import (
    Confidence,
    ConnectionEvent,
    FailureGroup,
    FailureReport,
    Grouping,
    LogState,
    Source,
)
from console.model.errors import ConsoleError, ErrorKind
from console.present.log_states import WORDS
from console.services.bundle import Services
from console.services.ports import Cancel

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_GROUPINGS = {grouping.name.lower(): grouping for grouping in Grouping}
_SOURCES = [source.value for source in Source]
_GOOD = {LogState.READY, LogState.EMPTY}
_BARS = 60
_LONGEST = timedelta(days=30)


def _span(_ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    """Return the length of time that was typed (90s, 15m, 1h, 7d)."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", value.strip())
    length = timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else timedelta(0)
    if not timedelta(0) < length <= _LONGEST:
        raise click.BadParameter(f"“{value}” is no length of time: give 15m, 1h or 7d (at most 30d).", param=param)
    return length


@click.command()
@click.option("--since", metavar="TIME", callback=_span, default="1h", show_default=True, help="How far back.")
@click.option("--by", "by", type=click.Choice(list(_GROUPINGS)), default="cause", show_default=True, help="Group by.")
@click.option("--source", type=click.Choice(_SOURCES), help="Only the hub's own log, or only refused registrations.")
@click.option("--raw", is_flag=True, help="Single events instead of groups, newest first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=500, show_default=True, help="Events with --raw.")
@click.option("--renewals", is_flag=True, help="With --raw: token renewals too.")
@click.option("--watch", is_flag=True, help="Again every --interval; with --json one document a line.")
@click.option("--interval", metavar="TIME", callback=_span, default="30s", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON: hubwarden.connections/1 or hubwarden.connection_events/1.")
@click.pass_obj
def connections(
    settings: Settings,
    since: timedelta,
    by: str,
    source: str | None,
    raw: bool,
    limit: int,
    renewals: bool,
    watch: bool,
    interval: timedelta,
    as_json: bool,
) -> int:
    """Show who fails to connect, since when and why; token renewals are folded and counted apart.

    What provisioning services that link the hub refuse is among it: source "provisioning", causes that begin with DPS.
    """
    chosen = Source(source) if source else None
    services = settings.services(spread=True)
    cancel = Cancel()
    while True:
        code = (
            _show_events(services, since, chosen, limit, renewals, as_json, watch, cancel)
            if raw
            else _show_report(services, since, chosen, _GROUPINGS[by], as_json, watch, cancel)
        )
        if not watch:
            return code
        cancel.wait(interval.total_seconds())


def _show_report(
    services: Services,
    since: timedelta,
    source: Source | None,
    grouping: Grouping,
    as_json: bool,
    watch: bool,
    cancel: Cancel,
) -> int:
    step = timedelta(seconds=max(60, round(since.total_seconds() / _BARS / 60) * 60))
    report = services.connections.report(since, step, grouping, cancel, source=source)
    if as_json:
        document = report_json(report)
        click.echo(json_text(document, None)) if watch else print_json(document)
    else:
        _print_report(report)
    return 0 if report.state in _GOOD else 1


def _print_report(report: FailureReport) -> None:
    if report.state not in _GOOD:
        words = WORDS[report.state]
        raise report.error or ConsoleError(ErrorKind.NOT_CONFIGURED, words.what, words.why, words.hint)
    before = "" if report.previous_total is None else f", {report.previous_total:,} in the time before"
    lag = "" if report.lag is None else f"; newest row {int(report.lag.total_seconds() // 60)} min old"
    click.echo(
        f"{report.total:,} failed connections of {report.devices:,} devices since "
        f"{format_time(report.start)}{before}; {report.folded:,} token renewals folded{lag}"
    )
    if report.partial:
        click.echo(f"Only part of the truth: {report.partial}", err=True)
    if report.groups:
        by_cause = report.grouping is Grouping.CAUSE  # the label says it then
        print_table(
            (report.grouping.value.upper(), "COUNT", "DEVICES", "SINCE", "" if by_cause else "CAUSE", "EVIDENCE"),
            [
                (
                    group.label,
                    f"{group.count:,}",
                    f"{group.devices:,}",
                    format_time(group.first),
                    ("LIKELY " if group.confidence is Confidence.LIKELY else "") + ("" if by_cause else group.cause),
                    group.evidence or group.flag,
                )
                for group in report.groups
            ],
            right=frozenset({1, 2}),
        )


def _show_events(
    services: Services,
    since: timedelta,
    source: Source | None,
    limit: int,
    renewals: bool,
    as_json: bool,
    watch: bool,
    cancel: Cancel,
) -> int:
    now = services.clock()
    events = services.connections.events(now - since, now, (), cancel, limit=limit, renewals=renewals, source=source)
    if as_json:
        document = envelope("connection_events", now, [event_json(event) for event in events])
        click.echo(json_text(document, None)) if watch else print_json(document)
        return 0
    print_table(
        ("TIME", "DEVICE", "OPERATION", "CODE", "NAME", "FROM", "SDK"),
        [
            (format_time(e.time), e.device_id, e.operation, e.code or "-", e.description or "-", e.address, e.sdk)
            for e in events
        ],
    )
    return 0


def report_json(report: FailureReport) -> Json:
    """Return a report as hubwarden.connections/1."""
    return envelope(
        "connections",
        report.end,
        [_group_json(group) for group in report.groups],
        stale=False,
        warnings=[warning(report.error)] if report.error else [],
        state=report.state.value,
        window={
            "start": format_time(report.start),
            "end": format_time(report.end),
            "step_seconds": int(report.step.total_seconds()),
        },
        grouping=report.grouping.value,
        total=report.total,
        previous_total=report.previous_total,
        devices=report.devices,
        folded=report.folded,
        lag_seconds=None if report.lag is None else int(report.lag.total_seconds()),
        partial=report.partial,
        provisioning_services=list(report.provisioning),
        bins=[
            {"start": format_time(b.start), "counts": {cause.value: count for cause, count in b.counts}}
            for b in report.bins
        ],
    )


def _group_json(group: FailureGroup) -> Json:
    return {
        "key": group.key,
        "label": group.label,
        "count": group.count,
        "devices": group.devices,
        "first": time_text(group.first),
        "last": time_text(group.last),
        "cause": group.cause.value,
        "confidence": group.confidence.value,
        "evidence": group.evidence,
        "flag": group.flag,
    }


def event_json(event: ConnectionEvent) -> Json:
    """Return one event as an item of hubwarden.connection_events/1."""
    return {
        "time": format_time(event.time),
        "device_id": event.device_id,
        "operation": event.operation,
        "level": event.level,
        "code": event.code,
        "description": event.description,
        "message": event.message,
        "address": event.address,
        "protocol": event.protocol,
        "sdk": event.sdk,
        "auth": event.auth,
        "renewal": event.renewal,
        "source": event.source.value,
    }
