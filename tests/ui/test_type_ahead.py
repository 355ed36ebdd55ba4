"""What is typed ahead, faster than the screen can follow, lands where it was meant."""

import pytest
from support.screens import console, dump, press, settle
from textual import events
from textual.widgets import Input, TextArea


async def burst(pilot, *keys: tuple[str, str]) -> None:
    """Put keys into the app's queue at once, as a fast typist over a slow line does."""
    for key, character in keys:
        pilot.app.post_message(events.Key(key, character))
    await settle(pilot)


@pytest.mark.parametrize("times", range(3))
async def test_a_filter_typed_in_one_go_is_a_filter(times):
    async with console() as (pilot, app):
        await press(pilot, "2")
        await burst(pilot, ("slash", "/"), ("3", "3"), ("1", "1"), ("q", "q"))
        assert app.current_mode == "devices"
        assert app.screen.query_one(Input).value == "31q"


async def test_a_command_typed_in_one_go_is_a_command():
    async with console() as (pilot, app):
        await burst(pilot, ("colon", ":"), *((char, char) for char in "devices"), ("enter", "\r"))
        assert app.current_mode == "devices"


async def test_the_same_characters_can_be_typed_into_a_line():
    async with console() as (pilot, app):
        await press(pilot, "2")
        await burst(pilot, ("slash", "/"), ("a", "a"), ("slash", "/"), ("colon", ":"), ("b", "b"))
        assert app.screen.query_one(Input).value == "a/:b"
        await press(pilot, "escape", "escape", ":")
        await burst(pilot, *((char, char) for char in "devices "), ("slash", "/"), ("e", "e"))
        assert app.screen.query_one(Input).value == "devices /e"


async def test_the_query_can_hold_slash_and_colon():
    async with console() as (pilot, app):
        await press(pilot, "3", "v")
        editor = app.screen.query_one(TextArea)
        editor.focus()
        await settle(pilot)
        before = editor.text
        await burst(pilot, ("slash", "/"), ("colon", ":"))
        assert "/:" in editor.text
        assert len(editor.text) == len(before) + 2, dump(app)


NAMES = {"/": "slash", ":": "colon", "\n": "enter", " ": "space", "-": "minus", "?": "question_mark"}


def typed(text: str) -> list[tuple[str, str]]:
    return [(NAMES.get(char, char), char) for char in text]


@pytest.mark.parametrize("times", range(3))
async def test_a_menu_its_choice_and_the_fields_of_its_form_can_be_typed_in_one_go(times, tmp_path):
    async with console() as (pilot, app):
        to_root = [("down", "")] * 4
        fields = (*typed("\nq:1/x\n\n"), *typed("8"), ("backspace", ""), *typed(f"9\n\n{tmp_path}\n\n\n \n"))
        await burst(pilot, *typed("6a"), *to_root, *fields)
        (order, out, passphrase) = app.services.knobs.certificates.asked("create_root")[0]
        assert (order.name, order.lifetime.days, out, passphrase) == ("q:1/x", 9, tmp_path, None)


async def test_what_is_typed_for_a_pane_that_opens_is_no_command_here():
    async with console() as (pilot, app):
        await press(pilot, "2")
        await burst(pilot, *typed("6/q9"))
        assert app.current_mode == "credentials"
        assert app.screen.query_one(Input).value == "q9"


async def test_keys_behind_an_answer_are_for_the_screen_below():
    async with console() as (pilot, app):
        await press(pilot, "6")
        await burst(pilot, *typed("a"), ("escape", ""), *typed("?"), ("escape", ""), *typed("2/x"))
        assert app.current_mode == "devices"
        assert app.screen.query_one(Input).value == "x"


async def test_a_paste_waits_for_the_line_that_is_opened_before_it():
    async with console() as (pilot, app):
        await press(pilot, "6")
        app.post_message(events.Key("slash", "/"))
        app.post_message(events.Paste("press-0417"))
        await settle(pilot)
        assert app.screen.query_one(Input).value == "press-0417"


async def test_a_key_that_ends_the_console_ends_it_whatever_is_typed_behind_it():
    async with console() as (pilot, app):
        await burst(pilot, *typed("qq2"))
        assert not app.is_running and app._exception is None
