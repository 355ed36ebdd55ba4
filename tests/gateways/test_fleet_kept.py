"""The kept fleet against the local hub: what is read into it, what a throttling hub and a refused one do to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.console import profile_of
from support.fleet import read_fleet
from support.hub import HubRunner

from console.cli.compose import services_for
from console.gateways.registry import RegistryGateway
from console.localhub.faults import Faults
from console.model.device import Device
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_query import FleetQuery
from console.model.fleet_snapshot import RefreshProgress
from console.services import fleet_refresh
from console.services.bundle import Services
from console.services.fleet_store import FleetStore
from console.services.ports import Cancel


@pytest.fixture
def services(local_hub: HubRunner, tmp_path: Path) -> Services:
    return services_for(profile_of(local_hub.ready, tmp_path), state_dir=tmp_path / "state")


def kept(services: Services) -> tuple[Device, ...]:
    store = services.fleet.store
    view = store.all(FleetQuery(), {}, services.clock())
    assert view is not None
    return tuple(view.devices(0, len(view)))


def seconds(device: Device) -> Device:
    """Return a device with its last activity in whole seconds, as it is kept."""
    moment = device.last_activity
    return replace(device, last_activity=moment and moment.replace(microsecond=0))


def test_the_kept_fleet_is_what_the_hub_says(services: Services, tmp_path: Path) -> None:
    told: list[RefreshProgress] = []
    whole = services.fleet.store.refresh(told.append)
    plain = read_fleet(services)
    assert whole.whole and whole.count == len(plain) >= 300 and told[0].expected == len(plain)
    assert kept(services) == tuple(sorted(map(seconds, plain), key=lambda one: one.device_id.casefold()))
    files = [path for path in (tmp_path / "state" / "fleet").iterdir() if path.suffix == ".db"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]
    assert not any(b"primaryKey" in path.read_bytes() for path in files)


def test_it_goes_on_after_each_refusal_of_a_throttling_hub(
    services: Services, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_refresh, "PAGE", 40)
    refused: list[bool] = []
    waits: list[float] = []
    moment = [0.0]
    ask = RegistryGateway.fleet_page

    def page(self: RegistryGateway, continuation: str, size: int, cancel: Cancel) -> object:
        try:
            return ask(self, continuation, size, cancel)
        except ConsoleError as error:
            refused.append(error.kind is ErrorKind.THROTTLED)
            raise

    def wait(self: Cancel, seconds: float) -> bool:
        waits.append(seconds)
        moment[0] += seconds
        return False

    monkeypatch.setattr(FleetStore, "_expected", lambda self, _: total)
    monkeypatch.setattr(RegistryGateway, "fleet_page", page)
    monkeypatch.setattr(Cancel, "wait", wait)
    monkeypatch.setattr(fleet_refresh.Pace, "wait", lambda _: 0.0)
    monkeypatch.setattr(fleet_refresh, "_clock", lambda: moment[0])
    assert services.session.hub().units == 2
    total = services.fleet.counts().total
    faults.add("throttle", endpoint="hub", count=3, path="devices/query$")
    whole = services.fleet.store.refresh(lambda _: None)
    assert whole.count == total
    assert refused == [True] * 3, "each refusal was met once, not repeated at once"
    assert sum(waits) >= 10 + 20 + 40, "each back-off twice as long as the one before"


def test_a_refused_reading_names_its_operation_and_keeps_nothing(local_hub: HubRunner, tmp_path: Path) -> None:
    profile = profile_of(local_hub.ready, tmp_path, principal="nobody")
    services = services_for(profile, state_dir=tmp_path / "state", retry_budget=0.0)
    with pytest.raises(ConsoleError) as caught:
        services.fleet.store.refresh(lambda _: None)
    assert (caught.value.kind, caught.value.data) == (ErrorKind.PERMISSION, True)
    assert caught.value.operation.casefold().startswith("microsoft.devices/iothubs/")
    assert services.fleet.store.snapshot() is None


@pytest.mark.parametrize("folder", ["none", "a file"])
def test_without_a_state_folder_it_is_kept_for_this_run_alone(
    local_hub: HubRunner, tmp_path: Path, folder: str
) -> None:
    state = tmp_path / "state"
    state.write_text("in the way")
    services = services_for(profile_of(local_hub.ready, tmp_path), state_dir=None if folder == "none" else state)
    store = services.fleet.store
    assert store.refresh(lambda _: None).count == len(kept(services)) > 100
    assert "for this run alone" in store.take_note() and not store.take_note()


def test_a_device_that_somebody_deleted_is_found_out_when_it_is_looked_at(services: Services) -> None:
    store, registry = services.fleet.store, services.session.registry
    made = registry.put_identity("short-lived", {"deviceId": "short-lived", "status": "enabled"}, "", Cancel())
    while store.device("short-lived") is None:  # the query index is behind by a second
        store.refresh(lambda _: None)
    victim, total = store.devices(["short-lived"])[0], len(kept(services))
    registry.delete_identity(victim.device_id, str(made["etag"]), Cancel())
    with pytest.raises(ConsoleError) as caught:
        services.fleet.detail(victim.device_id)
    assert (caught.value.kind, caught.value.code) == (ErrorKind.NOT_FOUND, "ghost")
    assert victim.device_id in caught.value.sentence() and "query index" in caught.value.sentence()
    assert victim.device_id not in {one.device_id for one in kept(services)}
    store.refresh(lambda _: None)  # at once: the index may still list it
    assert len(kept(services)) == total - 1 and store.device(victim.device_id) is None
    with pytest.raises(ConsoleError) as unknown:
        services.fleet.detail("never-there")
    assert unknown.value.code != "ghost"
