"""The Overview pane on fake services."""

from dataclasses import replace
from threading import Event

import pytest
from support.fakes import NOW, Knobs, report, snapshot
from support.screens import LARGE, SMALL, console, dump, lines, press, settle

from console.model.connection import LogState
from console.model.errors import ConsoleError, ErrorKind
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_says_what_is_wrong(size: tuple[int, int]) -> None:
    async with console(size=size) as (_, app):
        screen = dump(app)
    assert "FAILED CONNECTIONS  418 in the last hour, 3.9x the hour before" in screen
    assert "LIKELY  cut off by IP rules       362" in screen
    assert "SAS 1,212 · X.509 CA 610 · thumbprint 171 · none 7" in screen
    assert "built-in endpoint OPEN to all addresses" in screen
    assert 'hub CA "plants-2021" expires in 19 d' in screen
    assert 'IP rule "lyon" removed by ana@contoso.example' in screen
    assert "westeurope · S1 x2" in screen and "READ-ONLY" in screen and "09:42 UTC" in screen
    assert "ops@contoso.example (Azure CLI) · updated just now" in screen


async def test_cached_figures_are_painted_before_any_answer() -> None:
    cached = OverviewSnapshot(hub=replace(snapshot().hub, cached=True), counts=replace(snapshot().counts, cached=True))
    knobs = Knobs(cached=cached, gate=Event())
    async with console(knobs, rest=False) as (pilot, app):
        await pilot.pause()
        screen = dump(app)
        assert "contoso-plants · westeurope" in screen
        assert "2,000" in screen and "from just now, reading" in screen
        knobs.gate.set()  # type: ignore[union-attr]
        await settle(pilot)
        assert "418 in the last hour" in dump(app)


async def test_a_part_that_failed_says_why_and_the_others_stay() -> None:
    error = ConsoleError(ErrorKind.PERMISSION, "The hub was not read", "the role Reader is missing", "Ask for Reader")
    knobs = Knobs(snapshot=replace(snapshot(), hub=Reading(error=error)))
    async with console(knobs) as (pilot, app):
        assert "EXPOSURE       NO PERMISSION: the role Reader is missing" in dump(app)
        assert "418 in the last hour" in dump(app)
        await press(pilot, "G", "k", "k", "enter")
        assert "Ask for Reader" in dump(app)
        await press(pilot, "escape")
        assert "EXPOSURE" in dump(app)


@pytest.mark.parametrize("state", [state for state in LogState if state is not LogState.READY])
async def test_every_state_of_the_log_reads_differently(state: LogState) -> None:
    knobs = Knobs(snapshot=replace(snapshot(), failures=Reading(report(state), NOW)))
    async with console(knobs) as (_, app):
        line = next(line for line in lines(app) if "FAILED CONNECTIONS" in line)
        assert "418" not in line
        assert ("none in the last hour" in line) == (state is LogState.EMPTY)


async def test_a_failed_refresh_keeps_the_figures_as_stale() -> None:
    error = ConsoleError(ErrorKind.NETWORK, "No answer")
    good = snapshot()
    parts = {name: getattr(good, name).failed(error) for name in good.__dataclass_fields__}
    async with console(Knobs(snapshot=OverviewSnapshot(**parts))) as (_, app):
        screen = dump(app)
        assert "DEVICES        STALE since 09:42  2,000" in screen
        assert "FAILED CONNECTIONS  STALE since 09:42  418" in screen


async def test_lines_lead_to_their_panes() -> None:
    async with console() as (pilot, app):
        await press(pilot, "j", "enter")
        assert app.current_mode == "connections"
        await press(pilot, "1", "j", "j", "j", "j", "enter")
        assert app.current_mode == "devices"
        await press(pilot, "1", "j", "enter")
        assert app.current_mode == "network"
        await press(pilot, "1", "d")
        assert "IP RULES" in dump(app) and "10.31.8.0/22" not in dump(app)
        await press(pilot, "G")
        assert "10.31.8.0/22" in dump(app) and "not read yet" not in dump(app)
        await press(pilot, "escape", "j", "enter")
        assert "CN=plants-2021" in dump(app)
        await press(pilot, "escape", "j", "d")
        assert "10.2.0.7" in dump(app)
        await press(pilot, "escape", "enter")
        assert app.current_mode == "journal"


async def test_refresh_reads_again() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, _):
        await press(pilot, "r")
        assert [call[0] for call in knobs.calls].count("overview.load") == 2
