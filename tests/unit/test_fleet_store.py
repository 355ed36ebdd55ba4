"""The kept fleet: whole or resumable whatever happens, filtered and sorted as a plain list, throttled politely."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.gateways.fleet_pages import rows_of
from console.gateways.mapping import device_from_twin
from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_query import Field, FleetQuery, Term
from console.model.fleet_snapshot import FleetPage, RefreshProgress, RefreshState
from console.services.fleet_file import FleetFile
from console.services.fleet_ids import read_ids
from console.services.fleet_refresh import FleetRefresh, Pace, queries_a_minute
from console.services.fleet_rows import device_of, row_of
from console.services.fleet_view import FIRST, FleetViews
from console.services.ports import NEVER_CANCELLED, Cancel

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def devices(count: int, seed: int = 1) -> list[Device]:
    chooser, found = random.Random(seed), []
    for number in range(count):
        plant = chooser.choice(["Genoa", "lyon", "leeds"])
        prints = ("AB" * 32, "") if number % 7 == 3 else ("", "")
        found.append(
            Device(
                device_id=f"{plant}-press-{number:04d}",
                status=chooser.choice(list(DeviceStatus)),
                auth=chooser.choice(list(AuthType)),
                connection=chooser.choice(list(ConnectionState)),
                last_activity=None if number % 5 == 0 else NOW - timedelta(hours=chooser.randrange(900)),
                status_reason=chooser.choice(["", "stolen", "In Repair"]),
                edge=number % 9 == 0,
                thumbprints=prints,
                etag=f"e{number}",
                tags=(("site", plant), ("line.no", str(number % 4))),
            )
        )
    chooser.shuffle(found)
    return found


class Pager:
    """Pages of a list; `fail` raises before a page of that number, once."""

    def __init__(self, held: Sequence[Device], page: int = 20, fail: Mapping[int, ConsoleError] | None = None) -> None:
        self.held, self.page, self.fail = held, page, dict(fail or {})
        self.asked: list[str] = []

    def fleet_page(self, continuation: str, size: int, cancel: Cancel = NEVER_CANCELLED) -> FleetPage:
        self.asked.append(continuation)
        start = int(continuation or 0)
        if (error := self.fail.pop(start // self.page, None)) is not None:
            raise error
        rows = [row_of(one) for one in self.held[start : start + self.page]]
        following = start + self.page
        return FleetPage(rows, str(following) if following < len(self.held) else "")


def filled(folder: Path, held: Sequence[Device]) -> FleetFile:
    file = FleetFile(folder / "fleet" / "hub.db", clock)
    FleetRefresh(file, Pager(held), None).run(len(held), lambda _: None, NEVER_CANCELLED)
    return file


def ids(file: FleetFile, query: FleetQuery = FleetQuery(), failures: Mapping[str, int] | None = None) -> list[str]:  # noqa: B008
    snapshot = file.current()
    assert snapshot is not None
    return list(FleetViews(file, snapshot).all(query, failures or {}, NOW).ids())


# --- what is kept --------------------------------------------------------------------------------------------------


def test_a_fleet_is_kept_in_id_order_and_comes_back_as_it_was(tmp_path: Path) -> None:
    held = devices(300)
    file = filled(tmp_path, held)
    snapshot = file.current()
    assert snapshot is not None and (snapshot.count, snapshot.whole, snapshot.dense) == (300, True, True)
    view = FleetViews(file, snapshot).all(FleetQuery(), {}, NOW)
    wanted = sorted(held, key=lambda one: (one.device_id.casefold(), one.device_id))
    assert view.devices(0, 300) == wanted
    assert view.devices(295, 400) == wanted[295:] and view.devices(-5, 2) == wanted[:2]
    assert [view.position(one.device_id) for one in wanted] == list(range(300))
    assert view.position("nobody") is None
    assert (file.path.stat().st_mode & 0o777, file.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_device_that_came_twice_is_kept_once_as_it_came_last(tmp_path: Path) -> None:
    held = devices(50)
    again = Device(held[3].device_id, DeviceStatus.DISABLED, AuthType.CA, ConnectionState.CONNECTED, None)
    file = filled(tmp_path, [*held, again, again])
    snapshot = file.current()
    assert snapshot is not None and snapshot.count == 50
    view = FleetViews(file, snapshot).all(FleetQuery(), {}, NOW)
    place = view.position(again.device_id)
    assert place is not None and view.devices(place, place + 1) == [again]


def test_the_old_list_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    first, second = devices(60), devices(80, seed=2)
    file = filled(tmp_path, first)
    old = file.current()
    assert old is not None
    view = FleetViews(file, old).all(FleetQuery(), {}, NOW)
    seen: list[int] = []

    def tell(progress: RefreshProgress) -> None:
        current = file.current()
        assert current is not None
        seen.append(current.count)

    FleetRefresh(file, Pager(second), None).run(None, tell, NEVER_CANCELLED)
    assert set(seen[:-1]) == {60} and seen[-1] == 80
    assert len(view.devices(0, 60)) == 60, "a view of the old list goes on until the next refresh"


def test_single_devices_are_kept_as_read_and_forgotten(tmp_path: Path) -> None:
    held = devices(40)
    file = filled(tmp_path, held)
    changed = Device(held[5].device_id, DeviceStatus.DISABLED, AuthType.SAS, ConnectionState.CONNECTED, NOW, "mine")
    file.change({changed.device_id: row_of(changed)})
    assert file.current().dense  # type: ignore[union-attr]
    new = Device("aaa-new", DeviceStatus.ENABLED, AuthType.SAS, ConnectionState.DISCONNECTED, None)
    file.change({"aaa-new": row_of(new), held[7].device_id: None, "never-there": None})
    snapshot = file.current()
    assert snapshot is not None and (snapshot.count, snapshot.dense) == (40, False)
    found = ids(file)
    assert found[0] == "aaa-new" and held[7].device_id not in found and found == sorted(found, key=str.casefold)
    view = FleetViews(file, snapshot).all(FleetQuery(terms=(Term(Field.REASON, text="mine"),)), {}, NOW)
    assert view.devices(0, 9) == [changed]


# --- stopping, crashing, breaking ----------------------------------------------------------------------------------


def test_a_stopped_refresh_goes_on_where_it_was(tmp_path: Path) -> None:
    held, cancel = devices(200), Cancel()
    file, pager = FleetFile(tmp_path / "f" / "hub.db", clock), Pager(held)

    def stop(progress: RefreshProgress) -> None:
        if progress.read >= 100:
            cancel.cancel()

    with pytest.raises(ConsoleError) as caught:
        FleetRefresh(file, pager, None).run(200, stop, cancel)
    assert caught.value.kind is ErrorKind.CANCELLED
    growing = file.current()
    assert growing is not None and (growing.count, growing.whole) == (100, False)
    assert len(ids(file)) == 100, "what is there is shown"
    again = Pager(held)
    FleetRefresh(file, again, None).run(200, lambda _: None, NEVER_CANCELLED)
    assert again.asked[0] == "100" and len(ids(file)) == 200


def test_a_place_that_the_hub_forgot_is_begun_anew(tmp_path: Path) -> None:
    held = devices(100)
    file = FleetFile(tmp_path / "f" / "hub.db", clock)
    broken = ConsoleError(ErrorKind.NETWORK, "x")
    with pytest.raises(ConsoleError):
        FleetRefresh(file, Pager(held, fail={3: broken}), None).run(None, lambda _: None, NEVER_CANCELLED)
    lost = Pager(held, fail={3: ConsoleError(ErrorKind.BAD_QUERY, "the token is not valid")})
    FleetRefresh(file, lost, None).run(None, lambda _: None, NEVER_CANCELLED)
    assert lost.asked[:2] == ["60", ""] and len(ids(file)) == 100


_CHILD = """
import os, random, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from unit.test_fleet_store import NOW, Pager, clock, devices
from console.services.fleet_file import FleetFile
from console.services.fleet_refresh import FleetRefresh
from console.services.ports import NEVER_CANCELLED
die = int(sys.argv[2])
count = 0
def trace(frame, event, arg):
    global count
    if event == "line" and "fleet_" in frame.f_code.co_filename:
        count += 1
        if count >= die:
            os._exit(9)
    return trace
