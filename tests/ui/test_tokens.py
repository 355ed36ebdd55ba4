"""The Tokens tab: the ledger, and minting."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

import pytest
from support.fake_tokens import HOST, KEY, entry
from support.fakes import Knobs
from support.screens import LARGE, dump, lines, paste_text, press, settle, type_text, until
from support.token_screens import MARK, SIZES, fill, minted, shown, tokens

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.panes.secret import SecretScreen
from console.ui.reveal import SECONDS
from console.ui.widgets.resource_table import ResourceTable

# --- the ledger -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_valid_stands_first_the_soonest_to_end_on_top_and_the_expired_last(size: tuple[int, int]) -> None:
    async with tokens(minted(), size) as (_, app, _knobs):
        rows = [line.split() for line in lines(app)[5:11]]
        first = [row[0] if row[0] not in "▸" else row[1] for row in rows]
        assert first == ["lyon-press-0001/camera", "press-0417", "all", "the", "x", "y"]
        text = dump(app)
        assert "4 still valid, the longest until 11-25 11:42 UTC" in text and "all 6" in text
        assert "in 9 min" in text and "30 min ago" in text and "ana@laptop" in text
        table = app.screen.query_one(ResourceTable)
        styles = [table.source.window(row, row + 1)[0][0][1] for row in range(6)]
        assert styles == ["", "", "", "", "dim", "dim"]


async def test_expired_tokens_can_be_left_out() -> None:
    async with tokens(minted()) as (pilot, app, _):
        await press(pilot, "v")
        assert "valid only" in dump(app) and len(app.screen.query_one(ResourceTable).source) == 4
        await press(pilot, "v")
        assert len(app.screen.query_one(ResourceTable).source) == 6


async def test_the_filter_looks_into_resource_policy_and_who() -> None:
    async with tokens(minted()) as (pilot, app, _):
        await press(pilot, "/")
        await type_text(pilot, "ana")
        assert "1 with “ana”" in dump(app)
        await press(pilot, "backspace", "backspace", "backspace")
        await type_text(pilot, "!press")
        assert "4 with “!press”" in dump(app)
        await press(pilot, "enter", "escape")
        assert "all 6" in dump(app)
        await press(pilot, "/")
        await type_text(pilot, "nowhere")
        assert "No token matches" in dump(app)


async def test_nothing_minted_yet_says_what_to_press() -> None:
    async with tokens() as (pilot, app, _):
        assert "NOTHING MINTED YET" in dump(app) and "a mints one" in shown(app)
        await press(pilot, "a")
        assert "Mint for a device" in dump(app) and "Explain a token" in dump(app)


async def test_when_none_is_valid_any_more_it_says_so_and_how_to_see_the_expired() -> None:
    knobs = Knobs()
    knobs.tokens.entries = [entry(minutes=-5)]
    async with tokens(knobs) as (pilot, app, _):
        await press(pilot, "v")
        assert "none is valid any more" in dump(app) and "v shows the expired ones" in shown(app)


async def test_a_ledger_that_cannot_be_read_says_why() -> None:
    knobs = Knobs()
    knobs.tokens.errors["ledger"] = ConsoleError(
        ErrorKind.NOT_CONFIGURED, "The ledger cannot be used", "its key is damaged", "Move it away", code="ledger"
    )
    async with tokens(knobs) as (pilot, app, _):
        assert "its key is damaged" in dump(app) and "Move it away" in dump(app)
        knobs.tokens.errors.clear()
        await press(pilot, "r")
        assert "NOTHING MINTED YET" in dump(app)


async def test_a_hostile_ledger_is_text() -> None:
    knobs = Knobs()
    hostile = "[/]\x1b]52;c;AAAA\x07\u202e"
    knobs.tokens.entries = [entry(f"devices/{hostile}", who=hostile, policy=hostile)]
    async with tokens(knobs, LARGE) as (pilot, app, _):
        await press(pilot, "enter")
        screen = dump(app)
        assert "\x1b" not in screen and "\u202e" not in screen and "[/]\\x1b]52" in screen


async def test_the_page_of_a_token_says_what_it_means() -> None:
    async with tokens(minted()) as (pilot, app, _):
        await press(pilot, "j", "d")
        text = shown(app)
        assert f"{HOST}/devices/press-0417" in text and "2026-11-23 10:23:07 UTC (in 41 min)" in text
        assert "cannot be called back" in text


# --- minting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_token_is_minted_by_a_typed_key_and_stays_hidden_until_asked_for(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TMUX", "/nowhere/tmux,1,0")
    monkeypatch.setattr("console.ui.clipboard._to_tmux", lambda text: pytest.fail("a token went to tmux"))
    async with tokens(size=size) as (pilot, app, knobs):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "→", "→", KEY)
        assert isinstance(app.screen, SecretScreen)
        ((order, key),) = knobs.tokens.asked("mint")
        assert (order.host, order.device_id, order.ttl_seconds, key) == (HOST, "press-0417", 28800, Secret(KEY))
        text = shown(app)
        assert f"opens {HOST}/devices/press-0417" in text and "2026-11-23 17:42:07 UTC" in text and "8 h" in text
        assert MARK not in text and "••••" in text and "v shows it for 20 s" in text
        await press(pilot, "y")
        assert copied and copied[0].startswith(MARK) and "token for press-0417 sent" in dump(app)
        assert copied[0] not in dump(app).replace("\n", "")
        now = 100.0
        app.screen.reveal.now = lambda: now
        await press(pilot, "v")
        assert MARK in dump(app) and "hides itself in 20 s" in dump(app)
        whole = "".join(line.strip() for line in lines(app)[3:7])
        assert copied[0] in whole
        now += SECONDS - 1
        app.screen.reveal.tick()
        await settle(pilot)
        assert MARK in dump(app) and "hides itself in 1 s" in dump(app)
        now += 1
        app.screen.reveal.tick()
        await settle(pilot)
        assert MARK not in dump(app)
        page = app.screen
        await press(pilot, "escape")
        assert page._secret is None and MARK not in dump(app) and "1 still valid" in dump(app)
        assert not any(copied[0] in record.getMessage() or KEY in record.getMessage() for record in caplog.records)


async def test_a_revealed_token_is_hidden_at_once_and_behind_dialogs() -> None:
    async with tokens() as (pilot, app, _):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "", "", "")
        await press(pilot, "v")
        assert MARK in dump(app)
        await press(pilot, "v")
        assert MARK not in dump(app)
        await press(pilot, "v", "?", "escape")
        assert isinstance(app.screen, SecretScreen) and MARK not in dump(app) and "••••" in dump(app)


async def test_going_to_another_pane_forgets_the_token() -> None:
    async with tokens() as (pilot, app, _):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "", "", "")
        page: Any = app.screen
        await press(pilot, "v", "2", "6")
        assert app.screen is page and page._secret is None
        assert "FORGOTTEN" in dump(app) and MARK not in dump(app)
        await press(pilot, "v", "y")
        assert MARK not in dump(app)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0", "a second at least"),
        ("-5", "a second at least"),
        ("soon", "write it as 90m"),
        ("5 weeks", "write it as 90m"),
    ],
)
async def test_a_lifetime_that_is_none_is_refused_in_the_form(typed: str, said: str) -> None:
    async with tokens() as (pilot, app, knobs):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "→→→", typed)
        assert said in shown(app) and not app.screen.query_one("#submit", PushButton).ready
        await fill(pilot, "", "")
        assert isinstance(app.screen, Form) and not knobs.tokens.asked("mint_by_profile")


@pytest.mark.parametrize(("typed", "seconds"), [("90m", 5400), ("1h 30m", 5400), ("90", 90), ("2 d", 172800)])
async def test_a_lifetime_is_written_in_any_unit(typed: str, seconds: int) -> None:
    async with tokens() as (pilot, app, knobs):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "→→→", typed)
        assert ("Longer than 24 h" in shown(app)) is (seconds > 86400)
        await fill(pilot, "", "")
        assert isinstance(app.screen, SecretScreen)
        assert knobs.tokens.asked("mint_by_profile")[0][0].ttl_seconds == seconds
        assert ("CONSIDER" in dump(app)) is (seconds > 86400)


async def test_ids_hosts_and_keys_are_checked_as_they_are_typed() -> None:
    async with tokens() as (pilot, app, _):
        await press(pilot, "a", "j", "enter")
        await fill(pilot, "press 1")
        assert "character 6" in dump(app)
        await press(pilot, "up", "end", *["backspace"] * 2)
        await fill(pilot, "", "camera", "", "", "")
        await press(pilot, "right", "enter")
        await type_text(pilot, "not a key")
        assert "it is not base64" in dump(app)


async def test_the_key_of_another_hub_cannot_be_read_from_here() -> None:
    async with tokens() as (pilot, app, knobs):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "")
        await type_text(pilot, ".example")
        assert "Only keys of contoso-plants.azure-devices.net can be read from here" in shown(app)
        await fill(pilot, "", "", "→", KEY)
        assert isinstance(app.screen, SecretScreen)
        assert knobs.tokens.asked("mint")[0][0].host == f"{HOST}.example"


@pytest.mark.parametrize(
    ("downs", "values", "resource", "policy"),
    [
        (1, ("press-0417", "camera", "", "", "", "", ""), f"{HOST}/devices/press-0417/modules/camera", ""),
        (0, ("press-0417", "device", "", "", "", ""), f"{HOST}/devices/press-0417", "device"),
        (2, ("service", "", "", "", ""), HOST, "service"),
        (3, ("0ne000A1B2C", "", "press-0417", "", KEY), "0ne000A1B2C/registrations/press-0417", "registration"),
    ],
)
async def test_modules_policies_and_registrations(
    downs: int, values: tuple[str, ...], resource: str, policy: str
) -> None:
    async with tokens(size=LARGE) as (pilot, app, _):
        await press(pilot, "a", *["j"] * downs, "enter")
        await fill(pilot, *values)
        assert isinstance(app.screen, SecretScreen), dump(app)
        assert f"opens {resource}" in shown(app)
        assert not policy or f"policy {policy}" in shown(app)


async def test_a_device_of_another_pane_is_filled_in() -> None:
    async with tokens() as (pilot, app, knobs):
        screen: Any = app.screen
        screen.mint_for("genoa-press-0007")
        await settle(pilot)
        assert "genoa-press-0007" in dump(app)
        await fill(pilot, "", "", "", "", "", "INC-4711")
        ((order, reason),) = knobs.tokens.asked("mint_by_profile")
        assert order.device_id == "genoa-press-0007" and reason == "INC-4711"


async def test_a_key_that_cannot_be_read_says_why_and_the_form_remembers_everything_but_keys() -> None:
    knobs = Knobs()
    knobs.tokens.errors["mint_by_profile"] = ConsoleError(
        ErrorKind.PERMISSION, "The key of press-0417 was not read", "no permission", "Ask for a role"
    )
    async with tokens(knobs) as (pilot, app, _):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "→", "", "INC-4711")
        assert "no permission" in dump(app) and "Ask for a role" in dump(app)
        await press(pilot, "escape", "a", "enter")
        text = dump(app)
        assert "press-0417" in text and "‹ 8 h ›" in text and "INC-4711" in text
        await fill(pilot, "", "", "", "", "→")
        await paste_text(pilot, KEY)
        await press(pilot, "escape", "a", "enter")
        assert KEY not in str(app.screen.answer)  # type: ignore[attr-defined]


async def test_a_token_that_comes_late_waits_until_its_pane_is_shown() -> None:
    knobs = Knobs()
    async with tokens(knobs) as (pilot, app, _):
        await press(pilot, "a", "enter")
        await fill(pilot, "press-0417", "", "", "", "")
        gate = knobs.tokens.gate = Event()
        await pilot.press("enter")
        await until(pilot, lambda: bool(knobs.tokens.asked("mint_by_profile")))
        assert "reading the key from the hub" in dump(app)
        await pilot.press("2")
        await until(pilot, lambda: app.current_mode == "devices")
        gate.set()
        await settle(pilot)
        assert app.current_mode == "devices" and len(app.screen_stack) == 1
        await press(pilot, "6")
        assert isinstance(app.screen, SecretScreen) and "token for press-0417" in dump(app)
