"""Changes of devices from the keyboard, on the local hub: menu, form, plan, agreement, the hub, and the rows after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.devices import register
from support.hub import HubRunner
from support.screens import LARGE, SMALL, dump, lines, press, settle, type_text, until
from support.writes import writable
from textual.pilot import Pilot

from console.localhub.state import ModuleRecord
from console.ui.app import HubwardenApp
from console.ui.widgets.resource_table import ResourceTable

IDS = [f"press-{number:02}" for number in range(13)]
BOTH_SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x36"])


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture(autouse=True)
def fleet(hub: HubRunner) -> Iterator[None]:
    with hub.hub.lock:
        hub.hub.devices.clear()
    for device_id in IDS:
        register(hub, device_id)
    yield
    hub.faults.clear()


@asynccontextmanager
async def pane(
    hub: HubRunner, folder: Path, size: tuple[int, int] = SMALL, *, armed: bool = True, **profile: Any
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the console on the hub, at its Devices pane, with every device read."""
    app = HubwardenApp(writable(hub, folder, armed=armed, budget=0.1, **profile))
    async with app.run_test(size=size, notifications=True) as pilot:
        app.open_pane("devices")
        await until(pilot, lambda: f"DEVICES  {len(hub.hub.devices)}" in dump(app))
        await settle(pilot)
        yield pilot, app


def row(app: HubwardenApp, device_id: str) -> str:
    return next((line for line in lines(app) if device_id in line), "")


def marks(app: HubwardenApp) -> set[str]:
    return app.screen.query_one("#devices", ResourceTable).marks


def status(hub: HubRunner, device_id: str = IDS[0]) -> tuple[str, str | None]:
    record = hub.hub.devices[device_id]
    return record.status, record.status_reason


async def choose(pilot: Pilot[Any], app: HubwardenApp, title: str) -> None:
    """Choose an entry of the menu that is open."""
    for _ in range(12):
        here = next((line for line in lines(app) if f"▸ {title}" in line), "")
        if here:
            break
        await press(pilot, "j")
    else:
        raise AssertionError(f"the menu has no {title!r}:\n{dump(app)}")
    await press(pilot, "enter")


def flat(app: HubwardenApp) -> str:
    """Return the screen as one line: texts may be wrapped."""
    return " ".join(dump(app).split())


async def shown(pilot: Pilot[Any], app: HubwardenApp, *texts: str) -> str:
    """Wait until all texts stand on the screen, and return it."""
    try:
        await until(pilot, lambda: all(text in flat(app) for text in texts))
    except TimeoutError:
        raise AssertionError(f"missing {[text for text in texts if text not in flat(app)]}:\n{dump(app)}") from None
    return dump(app)


async def apply(pilot: Pilot[Any], app: HubwardenApp, *, risks: int = 0) -> None:
    """Tick the blocking risks and push Apply, as a user does: the focus is on Cancel first."""
    from console.ui.dialogs.confirm import Confirm
    from console.ui.dialogs.controls import PushButton, Tick

    await until(pilot, lambda: isinstance(app.screen, Confirm))
    await settle(pilot)
    assert app.focused is app.screen.query_one("#cancel")
    ticks = list(app.screen.query(Tick))
    assert len(ticks) == risks
    for tick in ticks:
        tick.focus()
        await press(pilot, "space")
    app.screen.query_one("#apply", PushButton).focus()
    await press(pilot, "enter")
    await until(pilot, lambda: not app.changing.writing)
    await settle(pilot)


# --- one device -----------------------------------------------------------------------------------------------------


@BOTH_SIZES
async def test_a_device_is_disabled_with_a_reason(size: tuple[int, int], hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path, size) as (pilot, app):
        await press(pilot, "a")
        screen = dump(app)
        assert "ACTIONS" in screen and "Disable the device" in screen
        assert "Enable the device …          disabled" in screen or "it is enabled already" in screen
        await choose(pilot, app, "Disable the device")
        assert f"DISABLE {IDS[0]}" in dump(app)
        await type_text(pilot, "x" * 130)
        assert "130 characters, 128 are allowed" in " ".join(dump(app).split())
        await pilot.press("home", "ctrl+k")
        await type_text(pilot, "stolen")
        await press(pilot, "enter")
        screen = await shown(pilot, app, f"disable {IDS[0]}", "enabled → disabled", "stolen")
        assert "REASON" in screen or size == SMALL
        assert status(hub) == ("enabled", None), "nothing was written yet"
        await apply(pilot, app)
        assert status(hub) == ("disabled", "stolen")
        await until(pilot, lambda: "disabled" in row(app, IDS[0]))
        assert "disabled" not in row(app, IDS[1])


async def test_read_only_shows_why_and_writes_nothing(hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path, armed=False) as (pilot, app):
        await press(pilot, "a")
        assert "read-only" in dump(app) and ":write" in dump(app)
        await press(pilot, "enter", "escape")
        await press(pilot, ":")
        await type_text(pilot, "delete-device")
        await press(pilot, "enter")
        await shown(pilot, app, "read-only")
        assert len(hub.hub.devices) == 13


