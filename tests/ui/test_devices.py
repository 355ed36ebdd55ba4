"""The Devices pane on fake services."""

from dataclasses import replace
from threading import Event

import pytest
from support.fakes import HOSTILE, NOW, Knobs, devices, fake_services
from support.fleet import Fleet
from support.screens import LARGE, console, console_of, dump, lines, press, settle, type_text, until

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.errors import ConsoleError, ErrorKind
from console.ui.widgets.resource_table import ResourceTable


def table(app: object) -> ResourceTable:
    return app.screen.query_one("#devices", ResourceTable)  # type: ignore[attr-defined,no-any-return]


def row_of_cursor(app: object) -> str:
    return next((line for line in lines(app) if line.startswith("▸")), "")  # type: ignore[arg-type]


async def test_shows_the_fleet() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2")
        screen = dump(app)
        assert "DEVICES  2,000" in screen
        assert "DEVICE ▲" in screen and "FAIL 1H" in screen
        assert "▸ gdansk-press-0400   enabled   SAS            ○ disconnected" in screen


async def test_the_filter_works_as_it_is_typed_and_escape_clears_it_first() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "/")
        await type_text(pilot, "auth:sas lyon")
        assert "showing 252  /auth:sas lyon" in dump(app)
        await press(pilot, "enter")
        assert "enter keep" not in dump(app) and "showing 252" in dump(app)
        await press(pilot, "escape")
        assert "showing" not in dump(app)
        await press(pilot, "escape", "escape")
        assert app.is_running and "DEVICES  2,000" in dump(app)


async def test_keys_typed_right_after_the_slash_are_text_not_commands() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2")
        await pilot.press("slash", "a", "d", "q", "s")
        await settle(pilot)
        assert "/adqs" in dump(app)
        await press(pilot, "escape", "escape")
        assert "DEVICES  2,000" in dump(app)


async def test_a_filter_that_is_not_understood_says_so() -> None:
    async with console(size=LARGE) as (pilot, app):
        await press(pilot, "2", "/")
        await type_text(pilot, "auht:sas")
        assert 'no column "auht", did you mean auth:?' in dump(app)
        assert "No device matches" in dump(app)


async def test_the_cursor_stays_on_its_device_through_sort_filter_and_refresh() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "2", "j", "j", "j")
        assert "gdansk-press-0403" in row_of_cursor(app)
        table(app).post_message(ResourceTable.HeaderClicked(table(app), "seen"))
        await settle(pilot)
        assert "gdansk-press-0403" in row_of_cursor(app)
        await press(pilot, "O", "/")
        await type_text(pilot, "0403")
        assert "gdansk-press-0403" in row_of_cursor(app)
        await press(pilot, "escape", "escape")
        assert "gdansk-press-0403" in row_of_cursor(app)
        knobs.fleet = Fleet(tuple(device for device in devices() if device.device_id != "gdansk-press-0402"), True)
        await press(pilot, "r")
        assert "1,999" in dump(app) and "gdansk-press-0403" in row_of_cursor(app)


async def test_a_device_that_is_gone_leaves_the_cursor_at_its_place() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "2", "j", "j", "j")
        knobs.fleet = Fleet(tuple(device for device in devices() if device.device_id != "gdansk-press-0403"), True)
        await press(pilot, "r")
        assert "gdansk-press-0404" in row_of_cursor(app)


async def test_sort_menu_and_reverse() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "s")
        assert "SORT BY" in dump(app) and "sorted, ascending" in dump(app)
        await press(pilot, "j", "j", "j", "j", "j", "enter", "g")
        assert "▼FAIL 1H" in dump(app)
        assert "genoa-press-0007" in row_of_cursor(app) and "31" in row_of_cursor(app)
        await press(pilot, "O", "g")
        assert "▲FAIL 1H" in dump(app) and "genoa-press-0007" not in row_of_cursor(app)


async def test_only_problems() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "!")
        assert "only problems" in dump(app)
        shown = len(table(app).source)
        assert 0 < shown < 500
        await press(pilot, "escape")
        assert len(table(app).source) == 2000


async def test_marks_are_counted_kept_and_cleared() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "space", "space", "r")
        assert "2 marked" in dump(app)
        assert [line[:4] for line in lines(app)[4:7]] == [" •gd", " •gd", "▸ gd"]
        await press(pilot, "ctrl+backslash")
        assert "marked" not in dump(app)


async def test_wide_columns_scroll_sideways_behind_the_id() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "w")
        assert "REASON" not in lines(app)[3]
        for _ in range(12):
            await press(pilot, "l")
        assert lines(app)[3].startswith("  DEVICE") and "ALL TAGS" in lines(app)[3]
        assert "STATUS" not in lines(app)[3]
        for _ in range(12):
            await press(pilot, "h")
        assert "STATUS" in lines(app)[3]


