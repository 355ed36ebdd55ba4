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
