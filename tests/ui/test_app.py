"""What works everywhere: panes, prompt, palette, help, history, themes, sizes, refusals."""

import re
from pathlib import Path
from typing import Any

import pytest
from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text, until

from console.ui import commands
from console.ui.app import HubwardenApp
from console.ui.panes.base import ConsoleScreen


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 15), (200, 50)])
@pytest.mark.parametrize("theme", ["dark", "light", "ansi"])
async def test_every_pane_fills_its_lines_at_every_size(size: tuple[int, int], theme: str) -> None:
    async with console(size=size, theme=theme) as (pilot, app):
        for key, word in (("1", "FAILED CONNECTIONS"), ("2", "DEVICES"), ("3", "FAILED CONNECTIONS")):
            await press(pilot, key)
            found = lines(app)
            assert len(found) == size[1] and all(len(line) == size[0] for line in found)
            assert word in dump(app) and "READ-ONLY" in found[0]
            assert "? help" in found[-1] and "0 throttled" in found[-2]


async def test_the_tab_line_shows_the_current_pane_at_every_width() -> None:
    async with console(size=LARGE) as (pilot, app):
        labels = {pane.number: f" {pane.number} {pane.short or pane.title} " for pane in commands.PANES}
        assert all(label in lines(app)[1] for label in labels.values())
        for width in (60, 64, 70, 80):
            await pilot.resize_terminal(width, 24)
            await settle(pilot)
            for pane in commands.PANES:
                await press(pilot, pane.number)
                tabs = lines(app)[1]
                assert labels[pane.number] in tabs and len(tabs) == width, tabs
                assert ("›" in tabs) is (f" {commands.PANES[-1].title} " not in tabs), tabs
                assert tabs.startswith("‹") is (" 1 Overview " not in tabs), tabs


async def test_a_small_terminal_says_what_it_needs_and_comes_back() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2")
        await pilot.resize_terminal(59, 15)
        await settle(pilot)
        assert "terminal too small, needs 60x15" in dump(app)
        await press(pilot, "3")
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "DEVICES  2,000" in dump(app)
    async with console(size=(50, 10)) as (_, app):
        assert "terminal too small, needs 60x15" in dump(app)


async def test_prompt_goes_to_a_pane_with_a_filter() -> None:
    async with console() as (pilot, app):
        await pilot.press("colon", *"devices", "space", "slash", *"leeds", "enter")
        await settle(pilot)
        assert "showing 400  /leeds" in dump(app)
        await press(pilot, "escape", ":")
        await type_text(pilot, "conn")
        await press(pilot, "enter")
        assert app.current_mode == "connections"


async def test_prompt_completes_refuses_and_changes_the_theme() -> None:
    async with console() as (pilot, app):
        await press(pilot, ":")
        await type_text(pilot, "the")
        await press(pilot, "tab")
        await type_text(pilot, "light")
        await press(pilot, "enter")
        assert app.theme == "light"
        await press(pilot, ":")
        await type_text(pilot, "nonsense")
        assert "no such command" in dump(app)
        await press(pilot, "enter")
        assert 'No command "nonsense"' in dump(app)


async def test_prompt_quits() -> None:
    async with console() as (pilot, app):
        await pilot.press("colon", "q", "enter")
        await pilot.pause()
        assert app._exit


async def test_escape_never_quits() -> None:
    async with console() as (pilot, app):
        for _ in range(5):
            await press(pilot, "escape")
        assert app.is_running and not app._exit


async def test_help_lists_the_keys_of_the_pane_and_searches() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "?")
        screen = dump(app)
        assert "KEYS AND COMMANDS" in screen and "Only problems" in screen
        await press(pilot, "/")
        await type_text(pilot, "theme")
        assert "Theme" in dump(app) and "Only problems" not in dump(app)
        await press(pilot, "escape", "escape")
        assert "DEVICES  2,000" in dump(app)


