"""The Policies pane on the local hub: nothing privileged unasked, every change through a plan, no key on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.console import by_connection_string
from support.hub import HubRunner
from support.screens import LARGE, SMALL, dump, lines, press, settle, type_text, until
from support.writes import writable
from textual.pilot import Pilot

from console.cli.compose import services_for
from console.localhub.state import AccessPolicy
from console.present.lines import plain
from console.rules.keys import new_key
from console.services.bundle import Services
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.menu import Menu
from console.ui.widgets.page import Choice, Page
from console.ui.widgets.text_block import TextBlock


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(devices=30, seed=5) as hub:
        yield hub


@pytest.fixture
def hub(runner: HubRunner) -> HubRunner:
    with runner.cloud.lock, runner.hub.lock:
        runner.cloud.activity.clear()
        runner.hub.policies = {
            name: AccessPolicy(name, rights, new_key(), new_key())
            for name, rights in {
                "iothubowner": ("RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect"),
                "press": ("ServiceConnect",),
            }.items()
        }
        runner.hub.resource["properties"]["disableDeviceSAS"] = False
    return runner


@asynccontextmanager
async def policies(
    hub: HubRunner, folder: Path, size: tuple[int, int] = SMALL, *, armed: bool = True, services: Services | None = None
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the console at its Policies pane, before any key was read."""
    app = HubwardenApp(services or writable(hub, folder, armed=armed))
    async with app.run_test(size=size, notifications=True) as pilot:
        await press(pilot, "5")
        await until(pilot, lambda: "DPS LINKS" in dump(app) or "NOT CONFIGURED" in dump(app))
        await settle(pilot)
        yield pilot, app


def listed(hub: HubRunner) -> int:
    with hub.cloud.lock:
        return sum(
            "listkeys" in event.operation.casefold() for event in hub.cloud.activity if event.status != "Started"
        )


def secrets(hub: HubRunner) -> set[str]:
    with hub.hub.lock:
        return {key for one in hub.hub.policies.values() for key in (one.primary_key, one.secondary_key)}


async def confirm(pilot: Pilot[Any], app: HubwardenApp) -> str:
    """Look at the plan and apply it; return what was shown."""
    await until(pilot, lambda: isinstance(app.screen, Confirm))
    await settle(pilot)
    shown = dump(app)
    for _ in range(12):
        if app.focused is not None and app.focused.id == "apply":
            break
        await press(pilot, "tab")
    await press(pilot, "enter")
    await until(pilot, lambda: not app.changing.writing)
    await settle(pilot)
    return shown


async def choose(pilot: Pilot[Any], app: HubwardenApp, title: str) -> None:
    """Choose a line of a menu by its title."""
    assert isinstance(app.screen, Menu)
    choice = app.screen.query_one(Choice)
    for _ in range(20):
        if title in plain(choice.lines[choice.keys.index(choice.selected)]):
            break
        await press(pilot, "j")
    await press(pilot, "enter")


def told(app: HubwardenApp) -> str:
    """Return what stands below the table, where a toast may lie over it."""
    return " ".join("".join(plain(line) for line in app.screen.query_one("#meaning", TextBlock)._lines).split())


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_nothing_privileged_is_read_until_it_is_asked_for(
    size: tuple[int, int], hub: HubRunner, tmp_path: Path
) -> None:
    async with policies(hub, tmp_path, size, armed=False) as (pilot, app):
        screen = dump(app)
        assert "NOT READ" in screen
        assert "privileged read" in screen
        assert "K reads them now" in screen
        assert "ACCEPTS   policies on · device keys on · module keys on" in screen
        assert "contoso-dps by iothubowner" in screen
        assert "iothubowner  " not in screen
        await press(pilot, "r")
        assert listed(hub) == 0
        assert app.services.changes.journal.entries() == []
        await press(pilot, "K")
        assert listed(hub) == 1
        assert [entry.kind for entry in app.services.changes.journal.entries()] == ["policy.keys"]
        screen = dump(app)
        assert "▸ iothubowner" in screen
        row = next(line for line in lines(app) if "press" in line and "serv" in line)
        assert "narrow" in row
        assert "read" not in row
        await press(pilot, "r")
        assert listed(hub) == 1, "a refresh reads no key"


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_policy_is_described_without_its_keys(size: tuple[int, int], hub: HubRunner, tmp_path: Path) -> None:
    async with policies(hub, tmp_path, size) as (pilot, app):
        await press(pilot, "K")
        if size == SMALL:
            await press(pilot, "enter")
        screen = dump(app)
        assert "creates, changes and" in screen
        assert "iothubowner" in screen
        assert "never shown here" in screen
        page = app.screen.query_one(Page).text()
        assert "1. see that every client" in page
        assert not any(key in page for key in secrets(hub))
        assert not any(key in screen for key in secrets(hub))


