"""The kept fleet: whole or resumable whatever happens, and never with what is gone."""

from __future__ import annotations

import random
import socket
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.kept_fleet import NOW, Pager, clock, devices, filled, ids

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_query import Field, FleetQuery, Term
from console.model.fleet_snapshot import RefreshProgress
from console.services.fleet_file import FleetFile
from console.services.fleet_refresh import FleetRefresh
from console.services.fleet_rows import row_of
from console.services.fleet_view import FleetViews
from console.services.ports import NEVER_CANCELLED, Cancel

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
    assert snapshot is not None and (snapshot.count, snapshot.ordered, snapshot.dense) == (40, False, False)
    found = ids(file)
    assert found[0] == "aaa-new" and held[7].device_id not in found and found == sorted(found, key=str.casefold)
    view = FleetViews(file, snapshot).all(FleetQuery(terms=(Term(Field.REASON, text="mine"),)), {}, NOW)
    assert view.devices(0, 9) == [changed]


def test_what_is_gone_does_not_come_back_because_the_query_index_still_lists_it(tmp_path: Path) -> None:
    moment, held = [NOW], devices(60)
    file = FleetFile(tmp_path / "fleet" / "hub.db", lambda: moment[0])

    def read() -> set[str]:
        FleetRefresh(file, Pager(held), None).run(None, lambda _: None, NEVER_CANCELLED)
        return set(ids(file))

    ghost, again = held[3], held[50]
    everyone = {one.device_id for one in held}
    assert read() == everyone
    file.change({ghost.device_id: None, again.device_id: None})
    snapshot = file.current()
    assert snapshot is not None and (snapshot.count, snapshot.ordered, snapshot.dense) == (58, True, False)
    held[50] = replace(again, etag="made anew")
    assert read() == everyone - {ghost.device_id}
    file.change({again.device_id: None})
    back = replace(again, etag="made anew")
    file.change({again.device_id: row_of(back)})
    assert read() == everyone - {ghost.device_id}, "what was seen alive is no ghost any more"
    moment[0] += timedelta(hours=2)
    assert read() == everyone, "an index does not lag for hours: it is there"


def test_what_a_console_left_that_is_gone_is_taken_over_at_once(tmp_path: Path) -> None:
    file = FleetFile(tmp_path / "f" / "hub.db", clock)
    file.begin()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for holder, taken in ((f"{socket.gethostname()}:{ended.pid}:1f", True), (f"elsewhere:{ended.pid}:1f", False)):
        with sqlite3.connect(file.path) as connection:
            connection.execute("UPDATE lease SET holder = ?", (holder,))
        if taken:
            file.begin()
        else:
            with pytest.raises(ConsoleError) as caught:
                file.begin()
            assert caught.value.code == "refreshing-elsewhere"


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
from datetime import timedelta
from support.kept_fleet import NOW, Pager, devices
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
later = NOW + timedelta(minutes=int(sys.argv[3]))
file = FleetFile(Path(sys.argv[1]), lambda: later)
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
    for turn in range(1, 7):  # each after the lease of the one before ran out
        command = [sys.executable, str(script), str(file.path), str(chooser.randrange(40, 700)), str(2 * turn)]
        ended += subprocess.run(command, capture_output=True, check=False).returncode == 9
        known = {one.device_id for one in old}
        found = ids(FleetFile(file.path, clock))
        assert set(found) in (known, {one.device_id for one in new})
        with sqlite3.connect(file.path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert ended >= 4
    later = FleetFile(file.path, lambda: NOW + timedelta(minutes=30))
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
