"""The Network pane on the local hub in its incident: read, asked, changed, from the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner
from support.screens import LARGE, SMALL, dump, press, settle, type_text, until
from support.writes import writable
from textual.pilot import Pilot

from console.localhub.cloud_factory import next_etag
from console.localhub.network import admitted
from console.ui.app import HubwardenApp


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=150, seed=5) as runner:
        yield runner


@pytest.fixture(autouse=True)
def restored(hub: HubRunner) -> Iterator[None]:
    before = json.dumps(hub.hub.resource["properties"])
    yield
    with hub.hub.lock:
        hub.hub.resource["properties"] = json.loads(before)
        hub.hub.resource["etag"] = next_etag(hub.hub.resource["etag"])
        hub.hub.network_changed += 1


@asynccontextmanager
async def network(
    hub: HubRunner, folder: Path, size: tuple[int, int] = SMALL, *, armed: bool = True, argument: str = ""
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the console on the hub, at its Network pane."""
    app = HubwardenApp(writable(hub, folder, armed=armed, my_ip="10.2.0.7"))
    async with app.run_test(size=size, notifications=True) as pilot:
        app.open_pane("network", argument)
        await until(pilot, lambda: "corporate" in dump(app) or "ADD AN IP RULE" in dump(app))
        await settle(pilot)
        yield pilot, app


async def agree(pilot: Pilot[Any], app: HubwardenApp) -> None:
    """Go from Cancel, which has the focus, to Apply, and push it."""
    assert app.focused is not None and app.focused.id == "cancel"
    while app.focused is None or app.focused.id != "apply":
        await press(pilot, "tab")
    await press(pilot, "enter")


def rules(hub: HubRunner) -> list[str]:
    with hub.hub.lock:
        return [rule["filterName"] for rule in hub.hub.resource["properties"]["networkRuleSets"]["ipRules"]]


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_who_can_reach_the_hub(size: tuple[int, int], hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path, size) as (pilot, app):
        screen = dump(app)
        assert "PUBLIC ACCESS  on, default deny, 3 IP ranges" in screen
        assert "built-in endpoint OPEN to all" in screen
        assert "refused; not seen: " in screen
        assert "10.2.0.7 (from the profile or --my-ip" in screen
        assert "▸IP RULES 3   " in screen
        assert "NAME" in screen and "RANGE" in screen and "DEVICES" in screen
        assert "▸ corporate" in screen and "10.0.0.0/12" in screen and "wide" in screen
        assert ("used by" in screen) == (size == LARGE), "beside the table where there is room"
        await press(pilot, "j")
        assert "▸ genoa-plant" in dump(app)


async def test_sections_follow_tab_and_say_what_is_not_there(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path) as (pilot, app):
        await press(pilot, "tab")
        assert "▸PRIVATE ENDPOINTS 0" in dump(app)
        assert "No private endpoint leads to this hub." in dump(app)
        await press(pilot, "tab")
        screen = dump(app)
        assert "▸DPS contoso-dps 3" in screen
        assert "everyone-else" in screen and "reject" in screen
        assert "provisions devices to this hub" in screen
        await press(pilot, "tab")
        assert "▸IP RULES 3" in dump(app)


async def test_a_rule_is_added_from_the_keyboard_and_devices_are_let_in(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path) as (pilot, app):
        await press(pilot, "a", "enter")
        assert "ADD AN IP RULE" in dump(app)
        await type_text(pilot, "ly/on")
        assert "“/” at place 3" in dump(app)
        for _ in range(3):
            await press(pilot, "backspace")
        await type_text(pilot, "on")
        await press(pilot, "enter")
        await type_text(pilot, "10.20.0.0/33")
        assert "/33 is out of range" in dump(app)
        await press(pilot, "backspace", "backspace")
        await type_text(pilot, "16")
        assert "10.20.4.x" in dump(app), "what follows is told before there is a plan"
        await press(pilot, "enter")
        await until(pilot, lambda: "EFFECT" in dump(app))
        screen = dump(app)
        assert "+ ipRules[lyon]" in screen
        assert "let in" in screen
        assert rules(hub) == ["corporate", "genoa-plant", "jump-box"], "nothing is written without Apply"
        await agree(pilot, app)
        await until(pilot, lambda: "lyon" in rules(hub))
        await until(pilot, lambda: "4 IP ranges" in dump(app))


async def test_a_lock_out_must_be_accepted_by_its_id(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path, LARGE) as (pilot, app):
        await type_text(pilot, ":network.remove")
        await press(pilot, "enter")
        await until(pilot, lambda: "EFFECT" in dump(app))
        screen = dump(app)
        assert "accept own-lock-out" in screen
        assert "accept cut-off" in screen
        assert "accept 2 blocking risks" in screen
        await press(pilot, "escape")
        assert rules(hub) == ["corporate", "genoa-plant", "jump-box"]


async def test_in_read_only_actions_are_shown_disabled_with_the_reason(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path, armed=False) as (pilot, app):
        await press(pilot, "a")
        screen = dump(app)
        assert "Add an IP rule" in screen and "disabled" in screen
        assert ":write" in screen
        await press(pilot, "escape", "e")
        assert "CHANGE THE RULE" not in dump(app)
        await press(pilot, "s")
        assert "WHAT IF" in dump(app), "asking is not changing"