async def test_a_policy_is_made_from_the_keyboard(hub: HubRunner, tmp_path: Path) -> None:
    async with policies(hub, tmp_path) as (pilot, app):
        await press(pilot, "K", "a")
        await choose(pilot, app, "Create a policy")
        await type_text(pilot, "press")
        assert "compared without case" in dump(app)
        for _ in range(5):
            await press(pilot, "backspace")
        await type_text(pilot, "bad name")
        assert "a space at position 4" in dump(app)
        for _ in range(8):
            await press(pilot, "backspace")
        await type_text(pilot, "deviceManager")
        assert "at least one right" in dump(app)
        await press(pilot, "tab", "space", "tab", "space")
        await press(pilot, "enter", "enter", "enter")
        before = listed(hub)
        shown = await confirm(pilot, app)
        assert "new policy deviceManager" in shown
        assert not any(key in shown for key in secrets(hub))
        with hub.hub.lock:
            assert hub.hub.policies["deviceManager"].rights == ("RegistryRead", "RegistryWrite")
        await until(pilot, lambda: "deviceManager" in dump(app))
        assert listed(hub) == before + 2, "the gate's own readings, and none to show the result"


async def test_a_rotation_shows_its_next_step_and_another_console_sees_it(hub: HubRunner, tmp_path: Path) -> None:
    async with policies(hub, tmp_path) as (pilot, app):
        await press(pilot, "K", "j", "a")
        await choose(pilot, app, "Rotate the next key")
        shown = await confirm(pilot, app)
        assert "secondary key of policy press" in shown
        await until(pilot, lambda: "1 of 2" in dump(app))
        assert "give the new secondary key to every client of press" in told(app)
        screen = " ".join(dump(app).split())
        assert "ROTATION press 1 of 2: secondary new" in screen
    async with policies(hub, tmp_path) as (_, app):
        assert "ROTATION  press 1 of 2: secondary new" in dump(app)
        assert "NOT READ" in dump(app)


async def test_read_only_says_why_nothing_can_be_changed(hub: HubRunner, tmp_path: Path) -> None:
    async with policies(hub, tmp_path, armed=False) as (pilot, app):
        await press(pilot, "a")
        screen = dump(app)
        assert "Create a policy" in screen
        assert "read-only: :write allows changes" in screen
        await press(pilot, "enter")
        assert not isinstance(app.screen, Confirm)
        assert "press" in hub.hub.policies


async def test_switching_device_keys_off_shows_who_is_cut_off(hub: HubRunner, tmp_path: Path) -> None:
    async with policies(hub, tmp_path) as (pilot, app):
        await press(pilot, "a")
        await choose(pilot, app, "Device keys on or off")
        await choose(pilot, app, "off: refused")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await settle(pilot)
        screen = dump(app)
        assert "accept sas-devices" in screen
        assert "of 30 devices" in screen
        await press(pilot, "escape")
        assert "Nothing was changed" in dump(app)
        assert hub.hub.resource["properties"]["disableDeviceSAS"] is False
        assert listed(hub) == 0


async def test_a_connection_string_goes_to_the_terminal_past_tmux(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", str(tmp_path / "tmux,1,0"))  # as inside tmux: a socket, a process, a session
    monkeypatch.setattr("console.ui.clipboard._to_tmux", lambda text: pytest.fail("a secret went to tmux"))
    async with policies(hub, tmp_path) as (pilot, app):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "K", "j", "y")
        await choose(pilot, app, "connection string (secondary)")
        await until(pilot, lambda: bool(copied))
        key = hub.hub.policies["press"].secondary_key
        assert copied[0].endswith(f"SharedAccessKeyName=press;SharedAccessKey={key}")
        assert "connection string" in dump(app)
        assert key not in dump(app)
        assert app.services.changes.journal.entries()[0].kind == "policy.connection-string"


async def test_a_connection_string_profile_says_what_to_add(hub: HubRunner, tmp_path: Path) -> None:
    key = hub.hub.policies["iothubowner"].primary_key
    text = f"HostName={hub.ready['hub_host']};SharedAccessKeyName=iothubowner;SharedAccessKey={key}"
    services = services_for(by_connection_string(hub.ready, tmp_path, text), state_dir=tmp_path / "s", retry_budget=0.0)
    async with policies(hub, tmp_path, services=services) as (_, app):
        assert "NOT CONFIGURED" in dump(app)
        assert "connection string" in dump(app)


async def test_what_an_undo_did_makes_the_list_old(hub: HubRunner, tmp_path: Path) -> None:
    async with policies(hub, tmp_path) as (pilot, app):
        await press(pilot, "K", "j", "a")
        await choose(pilot, app, "Swap its keys")
        await confirm(pilot, app)
        assert "K reads them again" not in told(app)
        await press(pilot, "u")
        shown = await confirm(pilot, app)
        assert "undo of" in shown
        await until(pilot, lambda: "K reads them again" in told(app))
