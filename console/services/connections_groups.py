"""Rows of the table of failures, made from what the log counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from console.model.connection import Cause, Confidence, FailureGroup, Grouping
from console.model.error_codes import explain
from console.model.text import clean
from console.rules.causes import Cut, GroupFacts, cut_evidence, judge, short_range
from console.services.connections_kql import CAUSE_WORDS, KEY_COLUMNS
from console.services.log_time import time_of
from console.services.ports import LogTable, count_of

NOT_TOLD = "not told"
"""The label of failures whose row does not hold the value that groups them."""


def build_groups(
    grouping: Grouping, table: LogTable, distinct: LogTable, cuts: Sequence[Cut]
) -> tuple[FailureGroup, ...]:
    """Return groups, most failures first, renewals last.

    Args:
        grouping: what the rows are grouped by.
        table: counts per key and cause (`connections_kql.groups`).
        distinct: devices per key (`connections_kql.devices`), empty for the grouping by cause.
        cuts: the ranges that IP rules cut off, for the evidence.
    """
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in table.dicts():
        by_key.setdefault(str(row["Key"] or ""), []).append(row)
    devices = {str(row["Key"] or ""): count_of(row["Devices"]) for row in distinct.dicts()}
    groups = [
        _group(grouping, key, rows, devices.get(key), cuts, table.originals.get(key, key))
        for key, rows in by_key.items()
        if grouping is Grouping.CAUSE or any(_cause(row) is not Cause.RENEWAL for row in rows)
    ]
    return tuple(sorted(groups, key=lambda group: (group.cause is Cause.RENEWAL, -group.count, group.key)))


def _group(
    grouping: Grouping, key: str, rows: list[dict[str, Any]], devices: int | None, cuts: Sequence[Cut], original: str
) -> FailureGroup:
    counted = [row for row in rows if _cause(row) is not Cause.RENEWAL] or rows
    main = max(counted, key=lambda row: count_of(row["Count"]))
    cause = _cause(main)
    facts = GroupFacts(
        count=count_of(main["Count"]),
        devices=count_of(main["Devices"]),
        ranges=count_of(main["Ranges"]),
        device_id=str(main["DeviceId"] or ""),
        code=str(main["Code"] or ""),
        address=str(main["Address"] or ""),
        message=str(main["Message"] or ""),
    )
    confidence, evidence, flag = judge(cause, facts)
    if cause is Cause.IP_RULES:
        confidence, evidence = Confidence.LIKELY, cut_evidence(_cuts_of(grouping, facts, cuts)) or evidence
    if len(counted) > 1:
        evidence += f" (and {len(counted) - 1} other causes)" if len(counted) > 2 else " (and 1 other cause)"
    return FailureGroup(
        key=key,
        label=_label(grouping, key, cause),
        count=sum(count_of(row["Count"]) for row in counted),
        devices=devices if devices is not None else facts.devices,
        first=min(_time(row["First"]) for row in counted),
        last=max(_time(row["Last"]) for row in counted),
        cause=cause,
        confidence=confidence,
        evidence=evidence,
        flag=flag,
        filters=((KEY_COLUMNS[grouping], original),),
    )


def _cuts_of(grouping: Grouping, facts: GroupFacts, cuts: Sequence[Cut]) -> Sequence[Cut]:
    if grouping is Grouping.CAUSE or facts.ranges > 1:
        return cuts
    return [cut for cut in cuts if cut.address == facts.address]


def _label(grouping: Grouping, key: str, cause: Cause) -> str:
    if grouping is Grouping.CAUSE:
        return cause.value
    if not key:
        return NOT_TOLD
    if grouping is Grouping.ADDRESS:
        return short_range(key)
    if grouping is Grouping.SDK:
        return clean(unquote(key))  # some SDKs escape their own name
    if grouping is Grouping.CODE:
        return f"{key} {explain(key).name}"
    return key


def _cause(row: dict[str, Any]) -> Cause:
    return CAUSE_WORDS.get(str(row["Cause"]), Cause.OTHER)


def _time(value: object) -> datetime:
    return time_of(value) or datetime.min