async def test_both_keys_need_the_risk_to_be_accepted(hub: HubRunner, tmp_path: Path) -> None:
    record = hub.hub.devices[IDS[0]]
    before = (record.primary_key, record.secondary_key)
    async with pane(hub, tmp_path) as (pilot, app):
        await press(pilot, "a")
        await choose(pilot, app, "Rotate its keys")
        await choose(pilot, app, "Both keys")
        await shown(pilot, app, "rotate both keys", "accept both-keys")
        await press(pilot, "escape")
        assert (record.primary_key, record.secondary_key) == before
        await press(pilot, "a")
        await choose(pilot, app, "Rotate its keys")
        await choose(pilot, app, "Both keys")
        await apply(pilot, app, risks=1)
        assert record.primary_key not in before and record.secondary_key not in before
        for key in (*before, record.primary_key, record.secondary_key):
            assert key and key not in dump(app)


async def test_a_thumbprint_is_rolled_over_stage_by_stage(hub: HubRunner, tmp_path: Path) -> None:
    old, new = "AB" * 32, "CD" * 32
    record = register(hub, "a-robot", auth="selfSigned", primary_thumbprint=old)
    async with pane(hub, tmp_path) as (pilot, app):
        await press(pilot, "a")
        await choose(pilot, app, "Replace its thumbprint")
        await shown(pilot, app, "THUMBPRINT OF a-robot", "Register the new one")
        await choose(pilot, app, "Register the new one")
        await type_text(pilot, "CD-CD")
        assert "4 hexadecimal digits" in " ".join(dump(app).split())
        await type_text(pilot, "CD" * 30)
        await press(pilot, "enter")
        await apply(pilot, app)
        assert (record.primary_thumbprint, record.secondary_thumbprint) == (old, new)
        await press(pilot, "a")
        await choose(pilot, app, "Replace its thumbprint")
        await shown(pilot, app, "it becomes the primary, next")
        await choose(pilot, app, "Promote the new one")
        await apply(pilot, app)
        assert (record.primary_thumbprint, record.secondary_thumbprint) == (new, old)
        await press(pilot, "a")
        await choose(pilot, app, "Replace its thumbprint")
        await choose(pilot, app, "Remove the old one")
        await shown(pilot, app, "accept not-moved")
        await apply(pilot, app, risks=1)
        assert (record.primary_thumbprint, record.secondary_thumbprint) == (new, None)


@BOTH_SIZES
async def test_a_device_is_created_and_appears(size: tuple[int, int], hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path, size) as (pilot, app):
        await press(pilot, "a")
        await choose(pilot, app, "Create a device")
        await type_text(pilot, "new/1")
        assert "U+002F" in dump(app)
        for _ in range(2):
            await pilot.press("backspace")
        await type_text(pilot, "-1")
        await press(pilot, "enter", "enter", "enter", "enter")
        await shown(pilot, app, "create new-1")
        await apply(pilot, app)
        assert hub.hub.devices["new-1"].primary_key
        await shown(pilot, app, "DEVICES 14")
        assert "new-1" in row(app, "new-1")


async def test_a_device_is_deleted_from_its_page(hub: HubRunner, tmp_path: Path) -> None:
    hub.hub.devices[IDS[0]].modules["camera"] = ModuleRecord(IDS[0], "638", module_id="camera")
    async with pane(hub, tmp_path) as (pilot, app):
        await press(pilot, "enter")
        await until(pilot, lambda: "camera" in dump(app))
        await press(pilot, "a")
        await choose(pilot, app, "Delete the device")
        await shown(pilot, app, "accept twin-lost", "1 modules (camera)")
        await apply(pilot, app, risks=1)
        assert IDS[0] not in hub.hub.devices
        await shown(pilot, app, "DEVICES 12")
        assert not row(app, f"▸ {IDS[0]}")


async def test_a_page_shows_the_device_as_it_is_after_the_change(hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path) as (pilot, app):
        await press(pilot, "enter")
        await settle(pilot)
        await press(pilot, "a")
        await choose(pilot, app, "Disable the device")
        await type_text(pilot, "lost")
        await press(pilot, "enter")
        await apply(pilot, app)
        await shown(pilot, app, "lost")
        await press(pilot, "escape")
        await until(pilot, lambda: "disabled" in row(app, IDS[0]))


async def test_a_ghost_is_told_of_and_leaves_the_list(hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path) as (pilot, app):
        with hub.hub.lock:
            del hub.hub.devices[IDS[0]]
        await press(pilot, "a")
        await choose(pilot, app, "Delete the device")
        await shown(pilot, app, "the registry has no such device")


