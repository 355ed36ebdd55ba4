"""The Provisioning pane on the local hub: what it enrolls registers, what it blocks does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.console import by_connection_string, profile_of
from support.credential_screens import fill
from support.hub import HubRunner
from support.provisioning import hub, runner, service_of
from support.screens import SMALL, dump, press, settle, until
from support.token_screens import shown
from support.writes import writable
from textual.pilot import Pilot

from console.cli.compose import services_for
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.form import Form
from console.ui.panes.provisioning.register import RegisterScreen
from console.ui.widgets.page import Page

__all__ = ["hub", "runner"]


@asynccontextmanager
async def pane(hub: HubRunner, folder: Path) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the console at its Provisioning pane, allowed to change the hub."""
    app = HubwardenApp(writable(hub, folder))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await press(pilot, "8")
        await until(pilot, lambda: "No enrollment group" in dump(app))
        yield pilot, app


async def carry_out(pilot: Pilot[Any], app: HubwardenApp, line: str) -> None:
    await app.run_line(line)
    await settle(pilot)


async def confirm(pilot: Pilot[Any], app: HubwardenApp) -> None:
    """Apply the plan that is shown."""
    await until(pilot, lambda: isinstance(app.screen, Confirm))
    app.screen.query_one("#apply").focus()
    await press(pilot, "enter")
    await until(pilot, lambda: not app.changing.writing)
    await settle(pilot)


async def registered(pilot: Pilot[Any], app: HubwardenApp, registration_id: str) -> str:
    """Run a registration by the selected group, with the key that the service has; return its page."""
    await carry_out(pilot, app, "provisioning.register")
    await fill(pilot, app, id=registration_id)
    assert isinstance(app.screen, RegisterScreen)
    page = app.screen
    await until(pilot, lambda: not page._running)
    text = " ".join(page.query_one(Page).text().split())
    await press(pilot, "escape")
    return text


async def test_a_group_lets_a_device_in_until_the_device_is_blocked(hub: HubRunner, tmp_path: Path) -> None:
    async with pane(hub, tmp_path) as (pilot, app):
        await carry_out(pilot, app, "provisioning.enroll-key")
        await fill(pilot, app, id="porto-robots")
        await confirm(pilot, app)
        await until(pilot, lambda: "porto-robots  " in dump(app))

        text = await registered(pilot, app, "robot-1")
        assert "✓ ASSIGNED" in text and "DeviceId=robot-1" in text, text
        assert "robot-1" in hub.hub.devices

        await press(pilot, "enter")
        await until(pilot, lambda: "REGISTRATIONS BY porto-robots  1" in dump(app))

        await carry_out(pilot, app, "registrations.block")
        assert isinstance(app.screen, Form) and app.screen.answer["id"] == "robot-1"
        await fill(pilot, app)
        await confirm(pilot, app)
        await press(pilot, "escape")
        assert service_of(hub).enrollments["robot-1"].enabled is False
        text = await registered(pilot, app, "robot-1")
        assert "ASSIGNED" not in text and "R run it again" in text, text

        await press(pilot, "c")
        await until(pilot, lambda: app.screen.state.check is not None)
        assert "disabled here, enabled there" in dump(app) and "robot-1" in dump(app)
        kinds = [entry.kind for entry in app.services.changes.journal.entries()]
        assert kinds.count("enrollment.keys") == 2, "the group's key was read for both runs, and that was noted"


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("nobody", "NO PERMISSION"),
        ("reader", "No enrollment group: devices get in one by one."),
        ("connection string", "Add a credential of kind person, client-secret or managed-identity"),
    ],
)
async def test_whoever_may_not_read_is_told_what_is_missing(
    who: str, said: str, hub: HubRunner, tmp_path: Path
) -> None:
    if who == "connection string":
        profile = by_connection_string(hub.ready, tmp_path)
    else:
        profile = profile_of(hub.ready, tmp_path, who)
    app = HubwardenApp(services_for(profile, state_dir=tmp_path / "state", retry_budget=0.0))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await press(pilot, "8")
        await until(pilot, lambda: said in shown(app))
        await press(pilot, "i")
        assert "POLICIES: NOT READ" in dump(app) if who == "reader" else "No provisioning service" in shown(app)
        if who == "reader":
            await press(pilot, "K")
            page = app.screen.query_one(Page)
            await until(pilot, lambda: "K tries again" in page.text())
            assert "listkeys" in " ".join(page.text().split())
