"""The Devices pane: columns that somebody chose, and devices that only the query index still has."""

from dataclasses import replace

import pytest
from support.fakes import Knobs, devices, fake_services
from support.fleet import Fleet
from support.screens import LARGE, console, console_of, dump, lines, press, until

from console.ui.widgets.resource_table import ResourceTable


def table(app: object) -> ResourceTable:
    return app.screen.query_one("#devices", ResourceTable)  # type: ignore[attr-defined,no-any-return]


def row_of_cursor(app: object) -> str:
    return next((line for line in lines(app) if line.startswith("▸")), "")  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(80, 24), LARGE])
async def test_a_device_that_only_the_query_index_still_has_is_taken_from_the_list(size: tuple[int, int]) -> None:
    knobs = Knobs()
    async with console(knobs, size=size) as (pilot, app):
        await press(pilot, "2", "j")
        assert "gdansk-press-0401" in row_of_cursor(app)
        knobs.fleet = Fleet(tuple(device for device in devices() if device.device_id != "gdansk-press-0401"), True)
        await press(pilot, "enter")
        await until(pilot, lambda: any("does not exist any more" in note.message for note in app._notifications))
        if size != LARGE:
            await press(pilot, "escape")
        await until(pilot, lambda: "DEVICES  1,999" in dump(app))
        assert table(app).source.position("gdansk-press-0401") is None and "gdansk-press-0402" in row_of_cursor(app)


@pytest.mark.parametrize("size", [(80, 24), LARGE])
async def test_columns_are_chosen_tags_among_them_and_kept_for_the_hub(size: tuple[int, int]) -> None:
    tagged = [
        replace(device, tags=(("site", "lyon"), ("owner", f"team {number % 3}")))
        for number, device in enumerate(devices()[:30])
    ]
    services = fake_services(Knobs(fleet=Fleet(tuple(tagged), True)))
    async with console_of(services, size=size) as (pilot, app):
        await press(pilot, "2", "C")
        screen = dump(app)
        assert "COLUMNS" in screen and "[x] STATUS" in screen and "[ ] REASON" in screen and "u usual" in screen
        await press(pilot, "space", "G", "up", "space")
        assert "[x] owner" in dump(app) and "[ ] STATUS" in dump(app)
        await press(pilot, "enter")
        header = next(line for line in lines(app) if "DEVICE ▲" in line)
        assert "owner" in header and "STATUS" not in header and "AUTH" in header
        assert "team 1" in dump(app)
        await press(pilot, "s")
        for _ in range(8):
            if "▸ owner" in dump(app):
                break
            await press(pilot, "down")
        await press(pilot, "enter")
        texts = [line for line in lines(app) if "team" in line]
        assert [line.split("team ")[1][0] for line in texts] == sorted(line.split("team ")[1][0] for line in texts)
    async with console_of(services, size=size) as (pilot, app):
        await press(pilot, "2")
        assert "owner" in dump(app) and "STATUS" not in dump(app)
        await press(pilot, "C", "space")
        await press(pilot, "escape")
        assert "STATUS" not in dump(app), "escape leaves it as it was"
        await press(pilot, "C", "u", "enter")
        assert "STATUS" in dump(app) and "owner" not in dump(app)
        assert services.fleet.store.columns() == ()