async def test_paging_keeps_the_cursor_on_screen() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2")
        for key in ("pagedown", "pagedown", "pageup", "G", "k", "g", "pagedown", "ctrl+f"):
            await press(pilot, key)
            assert any(line.startswith("▸") for line in lines(app)), key
        await press(pilot, "G")
        assert "porto-press-1999" in row_of_cursor(app)
        assert row_of_cursor(app) == lines(app)[21]


async def test_progress_is_told_while_pages_come() -> None:
    pages = (Fleet(devices()[:1000], False, 2000),)
    knobs = Knobs(pages=pages, gate=Event())
    async with console(knobs, rest=False) as (pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: "reading 1,000 of 2,000" in dump(app))
        assert "1,000 of 2,000 read" in dump(app)
        knobs.gate.set()  # type: ignore[union-attr]
        await settle(pilot)
        assert "DEVICES  2,000" in dump(app)


async def test_what_the_hub_counts_is_shown_until_all_are_read() -> None:
    knobs = Knobs(pages=(Fleet(devices()[1000:], False, 2000),), gate=Event())
    async with console(knobs, size=LARGE, rest=False) as (pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: "1,000 of 2,000 read" in dump(app) and "X.509 CA 610 · thumbprint" in dump(app))
        knobs.gate.set()  # type: ignore[union-attr]
        await settle(pilot)
        assert "DEVICES  2,000" in dump(app) and "X.509 CA 610" not in dump(app)


async def test_while_the_first_pages_come_an_untouched_cursor_stays_on_the_first_row() -> None:
    knobs = Knobs(pages=(Fleet(devices()[1000:], False, 2000),), gate=Event())
    async with console(knobs, rest=False) as (pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: "leeds" in row_of_cursor(app))
        knobs.gate.set()  # type: ignore[union-attr]
        await settle(pilot)
        assert "gdansk-press-0400" in lines(app)[4] and lines(app)[4].startswith("▸")


async def test_a_cursor_that_was_moved_stays_on_its_device_while_pages_come() -> None:
    knobs = Knobs(pages=(Fleet(devices()[1000:], False, 2000),), gate=Event())
    async with console(knobs, rest=False) as (pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: "DEVICES  1,000" in dump(app))
        await pilot.press("j")
        await until(pilot, lambda: lines(app)[5].startswith("▸"))
        key = table(app).selected
        knobs.gate.set()  # type: ignore[union-attr]
        await settle(pilot)
        assert table(app).selected == key and str(key) in row_of_cursor(app)


async def test_no_permission_is_shown_in_place_with_what_to_do() -> None:
    error = ConsoleError(ErrorKind.PERMISSION, "The devices were not read", "role missing", "Ask for Data Reader")
    knobs = Knobs(errors={"fleet.load": error})
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")
        screen = dump(app)
        assert "NO PERMISSION" in screen and "Ask for Data Reader" in screen and "r try again" in screen
        knobs.errors.clear()
        await press(pilot, "r")
        assert "DEVICES  2,000" in dump(app) and "NO PERMISSION" not in dump(app)


async def test_a_failed_refresh_keeps_the_list_as_stale() -> None:
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")
        knobs.errors["fleet.load"] = ConsoleError(ErrorKind.NETWORK, "No answer")
        await press(pilot, "r")
        assert "STALE since 09:42" in dump(app) and "gdansk-press-0400" in dump(app)


async def test_a_log_that_cannot_be_read_leaves_question_marks_not_zeros() -> None:
    knobs = Knobs(errors={"connections.failures_by_device": ConsoleError(ErrorKind.NOT_CONFIGURED, "No workspace")})
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")
        assert "failures: not read" in dump(app)
        assert row_of_cursor(app).rstrip(" ▐").endswith("?")


async def test_a_defect_in_a_job_is_told_and_does_not_end_the_app() -> None:
    knobs = Knobs(errors={"fleet.load": RuntimeError("key=SECRETSECRET")})
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")
        assert "DEFECT IN HUBWARDEN" in dump(app) and "RuntimeError" in dump(app)
        assert "SECRETSECRET" not in dump(app)


async def test_one_device_in_full_and_its_twin() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "enter")
        screen = dump(app)
        assert "2 Devices  › gdansk-press-0400" in screen
        assert "primary and secondary filled, not shown" in screen
        await press(pilot, "v")
        assert '"deviceId": "gdansk-press-0400"' in dump(app)
        await press(pilot, "escape", "G")
        assert "401003" in dump(app)
        await press(pilot, "escape")
        assert "DEVICES  2,000" in dump(app)


async def test_on_a_large_screen_the_device_stands_beside_and_follows_the_cursor() -> None:
    async with console(size=LARGE) as (pilot, app):
        await press(pilot, "2", "enter")
        assert "IDENTITY" in dump(app) and "gdansk-press-0405" in dump(app)
        await press(pilot, "j")
        assert "etag401" in dump(app)
        await press(pilot, "escape")
        assert "IDENTITY" not in dump(app)


async def test_changes_are_shown_disabled_with_the_reason() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "a")
        assert "Rotate its keys …" in dump(app) and "read-only: :write allows changes" in dump(app)
        await press(pilot, "enter")
        assert "ACTIONS" in dump(app), "a disabled choice must not close the menu"


