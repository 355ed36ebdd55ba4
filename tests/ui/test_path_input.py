"""The path input: completes as a shell does, shows names clean and uses the true ones, and never waits for a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.screens import LARGE, SMALL, console, dump, press, settle, type_text
from textual import events

from console.ui.app import HubwardenApp
from console.ui.dialogs.form import Answer, Form, PathField, TextField
from console.ui.widgets import path_input
from console.ui.widgets.path_input import PathInput, PathKind, fault, look

EVIL = "ev\x1b]52;c;AAAA\x07il.pem"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("lyon-ca", "lyon-old", "plants", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("lyon-ca/ca.cert.pem", "lyon-ca/ca.key.pem", "notes.txt", EVIL, "lyon.txt"):
        (tmp_path / name).write_text("x")
    return tmp_path


def opened(app: HubwardenApp, kind: PathKind, value: str = "", **more: object) -> list[Answer | None]:
    answers: list[Answer | None] = []
    fields = (PathField("path", "File", value, kind=kind, **more), TextField("name", "Name"))  # type: ignore[arg-type]
    app.push_screen(Form("A PATH", fields), answers.append)
    return answers


def field(app: HubwardenApp) -> PathInput:
    return app.screen.query_one(PathInput)


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 15)])
async def test_tab_completes_shows_and_goes_through_the_names(size: tuple[int, int], folder: Path) -> None:
    async with console(size=size) as (pilot, app):
        answers = opened(app, PathKind.FILE)
        await settle(pilot)
        await type_text(pilot, f"{folder}/ly")
        await press(pilot, "tab")
        assert field(app).value == f"{folder}/lyon"
        offered = dump(app)
        assert all(name in offered for name in ("lyon-ca/", "lyon-old/", "lyon.txt"))
        await type_text(pilot, "-c")
        assert "lyon-old/" not in dump(app), "names of another beginning stayed"
        await press(pilot, "tab")
        assert field(app).value == f"{folder}/lyon-ca/"
        await press(pilot, "tab")
        assert field(app).value == f"{folder}/lyon-ca/ca."
        assert "it is a folder" not in dump(app) and "there is no such file" in dump(app)
        await press(pilot, "tab")
        assert field(app).value.endswith("ca.cert.pem")
        await press(pilot, "tab")
        assert field(app).value.endswith("ca.key.pem")
        await press(pilot, "tab")
        assert field(app).value.endswith("ca.cert.pem")
        await press(pilot, "enter")
        assert app.focused is app.screen.query("Input")[1]
        await type_text(pilot, "x")
        await press(pilot, "enter")
        assert answers == [{"path": str(folder / "lyon-ca/ca.cert.pem"), "name": "x"}]


async def test_tab_moves_on_when_the_name_is_whole_or_was_not_typed(folder: Path) -> None:
    async with console() as (pilot, app):
        opened(app, PathKind.FOLDER, f"{folder}/")
        await settle(pilot)
        await press(pilot, "tab")
        assert app.focused is app.screen.query("Input")[1]
        await press(pilot, "shift+tab")
        assert app.focused is field(app)
        await type_text(pilot, "plan")
        await press(pilot, "tab")
        assert field(app).value == f"{folder}/plants/"
        await press(pilot, "tab")
        assert app.focused is app.screen.query("Input")[1], "there is nothing in it: tab moves on"


async def burst(app: HubwardenApp, text: str) -> None:
    """Put keys into the queue at once; "\\t" is tab."""
    for char in text:
        app.post_message(events.Key("tab" if char == "\t" else {"/": "slash", "-": "minus"}.get(char, char), char))


@pytest.mark.parametrize("times", range(3))
async def test_what_is_typed_in_one_go_is_completed_and_lands_where_it_was_meant(times: int, folder: Path) -> None:
    async with console() as (pilot, app):
        opened(app, PathKind.FILE)
        await settle(pilot)
        await burst(app, f"{folder}/plan\t\tlyon")
        await settle(pilot)
        assert field(app).value == f"{folder}/plants/"
        assert app.screen.query("Input")[1].value == "lyon"  # type: ignore[attr-defined]
        await press(pilot, "shift+tab")
        await burst(app, "x\ty")
        await settle(pilot)
        assert field(app).value == f"{folder}/plants/x"


async def test_a_hostile_name_is_shown_clean_and_used_as_it_is(folder: Path) -> None:
    async with console() as (pilot, app):
        answers = opened(app, PathKind.FILE)
        await settle(pilot)
        await type_text(pilot, f"{folder}/ev")
        await press(pilot, "tab")
        assert "\\x1b]52" in field(app).value and "\x1b" not in dump(app)
        assert Path(field(app).path) == folder / EVIL
        await press(pilot, "enter", "enter")
        assert answers == [{"path": str(folder / EVIL), "name": ""}]


async def test_a_hostile_folder_is_gone_into_by_its_true_name(folder: Path) -> None:
    (folder / "bad\x1bfolder").mkdir()
    (folder / "bad\x1bfolder" / "one.pem").write_text("x")
    os.mkdir(os.fsencode(folder) + b"/byt\xff")  # noqa: PTH102 - a name that is not UTF-8
    async with console() as (pilot, app):
        opened(app, PathKind.FILE)
        await settle(pilot)
        await type_text(pilot, f"{folder}/ba")
        await press(pilot, "tab", "tab")
        assert Path(field(app).path) == folder / "bad\x1bfolder" / "one.pem"
        for _ in range(60):
            await press(pilot, "backspace")
            if field(app).value == f"{folder}/b":
                break
        await type_text(pilot, "yt")
        await press(pilot, "tab")
        assert os.fsencode(field(app).path) == os.fsencode(folder) + b"/byt\xff/"


async def test_hidden_names_only_when_typed_and_folders_only_where_a_folder_is_wanted(folder: Path) -> None:
    assert look(str(folder), "", PathKind.FILE).names == (
        path_input.clean(EVIL), "lyon-ca/", "lyon-old/", "lyon.txt", "notes.txt", "plants/",
    )  # fmt: skip
    assert look(str(folder), ".", PathKind.FILE).names == (".hidden/",)
    assert look(str(folder), "", PathKind.PLACE).names == ("lyon-ca/", "lyon-old/", "plants/")


async def test_the_home_folder_is_completed_and_put_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    async with console() as (pilot, app):
        answers = opened(app, PathKind.FILE)
        await settle(pilot)
        await type_text(pilot, "~")
        await press(pilot, "tab")
        assert field(app).value == "~/"
        await type_text(pilot, "no")
        await press(pilot, "tab", "enter", "enter")
        assert answers == [{"path": str(folder / "notes.txt"), "name": ""}]


async def test_tab_behind_a_place_that_is_to_be_made_moves_on(folder: Path) -> None:
    async with console() as (pilot, app):
        opened(app, PathKind.PLACE)
        await settle(pilot)
        await burst(app, f"{folder}/new/one\tlyon")
        await settle(pilot)
        assert field(app).value == f"{folder}/new/one"
        assert app.screen.query("Input")[1].value == "lyon"  # type: ignore[attr-defined]


async def test_what_is_wrong_is_said_as_it_is_typed(folder: Path) -> None:
    async with console() as (pilot, app):
        opened(app, PathKind.FILE)
        await settle(pilot)
        assert "File: name a file" in dump(app)
        await type_text(pilot, f"{folder}/plants")
        assert "it is a folder" in dump(app)
        await press(pilot, "x")
        assert "there is no such file" in dump(app)


async def test_a_folder_that_cannot_be_read_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "denied")

    async with console() as (pilot, app):
        opened(app, PathKind.FILE)
        await settle(pilot)
        await type_text(pilot, f"{folder}/plants/x")
        monkeypatch.setattr(path_input.os, "scandir", refuse)
        await press(pilot, "tab")
        assert "the folder may not be read" in dump(app)
        assert app.focused is field(app)


def test_a_huge_folder_is_cut_off_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        (folder / f"many-{number}").write_text("")
    found = look(str(folder), "many", PathKind.FILE)
    assert (len(found.names), found.more, found.common) == (path_input.KEPT, 100, "many-")
    monkeypatch.setattr(path_input, "SCAN_ENTRIES", 10)
    assert "too large" in look(str(folder), "many", PathKind.FILE).trouble


async def test_many_names_are_counted(folder: Path) -> None:
    for number in range(300):
        (folder / f"many-{number}").write_text("")
    async with console() as (pilot, app):
        opened(app, PathKind.FILE)
        await settle(pilot)
        await type_text(pilot, f"{folder}/many-")
        await press(pilot, "tab")
        assert " more" in dump(app) and "many-0  many-1  many-10" in dump(app)


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        (PathKind.FILE, "notes.txt", ""),
        (PathKind.FILE, "plants", "it is a folder"),
        (PathKind.FILE, "none", "no such file"),
        (PathKind.FOLDER, "plants", ""),
        (PathKind.FOLDER, "none", "no such folder"),
        (PathKind.FOLDER, "notes.txt", "not a folder"),
        (PathKind.PLACE, "plants", ""),
        (PathKind.PLACE, "new/one", ""),
        (PathKind.PLACE, "notes.txt", "there is a file of this name"),
        (PathKind.PLACE, "notes.txt/new", "notes.txt is a file"),
        (PathKind.NEW_FILE, "new.txt", ""),
        (PathKind.NEW_FILE, "notes.txt", "there is one already"),
        (PathKind.NEW_FILE, "none/new.txt", "its folder is not there"),
        (PathKind.NEW_FILE, "plants", "it is a folder"),
        (PathKind.SOURCE, "press.example:8883", ""),
        (PathKind.FILE, "nul\x00name", "no such file"),
        (PathKind.FILE, "x" * 5000, "cannot be looked at"),
    ],
)
def test_each_kind_takes_what_suits_it(kind: PathKind, name: str, wanted: str, folder: Path) -> None:
    found = fault(str(folder / name), kind)
    assert wanted in found and bool(wanted) is bool(found)


def test_every_true_name_can_be_reached(folder: Path) -> None:
    names: Sequence[str] = ["a\tb", "a\nb", "a b ", "a\u202eb"]
    for name in names:
        (folder / "plants" / name).write_text("")
    found = look(str(folder / "plants"), "a", PathKind.FILE)
    true = dict(found.true)
    assert {true.get(name, name) for name in found.names} == set(names)