file = FleetFile(Path(sys.argv[1]), clock)
if die:
    sys.settrace(trace)
FleetRefresh(file, Pager(devices(120, seed=3), page=10), None).run(None, lambda _: None, NEVER_CANCELLED)
sys.settrace(None)
print(count)
"""


def test_killed_at_any_moment_it_leaves_a_valid_list(tmp_path: Path) -> None:
    """A process is ended without a word at a random line of the store; the next one finds a valid file and finishes."""
    root = Path(__file__).parents[2]
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(_CHILD.format(paths=[str(root / "tests"), str(root)])))
    old, new = devices(50), devices(120, seed=3)
    file = filled(tmp_path, old)
    chooser, ended = random.Random(4), 0
    for _ in range(5):
        command = [sys.executable, str(script), str(file.path), str(chooser.randrange(40, 900))]
        ended += subprocess.run(command, capture_output=True, check=False).returncode == 9
        known = {one.device_id for one in old}
        found = ids(FleetFile(file.path, clock))
        assert set(found) in (known, {one.device_id for one in new})
        with sqlite3.connect(file.path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert ended >= 3
    later = FleetFile(file.path, lambda: NOW + timedelta(minutes=5))  # the dead one's lease is over
    FleetRefresh(later, Pager(new), None).run(None, lambda _: None, NEVER_CANCELLED)
    assert set(ids(later)) == {one.device_id for one in new}


@pytest.mark.parametrize("damage", ["header", "middle", "version", "truncated"])
def test_a_broken_file_is_set_aside_and_built_anew(tmp_path: Path, damage: str) -> None:
    held = devices(400)
    filled(tmp_path, held)
    path = tmp_path / "fleet" / "hub.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if damage == "version":
            connection.execute("PRAGMA user_version = 77")
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:32] = b"not a database at all, but text."
    elif damage == "middle":
        content[4096:] = bytes(random.Random(5).randrange(256) for _ in range(len(content) - 4096))
    elif damage == "truncated":
        del content[5000:]
    if damage != "version":
        path.write_bytes(content)
    file = FleetFile(path, clock)
    try:
        snapshot = file.current()
        if snapshot is not None:
            ids(file)
        raise AssertionError(f"the damage was not noticed: {snapshot}")
    except ConsoleError as error:
        assert error.code == "fleet-file"
    assert "set aside as hub.db.corrupt-" in file.take_note() and not file.take_note()
    assert file.current() is None and list(path.parent.glob("hub.db.corrupt-*"))
    FleetRefresh(file, Pager(held), None).run(None, lambda _: None, NEVER_CANCELLED)
    assert len(ids(file)) == 400


def test_two_consoles_refresh_one_after_the_other(tmp_path: Path) -> None:
    moment = [NOW]
    one, other = (FleetFile(tmp_path / "f" / "hub.db", lambda: moment[0]) for _ in range(2))
    held = devices(30)
    generation, _ = one.begin()
    one.add(generation.generation, [[row_of(device) for device in held[:10]]], "10")
    with pytest.raises(ConsoleError) as caught:
        FleetRefresh(other, Pager(held), None).run(None, lambda _: None, NEVER_CANCELLED)
    assert (caught.value.kind, caught.value.code) == (ErrorKind.CONFLICT, "refreshing-elsewhere")
    moment[0] += timedelta(minutes=2)  # nothing was heard of it
    FleetRefresh(other, Pager(held), None).run(None, lambda _: None, NEVER_CANCELLED)
    assert len(ids(one)) == 30, "the other sees the result"


# --- the throttle --------------------------------------------------------------------------------------------------


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, cancel: Cancel, seconds: float) -> bool:
        self.slept.append(seconds)
        self.now += seconds
        return False


class Throttled(Pager):
    """Refuses more than `allowed` calls in any minute, as the hub does, and counts how often it had to."""

    def __init__(self, held: Sequence[Device], allowed: int, time: Time) -> None:
        super().__init__(held, page=10)
        self.allowed, self.time, self.sent, self.refused = allowed, time, [], []

    def fleet_page(self, continuation: str, size: int, cancel: Cancel = NEVER_CANCELLED) -> FleetPage:
        now = self.time.now
        self.sent: list[float] = [one for one in self.sent if now - one < 60]
        self.time.now += 0.05
        if len(self.sent) >= self.allowed:
            self.refused: list[float] = [*self.refused, now]
            raise ConsoleError(ErrorKind.THROTTLED, "x", status=429)
        self.sent.append(now)
        return super().fleet_page(continuation, size, cancel)


@pytest.mark.parametrize(("told", "allowed"), [(40, 40), (None, 20), (40, 25), (1000, 1000)])
def test_a_throttled_refresh_ends_without_a_storm(tmp_path: Path, told: int | None, allowed: int) -> None:
    time = Time()
    pager = Throttled(devices(600), allowed, time)
    states: set[RefreshState] = set()
    file = FleetFile(tmp_path / "f" / "hub.db", clock)
    refresh = FleetRefresh(file, pager, told, seconds=time, sleep=time.sleep)
    whole = refresh.run(600, lambda progress: states.add(progress.state), NEVER_CANCELLED)
    assert whole.count == 600 and RefreshState.DONE in states
    gaps = [later - sooner for sooner, later in zip(pager.refused, pager.refused[1:], strict=False)]
    assert all(gap >= 10 for gap in gaps), "at most one refusal for each back-off"
    if told == allowed:
        assert not pager.refused, "within what the hub takes nobody is refused"


def test_a_console_that_waits_for_the_throttle_keeps_its_turn_and_what_it_read(tmp_path: Path) -> None:
    time, left = Time(), []
    mine, other = (FleetFile(tmp_path / "f" / "hub.db", lambda: NOW + timedelta(seconds=time.now)) for _ in range(2))

    def sleep(cancel: Cancel, seconds: float) -> bool:
        time.sleep(cancel, seconds)
        with pytest.raises(ConsoleError) as caught:
            other.begin()
        assert caught.value.code == "refreshing-elsewhere"
        left.append(other.current().count)  # type: ignore[union-attr]
        return False

    pager = Throttled(devices(600), 40, time)
    FleetRefresh(mine, pager, 25, seconds=time, sleep=sleep).run(600, lambda _: None, NEVER_CANCELLED)
    assert time.now > 60 and left[0] == 20 * 10, "what was read before the wait is kept"


def test_what_a_hub_takes_and_how_calls_are_spread() -> None:
    assert [queries_a_minute(*one) for one in (("S1", 2), ("s3", 3), ("X9", 1))] == [40, 3000, None]
    time = Time()
    pace = Pace(20, time)
    for _ in range(16):
        assert pace.wait() == 0
        pace.sent()
    assert 59 < pace.wait() <= 60
    time.now += 61
    assert pace.wait() == 0


# --- filters and orders, against the plain list --------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FleetFile, list[Device], dict[str, int]]]:
    held = devices(250, seed=7)
    failures = {one.device_id: number % 4 for number, one in enumerate(held[:30])}
    yield filled(tmp_path_factory.mktemp("world"), held), held, failures


@settings(max_examples=150, deadline=None)
@given(
    found=st.lists(terms(), max_size=3),
    problems=st.booleans(),
    column=st.sampled_from(["id", "status", "auth", "state", "seen", "edge", "reason", "failures"]),
    descending=st.booleans(),
)
def test_any_filter_and_order_is_that_of_the_plain_list(
    world: tuple[FleetFile, list[Device], dict[str, int]],
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
    }
    wanted.sort(key=lambda one: one.device_id.casefold())
    wanted.sort(key=keys[column], reverse=descending)
    snapshot = file.current()
    assert snapshot is not None
    for views in (FleetViews(file, snapshot), FleetViews(file, snapshot, read_ids(file, snapshot.generation))):
        view = views.all(query, failures, NOW)
        assert view.whole and view.devices(0, 250) == wanted
        first = views.first(query, failures, NOW)
        assert first.devices(0, FIRST) == wanted[:FIRST] and first.whole is (
            len(wanted) < FIRST or (query.everything and column == "id")
        )
        if wanted:
            assert view.position(wanted[-1].device_id) == len(wanted) - 1


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
