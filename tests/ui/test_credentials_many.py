"""The Certificates tab: many at once, reading, the hub, and the way from Devices."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.credential_screens import choose, fill, knobs, row, run, said
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, until

from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.panes.credentials.bulk import BulkScreen

# --- many ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_many_are_issued_stopped_and_gone_on_with(size: tuple[int, int], tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("\ufeffpress-1\n\n press-2 \npress#3\npress-1\n")
    script = knobs(records=[], gate=Event())
    async with console(script, size=size) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "certificates.issue-many")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["ids"].value, form._inputs["out"].value = str(ids), str(tmp_path)
        await settle(pilot)
        form.query_one("#submit", PushButton).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "1 of 3" in dump(app))
        assert "33 %" in dump(app) and "42 per s" in dump(app)
        await pilot.press("2")
        await until(pilot, lambda: "DEVICES" in dump(app))
        await pilot.press("6")
        await until(pilot, lambda: isinstance(app.screen, BulkScreen))
        await pilot.press("escape")
        await until(pilot, lambda: "NOT ALL THERE" in dump(app))
        assert "not reached       2" in dump(app)
        assert isinstance(app.screen, BulkScreen), "the first escape stops, it does not leave"
        script.certificates.gate = None
        await press(pilot, "n")
        assert "ALL THERE" in dump(app) and "made before       1" in dump(app)
        asked = script.certificates.asked("issue_many")
        assert [call[0] for call in asked] == [("press-1", "press-2", "press#3")] * 2
        await press(pilot, "escape")
        assert "press#3" in dump(app)


async def test_many_can_be_stopped_by_the_prompt(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("press-1\npress-2\n")
    async with console(knobs(records=[], gate=Event())) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "certificates.issue-many")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["ids"].value, form._inputs["out"].value = str(ids), str(tmp_path)
        await settle(pilot)
        form.query_one("#submit", PushButton).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "1 of 2" in dump(app))
        await pilot.press("colon", *"stop", "enter")
        await until(pilot, lambda: "NOT ALL THERE" in dump(app))


async def test_leaving_stops_and_says_so(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("press-1\npress-2\n")
    script = knobs(records=[], gate=Event())
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "certificates.issue-many")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["ids"].value, form._inputs["out"].value = str(ids), str(tmp_path)
        await settle(pilot)
        form.query_one("#submit", PushButton).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "1 of 2" in dump(app))
        assert "the rest of the certificates" in app.screen.unsaved()  # type: ignore[attr-defined]
        await press(pilot, "6")
        assert "MADE HERE" in dump(app) and "the same action with the same folder goes on" in said(app)


async def test_the_marked_devices_are_issued_for(tmp_path: Path) -> None:
    script = knobs(records=[])
    async with console(script) as (pilot, app):
        await press(pilot, "2", "space", "space", "c")
        assert app.current_mode == "credentials" and "2 marked" in dump(app)
        await fill(pilot, app, out=str(tmp_path))
        marked = script.certificates.asked("issue_many")[0][0]
        assert len(marked) == 2 and all("press" in one for one in marked)
        await press(pilot, "escape", "escape", "a")
        await choose(pilot, app, "Issue for many devices")
        assert "2 in the Devices pane" in dump(app)


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_files_and_hosts_are_inspected_verified_linted_and_compared() -> None:
    script = knobs()
    async with console(script, size=LARGE) as (pilot, app):
        await press(pilot, "6", "G")
        await run(pilot, "inspect")
        await fill(pilot, app, source="press.example:8883")
        assert "TLSv1.3" in dump(app) and "press.example:8883" in dump(app)
        await press(pilot, "escape")
        await run(pilot, "verify-chain")
        await fill(pilot, app)
        assert "TRUSTED" in dump(app)
        assert script.certificates.asked("verify")[0][2] is True, "the hub's CAs are trusted unless said otherwise"
        await press(pilot, "escape")
        await run(pilot, "lint")
        await fill(pilot, app)
        assert "keyUsage is missing" in dump(app)
        assert script.certificates.asked("lint")[0][1] == "lyon-press-0001"
        await press(pilot, "escape")
        await run(pilot, "compare")
        await fill(pilot, app)
        found = lines(app)
        assert "WOULD AUTHENTICATE" in found[2], "the verdict comes first, in words"
        source, device, _ = script.certificates.asked("compare")[0]
        assert device == "lyon-press-0001" and source.endswith("lyon-press-0001.cert.pem")


async def test_escape_stops_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console() as (pilot, app):
        given: list[Cancel] = []

        def hang(source: str, *, cancel: Cancel, **options: Any) -> None:
            given.append(cancel)
            cancel.wait(20)

        monkeypatch.setattr(app.services.credentials.inspector, "inspect", hang)
        await press(pilot, "6")
        await run(pilot, "inspect")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["source"].value = "press.example:8883"
        await pilot.pause()
        form.query_one("#submit", PushButton).focus()
        await pilot.press("enter")
        await until(pilot, lambda: bool(given))
        assert "reading press.example:8883 …" in dump(app)
        await press(pilot, "escape")
        assert given[0].cancelled and "Stopped: reading press.example:8883" in said(app)
        await run(pilot, "inspect")
        assert isinstance(app.screen, Form)


async def test_what_goes_wrong_is_a_page_with_the_reason() -> None:
    broken = ConsoleError(ErrorKind.BAD_INPUT, "x.pem is no certificate", "it holds a JPEG", "Give another file")
    async with console(knobs(errors={"inspect": broken})) as (pilot, app):
        await press(pilot, "6", "j")
        await run(pilot, "inspect")
        await fill(pilot, app, source="x.pem")
        assert "it holds a JPEG" in dump(app) and "Give another file" in dump(app)
        await press(pilot, "escape")
        assert "MADE HERE" in dump(app)


# --- the hub ---------------------------------------------------------------------------------------------------------


async def test_uploading_and_deleting_go_through_a_plan(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_bytes(b"CA")
    script = knobs()
    async with console(script) as (pilot, app):
        await press(pilot, "6", "a")
        await choose(pilot, app, "Upload a CA")
        assert "read-only: :write allows" in said(app), "nothing is written by a console that is read-only"
        await press(pilot, "escape")
        app.services.session.arm()
        await run(pilot, "upload")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["name"].value = "with blanks"
        await settle(pilot)
        assert "it holds a blank" in dump(app)
        await fill(pilot, app, name="plants", file=str(pem))
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert script.certificates.asked("plan_upload") == [("plants", b"CA", False)]
        await press(pilot, "escape", "s", "a")
        await choose(pilot, app, "Delete a CA")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert script.certificates.asked("plan_delete") == [("plants-2021",)]


async def test_a_connection_string_profile_can_do_all_but_the_hubs_cas() -> None:
    async with console() as (pilot, app):
        app.services.session.data_plane_only = True
        app.services.session.arm()
        await press(pilot, "6", "a")
        await choose(pilot, app, "Upload a CA")
        assert "opens the registry only" in said(app)


# --- from the Devices pane -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [("c",), ("enter", "c")])
async def test_a_device_is_filled_in_from_the_devices_pane(keys: tuple[str, ...], tmp_path: Path) -> None:
    script = knobs()
    async with console(script) as (pilot, app):
        await press(pilot, "2", *keys)
        device = script.fleet.devices[0].device_id
        assert app.current_mode == "credentials" and f"CREDENTIALS  {device}" in dump(app)
        await choose(pilot, app, "Issue a certificate")
        assert device in dump(app)
        await fill(pilot, app, out=str(tmp_path))
        assert script.certificates.asked("issue")[0][0].name == device


async def test_an_id_with_colons_arrives_whole(tmp_path: Path) -> None:
    async with console() as (pilot, app):
        app.open_pane("credentials", "device:a:b:c")
        await settle(pilot)
        assert "CREDENTIALS  a:b:c" in dump(app)
        await choose(pilot, app, "Compare a certificate")
        form = app.screen
        assert isinstance(form, Form) and form._inputs["device"].value == "a:b:c"
        await press(pilot, "escape")
        await run(pilot, "compare")
        form = app.screen
        assert isinstance(form, Form) and form._inputs["device"].value == "", "the next one is for no device"


async def test_a_token_is_minted_on_the_tokens_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    from console.ui.panes.credentials.tokens import TokensScreen

    asked: list[str] = []
    monkeypatch.setattr(TokensScreen, "mint_for", lambda self, device_id: asked.append(device_id), raising=False)
    async with console() as (pilot, app):
        app.open_pane("credentials", "device:press:1")
        await settle(pilot)
        await choose(pilot, app, "Mint a SAS token")
        assert asked == ["press:1"] and isinstance(app.screen, TokensScreen)


async def test_the_tabs_turn_round_and_keep_their_place() -> None:
    async with console() as (pilot, app):
        await press(pilot, "6", "G", "tab", "shift+tab")
        assert "▸" in row(app, "lyon-press-0001")
