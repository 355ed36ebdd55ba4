"""Going to another hub: found as it is typed, chosen by enter, nothing lost without asking."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fakes import Knobs
from support.screens import LARGE, console, dump, press, type_text, until

from console.model.errors import ConsoleError, ErrorKind
from console.model.hubs import HubEntry, Reach

PLANTS = HubEntry(
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Devices/IotHubs/contoso-plants",
    "contoso-plants",
    "contoso-plants.azure-devices.net",
    "westeurope",
    "rg",
    "s",
    "S1",
    2,
    "Active",
    Reach.FILTERED,
    4,
    0,
    True,
    False,
    1204,
    12,
)
LAB = replace(PLANTS, arm_id="/lab", name="contoso-lab", reach=Reach.OPEN, rules=0, weak_tls=True, failures=None)
VAULT = replace(PLANTS, arm_id="/vault", name="contoso-vault", reach=Reach.PRIVATE, local_auth=False, failures=0)
HUBS = (LAB, PLANTS, VAULT)


@pytest.mark.parametrize("size", [(80, 24), LARGE])
async def test_a_hub_is_found_as_it_is_typed_and_gone_to(size: tuple[int, int]) -> None:
    async with console(Knobs(hubs=HUBS), size=size) as (pilot, app):
        await press(pilot, "H")
        await until(pilot, lambda: "3 of 3" in dump(app))
        screen = dump(app)
        assert "contoso-plants (here)" in screen and "1,204" in screen and "everybody" in screen
        assert "from Azure Resource Graph" in screen
        await type_text(pilot, "vault")
        assert "1 of 3" in dump(app) and "contoso-lab" not in dump(app)
        await press(pilot, "enter")
        await until(pilot, lambda: not app.is_running)
    assert app.commands.next_hub == VAULT and app.return_code == 0


async def test_escape_stays_and_the_open_hub_is_said_to_be_open() -> None:
    async with console(Knobs(hubs=HUBS)) as (pilot, app):
        await press(pilot, "H", "escape")
        assert "HUBS" not in dump(app) and app.commands.next_hub is None
        await press(pilot, "H")
        await until(pilot, lambda: "3 of 3" in dump(app))
        await press(pilot, "down", "enter")
        assert app.is_running and app.commands.next_hub is None
        assert any("is the hub that is open" in note.message for note in app._notifications)


async def test_without_a_list_it_says_why() -> None:
    error = ConsoleError(ErrorKind.PERMISSION, "The hubs could not be listed", "role missing", "Ask for Reader")
    knobs = Knobs(errors={"hubs.load": error})
    async with console(knobs) as (pilot, app):
        await press(pilot, "H")
        await until(pilot, lambda: "Ask for Reader" in dump(app))
        await press(pilot, "enter", "escape")
        assert app.is_running
        del knobs.errors["hubs.load"]
        await press(pilot, "H")
        await until(pilot, lambda: "sees no hub" in dump(app))


async def test_a_note_is_shown_and_unsaved_things_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = Knobs(hubs=HUBS, hub_notes=("Azure Resource Graph did not answer (x): listed",))
    async with console(knobs) as (pilot, app):
        monkeypatch.setattr(type(app.screen), "unsaved", lambda _: "a half filled form")
        await press(pilot, "H")
        await until(pilot, lambda: "did not answer" in dump(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "a half filled form will be lost" in dump(app))
        await press(pilot, "enter")
        assert app.is_running and app.commands.next_hub is None
