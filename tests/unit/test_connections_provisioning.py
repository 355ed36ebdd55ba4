"""Refused registrations among failed connections: causes, filters, sources, and tables that never saw one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.kql import ARM_ID, KqlTable

from console.model.connection import Cause, Grouping, Source
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget
from console.model.provisioning import DpsLink
from console.services import connections_kql as kql
from console.services.connections_provisioning import (
    UNLISTED,
    UNREAD,
    Refusals,
    RefusalsReader,
    addresses,
    pulse,
    rejected,
)
from console.services.ports import NEVER_CANCELLED

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
END = NOON + timedelta(hours=1)
SERVICE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/provisioningServices/contoso-dps"
SCOPE = kql.Scope(ARM_ID, NOON, END, refusals=Refusals((SERVICE.casefold(),)))
PLAIN = "401002: Unauthorized"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def table() -> KqlTable:
    return KqlTable(provisioning=True)


def ask(table: KqlTable, text: str) -> list[dict[str, Any]]:
    return table.query(text, NOON, END).dicts()


@pytest.mark.parametrize(
    ("described", "operation", "cause"),
    [
        ("401000: Unauthorized", "AttestationAttempt", Cause.NO_ENROLLMENT),
        ("404201: Enrollment not found.", "AttestationAttempt", Cause.NO_ENROLLMENT),
        (PLAIN, "AttestationAttempt", Cause.ENROLLMENT_KEY),
        ("Unauthorized (401002)", "AttestationAttempt", Cause.ENROLLMENT_KEY),
        ("401002: Invalid certificate.", "AttestationAttempt", Cause.ENROLLMENT_CERTIFICATE),
        ("401002: CA certificate not found.", "AttestationAttempt", Cause.ENROLLMENT_CERTIFICATE),
        ("403000: Enrollment is disabled.", "RegistrationAttempt", Cause.ENROLLMENT_DISABLED),
        ('401002: {"Message":"ErrorCode:IotHubUnauthorizedAccess"}', "RegistrationAttempt", Cause.NOT_ASSIGNED),
        ("400207: Custom allocation failed", "RegistrationAttempt", Cause.NOT_ASSIGNED),
        ("429001: Too many requests", "RegistrationAttempt", Cause.THROTTLED),
        ("500000: Internal", "AttestationAttempt", Cause.SERVICE),
        ("400000: no such body", "AttestationAttempt", Cause.OTHER),
        ("words alone", "AttestationAttempt", Cause.OTHER),
    ],
)
def test_each_refusal_becomes_its_cause(table: KqlTable, described: str, operation: str, cause: Cause) -> None:
    table.refuse(at(1), "press-1", described, service=SERVICE, operation=operation)
    (row,) = ask(table, kql.groups(SCOPE, Grouping.CAUSE))
    assert kql.CAUSE_WORDS[str(row["Cause"])] is cause
    assert (row["Count"], row["DeviceId"], row["Message"]) == (1, "press-1", described)


def test_both_logs_are_counted_together_and_apart(table: KqlTable) -> None:
    table.add(at(1), "press-1", "403012")
    table.refuse(at(2), "press-1", PLAIN, service=SERVICE)
    table.refuse(at(3), "press-2", PLAIN, service=SERVICE)
    table.refuse(at(4), "press-3", "", service=SERVICE, result="Success")
    table.refuse(at(5), "press-4", PLAIN, service=SERVICE + "-other")
    table.refuse(at(99), "press-5", PLAIN, service=SERVICE)
    (sums,) = ask(table, kql.totals(SCOPE))
    assert (sums["Failures"], sums["Devices"]) == (3, 2)
    by_device = {row["Key"]: row["Count"] for row in ask(table, kql.devices(SCOPE, Grouping.DEVICE))}
    assert by_device == {"press-1": 2, "press-2": 1}
    for source, seen in ((Source.HUB, ["press-1"]), (Source.PROVISIONING, ["press-2", "press-1"])):
        rows = ask(table, kql.rows(replace(SCOPE, source=source), (), 10, renewals=False))
        assert [row["DeviceId"] for row in rows] == seen
        assert {row["Source"] for row in rows} == {source.value}
    codes = {row["Key"] for row in ask(table, kql.groups(SCOPE, Grouping.CODE))}
    assert codes == {"403012", "DPS 401002"}
    rows = ask(table, kql.rows(SCOPE, (("Code", "DPS 401002"),), 10, renewals=False))
    assert [row["Address"] for row in rows] == ["10.20.4.XXX"] * 2


def test_every_question_runs_on_a_table_that_never_saw_a_provisioning_service() -> None:
    table = KqlTable()
    table.add(at(1), "press-1", "403012")
    scope = kql.Scope(ARM_ID, NOON, END)
    assert ask(table, pulse([SERVICE], NOON, END)) == []
    for text in (kql.totals(scope), kql.groups(scope, Grouping.CAUSE), kql.rows(scope, (), 10, renewals=True)):
        assert ask(table, text)


def link(*filters: ClassicRule, public: bool = True, host: str = "plants.azure-devices.net") -> DpsLink:
    return DpsLink("contoso-dps", SERVICE, host, filters=filters, public_access=public)


def rule(name: str, action: FilterAction, mask: str, target: FilterTarget = FilterTarget.ALL) -> ClassicRule:
    return ClassicRule(name, action, mask, target)


REJECT = rule("lyon", FilterAction.REJECT, "10.20.0.0/16")


@pytest.mark.parametrize(
    ("filters", "public", "blamed"),
    [
        ((REJECT,), True, True),
        ((), False, True),
        ((), True, False),
        ((rule("part", FilterAction.REJECT, "10.20.4.0/25"),), True, False),  # the masked address may be in the rest
        ((rule("first", FilterAction.ACCEPT, "10.0.0.0/8"), REJECT), True, False),
        ((rule("service", FilterAction.REJECT, "10.20.0.0/16", FilterTarget.SERVICE_API),), True, False),
    ],
)
def test_filters_are_blamed_where_they_reject_the_whole_range(
    table: KqlTable, filters: tuple[ClassicRule, ...], public: bool, blamed: bool
) -> None:
    table.refuse(at(1), "press-1", PLAIN, service=SERVICE)
    seen = table.query(addresses([SERVICE], NOON, END), NOON, END)
    found = rejected([link(*filters, public=public)], seen)
    (row,) = ask(table, kql.groups(replace(SCOPE, refusals=replace(SCOPE.refusals, filtered=found)), Grouping.CAUSE))
    assert row["Cause"] == ("dps-filter" if blamed else "dps-key")


def test_filters_are_not_blamed_for_what_came_before_the_service_last_looked_at_a_credential(table: KqlTable) -> None:
    table.refuse(at(1), "before", PLAIN, service=SERVICE)
    table.refuse(at(2), "looked-at", "401002: Invalid certificate.", service=SERVICE)
    table.refuse(at(3), "after", PLAIN, service=SERVICE)
    found = rejected([link(REJECT)], table.query(addresses([SERVICE], NOON, END), NOON, END))
    scope = replace(SCOPE, refusals=replace(SCOPE.refusals, filtered=found))
    causes = {row["Key"]: row["Cause"] for row in ask(table, kql.groups(scope, Grouping.DEVICE))}
    assert causes == {"before": "dps-key", "looked-at": "dps-certificate", "after": "dps-filter"}


class _Session:
    """What the reader asks of a session."""

    hub_host, data_plane_only = "plants.azure-devices.net", False

    def cached(self, _name: str, _age: float, read: Any) -> Any:
        return read()

    def hub(self, _cancel: Any) -> Any:
        return type("Hub", (), {"host": "Plants.azure-devices.net"})


class _Links:
    def __init__(self, found: list[DpsLink] | ConsoleError) -> None:
        self._found = found

    def links(self, _cancel: Any) -> list[DpsLink]:
        if isinstance(self._found, ConsoleError):
            raise self._found
        return self._found


def read(table: Any, found: list[DpsLink] | ConsoleError) -> Refusals:
    reader = RefusalsReader(_Session(), _Links(found))  # type: ignore[arg-type]
    return reader.read(table, NOON, END, NEVER_CANCELLED)


def test_only_services_that_link_the_hub_and_have_rows_are_asked(table: KqlTable) -> None:
    table.refuse(at(1), "press-1", PLAIN, service=SERVICE)
    others = [
        replace(link(host="other.azure-devices.net"), arm_id=SERVICE + "-2"),
        replace(link(), arm_id="/silent", instance="silent"),
    ]
    found = read(table, [link(REJECT), link(REJECT), *others])
    assert (found.services, found.errors, found.trouble) == ((SERVICE.casefold(),), 1, "")
    assert found.names == ("contoso-dps", "silent")
    assert [one.address for one in found.filtered] == ["10.20.4.XXX"]
    assert read(table, others[:1]) == Refusals()


def test_trouble_is_told_and_a_cancelled_reading_ends() -> None:
    denied = ConsoleError(ErrorKind.PERMISSION, "no", "no", "no")
    assert read(KqlTable(), denied).trouble == UNLISTED

    class Broken:
        def query(self, *_: Any) -> Any:
            raise denied

    assert read(Broken(), [link()]).trouble == UNREAD
    with pytest.raises(ConsoleError, match="stopped"):
        read(KqlTable(), ConsoleError(ErrorKind.CANCELLED, "stopped"))
