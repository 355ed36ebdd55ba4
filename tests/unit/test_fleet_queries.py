"""The kept fleet, filtered and in order: as a plain list would be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kept_fleet import NOW, devices, filled

from console.gateways.fleet_pages import rows_of
from console.gateways.mapping import device_from_twin
from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.fleet_query import Field, FleetQuery, Term
from console.services.fleet_file import FleetFile
from console.services.fleet_ids import read_ids
from console.services.fleet_rows import device_of, row_of
from console.services.fleet_view import FIRST, FleetViews


def matches(one: Device, term: Term, failures: Mapping[str, int]) -> bool:
    count, age = failures.get(one.device_id, 0), one.last_activity and (NOW - one.last_activity).total_seconds()
    sign = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
    sign["="] = lambda a, b: a == b
    found = {
        Field.ID: lambda: term.text in one.device_id.casefold(),
        Field.AUTH: lambda: one.auth.value in term.values,
        Field.STATUS: lambda: one.status.value in term.values,
        Field.STATE: lambda: one.connection.value in term.values,
        Field.EDGE: lambda: one.edge == ("yes" in term.values),
        Field.REASON: lambda: term.text in one.status_reason.casefold(),
        Field.THUMB: lambda: any(term.text in print_.casefold() for print_ in one.thumbprints),
        Field.TAG: lambda: any(n.casefold() == term.path and term.text in v.casefold() for n, v in one.tags),
        Field.FAILURES: lambda: sign[term.sign](count, term.number),
        Field.SEEN: lambda: (
            one.last_activity is None
            if term.sign == "never"
            else (age is None or age > term.number) == (not term.sign.startswith("<"))
        ),
    }[term.field]()
    return bool(found) != term.negated


def terms() -> st.SearchStrategy[Term]:
    flag = st.booleans()
    return st.one_of(
        st.builds(Term, st.just(Field.ID), flag, st.sampled_from(["", "lyon", "0", "17", "press-00", "zzz", "%"])),
        st.builds(
            Term, st.just(Field.AUTH), flag, st.just(""), st.frozensets(st.sampled_from([a.value for a in AuthType]))
        ),
        st.builds(Term, st.just(Field.STATUS), flag, st.just(""), st.just(frozenset({"disabled"}))),
        st.builds(Term, st.just(Field.STATE), flag, st.just(""), st.just(frozenset({"connected", "unknown"}))),
        st.builds(
            Term, st.just(Field.EDGE), flag, st.just(""), st.sampled_from([frozenset({"yes"}), frozenset({"no"})])
        ),
        st.builds(Term, st.just(Field.REASON), flag, st.sampled_from(["", "stolen", "in rep"])),
        st.builds(Term, st.just(Field.THUMB), flag, st.sampled_from(["", "abab", "cd"])),
        st.builds(
            Term,
            st.just(Field.TAG),
            flag,
            st.sampled_from(["", "ly", "2"]),
            path=st.sampled_from(["site", "line.no", "x"]),
        ),
        st.builds(
            Term,
            st.just(Field.FAILURES),
            flag,
            sign=st.sampled_from(["<", "<=", ">", ">=", "="]),
            number=st.integers(0, 3),
        ),
        st.builds(
            Term, st.just(Field.SEEN), flag, sign=st.sampled_from(["<", ">", "never"]), number=st.just(14 * 86400 + 1)
        ),
    )


World = tuple[FleetFile, list[Device], dict[str, int]]


@pytest.fixture(scope="module", params=["whole", "some deleted", "some deleted and made"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    held = devices(250, seed=7)
    failures = {one.device_id: number % 4 for number, one in enumerate(held[:30])}
    file = filled(tmp_path_factory.mktemp("world"), held)
    if request.param != "whole":
        file.change({one.device_id: None for one in held[10:22]})
        del held[10:22]
    if request.param == "some deleted and made":
        new = Device("Genoa-press-0000b", DeviceStatus.ENABLED, AuthType.SAS, ConnectionState.CONNECTED, None)
        file.change({new.device_id: row_of(new)})
        held.append(new)
    return file, held, failures


@settings(max_examples=60, deadline=None)
@given(
    found=st.lists(terms(), max_size=3),
    problems=st.booleans(),
    column=st.sampled_from(
        ["id", "status", "auth", "state", "seen", "edge", "reason", "failures", "tag:line.no", "tag:o'no"]
    ),
    descending=st.booleans(),
)
def test_any_filter_and_order_is_that_of_the_plain_list(
    world: World,
    found: list[Term],
    problems: bool,
    column: str,
    descending: bool,
) -> None:
    file, held, failures = world
    query = FleetQuery(tuple(found), problems, column, descending)
    weak = {AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_MISSING, AuthType.NONE, AuthType.UNKNOWN}
    wanted = [one for one in held if all(matches(one, term, failures) for term in found)]
    if problems:
        wanted = [
            one
            for one in wanted
            if failures.get(one.device_id, 0) or one.status is not DeviceStatus.ENABLED or one.auth in weak
        ]
    keys: dict[str, Any] = {
        "id": lambda one: one.device_id.casefold(),
        "status": lambda one: list(DeviceStatus).index(one.status),
        "auth": lambda one: list(AuthType).index(one.auth),
        "state": lambda one: list(ConnectionState).index(one.connection),
        "seen": lambda one: one.last_activity or datetime.min.replace(tzinfo=UTC),
        "edge": lambda one: one.edge,
        "reason": lambda one: one.status_reason.casefold(),
        "failures": lambda one: failures.get(one.device_id, 0),
        "tag:line.no": lambda one: dict(one.tags)["line.no"] if one.tags else "",
        "tag:o'no": lambda one: 0,
    }
    wanted.sort(key=lambda one: one.device_id.casefold())
    wanted.sort(key=keys[column], reverse=descending)
    snapshot = file.current()
    assert snapshot is not None
    known = read_ids(file, snapshot) if snapshot.ordered else None
    for views in (FleetViews(file, snapshot), FleetViews(file, snapshot, known)):
        view = views.all(query, failures, NOW)
        assert view.whole and view.devices(0, 999) == wanted
        first = views.first(query, failures, NOW)
        assert first.devices(0, FIRST) == wanted[:FIRST]
        assert len(first) == (len(wanted) if first.whole else FIRST) and (first.whole or len(wanted) >= FIRST)
        if query.everything and column == "id" and (views.ids is not None or snapshot.dense):
            assert first.whole, "all of it is there at once"
        if wanted:
            assert view.position(wanted[-1].device_id) == len(wanted) - 1
        assert view.position("Genoa-press-9999") is None


@pytest.mark.parametrize(
    "texts", [("lyon", "7"), ("", ""), ("", "press"), ("7", "press-00", "leeds"), ("lyon", "genoa"), ("qq", "7")]
)
def test_several_texts_are_found_in_one_id(world: World, texts: tuple[str, ...]) -> None:
    file, held, _ = world
    snapshot = file.current()
    assert snapshot is not None
    known = read_ids(file, snapshot) if snapshot.ordered else None
    query = FleetQuery(tuple(Term(Field.ID, text=text) for text in texts))
    wanted = [one.device_id for one in held if all(text in one.device_id.casefold() for text in texts)]
    found = FleetViews(file, snapshot, known).all(query, {}, NOW)
    assert list(found.ids()) == sorted(wanted, key=str.casefold)


# --- pages of twins ------------------------------------------------------------------------------------------------


def test_a_page_is_read_as_the_mapping_reads_twins() -> None:
    twins = [
        {"deviceId": "a", "status": "enabled", "connectionState": "Connected", "authenticationType": "sas",
         "lastActivityTime": "2026-11-23T09:42:07.1234567Z", "deviceEtag": "x",
         "tags": {"site": {"name": "Lyon", "n": [1]}}},
        {"deviceId": "b", "status": "disabled", "statusReason": "stolen", "authenticationType": "selfSigned",
         "x509Thumbprint": {"PrimaryThumbprint": "AB" * 32, "SecondaryThumbprint": None},
         "lastActivityTime": "0001-01-01T00:00:00Z", "capabilities": {"iotEdge": True}},
        {"deviceId": "c\u202ed", "authenticationType": "certificateAuthority",
         "lastActivityTime": "2026-11-23T10:42:07+01:00"},
        {"deviceId": "e", "authenticationType": "selfSigned", "x509Thumbprint": {"primaryThumbprint": "ab" * 20}},
        {"deviceId": "f", "status": "Odd", "tags": None, "lastActivityTime": "yesterday"},
        {"deviceId": "g", "authenticationType": "selfSigned", "tags": {"t": "\u001b[31m"}},
    ]  # fmt: skip
    page = json.dumps(twins).encode()
    found = [device_of(row) for row in rows_of(page)]
    for mine, theirs in zip(found, (device_from_twin(one) for one in json.loads(page)), strict=True):
        moment = theirs.last_activity.replace(microsecond=0) if theirs.last_activity else None
        assert (mine, moment) == (mine, mine.last_activity)
        for name in (
            "device_id",
            "status",
            "auth",
            "connection",
            "edge",
            "thumbprints",
            "tags",
            "status_reason",
            "etag",
        ):
            assert getattr(mine, name) == getattr(theirs, name), (mine.device_id, name)
        assert device_of(row_of(mine)) == mine
    for bad in (b"<html>", b"[{}]", b"{}", b"[1]"):
        with pytest.raises(ValueError):
            rows_of(bad)
