"""What tests of the Certificates tab share."""

from __future__ import annotations

from typing import Any

from support.fakes import Knobs
from support.screens import dump, lines, press, settle, type_text
from textual.pilot import Pilot

from console.present.lines import plain
from console.ui.app import HubwardenApp
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.dialogs.menu import Menu
from console.ui.widgets.page import Choice

WORD = "correct-horse"


def knobs(**script: Any) -> Knobs:
    made = Knobs()
    for name, value in script.items():
        setattr(made.certificates, name, value)
    return made


async def run(pilot: Pilot[Any], line: str) -> None:
    """Type a command into the prompt."""
    await press(pilot, ":")
    await type_text(pilot, line)
    await press(pilot, "enter")


async def fill(pilot: Pilot[Any], app: HubwardenApp, **values: str) -> None:
    """Fill inputs of the open form by key, and send it from its button."""
    assert isinstance(app.screen, Form), dump(app)
    for key, value in values.items():
        entry = app.screen._inputs[key]
        entry.value = value
        await settle(pilot)
    button = app.screen.query_one("#submit", PushButton)
    assert button.ready, dump(app)
    button.focus()
    await press(pilot, "enter")


async def choose(pilot: Pilot[Any], app: HubwardenApp, title: str) -> None:
    """Choose a line of a menu by its title."""
    assert isinstance(app.screen, Menu), dump(app)
    choice = app.screen.query_one(Choice)
    for _ in range(30):
        if title in plain(choice.lines[choice.keys.index(choice.selected)]):
            break
        await press(pilot, "j")
    await press(pilot, "enter")


def said(app: HubwardenApp) -> str:
    """Return what the toasts say, in one line."""
    return " ".join(note.message for note in app._notifications)


def row(app: HubwardenApp, text: str) -> str:
    return next(line for line in lines(app) if text in line)
