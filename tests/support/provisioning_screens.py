"""What tests of the Provisioning pane share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, press
from textual.pilot import Pilot

from console.model.errors import ConsoleError, ErrorKind
from console.ui.app import HubwardenApp
from console.ui.widgets.resource_table import ResourceTable

SIZES = [SMALL, LARGE]


@asynccontextmanager
async def provisioning(
    knobs: Knobs | None = None, size: tuple[int, int] = SMALL, *, armed: bool = True
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp, Knobs]]:
    """Run the console at the Provisioning pane."""
    knobs = knobs or Knobs()
    async with console(knobs, size) as (pilot, app):
        app.services.session.armed = armed
        await press(pilot, "8")
        yield pilot, app, knobs


def ids(app: HubwardenApp) -> list[str]:
    source = app.screen.query_one(ResourceTable).source
    return [source.key_at(place) for place in range(len(source))]


def denied(what: str = "The enrollments cannot be read") -> ConsoleError:
    return ConsoleError(ErrorKind.PERMISSION, what, "the role is missing", "Assign DPS Data Reader", status=403)