async def test_what_if_answers_while_it_is_typed(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path, LARGE) as (pilot, app):
        await press(pilot, "s")
        await type_text(pilot, "10.2.0.9")
        assert "allowed by “corporate” now" in dump(app)
        for _ in "10.2.0.9":
            await pilot.press("backspace")
        await type_text(pilot, "10.20.0.0/16")
        await until(pilot, lambda: "10.20.4.x" in dump(app))
        assert "nothing is changed by this" in dump(app)
        for _ in "10.20.0.0/16":
            await pilot.press("backspace")
        await type_text(pilot, "-corporate")
        await until(pilot, lambda: "CUT OFF by the default action" in dump(app))
        for _ in "-corporate":
            await pilot.press("backspace")
        await type_text(pilot, "10.20.4")
        await until(pilot, lambda: "4 octets" in dump(app))


async def test_connections_can_send_a_refused_range_here(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path, argument="10.20.4") as (pilot, app):
        await until(pilot, lambda: "ADD AN IP RULE" in dump(app))
        screen = dump(app)
        assert "10.20.4.0/24" in screen
        assert "the smallest range that holds 10.20.4.x" in " ".join(screen.split())


async def test_the_incident_is_solved_from_connections_on(hub: HubRunner, tmp_path: Path) -> None:
    """Connections -> cause -> Network with the range filled in -> plan -> Apply: the rules let Lyon in again."""
    app = HubwardenApp(writable(hub, tmp_path, my_ip="10.2.0.7"))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        app.open_pane("connections")
        await until(pilot, lambda: "cut off by IP rules" in dump(app) and "10.20.4.x" in dump(app))
        app.screen.table.move_to_key("ip-rules")  # type: ignore[attr-defined]
        await press(pilot, "N")
        await until(pilot, lambda: "ADD AN IP RULE" in dump(app))
        assert "10.20.4.0/24" in dump(app)
        await press(pilot, "enter", "enter")
        await until(pilot, lambda: "EFFECT" in dump(app))
        await agree(pilot, app)
        await until(pilot, lambda: len(rules(hub)) == 4)
        assert admitted(hub.hub, "10.20.4.9")


async def test_other_causes_do_not_lead_to_network(hub: HubRunner, tmp_path: Path) -> None:
    app = HubwardenApp(writable(hub, tmp_path, my_ip="10.2.0.7"))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        app.open_pane("connections")
        await until(pilot, lambda: "cut off by IP rules" in dump(app))
        await press(pilot, "G", "N")
        assert app.current_mode == "connections"


async def test_a_proposed_rule_can_be_sent_here(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path, argument="add:lyon-plant=10.20.0.0/16") as (pilot, app):
        await until(pilot, lambda: "ADD AN IP RULE" in dump(app))
        assert "lyon-plant" in dump(app) and "10.20.0.0/16" in dump(app)
        await press(pilot, "escape")
        assert rules(hub) == ["corporate", "genoa-plant", "jump-box"]


async def test_a_rule_narrows_to_what_is_used(hub: HubRunner, tmp_path: Path) -> None:
    async with network(hub, tmp_path) as (pilot, app):
        await press(pilot, "j", "n")
        await until(pilot, lambda: "EFFECT" in dump(app))
        assert "10.31.8.0/22 → 10.31.8.0/24" in dump(app)
        await press(pilot, "escape", "j", "n")
        assert "no address was seen" in dump(app)


async def test_what_cannot_be_read_says_why(hub: HubRunner, tmp_path: Path) -> None:
    hub.faults.add("throttle", endpoint="logs", count=50)
    try:
        async with network(hub, tmp_path) as (_pilot, app):
            screen = dump(app)
    finally:
        hub.faults.clear()
    assert "seen  not known: " in screen
    assert "?" in screen
    assert "corporate" in screen


def test_every_command_of_the_pane_has_a_handler() -> None:
    from console.ui.commands import scoped
    from console.ui.panes.network.screen import NetworkScreen

    missing = [command.id for command in scoped("network") if not hasattr(NetworkScreen, command.method)]
    assert missing == []


async def test_a_private_endpoint_is_approved_and_its_public_access_risk_goes(hub: HubRunner, tmp_path: Path) -> None:
    group = hub.ready["hub_arm_id"].split("/providers/")[0]
    state = {"status": "Pending", "description": "for the plants", "actionsRequired": "None"}
    connection = {
        "name": "from-plants.1",
        "id": f"{hub.ready['hub_arm_id']}/PrivateEndpointConnections/from-plants.1",
        "properties": {
            "privateEndpoint": {"id": f"{group}/providers/Microsoft.Network/privateEndpoints/from-plants"},
            "privateLinkServiceConnectionState": state,
        },
    }
    with hub.hub.lock:
        hub.hub.private_endpoint_connections = [connection]
    try:
        async with network(hub, tmp_path) as (pilot, app):
            await press(pilot, "tab")
            assert "◌ PENDING" in dump(app) and "from-plants" in dump(app)
            await type_text(pilot, ":network.approve")
            await press(pilot, "enter")
            await until(pilot, lambda: "Pending → Approved" in dump(app))
            await agree(pilot, app)
            await until(pilot, lambda: "● approved" in dump(app))
    finally:
        with hub.hub.lock:
            hub.hub.private_endpoint_connections = []
