"""Read-only and armed: what is disabled, how it is told, and what arming asks."""

from __future__ import annotations

import pytest
from support.changing import arm, said, undo_key
from support.fake_changes import change
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text, until

from console.services.ports import Cancel
from console.ui import commands
from console.ui.changing import begin
from console.ui.dialogs.arm import Arm
from console.ui.panes.base import ConsoleScreen

WRITES = [command for command in commands.COMMANDS if command.writes]


async def test_read_only_disables_every_command_that_writes() -> None:
    assert {"change.undo"} <= {command.id for command in WRITES}
    async with console(size=LARGE) as (pilot, app):
        for command in WRITES:
            app.clear_notifications()
            assert app.why_not(command), command.id
            await app.run_command(command)
            await settle(pilot)
            assert isinstance(app.screen, ConsoleScreen) and not app.screen.is_modal, command.id
            assert app.why_not(command) in said(app), command.id
        assert not app.services.knobs.script.undone and not app.services.knobs.script.applied
        arm(app)
        assert not [command.id for command in WRITES if app.why_not(command) and not command.disabled]


async def test_a_flow_begun_in_spite_of_read_only_plans_nothing() -> None:
    planned: list[Cancel] = []
    async with console() as (pilot, app):
        begin(app.screen, lambda cancel: planned.append(cancel) or change())  # type: ignore[arg-type, func-returns-value]
        await settle(pilot)
        assert "read-only" in dump(app) and not planned


async def test_help_and_palette_tell_how_to_arm() -> None:
    async with console(size=(120, 60)) as (pilot, app):
        await press(pilot, "?", "/")
        await type_text(pilot, "undo the last")
        assert ":write allows changes of this hub" in dump(app)
        await press(pilot, "escape", "escape", "ctrl+p")
        await type_text(pilot, "undo the last")
        await until(pilot, lambda: "disabled · read-only" in dump(app))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_write_asks_with_cancel_focused_and_arms(size: tuple[int, int]) -> None:
    async with console(size=size) as (pilot, app):
        app.services.session.protected = True
        await press(pilot, ":")
        await type_text(pilot, "write")
        await press(pilot, "enter")
        screen = dump(app)
        assert "ALLOW CHANGES OF contoso-plants?" in screen and "[ Cancel ]" in screen
        assert "ops@contoso.example" in screen and "PROTECTED" in screen
        await press(pilot, "enter")
        assert not isinstance(app.screen, Arm) and not app.services.session.armed
        await press(pilot, ":")
        await type_text(pilot, "write")
        await press(pilot, "enter", "tab", "enter")
        assert app.services.session.armed and " ARMED " in lines(app)[0]
        await press(pilot, ":")
        await type_text(pilot, "write off")
        await press(pilot, "enter")
        assert not app.services.session.armed and "READ-ONLY" in lines(app)[0]
        arm(app)
        await press(pilot, ":")
        await type_text(pilot, "readonly")
        await press(pilot, "enter")
        assert not app.services.session.armed


async def test_a_pinned_profile_says_why_it_cannot_be_armed() -> None:
    async with console() as (pilot, app):
        app.services.session.pinned = True
        await press(pilot, ":")
        await type_text(pilot, "write")
        await press(pilot, "enter")
        assert "readonly = true" in dump(app) and not isinstance(app.screen, Arm)
        await press(pilot, undo_key())
        assert not app.services.knobs.script.undone
