"""Every query that the Connections pane makes runs on a table of the true schema and says the right thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kql import ARM_ID, KqlTable

from console.model.connection import Cause, Grouping
from console.services import connections_kql as kql
from console.services.kql_text import quote

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCOPE = kql.Scope(ARM_ID, NOON, NOON + timedelta(hours=1))
HOSTILE = (
    '"; AzureDiagnostics | take 1 //',
    "back\\slash\\",
    "line\nbreak",
    "tab\tand 'quotes'",
    "é\x1b]52;c;AAAA\x07",
    "🏭",
)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def table() -> KqlTable:
    return KqlTable()


def ask(table: KqlTable, text: str) -> list[dict[str, object]]:
    return table.query(text, SCOPE.read_from, SCOPE.read_to).dicts()


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        ("400027", "", Cause.CLONED),
        ("409002", "", Cause.CLONED),
        ("401003", "Certificate 'x' has expired: not valid after 2026-11-23", Cause.CERTIFICATE_EXPIRED),
        ("401003", "Thumbprint does not match configuration: SHA1Hash=1", Cause.THUMBPRINT),
        ("401003", "IotHub 'plants' does not contain the specified device 'x'", Cause.UNKNOWN_DEVICE),
        ("404001", "", Cause.UNKNOWN_DEVICE),
        (
            "401003",
            "Authentication failed for this device, renew token or certificate and reconnect",
            Cause.WRONG_CREDENTIAL,
        ),
        ("401002", "", Cause.WRONG_CREDENTIAL),
        ("403012", "", Cause.DISABLED),
        ("429001", "", Cause.THROTTLED),
        ("403002", "", Cause.THROTTLED),
        ("500001", "", Cause.SERVICE),
        ("503005", "", Cause.SERVICE),
        ("404104", "", Cause.NETWORK),
        ("413001", "", Cause.OTHER),
    ],
)
def test_each_code_becomes_its_cause(table: KqlTable, code: str, message: str, cause: Cause) -> None:
    table.add(at(1), "d1", code, message=message)
    (row,) = ask(table, kql.groups(SCOPE, Grouping.CAUSE))
    assert kql.CAUSE_WORDS[str(row["Cause"])] is cause
    assert row["Last"] == at(1)


def test_rows_of_others_and_of_other_times_do_not_count(table: KqlTable) -> None:
    table.add(at(5), "mine", "403012")
    table.add(at(5), "other hub", "403012", _ResourceId=ARM_ID.casefold() + "2")
    table.add(at(5), "other category", "403012", Category="DeviceTelemetry")
    table.add(at(5), "other service", "403012", ResourceType="PROVISIONINGSERVICES")
    table.add(at(-1), "before", "403012")
    table.add(at(60), "after", "403012")
    table.add(at(5), "fine")
    assert [row["DeviceId"] for row in ask(table, kql.by_device(SCOPE))] == ["mine"]
    (pulse,) = ask(table, kql.pulse(ARM_ID.upper(), SCOPE.start, SCOPE.end))
    assert (pulse["Rows"], pulse["Errors"], pulse["Newest"]) == (2, 1, at(5))


def test_real_records_without_auth_type_and_result_type_are_read(table: KqlTable) -> None:
    table.add(at(1), "d1", "404104", auth=None, sdk=None)
    (row,) = ask(table, kql.groups(SCOPE, Grouping.AUTH))
    assert not row["Key"]
    assert row["Count"] == 1


@pytest.mark.parametrize("grouping", list(Grouping))
def test_every_grouping_counts_failures_and_devices(table: KqlTable, grouping: Grouping) -> None:
    for minute in range(3):
        table.add(at(minute), "d1", "403012")
    table.add(at(9), "d2", "403012")
    rows = ask(table, kql.groups(SCOPE, grouping))
    counted = {row["Key"]: (row["Count"], row["Devices"]) for row in rows}
    expected = {
        Grouping.CAUSE: {"disabled": (4, 2)},
        Grouping.DEVICE: {"d1": (3, 1), "d2": (1, 1)},
        Grouping.CODE: {"403012": (4, 2)},
        Grouping.ADDRESS: {"10.20.4.XXX": (4, 2)},
        Grouping.SDK: {"py/2.14": (4, 2)},
        Grouping.AUTH: {"sas": (4, 2)},
    }
    assert counted == expected[grouping]
    assert {row["Key"]: row["Devices"] for row in ask(table, kql.devices(SCOPE, grouping))} == {
        key: devices for key, (_, devices) in counted.items()
    }


def test_bins_follow_the_step_and_carry_the_cause(table: KqlTable) -> None:
    table.add(at(0.5), "d1", "403012")
    table.add(at(0.9), "d1", "429001")
    table.add(at(7), "d1", "403012")
    rows = ask(table, kql.bins(SCOPE, timedelta(minutes=5)))
    assert {(row["Bin"], row["Cause"], row["Count"]) for row in rows} == {
        (at(0), "disabled", 1), (at(0), "throttled", 1), (at(5), "disabled", 1),
    }  # fmt: skip


def test_evidence_is_told_by_range_and_segment(table: KqlTable) -> None:
    scope = kql.Scope(ARM_ID, NOON, NOON + timedelta(hours=1), writes=(at(10), at(40)))
    for device in ("a", "b", "c"):
        table.add(at(20), device, "401003")
        table.add(at(22), device, "401003")
    table.add(at(15), "d", "404104", operation="deviceDisconnect")
    table.add(at(30), "e", address="10.20.4.XXX")
    table.add(at(45), "a", "401003")
    rows = {row["Segment"]: row for row in ask(table, kql.evidence(scope))}
    first = rows[1]
    assert (first["Refused"], first["Lost"], first["Failures"], first["Returned"]) == (3, 1, 7, 1)
    assert (first["First"], first["Last"]) == (at(15), at(22))
    assert (rows[2]["Refused"], rows[2]["Returned"] or 0) == (1, 0)


def test_cut_ranges_take_refusals_and_lost_connections_but_no_other_cause(table: KqlTable) -> None:
    scope = kql.Scope(ARM_ID, NOON, NOON + timedelta(hours=1), writes=(at(10),), cut=(("10.20.4.XXX", 1),))
    table.add(at(5), "early", "401003")
    table.add(at(20), "cut", "401003")
    table.add(at(20), "silent", "404104", operation="deviceDisconnect")
    table.add(at(20), "disabled", "403012")
    table.add(at(20), "elsewhere", "401003", address="10.9.9.XXX")
    rows = ask(table, kql.rows(scope, (("Cause", "ip-rules"),), 10, renewals=False))
    assert {row["DeviceId"] for row in rows} == {"cut", "silent"}


@pytest.mark.parametrize("device", HOSTILE)
def test_hostile_ids_stay_values(table: KqlTable, device: str) -> None:
    table.add(at(1), device, "403012")
    table.add(at(1), "innocent", "403012")
    rows = ask(table, kql.rows(SCOPE, (("DeviceId", device),), 10, renewals=False))
    assert [row["DeviceId"] for row in rows] == [device]


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30))
def test_any_text_is_one_literal(text: str) -> None:
    literal = quote(text)
    assert literal.isascii()
    assert literal.isprintable()
    (row,) = KqlTable().query(f"print Value = {literal}", NOON, NOON).dicts()
    assert row["Value"] == text


def test_only_columns_of_the_failures_can_be_filtered_by() -> None:
    with pytest.raises(ValueError, match="no such column"):
        kql.rows(SCOPE, (("1 == 1 or DeviceId", "x"),), 10, renewals=False)


def test_the_hubs_id_is_escaped_too() -> None:
    text = kql.pulse('x" or true //', SCOPE.start, SCOPE.end)
    assert '=~ "x\\" or true //"' in text


def test_events_come_newest_first_and_renewals_on_request(table: KqlTable) -> None:
    table.add(at(1), "d1", "404104", operation="deviceDisconnect")
    table.add(at(2), "d1")
    table.add(at(3), "d2", "403012")
    table.add(at(4), "d3", "403012")
    assert [row["DeviceId"] for row in ask(table, kql.rows(SCOPE, (), 10, renewals=False))] == ["d3", "d2"]
    everything = ask(table, kql.rows(SCOPE, (), 10, renewals=True))
    assert [(row["DeviceId"], row["Cause"]) for row in everything][-1] == ("d1", "renewal")
    assert len(ask(table, kql.rows(SCOPE, (), 1, renewals=True))) == 1
