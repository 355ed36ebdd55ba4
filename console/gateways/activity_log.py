"""The hub's activity log: who wrote what through the resource manager, from where, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from console.gateways.arm import Arm
from console.model.clock import format_time, parse_time
from console.model.hub import ActivityEntry
from console.model.text import clean
from console.services.ports import Cancel

_VERSION = "2015-04-01"
_FIELDS = "eventTimestamp,operationName,status,subStatus,caller,claims,httpRequest,correlationId,properties,resourceId"
_FINAL = ("Failed", "Succeeded", "Accepted", "Started")
"""Statuses from the most to the least final: one write is logged several times under one correlation id."""
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_OPERATIONS = {
    "microsoft.devices/iothubs/write": "hub written",
    "microsoft.devices/iothubs/delete": "hub deleted",
    "microsoft.devices/iothubs/listkeys/action": "policy keys read",
    "microsoft.devices/iothubs/iothubkeys/listkeys/action": "policy key read",
    "microsoft.devices/iothubs/certificates/write": "CA certificate written",
    "microsoft.devices/iothubs/certificates/delete": "CA certificate deleted",
    "microsoft.devices/iothubs/certificates/generateverificationcode/action": "verification code of a CA made",
    "microsoft.devices/iothubs/certificates/verify/action": "CA certificate verified",
    "microsoft.insights/diagnosticsettings/write": "diagnostic setting written",
    "microsoft.insights/diagnosticsettings/delete": "diagnostic setting deleted",
    "microsoft.authorization/roleassignments/write": "role assigned",
    "microsoft.authorization/roleassignments/delete": "role assignment removed",
    "microsoft.authorization/roledefinitions/write": "custom role written",
    "microsoft.authorization/roledefinitions/delete": "custom role deleted",
}


def read(arm: Arm, arm_id: str, since: datetime, cancel: Cancel) -> list[ActivityEntry]:
    """Return the entries since a time, newest first, one per operation.

    Times are when the operation began. Where the log holds what was sent, the summary says which network rules changed.
    Raises ConsoleError.
    """
    until = datetime.now(UTC) + timedelta(days=1)  # clocks differ; the service wants an end
    subscription = arm_id.split("/")[2] if arm_id.count("/") > 2 else ""
    path = f"/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    span = f"eventTimestamp ge '{format_time(since)}' and eventTimestamp le '{format_time(max(until, since))}'"
    params = {"api-version": _VERSION, "$filter": f"{span} and resourceUri eq '{arm_id}'", "$select": _FIELDS}
    events = arm.pages("The activity log could not be read", path, params, cancel, role="Reader (on the hub)")
    return entries_from(events)


def entries_from(events: Iterable[Mapping[str, Any]]) -> list[ActivityEntry]:
    """Return entries from the log's events, merged by correlation id and operation, newest first."""
    merged: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for number, event in enumerate(events):
        correlation = str(event.get("correlationId") or number)
        merged.setdefault((correlation, _value(event, "operationName").casefold()), []).append(event)
    oldest_first = sorted(merged.values(), key=_began)
    entries: list[ActivityEntry] = []
    rules_before: dict[str, str] | None = None
    for group in oldest_first:
        began = _began(group)
        if began is None or began.year == datetime.min.year:
            continue
        rules_now = next((rules for event in group if (rules := _rules(event)) is not None), None)
        entries.append(_entry(group, began, rules_before, rules_now))
        rules_before = rules_now if rules_now is not None else rules_before
    return entries[::-1]


def _entry(
    group: list[Mapping[str, Any]],
    began: datetime,
    rules_before: dict[str, str] | None,
    rules_now: dict[str, str] | None,
) -> ActivityEntry:
    statuses = {_value(event, "status") for event in group}
    status = next((word for word in _FINAL if word in statuses), next(iter(statuses), ""))
    first = group[0]
    claims: Mapping[str, Any] = next((event["claims"] for event in group if isinstance(event.get("claims"), dict)), {})
    request: Mapping[str, Any] = next(
        (event["httpRequest"] for event in group if isinstance(event.get("httpRequest"), dict)), {}
    )
    operation = clean(_value(first, "operationName"))
    summary = next((text for event in group if (text := _told(event))), "")
    if not summary and rules_before is not None and rules_now is not None:
        summary = rule_changes(rules_before, rules_now)
    caller = first.get("caller") or claims.get("name") or claims.get("appid") or ""
    return ActivityEntry(
        time=began,
        operation=operation,
        caller=clean(caller),
        caller_address=clean(request.get("clientIpAddress") or claims.get("ipaddr")),
        status=clean(status),
        summary=clean(summary, limit=200) or _OPERATIONS.get(operation.casefold(), ""),
        caller_id=clean(claims.get(_OBJECT_ID)).casefold(),
    )


def rule_changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return what changed between two sets of IP rules by name ("" when nothing did)."""
    parts = [f'IP rule "{name}" removed' for name in before if name not in after]
    parts += [f'IP rule "{name}" added' for name in after if name not in before]
    parts += [f'IP rule "{name}" changed' for name in after if name in before and before[name] != after[name]]
    return ", ".join(parts)


def _told(event: Mapping[str, Any]) -> str:
    properties = event.get("properties")
    message = properties.get("message") if isinstance(properties, dict) else None
    return str(message) if message and not str(message).startswith("Microsoft.") else ""


def _rules(event: Mapping[str, Any]) -> dict[str, str] | None:
    properties = event.get("properties")
    if not isinstance(properties, dict):
        return None
    for key in ("requestbody", "requestBody", "responseBody", "responsebody"):
        body = properties.get(key)
        try:
            parsed: Any = json.loads(body) if isinstance(body, str) else body
            rules = parsed["properties"]["networkRuleSets"]["ipRules"]
            return {clean(rule["filterName"]): clean(rule["ipMask"]) for rule in rules}
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _began(group: list[Mapping[str, Any]]) -> datetime:
    times = [time for event in group if (time := parse_time(event.get("eventTimestamp"))) is not None]
    return min(times, default=datetime.min.replace(tzinfo=UTC))


def _value(event: Mapping[str, Any], key: str) -> str:
    item = event.get(key)
    return str(item.get("value", "")) if isinstance(item, dict) else str(item or "")
