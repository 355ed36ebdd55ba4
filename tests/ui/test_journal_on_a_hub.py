"""The Journal pane on the local hub: what was changed is undone from there, an interrupted write is settled."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.changing import said
from support.hub import HubRunner
from support.screens import LARGE, dump, lines, press, settle, type_text, until
from support.writes import later, writable
from textual.pilot import Pilot

from console.localhub.cloud_factory import next_etag
from console.model.change import Change, Consent
from console.model.document import Target, TargetKind
from console.rules.planning import change_of, copied
from console.services import journal as journal_module
from console.services.bundle import Services
from console.services.ports import Cancel
from console.ui.app import HubwardenApp
from console.ui.changing import begin


@pytest.fixture
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=20, seed=5) as runner:
        yield runner


def add_rule(services: Services, name: str, mask: str) -> Change:
    """Plan one more rule."""
    target = Target(TargetKind.HUB, services.session.arm_id())
    document = services.changes.reader.read(target)
    assert document is not None
    after = copied(document)
    after["properties"]["networkRuleSets"]["ipRules"].append({"filterName": name, "action": "Allow", "ipMask": mask})
    return change_of("network.rules", f"IP rule {name}", target, document, after)


def names(hub: HubRunner) -> set[str]:
    with hub.hub.lock:
        return {rule["filterName"] for rule in hub.hub.resource["properties"]["networkRuleSets"]["ipRules"]}


def colleague(hub: HubRunner, name: str) -> None:
    """Add a rule as somebody else would."""
    with hub.hub.lock:
        rule = {"filterName": name, "action": "Allow", "ipMask": "10.99.0.0/16"}
        hub.hub.resource["properties"]["networkRuleSets"]["ipRules"].append(rule)
        hub.hub.resource["etag"] = next_etag(hub.hub.resource["etag"])


async def agree(pilot: Pilot[Any], app: HubwardenApp) -> None:
    """Tick what must be ticked, go to Apply and push it."""
    from console.ui.dialogs.controls import Tick

    for tick in app.screen.query(Tick):
        tick.focus()
        await press(pilot, "space")
    app.screen.query_one("#apply").focus()
    await press(pilot, "enter")


async def test_a_change_is_in_the_journal_and_undone_from_there(hub: HubRunner, tmp_path: Path) -> None:
    services = writable(hub, tmp_path)
    before = names(hub)
    services.changes.gate.apply(add_rule(services, "lyon-plant", "10.20.0.0/16"), Consent())
    async with HubwardenApp(services).run_test(size=LARGE, notifications=True) as pilot:
        app: Any = pilot.app
        await press(pilot, "0")
        await until(pilot, lambda: "✓ applied" in dump(app) and "log" in dump(app))
        row = next(line for line in lines(app) if "IP rule lyon-plant" in line and "here" in line)
        assert "✓ applied" in row
        await press(pilot, "/")
        await type_text(pilot, "lyon-plant")
        await press(pilot, "enter", "enter")
        assert "+ ipRules[lyon-plant]" in dump(app)
        colleague(hub, "porto")
        await press(pilot, "u")
        assert "- ipRules[lyon-plant]" in dump(app) and "porto" not in dump(app)
        await agree(pilot, app)
        await settle(pilot)
        assert names(hub) == before | {"porto"}
        await press(pilot, "escape")
        await until(pilot, lambda: "2 with “lyon-plant”" in dump(app))
        await press(pilot, "V")
        assert "✓ WHOLE" in dump(app)


async def test_somebody_elses_change_shows_the_new_plan(hub: HubRunner, tmp_path: Path) -> None:
    services = writable(hub, tmp_path)
    async with HubwardenApp(services).run_test(size=LARGE, notifications=True) as pilot:
        app: Any = pilot.app
        await settle(pilot)

        def plan(cancel: Cancel) -> Change:
            return add_rule(services, "lyon-plant", "10.20.0.0/16")

        begin(app.screen, plan)
        await until(pilot, lambda: "ipRules[lyon-plant]" in dump(app))
        colleague(hub, "porto")
        await agree(pilot, app)
        assert "Somebody changed it since the plan was shown" in dump(app) and "lyon-plant" not in names(hub)
        await agree(pilot, app)
        assert {"lyon-plant", "porto"} <= names(hub)


async def test_an_interrupted_write_is_told_at_the_start_and_settled_by_reading(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = writable(hub, tmp_path)
    gone = {"pid": 1, "born": "never", "machine": socket.gethostname(), "boot": ""}
    monkeypatch.setattr(journal_module, "_this_process", lambda: gone)
    change = add_rule(services, "lyon-plant", "10.20.0.0/16")
    services.changes.journal.intend(change, hub=services.session.hub_name, who="ana")
    async with HubwardenApp(services).run_test(size=LARGE, notifications=True) as pilot:
        app: Any = pilot.app
        await until(pilot, lambda: "OUTCOME UNKNOWN: 1 change, 0 journal" in lines(app)[-2])
        await press(pilot, "0")
        await until(pilot, lambda: "? OUTCOME UNKNOWN" in lines(app)[4])
        await press(pilot, "R")
        await until(pilot, lambda: "The write may still arrive" in said(app))
        assert "? OUTCOME UNKNOWN" in lines(app)[4]
        later(services)
        await press(pilot, "R")
        await until(pilot, lambda: any("✗ not done" in line for line in lines(app)))
        await until(pilot, lambda: "UNKNOWN" not in lines(app)[-2])
        assert "lyon-plant" not in names(hub)
    assert not services.changes.journal.unfinished()
