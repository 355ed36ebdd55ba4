"""The Connections pane on fake services."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.fakes import HOSTILE, Knobs, events, report, snapshot
from support.screens import LARGE, SMALL, console, dump, lines, press, type_text

from console.model.connection import Grouping, LogState
from console.model.errors import ConsoleError, ErrorKind
from console.model.reading import Reading
from console.present.log_states import SHOWS_TABLE, WORDS


def answering(state: LogState, error: ConsoleError | None = None) -> Knobs:
    return Knobs(
        snapshot=replace(snapshot(), failures=Reading()),
        report=lambda window, step, grouping: report(state, window=window, step=step, grouping=grouping, error=error),
    )


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_chart_figures_table_and_meaning(size: tuple[int, int]) -> None:
    async with console(size=size) as (pilot, app):
        await press(pilot, "3")
        screen = dump(app)
    assert "FAILED CONNECTIONS  last 1 h, per minute" in screen and "log 2 min old" in screen
    assert "16┤" in screen and "0┼" in screen and "08:42" in screen and "█" in screen
    assert "■ cut off by IP rules 3" in screen
    assert "418 from 232 devices · 3.9x the hour before · connected 1,557 of 2,000" in screen
    assert "▸ ■ cut off by IP rules" in screen and "LIKELY" in screen and "362" in screen
    assert "token renewal (folded)" in screen
    assert "→ See the last change of the IP rules" in screen
    assert ("CONNECTED  1,557" in screen) == (size == LARGE)


async def test_the_meaning_follows_the_cursor() -> None:
    async with console() as (pilot, app):
        await press(pilot, "3", "j")
        assert "A second client connects with the same identity" in dump(app)
        assert "   400027 every 20 s from two ranges" in dump(app)


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("state", sorted(set(LogState) - SHOWS_TABLE))
async def test_every_state_of_the_log_has_its_own_page(state: LogState, size: tuple[int, int]) -> None:
    error = ConsoleError(ErrorKind.BAD_ANSWER, "The log answered with a web page", "a proxy", "Look at the proxy")
    async with console(answering(state, error if state is LogState.FAILED else None), size=size) as (pilot, app):
        await press(pilot, "3")
        screen = dump(app)
        if state is LogState.FAILED:
            assert "UNEXPECTED ANSWER" in screen and "Look at the proxy" in screen
        else:
            assert WORDS[state].title in screen
            assert not WORDS[state].hint or "what to do" in screen
        assert "CAUSE" not in screen and "┼" not in screen
        await press(pilot, "h", "tab", "enter", "d", "y", "escape")
        assert app.is_running


async def test_no_failures_is_good_news_not_an_empty_page() -> None:
    async with console(answering(LogState.EMPTY)) as (pilot, app):
        await press(pilot, "3")
        screen = dump(app)
        assert "No failed connection in the last 1 h." in screen and "no failures" in screen
        assert "96 token renewals were folded" in screen


async def test_a_throttled_refresh_keeps_the_figures_as_stale_and_slows_down() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3")
        knobs.report = answering(LogState.THROTTLED).report
        await press(pilot, "r")
        assert "STALE since 09:42" in dump(app) and "cut off by IP rules" in dump(app)
        assert app.screen._backoff == 2  # type: ignore[attr-defined]
        knobs.report = Knobs().report
        await press(pilot, "r")
        assert "STALE" not in dump(app)
        assert app.screen._backoff == 1  # type: ignore[attr-defined]


async def test_grouping_range_and_bins_ask_the_log_anew() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3", "b", "j", "enter")
        assert knobs.calls[-1][1:] == (timedelta(hours=1), timedelta(minutes=1), Grouping.DEVICE)
        assert "by device" in dump(app) and "DEVICE  " in dump(app)
        await press(pilot, "B")
        assert knobs.calls[-1][3] is Grouping.CODE
        await press(pilot, ">")
        assert knobs.calls[-1][1:3] == (timedelta(hours=24), timedelta(minutes=30))
        assert "last 24 h, per 30 min" in dump(app)
        await press(pilot, ">", ">")
        assert knobs.calls[-1][1] == timedelta(days=7)
        await press(pilot, "<", "<", "i")
        assert knobs.calls[-1][1:3] == (timedelta(hours=1), timedelta(minutes=5))
        assert "per 5 min" in dump(app)


async def test_a_bar_is_selected_explained_and_opened() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3", "h", "h")
        assert "▲" in dump(app) and "09:40–09:41" in dump(app)
        await press(pilot, "enter")
        assert "EVENTS" in dump(app) and "09:40–09:41" in dump(app)
        name, start, end, filters, _ = knobs.calls[-1]
        assert name == "connections.events" and end - start == timedelta(minutes=1) and filters == ()
        await press(pilot, "escape", "escape")
        assert "▲" not in dump(app)


async def test_the_selected_bar_stays_on_its_time_through_a_refresh() -> None:
    async with console() as (pilot, app):
        await press(pilot, "3", "h", "h", "h")
        before = next(line for line in lines(app) if "09:39–09:40" in line)
        await press(pilot, "r")
        assert before in lines(app)


async def test_a_group_opens_its_events_and_an_event_its_explanation() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3", "enter")
        assert knobs.calls[-1][3] == (("Cause", "IP_RULES"),)
        screen = dump(app)
        assert "EVENTS  40" in screen and "401003" in screen and "401003 IoTHubUnauthorized:" in screen
        await press(pilot, "j", "enter")
        screen = dump(app)
        assert "400027 ConnectionForcefullyClosedOnNewConnection" in screen and "security" in screen
        await press(pilot, "G")
        assert "cloned device or a leaked key" in " ".join(dump(app).split())
        await press(pilot, "escape", "n")
        assert knobs.calls[-1][4] is True and "renewals shown" in dump(app)


async def test_describe_tells_all_about_a_group() -> None:
    async with console() as (pilot, app):
        await press(pilot, "3", "d")
        screen = dump(app)
        assert "LIKELY: inferred from circumstances" in screen and "214" in screen and "what to do" in screen


async def test_the_query_is_shown_edited_and_run() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3", "v")
        assert '| where Category == "Connections"' in dump(app)
        await type_text(pilot, "// ")
        await press(pilot, "ctrl+r")
        assert knobs.calls[-1][0] == "connections.run" and knobs.calls[-1][1].startswith("// AzureDiagnostics")
        assert "RESULT  2 rows" in dump(app) and "cloned" in dump(app)
        knobs.errors["connections.run"] = ConsoleError(ErrorKind.BAD_QUERY, "The query was refused", "line 1", "Fix it")
        await press(pilot, "ctrl+r")
        assert "QUERY REFUSED" in dump(app) and "Fix it" in dump(app)
        await press(pilot, "ctrl+o")
        assert "// AzureDiagnostics" not in dump(app)


async def test_quitting_asks_only_when_an_edited_query_would_be_lost() -> None:
    async with console() as (pilot, app):
        await press(pilot, "3", "v")
        await type_text(pilot, "x")
        await press(pilot, "tab", "q")
        assert "the edited query will be lost" in dump(app)
        await press(pilot, "enter")
        assert app.is_running and "QUIT?" not in dump(app)
        await press(pilot, "ctrl+o", "tab")
        app.screen.query_one("#result").focus()
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running or app._exit


async def test_pause_stops_and_resume_reads() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "3", "p")
        assert "PAUSED" in dump(app)
        assert app.screen._next is None  # type: ignore[attr-defined]
        before = len(knobs.calls)
        await press(pilot, "p")
        assert "PAUSED" not in dump(app) and len(knobs.calls) == before + 1


async def test_only_the_visible_pane_plans_its_next_reading() -> None:
    async with console() as (pilot, app):
        overview = app.screen
        assert overview._next is not None  # type: ignore[attr-defined]
        await press(pilot, "3")
        assert overview._next is None  # type: ignore[attr-defined]
        assert app.screen._next is not None  # type: ignore[attr-defined]
        await press(pilot, "v")
        assert app.screen_stack[0]._next is None  # type: ignore[attr-defined]


async def test_hostile_log_rows_change_nothing_but_their_cells() -> None:
    first, *rest = events(3)
    bad = replace(first, device_id=HOSTILE, message=HOSTILE, sdk=HOSTILE, description="[red]x[/")
    async with console(Knobs(events=(bad, *rest)), size=LARGE) as (pilot, app):
        await press(pilot, "3", "enter")
        after = lines(app)
        assert "[/]\\x1b]52" in after[4] and "[red]x[/" in after[4] and "lyon-press-0001" in after[5]
        await press(pilot, "enter")
        assert HOSTILE in dump(app) and "3 Connections  › cut off by IP rules › [/]" in dump(app)
        await press(pilot, "y")
        assert "COPY" in dump(app)


async def test_a_cause_asked_for_by_another_pane_is_selected() -> None:
    async with console() as (pilot, app):
        await press(pilot, "j", "j", "enter")
        assert app.current_mode == "connections"
        assert any(line.startswith("▸ ■ cloned credential") for line in lines(app))


async def test_events_are_filtered_as_it_is_typed() -> None:
    async with console() as (pilot, app):
        await press(pilot, "3", "enter")
        first = app.screen.query_one("#events").selected  # type: ignore[attr-defined]
        wanted = app.screen._events[first].device_id  # type: ignore[attr-defined]
        await press(pilot, "/")
        await type_text(pilot, wanted)
        screen = dump(app)
        assert f"1 with “{wanted}”" in screen and wanted in screen
        await press(pilot, "escape", "escape", "/")
        await type_text(pilot, f"!{wanted}")
        assert f"39 with “!{wanted}”" in dump(app)
        await press(pilot, "enter")
        await press(pilot, "escape")
        assert "with “" not in dump(app) and "EVENTS" in dump(app)
        await press(pilot, "escape")
        assert "EVENTS" not in dump(app)