async def test_help_tells_why_changes_are_disabled() -> None:
    async with console(size=(120, 60)) as (pilot, app):
        await press(pilot, "2", "?", "G")
        assert "Changes to the hub" in dump(app) and ":write allows changes of this hub" in dump(app)


async def test_palette_offers_commands_and_their_refusal_but_no_screenshot() -> None:
    async with console(size=LARGE) as (pilot, app):
        await press(pilot, "2", "ctrl+p")
        await type_text(pilot, "rotate")
        await until(pilot, lambda: "Rotate its keys" in dump(app))
        assert "disabled · read-only: :write allows changes of this hub" in dump(app)
        await press(pilot, "escape", "ctrl+p")
        await type_text(pilot, "screenshot")
        await until(pilot, lambda: "No matches found" in dump(app))
        assert "Save an SVG" not in dump(app)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_palette_says_all_about_the_selected_command_and_carries_it_out(size: tuple[int, int]) -> None:
    async with console(size=size) as (pilot, app):
        await press(pilot, "2", "ctrl+p")
        await type_text(pilot, "undo the last")
        assert "disabled · read-only: :write allows changes of this hub" in dump(app)
        await press(pilot, "enter")
        assert "Undo the last change: read-only" in " ".join(note.message for note in app._notifications)
        await press(pilot, "ctrl+p", "down", "down", "enter")
        assert app.current_mode == "connections"


async def test_selecting_text_is_left_to_the_terminal() -> None:
    async with console() as (pilot, app):
        await pilot.mouse_down(offset=(10, 5))
        await pilot.hover(offset=(40, 9))
        assert not app.screen.selections and not app.screen._selecting
        await pilot.mouse_up(offset=(40, 9))


async def test_history_and_last_pane() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "3", "-")
        assert app.current_mode == "devices"
        await press(pilot, "-")
        assert app.current_mode == "connections"
        await press(pilot, "[", "[")
        assert app.current_mode == "connections"
        await press(pilot, "[", "[", "[")
        assert app.current_mode == "overview"
        await press(pilot, "]")
        assert app.current_mode == "devices"


async def test_a_pane_keeps_its_place_while_another_is_looked_at() -> None:
    async with console() as (pilot, app):
        await press(pilot, "2", "j", "enter", "3", "2")
        assert "› gdansk-press-0401" in dump(app)
        await press(pilot, "2")
        assert "DEVICES  2,000" in dump(app)


async def test_a_user_keymap_replaces_keys_in_binding_and_key_line() -> None:
    async with console() as (pilot, app):
        app.set_keymap({"devices.sort": "u"})
        await press(pilot, "2", "s")
        assert "SORT BY" not in dump(app)
        await press(pilot, "u")
        assert "SORT BY" in dump(app)
        await press(pilot, "escape")
        assert "u sort" in lines(app)[-1]


async def test_toasts_and_notes_never_read_markup() -> None:
    async with console() as (pilot, app):
        app.notify("[/]\x1b]52;c;AAAA\x07 [@click=app.quit]x[/]")
        await settle(pilot)
        assert "[/]\\x1b]52;c;AAAA" in dump(app)


async def test_a_crash_prints_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(HubwardenApp):
        def _tick(self) -> None:
            secret_in_a_local = "SharedAccessKey=" + "hunter2"
            raise RuntimeError(f"broken \x1b]52;c;AAAA\x07 {len(secret_in_a_local)}")

    from support.fakes import fake_services

    app = Broken(fake_services())
    with pytest.raises(RuntimeError):
        async with app.run_test() as pilot:
            app.call_later(app._tick)
            await pilot.pause()
            await pilot.pause()
    printed = capsys.readouterr()
    assert "hunter2" not in printed.out + printed.err and "\x1b]52" not in printed.out + printed.err


