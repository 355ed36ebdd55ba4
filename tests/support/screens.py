"""Reading the screen of a running app as plain text, and waiting for it to come to rest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from support.fakes import Knobs, fake_services
from textual import events
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from console.ui.app import HubwardenApp

SMALL, LARGE = (80, 24), (120, 36)
LONG, LAST = 8, 3  # characters: from which length on a text is pasted, and how much of it is typed all the same
_KEYS = {
    " ": "space",
    ":": "colon",
    "/": "slash",
    "!": "exclamation_mark",
    ">": "greater_than_sign",
    "<": "less_than_sign",
    "?": "question_mark",
    "-": "minus",
    "_": "underscore",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    ".": "full_stop",
}


def lines(app: HubwardenApp) -> list[str]:
    """Return the screen as it would be seen, line by line."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def dump(app: HubwardenApp) -> str:
    """Return the screen as one text without trailing blanks."""
    return "\n".join(line.rstrip() for line in lines(app))


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until no job runs, no message and no key is waiting."""
    await pilot.pause()
    while pilot.app.is_running and not pilot.app.typed_ahead.idle:
        await pilot.pause()
    while any(not worker.is_finished for worker in pilot.app.workers):
        with contextlib.suppress(WorkerCancelled):
            await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await pilot.pause()
            await asyncio.sleep(0.01)


async def type_text(pilot: Pilot[Any], text: str) -> None:
    """Type text, one key per character; of a long one the beginning is pasted, for keys take their time."""
    if text[:1] in {":", "/"}:  # opens what takes the rest
        await pilot.press(_KEYS[text[0]])
        text = text[1:]
    if len(text) > LONG:
        pilot.app.post_message(events.Paste(text[:-LAST]))
        await pilot.pause()
        text = text[-LAST:]
    await pilot.press(*(_KEYS.get(char, char) for char in text))
    await settle(pilot)


async def paste_text(pilot: Pilot[Any], text: str) -> None:
    """Paste text where the cursor is, as terminals do with all that is long."""
    pilot.app.post_message(events.Paste(text))
    await settle(pilot)


@asynccontextmanager
async def console(
    knobs: Knobs | None = None, size: tuple[int, int] = SMALL, *, rest: bool = True, **options: Any
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the app on fake services at a size; `rest` waits for the first readings."""
    async with console_of(fake_services(knobs), size, rest=rest, **options) as both:
        yield both


@asynccontextmanager
async def console_of(
    services: Any, size: tuple[int, int] = SMALL, *, rest: bool = False, **options: Any
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the app on services that a test made."""
    app = HubwardenApp(services, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        if rest:
            await settle(pilot)
        yield pilot, app


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys by their short names and wait until everything is at rest."""
    for key in keys:
        await pilot.press(_KEYS.get(key, key))
        await settle(pilot)
