"""What a person stumbled over: a row of a query, a slash too many, tabs in a menu, help on a narrow screen."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.fakes import Knobs, report, snapshot
from support.screens import SMALL, console, dump, lines, press, settle, type_text
from textual import events

from console.model.connection import LogState
from console.model.errors import ConsoleError, ErrorKind
from console.model.reading import Reading
from console.services.ports import LogTable


async def test_enter_on_a_row_of_the_result_shows_it_whole() -> None:
    async with console(Knobs(table=LogTable(("Cause", "Count"), (("cloned [/]", 3), ("x" * 90, 4))))) as (pilot, app):
        await press(pilot, "3", "v", "ctrl+r")
        await press(pilot, "tab", "j", "enter")
        screen = dump(app)
    assert "query › row 2" in screen
    assert screen.count("x" * 50) == 1 and "Count" in screen and "4" in screen


async def test_a_second_slash_is_not_part_of_the_filter() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "slash", "slash")
        await type_text(pilot, "lyon")
        screen = dump(app)
    assert "showing" in screen and "showing 0" not in screen and "No device matches" not in screen


async def test_the_row_in_the_copy_menu_has_no_tab() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "y")
        assert "\t" not in dump(app)
        assert any("row" in line and "connected" in line for line in lines(app))


async def test_help_on_a_narrow_screen_tells_each_command_to_its_end() -> None:
    async with console(size=(60, 48)) as (pilot, app):
        await press(pilot, "3", "question_mark")
        screen = dump(app)
    assert "Cause, device, code, address, SDK," in screen
    assert "All about the selected line" in screen
    assert "…" not in "".join(line for line in screen.splitlines() if "select" in line)


@pytest.mark.parametrize("hours", [4, 12])
async def test_a_week_in_wide_bins_is_still_a_week(hours: int) -> None:
    step, week = timedelta(hours=hours), timedelta(days=7)
    whole = report(LogState.READY, window=week, step=step)
    shorter = replace(whole, start=whole.end - week + step - timedelta(minutes=1), previous_total=0)
    knobs = Knobs(
        snapshot=replace(snapshot(), failures=Reading()), report=lambda window, step, grouping: replace(shorter)
    )
    async with console(knobs) as (pilot, app):
        await press(pilot, "3")
        screen = dump(app)
    assert "last 7 days" in screen and "none the week before" in screen


async def test_what_could_not_be_judged_is_said_beside_the_figures() -> None:
    blind = replace(snapshot().failures.value, partial="IP rules could not be read")  # type: ignore[type-var]
    knobs = Knobs(
        snapshot=replace(snapshot(), failures=replace(snapshot().failures, value=blind)),
        report=lambda window, step, grouping: replace(
            report(window=window, step=step, grouping=grouping), partial="IP rules could not be read"
        ),
    )
    async with console(knobs, size=SMALL) as (pilot, app):
        assert "PARTIAL IP rules could not be read" in dump(app)
        await press(pilot, "3")
        assert "PARTIAL: IP rules could not be read" in dump(app)


async def test_ctrl_c_says_how_to_leave_without_markup() -> None:
    async with console() as (pilot, app):
        await press(pilot, "ctrl+c")
        shown = [note.message for note in app._notifications]
    assert shown == ["q or ctrl+q leaves"]


async def test_a_connection_string_says_what_to_add_and_not_that_a_workspace_is_missing() -> None:
    error = ConsoleError(ErrorKind.NOT_CONFIGURED, "w", "a connection string opens the registry only", "Add a sign-in")
    silent = report(LogState.NO_WORKSPACE, error=error)
    knobs = Knobs(
        snapshot=replace(snapshot(), failures=Reading(silent, silent.end)),
        report=lambda window, step, grouping: silent,
    )
    async with console(knobs, size=SMALL) as (pilot, app):
        assert "opens the registry only" in dump(app)
        await press(pilot, "3")
        screen = dump(app)
    assert "opens the registry only" in screen and "Add a sign-in" in screen
    assert "Set workspace_id" not in screen


@pytest.mark.parametrize("keys", [("2", "slash"), ("colon",), ("0", "slash")])
async def test_what_is_pasted_into_a_line_is_spelled_out(keys: tuple[str, ...]) -> None:
    async with console() as (pilot, app):
        await press(pilot, *keys)
        assert app.screen.focused is not None
        app.screen.focused.post_message(events.Paste("a\x1b]52;c;AAAA\x07b"))
        await settle(pilot)
        assert "a\\x1b]52;c;AAAA\\x07b" in dump(app) and "\x1b" not in dump(app)
