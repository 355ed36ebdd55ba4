"""The demo's incident, solved from the keyboard alone: cause, network, range, simulation, diff, consent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.console import profile_of
from support.hub import HubRunner
from support.terminal import Terminal
from support.waiting import until

from console.cli.compose import services_for
from console.model.journal import EntryState
from console.services.journal import Journal

LYON = ("10.20.4.", "10.20.5.")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=600, seed=1, throttle=False) as runner:
        yield runner


def console(hub: HubRunner, folder: Path, columns: int, rows: int, *arguments: str) -> Terminal:
    env = {"HUBWARDEN_STATE_DIR": str(folder / "state"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "console", "--profile", hub.ready["profile"], *arguments]
    return Terminal(command, columns, rows, env)


def refused_since(hub: HubRunner, folder: Path, moment: datetime) -> list[str]:
    """Return the Lyon devices that the log shows refused after a moment."""
    services = services_for(profile_of(hub.ready, folder), clock=hub.cloud.clock.story)
    events = services.connections.events(moment, hub.cloud.clock.story(), (), limit=5000)
    return [event.device_id for event in events if event.code == "401003" and event.address.startswith(LYON)]


def back_since(hub: HubRunner, moment: datetime) -> list[str]:
    """Return the Lyon devices whose connection was let in after a moment."""
    sessions = hub.server.world.scenario.door.sessions  # type: ignore[union-attr]
    with hub.hub.lock:
        return [name for name, one in sessions.items() if one.address.startswith(LYON) and one.since > moment]


def test_lyon_comes_back_by_the_keyboard_alone(hub: HubRunner, tmp_path: Path) -> None:
    began = hub.cloud.clock.story()
    assert until(lambda: refused_since(hub, tmp_path, began - timedelta(minutes=10)), "a refusal")
    with console(hub, tmp_path, 80, 24) as terminal:
        terminal.wait("cut off by IP rules", 60)
        terminal.wait("READ-ONLY")
        terminal.send(":", "write", "enter")
        terminal.wait("ALLOW CHANGES OF contoso-plants?")
        terminal.send("tab", "enter")
        terminal.wait("ARMED")
        # cause -> network: the range is proposed
        terminal.send("3")
        terminal.wait("10.20.4", 60)
        terminal.send("N")
        terminal.wait("ADD AN IP RULE", 60)
        # simulate
        terminal.wait(lambda text: "let in:" in text and "10.20.4.x" in text, 60)
        terminal.send("enter")
        terminal.send("enter")
        # diff, effect, risks
        terminal.wait("not written yet", 60)
        for shown in ("+ ipRules[", "10.20.4.x", "still allowed by “jump-box”", "[ Cancel ]"):
            terminal.wait(shown)
        assert len(rules(hub)) == 3
        # consent
        terminal.send("tab")
        terminal.wait("[ Apply ]")
        terminal.send("enter")
        terminal.wait("read back as planned", 60)
        assert len(rules(hub)) == 4
        applied = hub.cloud.clock.story()
        # the failures stop
        until(lambda: back_since(hub, applied), "Lyon coming back", 120)
        assert refused_since(hub, tmp_path, applied + timedelta(seconds=1)) == []
        terminal.send("3", "r")
        terminal.wait("CAUSE")
        terminal.send("0")
        terminal.wait("✓ applied", 60)
        # and it can be taken back: the plan is shown, nothing is done by looking
        terminal.send("4")
        terminal.wait("corporate")
        terminal.send("u")
        terminal.wait("- ipRules[", 60)
        terminal.wait("first accept cut-off")
        terminal.send("esc")
        terminal.wait("Nothing was changed")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert b"Traceback" not in terminal.raw
    assert len(rules(hub)) == 4
    journal = Journal(tmp_path / "state")
    assert journal.entries("contoso-plants")[0].state is EntryState.APPLIED
    assert journal.verify().whole


def rules(hub: HubRunner) -> list[str]:
    with hub.hub.lock:
        return [rule["filterName"] for rule in hub.hub.resource["properties"]["networkRuleSets"]["ipRules"]]


def test_enter_on_a_plan_changes_nothing(hub: HubRunner, tmp_path: Path) -> None:
    before = rules(hub)
    with console(hub, tmp_path, 120, 36, "--write") as terminal:
        terminal.wait("ARMED", 60)
        terminal.send("4")
        terminal.wait("corporate", 60)
        terminal.send("a")
        terminal.wait("Add an IP rule")
        terminal.send("enter")
        terminal.wait("ADD AN IP RULE")
        terminal.send("slip", "enter", "10.99.0.0/24", "enter")
        terminal.wait("+ ipRules[slip]", 60)
        terminal.wait("[ Cancel ]")
        terminal.send("enter")
        terminal.wait("Nothing was changed")
        terminal.send("q")
        assert terminal.wait_exit() == 0
    assert rules(hub) == before


def test_a_hostile_description_is_spelled_out(hub: HubRunner, tmp_path: Path) -> None:
    from console.localhub.private_links import connect, link_state

    hostile = "[/]\x1b]52;c;AAAA\x07"
    connect(hub.cloud, hub.hub, "evil.1", "/subscriptions/s/x/evil", link_state("Pending", hostile))
    with console(hub, tmp_path, 120, 36) as terminal:
        terminal.wait("contoso-plants", 60)
        terminal.send("4")
        terminal.wait("corporate", 60)
        terminal.send("tab")
        terminal.wait("\\x1b]52;c;AAAA\\x07", 60)
        terminal.send("d")
        terminal.wait("\\x1b]52;c;AAAA\\x07")
        terminal.send("q")
        assert b"\x1b]52" not in terminal.raw
        assert b"Traceback" not in terminal.raw