def test_every_command_has_a_handler_or_a_reason() -> None:
    from importlib import import_module

    from console.ui.global_commands import GlobalCommands
    from console.ui.modes import SCREENS

    owners: dict[str, Any] = {"global": GlobalCommands, "pane": ConsoleScreen}
    below = {
        "device": ("devices.detail", "DeviceScreen"),
        "changes": ("devices.screen", "DevicesScreen"),
        "events": ("connections.events", "EventsScreen"),
        "query": ("connections.query", "QueryScreen"),
        "entry": ("journal.entry", "EntryScreen"),
        "certificates": ("credentials.screen", "CredentialsScreen"),
        "certificate": ("credentials.certificate", "CertificateScreen"),
        "issued": ("credentials.issued", "IssuedScreen"),
        "bulk": ("credentials.bulk", "BulkScreen"),
        "proof": ("credentials.proof", "ProofScreen"),
        "tokens": ("credentials.tokens", "TokensScreen"),
        "payload": ("credentials.payload", "PayloadScreen"),
        "explain": ("credentials.tokens_explain", "ExplainScreen"),
        "message": ("credentials.payload_message", "MessageScreen"),
        "secret": ("secret", "SecretScreen"),
        "registrations": ("provisioning.registrations", "RegistrationsScreen"),
        "service": ("provisioning.service", "ServiceScreen"),
        "registering": ("provisioning.register", "RegisterScreen"),
    }
    screens = {pane: (f"{pane}.screen", name) for pane, name in SCREENS.items()}
    for scope, (module, name) in (screens | below).items():
        owners[scope] = getattr(import_module(f"console.ui.panes.{module}"), name)
    panes = {f"pane.{pane.id}" for pane in commands.PANES}
    for command in commands.COMMANDS:
        if command.action or command.disabled or command.id in panes:
            continue
        assert hasattr(owners[command.scope], command.method), command.id


def test_ids_are_unique_and_keys_do_not_clash_within_a_screen() -> None:
    assert len({command.id for command in commands.COMMANDS}) == len(commands.COMMANDS)
    panes = [(pane.id, "pane", "list") for pane in commands.PANES]
    pages = ("device", "entry", "certificate", "issued", "bulk", "proof", "explain", "message", "secret")
    pages += ("service", "registering")
    lists = ("events", "registrations")
    below = (*((one, "pane", "list") for one in lists), *((page, "pane", "page") for page in pages))
    tabs = tuple((tab, "credentials", "pane", "list") for tab in ("certificates", "tokens", "payload"))
    for scopes in (*panes, *below, *tabs, ("global",)):
        keys = [key for command in commands.scoped(*scopes) for key in command.keys]
        assert len(keys) == len(set(keys)), scopes
    always = {key for command in commands.scoped("global") for key in command.keys}
    for command in commands.COMMANDS:
        if command.scope not in ("global", "filter"):
            assert not always & set(command.keys), command.id


def test_no_key_belongs_to_tmux_screen_or_the_terminal() -> None:
    bad = {f"ctrl+{letter}" for letter in "abszhjklimq"} | {"ctrl+left_square_bracket"}
    assert not bad & {key for command in commands.COMMANDS for key in command.keys}
    assert not [key for command in commands.COMMANDS for key in command.keys if key.startswith(("alt+", "f1"))]


def test_the_key_table_names_every_bound_command() -> None:
    table = commands.key_table()
    for command in commands.COMMANDS:
        assert not command.keys or f"| {command.title} |" in table
    assert re.search(r"^\*\*Everywhere\*\*$", table, re.MULTILINE)


def test_no_widget_or_pane_uses_datatable_or_markup() -> None:
    root = Path(commands.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text()
        assert "DataTable" not in text and "from_markup" not in text, path
        assert not re.search(r"#[0-9a-fA-F]{6}", text) or path.name == "theme.py", path


async def test_no_colour_leaves_words_and_glyphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(Knobs()) as (pilot, app):
        assert app.theme == "ansi"
        await press(pilot, "3")
        styles = {
            segment.style.color
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.color and not segment.style.color.is_default
        }
        assert "LIKELY" in dump(app) and "▸" in dump(app)
        assert not {color for color in styles if color.triplet and len(set(color.triplet)) > 1}
