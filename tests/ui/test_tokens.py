"""The Tokens tab: what is still valid, minting by hand and by the hub, explaining; no token on a screen unasked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.fake_tokens import HOST, KEY, NOW, OTHER_KEY, entry
from support.fakes import Knobs
from support.hub import HubRunner
from support.screens import LARGE, SMALL, console, dump, lines, paste_text, press, settle, type_text, until
from support.writes import writable
from textual import events
from textual.pilot import Pilot

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.rules.keys import new_key
from console.rules.sas import mint
from console.ui.app import HubwardenApp
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.panes.credentials.tokens import TokensScreen
from console.ui.panes.credentials.tokens_explain import ExplainScreen
from console.ui.panes.secret import SecretScreen
from console.ui.reveal import SECONDS
from console.ui.widgets.page import Page
from console.ui.widgets.paste_field import LIMIT, PasteField
from console.ui.widgets.resource_table import ResourceTable

SIZES = [SMALL, LARGE]
MARK = "SharedAccessSignature sr="


@asynccontextmanager
async def tokens(
    knobs: Knobs | None = None, size: tuple[int, int] = SMALL
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp, Knobs]]:
    """Run the console at the Tokens tab."""
    knobs = knobs or Knobs()
    async with console(knobs, size) as (pilot, app):
        await press(pilot, "6", "tab")
        assert isinstance(app.screen, TokensScreen)
        yield pilot, app, knobs


def minted() -> Knobs:
    """Return a ledger of six tokens, two of them expired."""
    knobs = Knobs()
    knobs.tokens.entries = [
        entry("devices/x", minutes=-30, number=1),
        entry("", minutes=3000, number=2, policy="service"),
        entry(number=3),
        entry("devices/lyon-press-0001/modules/camera", minutes=9, number=4),
        entry("devices/y", minutes=-3000, number=5),
        entry(resource="devices", minutes=120, number=6, policy="device", who="ana@laptop"),
    ]
    return knobs


def token(resource: str = f"{HOST}/devices/press-0417", key: str = KEY, minutes: float = 41, policy: str = "") -> str:
    return mint(resource, Secret(key), NOW + timedelta(minutes=minutes), policy).reveal()


async def paste(pilot: Pilot[Any], text: str) -> None:
    pilot.app.screen.query_one(PasteField).post_message(events.Paste(text))
    await settle(pilot)


async def fill(pilot: Pilot[Any], *values: str) -> None:
    """Fill one field after the other; "" leaves one as it is, "→" chooses the next choice."""
    for value in values:
        if value.startswith("→"):
            await press(pilot, *("right" for _ in value))
        elif value:
            await paste_text(pilot, value)
        await press(pilot, "enter")


def shown(app: HubwardenApp) -> str:
    """Return the screen as one line, blanks folded."""
    return " ".join(dump(app).split())


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


# --- explaining ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_pasted_token_is_explained_as_fields_are_filled(size: tuple[int, int]) -> None:
    async with tokens(size=size) as (pilot, app, _):
        await press(pilot, "e")
        assert "Any form will do" in dump(app)
        text = token()
        await paste(pilot, text[:70] + "\r\n" + text[70:] + "\n")
        screen = shown(app)
        assert "NOT VERIFIED" in screen and "opens one device: press-0417" in screen and "41 min" in screen
        assert "characters on 2 lines" in screen and "Line breaks inside were taken out" in screen
        assert text[30:60] not in screen and text[-20:] not in screen
        await press(pilot, "enter")
        await type_text(pilot, "press-0418")
        assert "WRONG RESOURCE" in dump(app)
        await press(pilot, *["backspace"] * 10, "enter")
        await paste_text(pilot, OTHER_KEY)
        assert "WRONG KEY" in dump(app) and OTHER_KEY not in dump(app)
        await pilot.press("ctrl+u")
        await paste_text(pilot, KEY)
        assert lines(app)[7].startswith(" VALID") and KEY not in dump(app)


async def test_an_expired_token_and_a_connection_string() -> None:
    async with tokens(size=LARGE) as (pilot, app, _):
        await press(pilot, "e")
        await paste(pilot, token(minutes=-5))
        assert "EXPIRED" in dump(app)
        await pilot.press("ctrl+u")
        await paste(pilot, f"HostName={HOST};DeviceId=press-0417;SharedAccessKey={KEY}")
        assert "DEVICE CONNECTION STRING" in dump(app) and KEY not in dump(app)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]52;c;AAAA\x07",
        "[/]\u202e[@click=app.quit]x[/]",
        "SharedAccessSignature sr=a%1b]52;c;A%07&sig=AA%3D&se=1&skn=[red]\u202e",
        "SharedAccessSignature sr=\x1b[2J&sig=é&se=99999999999999999999",
        "HostName=\x9b31m;SharedAccessKey=[/];DeviceId=\x07\u200b",
        "q" * 4096,
        "q:?2\ue000" * 1000,
        "\ud800",
        "{" * 5000 + "\n" * 5000,
    ],
)
async def test_hostile_pastes_do_no_harm(text: str) -> None:
    async with tokens(size=LARGE) as (pilot, app, _):
        await press(pilot, "e")
        await paste(pilot, text)
        screen = dump(app)
        assert isinstance(app.screen, ExplainScreen)
        assert not set(screen) & set("\x1b\x07\x9b\u202e\u200b\ud800")
        assert app.screen.query_one(Page).lines


async def test_a_paste_of_a_megabyte_is_refused_and_nothing_of_it_is_kept() -> None:
    async with tokens() as (pilot, app, _):
        await press(pilot, "e")
        await paste(pilot, "A" * 1024 * 1024)
        assert "1,048,576 characters were pasted" in shown(app)
        assert not app.screen.query_one(PasteField).secret
        await paste(pilot, "A" * LIMIT)
        assert len(app.screen.query_one(PasteField).secret.reveal()) == LIMIT
        await paste(pilot, "A")
        assert not app.screen.query_one(PasteField).secret


async def test_what_comes_as_keys_is_text_and_no_command() -> None:
    async with tokens() as (pilot, app, _):
        await press(pilot, "e")
        await type_text(pilot, "q2:?/")
        assert isinstance(app.screen, ExplainScreen) and app.screen.query_one(PasteField).secret == Secret("q2:?/")
        await press(pilot, "backspace")
        assert app.screen.query_one(PasteField).secret == Secret("q2:?")


async def test_a_paste_right_behind_the_key_or_beside_the_field_is_taken() -> None:
    async with tokens() as (pilot, app, _):
        app.post_message(events.Key("e", "e"))
        app.post_message(events.Paste(token()))
        await settle(pilot)
        assert "NOT VERIFIED" in dump(app)
        await press(pilot, "tab", "tab", "tab")
        assert isinstance(app.focused, Page)
        app.post_message(events.Paste("&x=1"))
        await settle(pilot)
        assert app.screen.query_one(PasteField).secret.reveal().endswith("&x=1")


async def test_no_secret_is_on_any_screen_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    async with tokens(size=LARGE) as (pilot, app, _):
        monkeypatch.setattr(app, "copy_to_clipboard", lambda text: None)

        async def go(*keys: str) -> None:
            for key in keys:
                await press(pilot, key)
                seen.append("".join(dump(app).split()) + app.export_screenshot())

        await go("a", "enter", *"press-1", "enter", "enter", "enter", "enter", "right", "enter", *KEY)
        await go("enter", "y", "?", "escape", "escape")
        made = token(f"{HOST}/devices/press-1", minutes=60)
        await go("e")
        await paste(pilot, made)
        await go("enter", "enter", *KEY[:8], "ctrl+u")
        await paste_text(pilot, KEY)
        await go("tab", "j", "escape", "enter", "escape", "y", "enter")
    everything = "".join(seen)
    assert "WHATITOPENS" in everything and "VALID" in everything
    for secret in (KEY, made, made.partition("sig=")[2][:30]):
        assert secret not in everything
    assert KEY[:20] not in everything


@pytest.mark.parametrize("way", ["escape", "2"])
async def test_what_was_pasted_is_forgotten_on_leaving(way: str) -> None:
    async with tokens() as (pilot, app, _):
        await press(pilot, "e")
        await paste(pilot, token())
        await press(pilot, "enter", "enter")
        await paste_text(pilot, KEY)
        await press(pilot, "tab")
        screen: Any = app.screen
        field, key = screen.query_one(PasteField), screen.query_one("#key")
        await press(pilot, way)
        assert app.screen is not screen
        assert not field.secret and not key.value and screen._told is None
        if way == "2":
            await press(pilot, "6")
            assert app.screen is screen and "Any form will do" in dump(app)


async def test_the_hub_is_only_asked_after_a_yes() -> None:
    async with tokens(size=LARGE) as (pilot, app, knobs):
        await press(pilot, "e")
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert "Paste a token first" in dump(app)
        await paste(pilot, token())
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert "READ KEYS OF contoso-plants?" in dump(app) and "noted in the journal" in shown(app)
        await press(pilot, "escape")
        assert not knobs.tokens.asked("explain_at_hub")
        await pilot.press("ctrl+r")
        await settle(pilot)
        await type_text(pilot, "INC-4711")
        await press(pilot, "enter")
        assert knobs.tokens.asked("explain_at_hub") == [("INC-4711",)]
        assert "VALID" in dump(app) and "checked at the hub, 09:42 UTC" in dump(app)
        await paste(pilot, "&x=1")
        assert "checked at the hub" not in dump(app)


async def test_a_hub_that_refuses_says_why_and_the_rest_stays() -> None:
    knobs = Knobs()
    knobs.tokens.errors["explain_at_hub"] = ConsoleError(
        ErrorKind.PERMISSION, "The keys were not read", "no permission", "Ask for a role"
    )
    async with tokens(knobs, LARGE) as (pilot, app, _):
        await press(pilot, "e")
        await paste(pilot, token())
        await pilot.press("ctrl+r")
        await settle(pilot)
        await press(pilot, "enter")
        assert "no permission" in dump(app) and "NOT VERIFIED" in dump(app)


# --- on a hub -----------------------------------------------------------------------------------------------------


async def test_mint_by_the_hubs_key_then_hold_it_against_the_hub_before_and_after_a_rotation(tmp_path: Path) -> None:
    with HubRunner(devices=20, seed=5) as hub:
        services = writable(hub, tmp_path, armed=False)
        device = next(one for one in hub.hub.devices.values() if one.auth == "sas" and one.status == "enabled")
        async with HubwardenApp(services).run_test(size=LARGE, notifications=True) as pilot:
            app: Any = pilot.app
            await press(pilot, "6", "tab", "a", "enter")
            await fill(pilot, device.device_id, "", "", "", "", "INC-4711")
            await until(pilot, lambda: isinstance(app.screen, SecretScreen))
            text = app.screen._secret.reveal()
            note = services.changes.journal.entries()[0]
            assert device.device_id in note.title and note.reason == "INC-4711" and text not in repr(note)
            assert text not in dump(app)
            await press(pilot, "escape", "e")
            await paste(pilot, text)
            await pilot.press("ctrl+r")
            await settle(pilot)
            await press(pilot, "enter")
            await until(pilot, lambda: "checked at the hub" in dump(app))
            assert "VALID" in dump(app) and "minted" in dump(app)
            with hub.hub.lock:
                device.primary_key = new_key()
            await pilot.press("ctrl+r")
            await settle(pilot)
            await press(pilot, "enter")
            await until(pilot, lambda: "WRONG KEY" in dump(app))
            assert len([one for one in services.changes.journal.entries() if one.kind == note.kind]) == 3
