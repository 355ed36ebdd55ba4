"""Refused registrations in the Connections pane on fake services."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fakes import Knobs, events
from support.screens import LARGE, SMALL, console, dump, press

from console.model.connection import Source

REFUSED = replace(
    events(1)[0],
    device_id="genoa-oven-0001",
    operation="AttestationAttempt",
    code="401000",
    description="AttestationAttempt",
    message="401000: Unauthorized",
    sdk="",
    auth="",
    source=Source.PROVISIONING,
)


async def test_the_source_is_chosen_and_goes_along_into_the_events() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3", "s")
        assert knobs.calls[-1][-1] is Source.HUB and "by cause, hub only" in dump(app)
        await press(pilot, "s")
        assert knobs.calls[-1][-1] is Source.PROVISIONING and "by cause, DPS only" in dump(app)
        await press(pilot, "enter")
        assert knobs.calls[-1][3] == (("Cause", "IP_RULES"), ("Source", "provisioning"))
        await press(pilot, "escape", "s")
        assert len(knobs.calls[-1]) == 4 and "only" not in dump(app).splitlines()[2]


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_refused_registration_is_explained_by_the_provisioning_service_s_codes(size: tuple[int, int]) -> None:
    async with console(Knobs(events=(REFUSED, *events(3))), size=size) as (pilot, app):
        await press(pilot, "3", "enter")
        screen = dump(app)
        assert "genoa-oven-0001" in screen and "No enrollment fits" in screen
        await press(pilot, "enter")
        screen = dump(app)
        assert "the provisioning service's log" in screen and "Create the enrollment" in screen
        assert "Guessing credentials" not in screen  # what the hub's code of the same number means
        await press(pilot, "escape", "/", *"provisioning")
        assert "1 with “provisioning”" in dump(app)
