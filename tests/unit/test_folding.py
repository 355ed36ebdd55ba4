"""Token renewals: the rule on rows at hand, and the same rule pushed down as KQL, agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.depth import trials
from support.kql import ARM_ID, KqlTable

from console.model.connection import ConnectionEvent
from console.rules.folding import CONTEXT_BEFORE, FOLD_WITHIN, mark_renewals
from console.services import connections_kql as kql

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def event(seconds: float, code: str = "", device: str = "d1") -> ConnectionEvent:
    operation = "deviceDisconnect" if code == "404104" else "deviceConnect"
    level = "Error" if code else "Information"
    return ConnectionEvent(NOON + timedelta(seconds=seconds), device, operation, level, code, "", "", "", "", "", "")


def folded(*events: ConnectionEvent) -> list[str]:
    return [one.code for one in mark_renewals(events) if one.renewal]


def test_the_documented_pattern_is_a_renewal() -> None:
    assert folded(event(0, "401003"), event(1, "404104"), event(9)) == ["401003", "404104"]


def test_a_lone_drop_with_a_reconnect_is_a_renewal() -> None:
    assert folded(event(0, "404104"), event(120)) == ["404104"]


@pytest.mark.parametrize(
    "events",
    [
        (event(0, "404104"),),
        (event(0, "404104"), event(FOLD_WITHIN.total_seconds() + 1)),
        (event(0, "404104"), event(10, device="another")),
        (event(10, "404104"), event(0)),
        (event(0, "400027"), event(5)),
        (event(0, "401003"), event(60, "401003"), event(90)),
        (event(0, "401003"), event(0, "401003"), event(5)),
    ],
    ids=["no reconnect", "too late", "another device", "connect before", "clone", "refused again", "refused twice"],
)
def test_what_is_not_a_renewal(events: tuple[ConnectionEvent, ...]) -> None:
    assert folded(*events) == []


rows = st.lists(
    st.tuples(st.integers(-600, 4200), st.sampled_from(["", "401003", "404104", "400027"]), st.sampled_from("ab")),
    max_size=25,
)


@settings(max_examples=trials(test=10, deep=25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows)
def test_the_log_folds_as_the_rule_does(entries: list[tuple[int, str, str]]) -> None:
    events = [event(*entry) for entry in entries]
    table = KqlTable()
    for one in events:
        table.add(one.time, one.device_id, one.code, operation=one.operation)
    scope = kql.Scope(ARM_ID, NOON, NOON + timedelta(hours=1))
    found = table.query(kql.totals(scope), scope.read_from, scope.read_to).dicts()[0]
    seen = [one for one in events if NOON - CONTEXT_BEFORE <= one.time < scope.read_to]
    marked = [one for one in mark_renewals(seen) if one.level == "Error" and NOON <= one.time < scope.end]
    assert found["Folded"] == sum(one.renewal for one in marked)
    assert found["Failures"] == sum(not one.renewal for one in marked)