async def test_copy_offers_id_row_json_and_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    async with console() as (pilot, app):
        await press(pilot, "2", "y")
        assert "hubwarden devices show gdansk-press-0400" in dump(app)
        await press(pilot, "enter")
        assert app.clipboard == "gdansk-press-0400"
        assert "id sent to terminal clipboard" in dump(app)


async def test_hostile_text_changes_nothing_but_its_cell() -> None:
    good = devices(30)
    bad = Device(
        device_id=good[3].device_id + HOSTILE,
        status=DeviceStatus.ENABLED,
        auth=AuthType.SAS,
        connection=ConnectionState.CONNECTED,
        last_activity=NOW,
        status_reason=HOSTILE,
        tags=((HOSTILE, HOSTILE), ("a", "[red]x[/red][@click=app.quit]y")),
    )
    async with console(Knobs(fleet=Fleet(good, True)), size=LARGE) as (pilot, app):
        await press(pilot, "2")
        before = lines(app)
    fleet = Fleet(tuple(bad if device is good[3] else device for device in good), True)
    async with console(Knobs(fleet=fleet), size=LARGE) as (pilot, app):
        await press(pilot, "2")
        after = lines(app)
        assert [y for y in range(len(before)) if before[y] != after[y]] == [
            y for y in range(4, 34) if "[/]" in after[y]
        ]
        assert len([line for line in after if "[/]\\x1b]52" in line]) == 1
        await press(pilot, "j", "j", "j", "enter", "d")
        assert "[@click=app.quit]y" in dump(app)
        await press(pilot, "y", "escape", "escape", "escape", "slash")
        await type_text(pilot, "[/]")
        assert "showing 1" in dump(app)
        await press(pilot, "escape", "escape")


async def test_a_row_with_wide_characters_keeps_the_columns_aligned() -> None:
    first, second = devices(2)
    wide = replace(first, device_id="プレス機-01")
    async with console(Knobs(fleet=Fleet((wide, second), True))) as (pilot, app):
        await press(pilot, "2")
        from rich.cells import cell_len

        rows = [line for line in lines(app) if "enabled" in line]
        assert len(rows) == 2
        assert len({cell_len(row[: row.index("enabled")]) for row in rows}) == 1


async def test_all_that_match_are_marked_also_off_the_screen() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "/")
        await type_text(pilot, "lyon")
        await press(pilot, "enter", "asterisk")
        assert "All 400 matching marked" in dump(app) and "400 marked" in dump(app)
        await press(pilot, "escape")
        assert table(app).marks == {device.device_id for device in devices() if "lyon" in device.device_id}
        await press(pilot, "ctrl+backslash", "asterisk")
        assert len(table(app).marks) == 2000


async def test_the_kept_list_is_there_before_the_hub_answers() -> None:
    knobs = Knobs()
    services = fake_services(knobs)
    services.fleet.store.refresh(lambda _: None)
    knobs.gate = Event()
    async with console_of(services) as (pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: "gdansk-press-0400" in dump(app))
        assert "DEVICES  2,000" in dump(app) and "updated just now" in dump(app)
        knobs.fleet = Fleet(devices(1000), True)
        knobs.gate.set()
        await settle(pilot)
        assert "DEVICES  1,000" in dump(app)


async def test_another_console_that_reads_is_named_and_its_list_shown() -> None:
    error = ConsoleError(ErrorKind.CONFLICT, "Not refreshed from here", code="refreshing-elsewhere")
    knobs = Knobs()
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")
        knobs.errors["fleet.load"] = error
        await press(pilot, "r")
        assert "another console reads the devices" in dump(app) and "STALE" not in dump(app)


@pytest.mark.parametrize("keys", [("!",), ("s", "j", "j", "enter"), ("/",), ("O",)])
async def test_a_large_fleet_is_worked_out_beside_and_shows_the_same(
    monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    seen: list[tuple[str, ...]] = []
    for limit in (20_000, 100):
        monkeypatch.setattr("console.ui.panes.devices.state.AT_ONCE", limit)
        async with console() as (pilot, app):
            await press(pilot, "2", *keys)
            if keys == ("/",):
                await type_text(pilot, "press-1 auth:sas")
                await press(pilot, "enter")
            source = table(app).source
            seen.append(tuple(source.key_at(index) for index in range(len(source))))
            assert " …" not in lines(app)[2]
    assert seen[0] == seen[1] and seen[0]


async def test_a_kept_list_that_is_broken_is_set_aside_and_said() -> None:
    knobs = Knobs()
    services = fake_services(knobs)
    store = services.fleet.store
    store.refresh(lambda _: None)
    path = store._file.path
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(b"not a database" * 1000)
    services.fleet.store = type(store)(store._session, path, store._pager)
    async with console_of(services) as (pilot, app):
        await press(pilot, "2")
        assert "DEVICES  2,000" in dump(app) and "hub.db.corrupt-" in dump(app)
