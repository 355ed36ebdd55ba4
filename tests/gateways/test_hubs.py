"""Every hub of a credential: by Resource Graph, by lists where it does not answer; failures from one workspace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from support.console import by_connection_string, profile_of
from support.hub import HubRunner

from console.cli.compose import services_for
from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.log_rows import LogRecord
from console.model.errors import ConsoleError, ErrorKind
from console.model.hubs import HubEntry, ListSource, Reach
from console.services.bundle import Services

NAMES = ["contoso-lab", "contoso-plants", "contoso-vault", "contoso-works"]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", hubs=4, throttle=False) as runner:
        yield runner
        runner.faults.clear()


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Iterator[Services]:
    yield services_for(profile_of(hub.ready, tmp_path), state_dir=tmp_path / "state", retry_budget=0.0)
    hub.faults.clear()


def test_one_query_lists_all_hubs_with_their_exposure(services: Services) -> None:
    before = services.meter.calls
    found = services.hubs.load()
    by_name = {entry.name: entry for entry in found.hubs}
    assert [entry.name for entry in found.hubs] == NAMES and found.source is ListSource.RESOURCE_GRAPH
    assert not found.notes and services.meter.calls - before <= 3  # a token, the list, the log
    lab, vault, works = (by_name[name] for name in ("contoso-lab", "contoso-vault", "contoso-works"))
    assert (lab.reach, lab.rules, lab.local_auth, lab.weak_tls) == (Reach.OPEN, 0, True, True)
    assert (vault.reach, vault.local_auth, vault.weak_tls) == (Reach.PRIVATE, False, False)
    assert (works.reach, works.rules, works.sku, works.units) == (Reach.FILTERED, 2, "S2", 4)
    assert works.host == "contoso-works.azure-devices.net" and works.healthy and works.location == "centralus"
    assert works.resource_group == "contoso-rg" and works.arm_id.endswith("/contoso-works")


@pytest.mark.parametrize("status", [400, 403, 503])
def test_where_it_does_not_answer_the_lists_say_the_same(services: Services, hub: HubRunner, status: int) -> None:
    wanted = services.hubs.load()
    hub.faults.add("server-error", endpoint="arm", path="Microsoft.ResourceGraph", count=99, status=status)
    found = services.hubs.load()
    assert found.source is ListSource.LISTS and "Resource Graph did not answer" in found.notes[0]
    assert found.hubs == wanted.hubs


def test_what_the_caller_may_not_read_is_not_there(hub: HubRunner, tmp_path: Path) -> None:
    nobody = services_for(profile_of(hub.ready, tmp_path, principal="nobody"), state_dir=tmp_path, retry_budget=0.0)
    assert nobody.hubs.load().hubs == ()
    string = services_for(by_connection_string(hub.ready, tmp_path), state_dir=tmp_path)
    with pytest.raises(ConsoleError) as caught:
        string.hubs.load()
    assert caught.value.kind is ErrorKind.NOT_CONFIGURED


def test_failures_of_all_hubs_come_from_one_log_query(services: Services, hub: HubRunner) -> None:
    store = hub.server.world.store  # type: ignore[union-attr]
    for name, count in (("contoso-lab", 3), ("contoso-works", 1)):
        at = hub.cloud.hubs[name]
        moment = hub.cloud.clock.story() - timedelta(minutes=5)
        records = [
            LogRecord(moment, "deviceConnect", level, "401003", "no", json.dumps({"deviceId": f"d{n % 2}"}), "c")
            for n in range(count)
            for level in ("Error", "Information")
        ]
        store.append(at, records)
    found = {entry.name: entry for entry in services.hubs.load().hubs}
    assert (found["contoso-lab"].failures, found["contoso-lab"].failing_devices) == (3, 2)
    assert found["contoso-works"].failures == 1
    assert found["contoso-vault"].failures is None, "a hub that the workspace does not know may log elsewhere"
    hub.faults.add("server-error", endpoint="logs", count=99, status=503)
    without = services.hubs.load()
    assert (
        all(entry.failures is None for entry in without.hubs) and "Failed connections are not known" in without.notes[0]
    )


def test_pages_are_followed(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.gateways.hub_list._PAGE", 3)
    assert [entry.name for entry in services.hubs.load().hubs] == NAMES


@pytest.fixture
def cli(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], "hubs", *arguments])
        return code, *capsys.readouterr()

    return call


def test_the_command_lists_them(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = cli("--json")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMAS["hubs"])
    assert code == 0 and [one["name"] for one in document["items"]] == NAMES and document["source"] == "resource-graph"
    code, out, err = cli()
    assert code == 0 and "contoso-plants (here)" in out and "everybody" in out and "Entra only" in out
    assert "4 hubs, from Azure Resource Graph" in err


def test_the_profile_of_another_hub_leads_there(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    entry: HubEntry = next(one for one in services.hubs.load().hubs if one.name == "contoso-works")
    profile = profile_of(hub.ready, tmp_path, proxy_elsewhere=hub.ready["proxy"])
    other = services_for(
        profile.elsewhere(hub_name=entry.name, arm_id=entry.arm_id, hub_host=entry.host), state_dir=tmp_path / "other"
    )
    assert other.session.hub().units == 4 and other.fleet.counts().total == 900
    assert other.fleet.store.refresh(lambda _: None).count == 900
