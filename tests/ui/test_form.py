"""The form: checked as it is typed, sent from the keyboard, and safe with whatever is pasted."""

from __future__ import annotations

import pytest
from support.screens import LARGE, SMALL, console, dump, press, settle, type_text
from textual import events

from console.ui.app import HubwardenApp
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Answer, ChoiceField, Form, InfoField, TextField, ToggleField

HOSTILE = "[/]\x1b]52;c;AAAA\x07"


def needs_slash(value: str) -> str:
    return "" if "/" in value else "write a range as 10.20.0.0/16"


def form() -> Form:
    fields = (
        TextField("name", "Name", hint="lyon-plant", check=lambda value: "" if value else "a name is needed"),
        TextField("range", "Range", check=needs_slash),
        ChoiceField("action", "Default action", (("Allow", "allow all"), ("Deny", "deny all")), "Deny"),
        ToggleField("read", "RegistryRead", True, "reads device identities"),
        InfoField("Hub", "contoso-plants"),
        TextField("why", "Reason"),
    )
    return Form("ADD A RULE", fields, check=lambda answer: "Lyon is read-only" if answer["why"] == "no" else "")


def opened(app: HubwardenApp, dialog: Form) -> list[Answer | None]:
    answers: list[Answer | None] = []
    app.push_screen(dialog, answers.append)
    return answers


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 15)])
async def test_a_form_is_filled_and_sent_by_keys_alone(size: tuple[int, int]) -> None:
    async with console(size=size) as (pilot, app):
        answers = opened(app, form())
        await settle(pilot)
        assert "Name: a name is needed" in dump(app)
        await type_text(pilot, "lyon")
        await press(pilot, "enter")
        await type_text(pilot, "10.20.0.0/16")
        await press(pilot, "down", "left", "tab", "space", "down")
        await type_text(pilot, "Lyon calls")
        assert "‹ allow all ›" in dump(app) and "[ ] reads" in dump(app)
        await press(pilot, "enter")
        assert answers == [
            {"name": "lyon", "range": "10.20.0.0/16", "action": "Allow", "read": False, "why": "Lyon calls"}
        ]


async def test_what_is_wrong_is_said_under_its_field_and_nothing_is_sent() -> None:
    async with console() as (pilot, app):
        answers = opened(app, form())
        await settle(pilot)
        await type_text(pilot, "lyon")
        await press(pilot, "down")
        await type_text(pilot, "10.20")
        screen = dump(app)
        assert "write a range as 10.20.0.0/16" in screen and "To go on, correct: Range" in screen
        assert not app.screen.query_one("#submit", PushButton).ready
        await press(pilot, "down", "down", "down", "enter")
        assert not answers and app.screen.focused is app.screen.query("Input")[1]
        await type_text(pilot, "/16")
        assert "To go on" not in dump(app) and app.screen.query_one("#submit", PushButton).ready


async def test_values_that_do_not_go_together_are_refused_with_the_reason() -> None:
    async with console() as (pilot, app):
        answers = opened(app, form())
        await settle(pilot)
        await type_text(pilot, "lyon")
        await press(pilot, "down")
        await type_text(pilot, "::/0")
        await press(pilot, "down", "down", "down")
        await type_text(pilot, "no")
        await press(pilot, "enter")
        assert "Lyon is read-only" in dump(app) and not answers
        await press(pilot, "backspace", "enter")
        assert answers


async def burst(app: HubwardenApp, *keys: str) -> None:
    """Put keys into the app's queue at once, as a fast typist over a slow line does."""
    for key in keys:
        app.post_message(events.Key(key, " " if key == "space" else key if len(key) == 1 else None))


def ticks() -> Form:
    fields = (
        TextField("a", "A"),
        TextField("b", "B"),
        ToggleField("one", "one"),
        ChoiceField("pick", "pick", (("1", "first"), ("2", "second"), ("3", "third"))),
        ToggleField("two", "two"),
    )
    return Form("ALL AT ONCE", fields, check=lambda answer: "" if answer["two"] else "tick two")


@pytest.mark.parametrize("move", ["enter", "tab", "down"])
@pytest.mark.parametrize("step", ["right", "space", "l"])
async def test_what_is_typed_ahead_lands_in_the_field_that_it_was_meant_for(move: str, step: str) -> None:
    async with console() as (pilot, app):
        answers = opened(app, ticks())
        await settle(pilot)
        await burst(app, "x", move, "y", "up", "z", move, move, "space", move, step, move, "space", "enter")
        await settle(pilot)
        assert answers == [{"a": "xz", "b": "y", "one": True, "pick": "2", "two": True}], dump(app)


async def test_blanks_and_letters_of_choices_can_be_typed_into_text() -> None:
    async with console() as (pilot, app):
        answers = opened(app, ticks())
        await settle(pilot)
        await burst(
            app,
            "h",
            "x",
            "backspace",
            "space",
            "l",
            "left",
            "left",
            "q",
            "right",
            "k",
            "tab",
            "tab",
            "space",
            "tab",
            "tab",
        )
        await burst(app, "space", "enter")
        await settle(pilot)
        assert answers == [{"a": "hq kl", "b": "", "one": True, "pick": "1", "two": True}], dump(app)


async def test_escape_and_cancel_return_nothing() -> None:
    async with console() as (pilot, app):
        answers = opened(app, form())
        await settle(pilot)
        await press(pilot, "escape")
        opened_again = opened(app, form())
        await settle(pilot)
        await press(pilot, "up", "enter")  # backwards to the buttons: Continue is not ready
        assert answers == [None] and opened_again == [None]


async def test_hostile_titles_hints_and_pastes_are_text() -> None:
    fields = (
        TextField("a", HOSTILE, HOSTILE, HOSTILE, check=lambda value: f"wrong {HOSTILE}"),
        ChoiceField("b", HOSTILE, ((HOSTILE, HOSTILE),)),
        ToggleField("c", HOSTILE, False, HOSTILE),
        InfoField(HOSTILE, HOSTILE),
    )
    async with console(size=LARGE) as (pilot, app):
        opened(app, Form(HOSTILE, fields))
        await settle(pilot)
        app.screen.focused.post_message(events.Paste("10.1.0.0/16\x1b]52;c;BBBB\x07\nrm -rf"))  # type: ignore[union-attr]
        await settle(pilot)
        screen = dump(app)
        assert screen.count("[/]\\x1b]52;c;AAAA") >= 6 and "\\x1b]52;c;BBBB\\x07" in screen
        assert "\x1b" not in screen and "rm -rf" not in screen


async def test_a_paste_where_no_text_goes_does_nothing() -> None:
    async with console() as (pilot, app):
        answers = opened(app, form())
        await settle(pilot)
        await press(pilot, "down", "down")
        app.screen.focused.post_message(events.Paste("   hh\n"))  # type: ignore[union-attr]
        await settle(pilot)
        assert "‹ deny all ›" in dump(app) and not answers


async def test_a_secret_is_not_shown() -> None:
    async with console() as (pilot, app):
        answers = opened(app, Form("PASSPHRASE", (TextField("secret", "Passphrase", secret=True),)))
        await settle(pilot)
        await type_text(pilot, "hunter2")
        assert "hunter2" not in dump(app)
        await press(pilot, "enter")
        assert answers == [{"secret": "hunter2"}]
