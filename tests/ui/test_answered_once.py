"""Two keys in one packet: the first answers a dialog, the second must not end the console."""

from __future__ import annotations

import pytest
from support.changing import arm, script, undo_key
from support.screens import console, press, settle

from console.model.change import Change
from console.ui.changing import Changing
from console.ui.panes.base import ConsoleScreen


@pytest.mark.parametrize(
    "keys",
    [
        ("2", "a"),
        ("2", "y"),
        ("2", "s"),
        ("3", "b"),
        ("question_mark",),
    ],
)
@pytest.mark.parametrize("answer", ["enter", "escape"])
async def test_a_second_answer_is_dropped(keys: tuple[str, ...], answer: str) -> None:
    async with console() as (pilot, app):
        await press(pilot, *keys)
        dialog = app.screen
        if dialog.is_modal:
            dialog.dismiss(None)
            dialog.dismiss(None)
        await settle(pilot)
        assert isinstance(app.screen, ConsoleScreen)
        await press(pilot, *keys)
        app.simulate_key(answer)
        app.simulate_key(answer)
        await settle(pilot)
        assert app.is_running
        assert app._exception is None


@pytest.mark.parametrize("way", [(), ("tab",)])
async def test_a_plan_answered_twice_is_applied_once_at_most(way: tuple[str, ...]) -> None:
    applied: list[Change] = []
    async with console(script()) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), *way)
        assert app.screen.is_modal
        assert isinstance(app.changing, Changing)
        app.simulate_key("enter")
        app.simulate_key("enter")
        await settle(pilot)
        applied = list(app.services.knobs.script.applied)
        assert app._exception is None
    assert len(applied) == (1 if way else 0)