async def test_a_colleague_in_between_leads_to_a_new_plan(hub: HubRunner, tmp_path: Path) -> None:
    record = hub.hub.devices[IDS[0]]
    async with pane(hub, tmp_path) as (pilot, app):
        await press(pilot, "a")
        await choose(pilot, app, "Disable the device")
        await press(pilot, "enter")
        await shown(pilot, app, "enabled → disabled")
        with hub.hub.lock:
            record.status_reason = "by ana"
            record.identity_counter += 1
        await apply(pilot, app)
        await shown(pilot, app, "This is the new plan", "by ana")
        assert record.status == "enabled"
        await apply(pilot, app)
        assert status(hub) == ("disabled", "by ana")


# --- many devices ---------------------------------------------------------------------------------------------------


async def mark(pilot: Pilot[Any], app: HubwardenApp, count: int) -> None:
    await press(pilot, "g", *["space"] * count)
    assert len(marks(app)) == count


@BOTH_SIZES
async def test_marked_devices_are_changed_as_one(size: tuple[int, int], hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path, size) as (pilot, app):
        await mark(pilot, app, 12)
        await press(pilot, "a")
        assert "Disable 12 marked devices" in dump(app)
        await choose(pilot, app, "Disable 12 marked devices")
        await type_text(pilot, "recall")
        await press(pilot, "enter")
        screen = await shown(pilot, app, "disable 12 devices", "accept bulk")
        assert "press-00, press-01" in screen
        await apply(pilot, app, risks=1)
        assert [status(hub, one) for one in IDS] == [("disabled", "recall")] * 12 + [("enabled", None)]
        await until(pilot, lambda: marks(app) == set())
        assert all("disabled" in row(app, one) for one in IDS[:12])
        assert "disabled" not in row(app, IDS[12])


async def test_failures_stay_marked_and_the_same_command_goes_on_with_them(hub: HubRunner, tmp_path: Path) -> None:
    before = {one: hub.hub.devices[one].primary_key for one in IDS}
    hub.faults.add("server-error", endpoint="hub", path="press-03", method="PUT", when="before")
    async with pane(hub, tmp_path) as (pilot, app):
        await mark(pilot, app, 6)
        await press(pilot, "a")
        await choose(pilot, app, "Rotate keys of 6 marked devices")
        await choose(pilot, app, "The primary key")
        await apply(pilot, app)
        await shown(pilot, app, "5 done", "1 failed", "press-03", "still marked")
        between = {one: hub.hub.devices[one].primary_key for one in IDS}
        assert [one for one in IDS[:6] if between[one] == before[one]] == ["press-03"]
        await press(pilot, "escape")
        assert marks(app) == {"press-03"}
        hub.faults.clear()
        batch = app.screen.unfinished[1]  # type: ignore[attr-defined]
        await press(pilot, "a")
        await choose(pilot, app, "Rotate keys of the marked device")
        await choose(pilot, app, "The primary key")
        await shown(pilot, app, f"batch {batch}")
        await apply(pilot, app)
        after = {one: hub.hub.devices[one].primary_key for one in IDS}
        assert [one for one in IDS if after[one] != between[one]] == ["press-03"]
        assert {entry.batch for entry in app.services.changes.journal.entries()} == {batch}
        await until(pilot, lambda: marks(app) == set())


async def test_a_bulk_can_be_stopped_and_shows_how_far_it_came(hub: HubRunner, tmp_path: Path) -> None:
    hub.faults.add("latency", endpoint="hub", path="press-04", seconds=1.0)
    async with pane(hub, tmp_path) as (pilot, app):
        await mark(pilot, app, 12)
        await press(pilot, "a")
        await choose(pilot, app, "Disable 12 marked devices")
        await press(pilot, "enter")
        from console.ui.dialogs.confirm import Confirm
        from console.ui.dialogs.controls import PushButton, Tick

        await until(pilot, lambda: isinstance(app.screen, Confirm))
        app.screen.query_one(Tick).focus()
        await pilot.press("space")
        app.screen.query_one("#apply", PushButton).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "of 12" in app.change_note)
        assert "disable 12 devices" in dump(app)
        app.commands.command_change_stop()
        await until(pilot, lambda: not app.changing.writing)
        await settle(pilot)
        await shown(pilot, app, "not reached")
        done = [one for one in IDS[:12] if status(hub, one)[0] == "disabled"]
        assert 0 < len(done) < 12
        await press(pilot, "escape")
        assert marks(app) == set(IDS[:12]) - set(done)


async def test_a_device_that_cannot_be_rotated_says_why_in_the_menu(hub: HubRunner, tmp_path: Path) -> None:
    register(hub, "a-lathe", auth="certificateAuthority")
    async with pane(hub, tmp_path) as (pilot, app):
        await press(pilot, "a")
        assert "it signs in by X.509 CA" in dump(app)


async def test_a_protected_hub_asks_for_its_name(hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path, protected=True) as (pilot, app):
        await press(pilot, "a")
        await choose(pilot, app, "Disable the device")
        await press(pilot, "enter")
        await shown(pilot, app, "PROTECTED", "type the hub's name")
        await press(pilot, "escape")
        assert status(hub) == ("enabled", None)
