"""Queries over HTTP: pages, continuation tokens, item types, the lagging index and its ghosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.hub import HubRunner
from support.registry import PlainClient, operator, wait_until

from console.localhub.query import QueryIndex
from console.localhub.state import DeviceRecord, HubState, ModuleRecord

ALL = "SELECT * FROM devices"


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=0, scenario="empty") as hub:
        yield hub


@pytest.fixture
def call(runner: HubRunner) -> PlainClient:
    with runner.hub.lock:
        runner.hub.devices.clear()
        runner.hub.ghosts.clear()
        for number in range(25):
            device = DeviceRecord(f"d{number:02}", "1", tags={"line": number % 3})
            device.modules = {"m": ModuleRecord(device.device_id, "1", module_id="m")}
            runner.hub.devices[device.device_id] = device
    return operator(runner)


def ask(call: PlainClient, query: str, size: int | None = None, token: str | None = None) -> requests.Response:
    headers = {} if size is None else {"x_ms_max_item_count": str(size)}
    if token is not None:
        headers["x_ms_continuation"] = token
    return call("POST", "/devices/query", {"query": query}, **headers)


def pages(call: PlainClient, query: str, size: int) -> list[list[Any]]:
    found, token = [], None
    while True:
        answer = ask(call, query, size, token)
        assert answer.status_code == 200
        found.append(answer.json())
        token = answer.headers.get("x-ms-continuation")
        if token is None:
            return found


@pytest.mark.parametrize(("size", "sizes"), [(10, [10, 10, 5]), (25, [25]), (24, [24, 1]), (1000, [25]), (5, [5] * 5)])
def test_pages_hold_every_row_once_and_the_last_has_no_token(call: PlainClient, size: int, sizes: list[int]) -> None:
    found = pages(call, ALL, size)
    assert [len(page) for page in found] == sizes
    assert [row["deviceId"] for page in found for row in page] == [f"d{n:02}" for n in range(25)]


@pytest.mark.parametrize(
    ("query", "sizes"),
    [
        ("SELECT * FROM devices WHERE tags.line = 1", [3, 3, 2]),
        ("SELECT * FROM devices WHERE tags.line = 9", [0]),
        ("SELECT TOP 7 * FROM devices", [3, 3, 1]),
        ("SELECT TOP 6 deviceId FROM devices", [3, 3]),
        ("SELECT TOP 0 deviceId FROM devices", [0]),
        ("SELECT deviceId, COUNT() AS n FROM devices WHERE deviceId < 'd07' GROUP BY deviceId", [3, 3, 1]),
        ("SELECT TOP 4 deviceId, COUNT() AS n FROM devices GROUP BY deviceId", [3, 1]),
        ("SELECT * FROM devices.modules WHERE deviceId < 'd04'", [3, 1]),
        ("SELECT * FROM devices.jobs", [0]),
    ],
)
def test_conditions_limits_and_groups_page_too(call: PlainClient, query: str, sizes: list[int]) -> None:
    assert [len(page) for page in pages(call, query, 3)] == sizes


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (ALL, "Twin"),
        ("SELECT * FROM devices.modules", "Twin"),
        ("SELECT deviceId FROM devices", "Raw"),
        ("SELECT COUNT() FROM devices", "Raw"),
        ("SELECT * FROM devices.jobs", "DeviceJob"),
    ],
)
def test_item_types(call: PlainClient, query: str, kind: str) -> None:
    assert ask(call, query).headers["x-ms-item-type"] == kind


def test_page_sizes(call: PlainClient, runner: HubRunner) -> None:
    for number in range(1100):
        runner.hub.devices[f"more{number}"] = DeviceRecord(f"more{number}", "1")
    assert len(ask(call, ALL).json()) == 100
    assert len(ask(call, ALL, 5000).json()) == 1000
    assert len(ask(call, ALL, -1).json()) == 100
    assert call("POST", "/devices/query", {"query": ALL}, x_ms_max_item_count="many").status_code == 400


def test_a_token_is_for_its_query_and_cannot_be_changed(call: PlainClient) -> None:
    token = ask(call, ALL, 10).headers["x-ms-continuation"]
    assert ask(call, ALL, 10, token).json()[0]["deviceId"] == "d10"
    assert ask(call, ALL, 10, token).json()[0]["deviceId"] == "d10"  # as often as wanted
    foreign = ask(call, "SELECT deviceId FROM devices", 10, token)
    assert (foreign.status_code, foreign.headers["iothub-errorcode"]) == (400, "ArgumentInvalid")
    position = len(token) // 2
    for wrong in (
        token[:-4],
        "AAAA" + token[4:],
        token[:position] + "x" * 8 + token[position + 8 :],
        "?",
        "é",
        "a" * 99,
    ):
        assert ask(call, ALL, 10, wrong.encode("latin-1")).status_code == 400  # type: ignore[arg-type]


def test_devices_that_come_and_go_between_pages_move_nobody(call: PlainClient, runner: HubRunner) -> None:
    first = ask(call, ALL, 10)
    del runner.hub.devices["d03"]
    runner.hub.devices["late"] = DeviceRecord("late", "1")
    second = ask(call, ALL, 1000, first.headers["x-ms-continuation"])
    assert [row["deviceId"] for row in second.json()] == [*[f"d{n:02}" for n in range(10, 25)], "late"]


@pytest.mark.parametrize(
    "query",
    ["", "SELECT", "SELECT * FROM rooms", "SELECT * FROM devices ORDER BY deviceId", "SELECT * FROM devices WHERE a ="],
)
def test_a_query_that_cannot_be_read_gets_the_bare_refusal(call: PlainClient, query: str) -> None:
    answer = ask(call, query)
    assert (answer.status_code, answer.headers["iothub-errorcode"]) == (400, "ArgumentInvalid")
    assert answer.json()["Message"] == "ErrorCode:ArgumentInvalid;BadRequest"
    assert call("POST", "/devices/query", {"query": None}).status_code == 400


# --- the index -------------------------------------------------------------------------------------------------------


def names(call: PlainClient) -> list[str]:
    return [row["deviceId"] for row in ask(call, "SELECT deviceId FROM devices", 1000).json()]


def test_the_registry_is_ahead_of_the_index(call: PlainClient) -> None:
    assert call("PUT", "/devices/fresh", {}).status_code == 200
    assert "fresh" not in names(call)
    assert call("GET", "/devices/fresh").status_code == 200
    wait_until(lambda: "fresh" in names(call))
    assert call("DELETE", "/devices/fresh", If_Match="*").status_code == 204
    assert "fresh" in names(call)  # a ghost
    assert call("GET", "/devices/fresh").status_code == 404
    wait_until(lambda: "fresh" not in names(call))


def test_a_stale_index_shows_nothing_new_until_the_fault_ends(call: PlainClient, runner: HubRunner) -> None:
    fault = runner.faults.add("stale-index")
    try:
        call("PUT", "/devices/fresh", {})
        call("PATCH", "/twins/d01", {"tags": {"line": "new"}})
        call("DELETE", "/devices/d00", If_Match="*")
        with runner.hub.lock:  # long past every lag
            for ghost, (record, _) in list(runner.hub.ghosts.items()):
                runner.hub.ghosts[ghost] = (record, 0.0)
        seen = names(call)
        assert "d00" in seen and "fresh" not in seen
        assert ask(call, "SELECT * FROM devices WHERE tags.line = 'new'").json() == []
        count = ask(call, "SELECT COUNT() AS n FROM devices").json()
        assert count == [{"n": 25}]  # counts the ghost
    finally:
        runner.faults.remove(fault.id)
    wait_until(lambda: "fresh" in names(call))
    assert "d00" not in names(call)
    wait_until(lambda: len(ask(call, "SELECT * FROM devices WHERE tags.line = 'new'").json()) == 1)


def record(name: str, line: int = 0) -> DeviceRecord:
    return DeviceRecord(name, "1", tags={"line": line})


def test_the_index_step_by_step() -> None:
    now = [100.0]
    hub = HubState("h", "/h", "h", {})
    index = QueryIndex(lag=1.0, ghost=2.0, now=lambda: now[0])

    def seen() -> list[tuple[str, int]]:
        return [(r.device_id, r.tags["line"]) for r in index.records(hub, "devices")]

    index.device_changes(hub, "a", None)
    hub.devices["a"] = record("a")
    assert seen() == []
    now[0] += 0.6
    index.device_changes(hub, "a", record("a"))  # a second write does not push the first one back
    hub.devices["a"] = record("a", 1)
    now[0] += 0.5
    assert seen() == [("a", 1)]
    index.device_changes(hub, "a", record("a", 1))
    hub.devices["a"] = record("a", 2)
    assert seen() == [("a", 1)]
    index.device_goes(hub, hub.devices.pop("a"))
    assert seen() == [("a", 1)]  # the ghost is what was shown, not what was
    now[0] += 1.9
    index.device_changes(hub, "a", None)  # made again while the ghost is there
    hub.devices["a"] = record("a", 3)
    assert seen() == [("a", 1)] and hub.ghosts == {}
    now[0] += 1.1
    assert seen() == [("a", 3)]


def test_a_device_deleted_before_it_was_seen_leaves_no_ghost() -> None:
    hub = HubState("h", "/h", "h", {})
    index = QueryIndex(now=lambda: 5.0)
    index.device_changes(hub, "a", None)
    index.device_goes(hub, record("a"))
    assert list(index.records(hub, "devices")) == [] and hub.ghosts == {}
