"""The query for seen addresses: newest attempt per device, counted per masked range, hostile values escaped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.kql import ARM_ID, KqlTable

from console.model.hub import ActivityEntry, Identity
from console.model.network import AddressSource, SeenLog
from console.services.connections_kql import rows_of_hub
from console.services.network_own import own_from
from console.services.network_seen import devices_kql, seen_from, services_kql

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def at(hours: float) -> datetime:
    return NOON - timedelta(hours=hours)


def seen(table: KqlTable) -> SeenLog:
    devices = table.query(devices_kql(ARM_ID, NOON - DAY, NOON), NOON - DAY, NOON)
    services = table.query(services_kql(ARM_ID, NOON - DAY, NOON), NOON - DAY, NOON)
    return seen_from(devices, services, NOON - DAY, NOON)


def counts(log: SeenLog) -> dict[str, tuple[int, int]]:
    return {item.address.masked: (item.address.devices, item.refused) for item in log.ranges}


def test_each_device_counts_once_where_it_was_newest() -> None:
    table = KqlTable()
    table.add(at(3), "moved", address="10.1.1.XXX")
    table.add(at(1), "moved", address="10.2.2.XXX")
    table.add(at(2), "refused-now", address="10.2.2.XXX")
    table.add(at(1), "refused-now", "401003", address="10.2.2.XXX")
    table.add(at(2), "back-again", "401003", address="10.2.2.XXX")
    table.add(at(1), "back-again", address="10.2.2.XXX")
    table.add(at(30), "too-old", address="10.3.3.XXX")
    table.add(at(0.5), "leaving", operation="deviceDisconnect", address="10.4.4.XXX")
    table.add(at(1), "nameless", address="")
    log = seen(table)
    assert counts(log) == {"10.2.2.XXX": (3, 1)}
    assert log.devices == 3
    assert log.ranges[0].address.last_seen == at(1)
    assert not log.services_known


def test_another_hubs_rows_do_not_count() -> None:
    table = KqlTable()
    table.add(at(1), "theirs", _ResourceId=ARM_ID.casefold() + "-2")
    assert seen(table).ranges == ()


def test_addresses_of_services_count_where_the_log_holds_them() -> None:
    table = KqlTable()
    table.add(at(2), "a", address="10.2.2.XXX")
    table.add(at(1), "", address="10.2.2.XXX", Category="TwinQueries", operation="query")
    table.add(at(1), "", address="192.0.2.XXX", Category="DirectMethods", operation="invoke")
    table.add(at(1), "", address="198.51.100.XXX", Category="D2CTwinOperations", operation="read")
    log = seen(table)
    assert log.services_known
    assert {item.address.masked: item.address.services for item in log.ranges} == {"10.2.2.XXX": 1, "192.0.2.XXX": 1}
    assert log.devices == 1
    assert log.ranges[0].address.last_seen == at(1)


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_what_enters_the_query_is_a_literal(text: str) -> None:
    table = KqlTable()
    table.add(at(1), "a")
    for query in (devices_kql(text, NOON - DAY, NOON), services_kql(text, NOON - DAY, NOON)):
        assert table.query(query, NOON - DAY, NOON).rows == ()


def test_an_id_that_tries_to_end_the_literal_stays_inside_it() -> None:
    hostile = '"; AzureDiagnostics | take 1 //'
    assert '\\"; AzureDiagnostics' in devices_kql(hostile, NOON - DAY, NOON)
    assert rows_of_hub(hostile, NOON - DAY, NOON) in devices_kql(hostile, NOON - DAY, NOON)


def entry(caller: str, address: str, hours: float = 1) -> ActivityEntry:
    return ActivityEntry(at(hours), "x/write", caller, address, "Succeeded")


def test_our_own_address_is_our_newest_in_the_activity_log() -> None:
    identity = Identity("client secret", "ops@contoso.com", "oid-1")
    entries = [entry("ana@contoso.com", "203.0.113.1"), entry("OID-1", "203.0.113.2"), entry("oid-1", "203.0.113.3")]
    own = own_from(entries, identity)
    assert (own.address, own.source) == ("203.0.113.2", AddressSource.ACTIVITY)
    assert "may be another" in own.note


def test_an_address_with_a_port_is_read_and_ipv6_is_passed_over() -> None:
    identity = Identity("client secret", "ops@contoso.com", "oid-1")
    assert own_from([entry("oid-1", "fe80::1"), entry("oid-1", "203.0.113.2:4433")], identity).address == "203.0.113.2"
    unknown = own_from([entry("ana@contoso.com", "203.0.113.1")], identity)
    assert unknown.address == ""
    assert "ops@contoso.com" in unknown.why
