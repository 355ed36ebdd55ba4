"""A fleet read from a hub that throttles as an S1 does, its clock and ours sped up alike: no storm, and to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.console import profile_of
from support.hub import HubRunner

from console.cli.compose import services_for
from console.gateways.registry import RegistryGateway
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_snapshot import RefreshProgress, RefreshState
from console.services import fleet_refresh
from console.services.bundle import Services
from console.services.ports import Cancel

pytestmark = pytest.mark.slow  # a throttle in real time, sped up: it needs a machine that keeps the pace
SCALE = 10.0
DEVICES = 36_000


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", quiet_devices=DEVICES, throttle_scale=SCALE, throttle_burst=1.0) as runner:
        yield runner


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return when, in seconds of the hub's throttle, the reading was refused."""
    found: list[float] = []
    page, wait = RegistryGateway.fleet_page, Cancel.wait

    def ask(self: RegistryGateway, continuation: str, size: int, cancel: Cancel) -> object:
        try:
            return page(self, continuation, size, cancel)
        except ConsoleError as error:
            assert error.kind is ErrorKind.THROTTLED
            found.append(time.monotonic() * SCALE)
            raise

    monkeypatch.setattr(RegistryGateway, "fleet_page", ask)
    monkeypatch.setattr(Cancel, "wait", lambda self, seconds: wait(self, seconds / SCALE))
    monkeypatch.setattr(fleet_refresh, "_clock", lambda: time.monotonic() * SCALE)
    return found


def open_at(hub: HubRunner, tmp_path: Path) -> Services:
    return services_for(profile_of(hub.ready, tmp_path), state_dir=tmp_path / "state", retry_budget=0.0)


def test_within_what_the_hub_takes_nobody_is_refused(hub: HubRunner, tmp_path: Path, refused: list[float]) -> None:
    states: list[RefreshProgress] = []
    whole = open_at(hub, tmp_path).fleet.store.refresh(states.append)
    assert whole.count == DEVICES and hub.hub.resource["sku"]["name"] == "S1"
    assert any(one.state is RefreshState.WAITING and "throttle" in one.note for one in states), (
        "36 pages are two minutes"
    )
    assert not refused


def test_beside_others_who_read_each_refusal_is_waited_out_and_it_ends(
    hub: HubRunner, tmp_path: Path, refused: list[float]
) -> None:
    services, stop, greedy = open_at(hub, tmp_path), threading.Event(), [0]
    with hub.hub.lock:
        hub.hub.resource["sku"]["capacity"] = 2

    def others() -> None:
        session = open_at(hub, tmp_path / "other").session
        while not stop.is_set() and len(refused) < 3:  # then they go away
            try:
                session.registry.query("SELECT COUNT() AS n FROM devices", cancel=Cancel())
            except ConsoleError:
                greedy[0] += 1

    (tmp_path / "other").mkdir()
    beside = threading.Thread(target=others)
    beside.start()
    try:
        while not greedy[0] and beside.is_alive():  # until the allowance is used up
            time.sleep(0.001)
        whole = services.fleet.store.refresh(lambda _: None)
    finally:
        stop.set()
        beside.join()
    assert whole.count == DEVICES and len(refused) >= 3
    gaps = [later - sooner for sooner, later in pairwise(refused)]
    assert all(gap >= 10 for gap in gaps), "one refusal, one back-off"
    assert len(refused) <= 12
