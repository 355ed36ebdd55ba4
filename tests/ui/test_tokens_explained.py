"""The Tokens tab: what was pasted, explained; with the hub asked, and forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.fake_tokens import HOST, KEY, OTHER_KEY
from support.fakes import Knobs
from support.hub import HubRunner
from support.screens import LARGE, dump, lines, paste_text, press, settle, type_text, until
from support.token_screens import SIZES, fill, paste, shown, token, tokens
from support.writes import writable
from textual import events

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.rules.keys import new_key
from console.ui.app import HubwardenApp
from console.ui.panes.credentials.tokens_explain import ExplainScreen
from console.ui.panes.secret import SecretScreen
from console.ui.widgets.page import Page
from console.ui.widgets.paste_field import LIMIT, PasteField

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


@pytest.mark.parametrize("sign", ["\\u0026", "&amp;", ";", " ", "\t", "\n", "\uff06", "\\x26"])
async def test_no_piece_of_a_signature_is_shown_whatever_stands_before_it(sign: str) -> None:
    async with tokens(size=LARGE) as (pilot, app, _):
        await press(pilot, "e")
        text = token()
        signature = text.partition("&sig=")[2].partition("&")[0]
        await paste(pilot, text.replace("&", sign))
        screen = dump(app)
        assert "MALFORMED" in screen and "one device: press-0417" in screen
        assert "instead of" in screen or "are written" in screen or "full-width" in screen
        bare = "".join(screen.split()).lower()
        assert not [signature[at : at + 8] for at in range(40) if signature[at : at + 8].lower() in bare]


async def test_what_was_pasted_from_a_file_is_found_inside() -> None:
    async with tokens(size=LARGE) as (pilot, app, _):
        await press(pilot, "e")
        await paste(
            pilot, f"env:\n  - name: IOT\n    value: HostName={HOST};DeviceId=d;SharedAccessKey={KEY}\nnext: 1\n"
        )
        screen = shown(app)
        assert "WELL-FORMED" in screen and "device d" in screen and "Line breaks inside" not in screen
        assert KEY[:8] not in screen


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
