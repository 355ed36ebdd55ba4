"""What tests of the Tokens tab share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from support.fake_tokens import HOST, KEY, NOW, entry
from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, dump, paste_text, press, settle
from textual import events
from textual.pilot import Pilot

from console.model.secret import Secret
from console.rules.sas import mint
from console.ui.app import HubwardenApp
from console.ui.panes.credentials.tokens import TokensScreen
from console.ui.widgets.paste_field import PasteField

SIZES = [SMALL, LARGE]
MARK = "SharedAccessSignature sr="


@asynccontextmanager
async def tokens(
    knobs: Knobs | None = None, size: tuple[int, int] = SMALL
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp, Knobs]]:
    """Run the console at the Tokens tab."""
    knobs = knobs or Knobs()
    async with console(knobs, size) as (pilot, app):
        await press(pilot, "6", "tab")
        assert isinstance(app.screen, TokensScreen)
        yield pilot, app, knobs


def minted() -> Knobs:
    """Return a ledger of six tokens, two of them expired."""
    knobs = Knobs()
    knobs.tokens.entries = [
        entry("devices/x", minutes=-30, number=1),
        entry("", minutes=3000, number=2, policy="service"),
        entry(number=3),
        entry("devices/lyon-press-0001/modules/camera", minutes=9, number=4),
        entry("devices/y", minutes=-3000, number=5),
        entry(resource="devices", minutes=120, number=6, policy="device", who="ana@laptop"),
    ]
    return knobs


def token(resource: str = f"{HOST}/devices/press-0417", key: str = KEY, minutes: float = 41, policy: str = "") -> str:
    return mint(resource, Secret(key), NOW + timedelta(minutes=minutes), policy).reveal()


async def paste(pilot: Pilot[Any], text: str) -> None:
    pilot.app.screen.query_one(PasteField).post_message(events.Paste(text))
    await settle(pilot)


async def fill(pilot: Pilot[Any], *values: str) -> None:
    """Fill one field after the other; "" leaves one as it is, "→" chooses the next choice."""
    for value in values:
        if value.startswith("→"):
            await press(pilot, *("right" for _ in value))
        elif value:
            await paste_text(pilot, value)
        await press(pilot, "enter")


def shown(app: HubwardenApp) -> str:
    """Return the screen as one line, blanks folded."""
    return " ".join(dump(app).split())
