"""The Certificates tab: what was issued, what is due, and everything that can be done, from the keyboard alone."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.fake_credentials import BAD, authority, record
from support.fakes import HOSTILE, Knobs
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text, until
from textual.pilot import Pilot

from console.model.certificate import CertificateKind, KeyType
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.present.lines import plain
from console.services.ports import Cancel
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.dialogs.menu import Menu
from console.ui.panes.credentials.bulk import BulkScreen
from console.ui.panes.credentials.certificate import CertificateScreen
from console.ui.widgets.page import Choice, Page
from console.ui.widgets.resource_table import ResourceTable

WORD = "correct-horse"


def knobs(**script: Any) -> Knobs:
    made = Knobs()
    for name, value in script.items():
        setattr(made.certificates, name, value)
    return made


async def run(pilot: Pilot[Any], line: str) -> None:
    """Type a command into the prompt."""
    await press(pilot, ":")
    await type_text(pilot, line)
    await press(pilot, "enter")


async def fill(pilot: Pilot[Any], app: HubwardenApp, **values: str) -> None:
    """Fill inputs of the open form by key, and send it from its button."""
    assert isinstance(app.screen, Form), dump(app)
    for key, value in values.items():
        entry = app.screen._inputs[key]
        entry.value = value
        await settle(pilot)
    button = app.screen.query_one("#submit", PushButton)
    assert button.ready, dump(app)
    button.focus()
    await press(pilot, "enter")


async def choose(pilot: Pilot[Any], app: HubwardenApp, title: str) -> None:
    """Choose a line of a menu by its title."""
    assert isinstance(app.screen, Menu), dump(app)
    choice = app.screen.query_one(Choice)
    for _ in range(30):
        if title in plain(choice.lines[choice.keys.index(choice.selected)]):
            break
        await press(pilot, "j")
    await press(pilot, "enter")


def said(app: HubwardenApp) -> str:
    """Return what the toasts say, in one line."""
    return " ".join(note.message for note in app._notifications)


def row(app: HubwardenApp, text: str) -> str:
    return next(line for line in lines(app) if text in line)


# --- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 18), (200, 50)])
async def test_what_is_due_stands_out_in_words(size: tuple[int, int]) -> None:
    async with console(size=size) as (pilot, app):
        await press(pilot, "6")
        screen = dump(app)
        assert "1 needs renewal, 1 expired" in screen
        assert "EXPIRED 2 d" in row(app, "lyon-press-0003")
        assert "renew, 40 d" in row(app, "lyon-press-0002")
        assert "300 d" in row(app, "lyon-press-0001")
        assert " └ lyon-ca" in screen and "   └ lyon-press-0003" in screen
        shown = [line for line in lines(app) if "lyon-press" in line]
        assert [line.split()[1] for line in shown] == ["lyon-press-0003", "lyon-press-0002", "lyon-press-0001"]
        assert all(len(line) == size[0] for line in lines(app))


async def test_the_hubs_cas_are_one_key_away() -> None:
    here = authority("plants-2021")
    script = knobs()
    script.certificates.hub[0] = script.certificates.hub[0].__class__(
        "plants-2021", "CN=plants-2021", here.record.sha1, script.certificates.hub[0].expires, True
    )
    script.certificates.authorities.append(here)
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        assert "not verified: lyon-new" in dump(app)
        await press(pilot, "s")
        assert "✓ verified" in row(app, "plants-2021") and "renew, 19 d" in row(app, "plants-2021")
        assert "key here" in row(app, "plants-2021")
        assert "NOT VERIFIED" in row(app, "lyon-new")
        await press(pilot, "escape")
        assert "MADE HERE" in dump(app)


async def test_nothing_issued_yet_says_what_to_press() -> None:
    async with console(knobs(authorities=[], records=[])) as (pilot, app):
        await press(pilot, "6")
        screen = " ".join(dump(app).split())
        assert "NOTHING WAS ISSUED HERE YET" in screen and "a offers all there is" in screen
        await press(pilot, "a")
        assert "no CA with its key is here: make a root CA first" not in row(app, "Issue for a device")
        await choose(pilot, app, "Issue for a device")
        assert "make a root CA first" in said(app) and isinstance(app.screen, Menu)


async def test_what_cannot_be_read_says_why_and_the_rest_stays() -> None:
    refused = ConsoleError(
        ErrorKind.NOT_CONFIGURED, "The certificates here cannot be read", "permission denied", "Look"
    )
    no_hub = ConsoleError(ErrorKind.PERMISSION, "The hub's certificates could not be read", "the role is missing")
    script = knobs(errors={"inventory": refused, "list": no_hub})
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        assert "permission denied" in dump(app) and "CAs of the hub not read" in dump(app)
        await press(pilot, "s")
        assert "NO PERMISSION" in dump(app)
        script.certificates.errors.clear()
        await press(pilot, "s", "r")
        assert "lyon-press-0001" in dump(app)
        script.certificates.errors["inventory"] = refused
        await press(pilot, "r")
        assert "lyon-press-0001" in dump(app) and "STALE" in dump(app)


async def test_the_filter_narrows_and_escape_clears_it() -> None:
    async with console() as (pilot, app):
        await press(pilot, "6", "/")
        await type_text(pilot, "device !0001")
        assert "2 of 5 with “device !0001”" in dump(app)
        await press(pilot, "enter")
        assert app.focused is app.screen.query_one(ResourceTable)
        await press(pilot, "escape")
        assert "MADE HERE  5" in dump(app)
        await press(pilot, "/")
        await type_text(pilot, "nothing-like-it")
        assert "No certificate matches" in dump(app)


async def test_hostile_names_are_shown_as_text_and_nothing_else() -> None:
    evil = record(HOSTILE, subject=f"CN={HOSTILE}")
    async with console(knobs(records=[evil])) as (pilot, app):
        await press(pilot, "6")
        assert "[/]\\x1b]52;c;AAAA" in dump(app) and "\x1b" not in dump(app)
        await press(pilot, "G", "enter")
        assert isinstance(app.screen, CertificateScreen)
        assert "\x1b" not in app.screen.query_one(Page).text()


# --- one certificate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_certificate_is_described_with_its_chain(size: tuple[int, int]) -> None:
    async with console(size=size) as (pilot, app):
        await press(pilot, "6", "G", "d")
        page = app.screen.query_one(Page).text()
        one = record("lyon-press-0001")
        assert one.sha256 in page.replace(" ", "").replace("\n", "")
        assert one.sha1 in page and "lyon-press-0001.key.pem" in page
        assert "TRUSTED" in page and "└─✓ CN=lyon-ca" in page
        await press(pilot, "a")
        assert "Issue for a device" in dump(app)


async def test_a_broken_chain_is_shown_where_it_breaks() -> None:
    async with console(knobs(verdict=BAD)) as (pilot, app):
        await press(pilot, "6", "G", "enter")
        page = app.screen.query_one(Page).text()
        assert "NOT TRUSTED" in page and "the issuer of lyon-ca is not here" in page


async def test_thumbprint_path_and_pem_can_be_copied_and_a_key_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    pem, key = tmp_path / "a.cert.pem", tmp_path / "b.cert.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    key.write_text(pem.read_text() + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    records = [record("one", certificate_file=pem), record("two", days=301, certificate_file=key)]
    async with console(knobs(records=records)) as (pilot, app):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "6", "j", "j", "y")
        await choose(pilot, app, "SHA-256")
        await press(pilot, "y")
        await choose(pilot, app, "PEM")
        await press(pilot, "y")
        await choose(pilot, app, "path")
        assert copied == [records[0].sha256, pem.read_text(), str(pem)]
        await press(pilot, "j", "y")
        menu = "\n".join(map(plain, app.screen.query_one(Choice).lines))
        assert "SHA-1" in menu and "PEM" not in menu


# --- making ----------------------------------------------------------------------------------------------------------


async def test_a_root_ca_is_made_only_with_a_passphrase_or_knowingly_without(tmp_path: Path) -> None:
    script = knobs()
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "new-root")
        await type_text(pilot, "new-ca")
        submit = app.screen.query_one("#submit", PushButton)
        assert "Type a passphrase for the new key" in dump(app) and not submit.ready
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["days"].value = "ten"
        await settle(pilot)
        assert "write a whole number of days" in dump(app)
        form._inputs["days"].value = "1000"
        form._inputs["passphrase"].value = WORD
        await settle(pilot)
        assert "The two passphrases differ" in dump(app)
        assert WORD not in dump(app)
        await fill(pilot, app, again=WORD, out=f"{tmp_path}/ca")
        order, out, secret = script.certificates.asked("create_root")[0]
        assert (order.name, order.lifetime.days, order.key_type) == ("new-ca", 1000, KeyType.EC_P256)
        assert (out, secret) == (tmp_path / "ca", Secret(WORD))
        assert "✓ MADE" in dump(app) and "upload it to the hub" in dump(app)
        await press(pilot, "n")
        assert "proof of possession" in dump(app) and "NOT AT THE HUB" in dump(app)


async def test_the_keys_passphrase_is_asked_for_until_it_is_right_and_then_forgotten(tmp_path: Path) -> None:
    locked = authority("locked", issuer="plants-root", encrypted=True)
    script = knobs(authorities=[authority("plants-root"), locked], passphrase=WORD)
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "issue")
        await fill(pilot, app, name="press-9", out=str(tmp_path))
        assert "the key of locked" in dump(app) and "it is encrypted" in dump(app)
        await fill(pilot, app, passphrase="wrong")
        assert "the passphrase is wrong" in dump(app)
        await fill(pilot, app, passphrase=WORD)
        assert "✓ MADE" in dump(app) and "press-9" in dump(app)
        order, ca, out, given, own = script.certificates.asked("issue")[-1]
        assert (order.kind, order.name, ca) == (CertificateKind.DEVICE, "press-9", str(locked.folder))
        assert (out, given, own) == (tmp_path, Secret(WORD), None)
        assert not [screen for screen in app.commands.open_screens() if getattr(screen, "_attempt", None) is not None]


async def test_giving_no_passphrase_does_nothing(tmp_path: Path) -> None:
    script = knobs(authorities=[authority("locked", encrypted=True)], passphrase=WORD)
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "issue")
        await fill(pilot, app, name="press-9", out=str(tmp_path))
        await press(pilot, "escape")
        assert "Nothing was done" in dump(app)
        await run(pilot, "issue")
        assert isinstance(app.screen, Form), "another action can begin"


async def test_an_issued_certificate_leads_to_the_plan_that_registers_it(tmp_path: Path) -> None:
    (tmp_path / "press-9.cert.pem").write_bytes(b"PEM")
    script = knobs()
    async with console(script) as (pilot, app):
        app.services.session.arm()
        await press(pilot, "6")
        await run(pilot, "issue")
        await fill(pilot, app, name="press-9", out=str(tmp_path))
        await press(pilot, "n")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "secondary thumbprint of press-9" in dump(app)
        assert script.certificates.asked("plan_register") == [("press-9", b"PEM")]


async def test_names_are_checked_as_they_are_typed(tmp_path: Path) -> None:
    async with console() as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "issue")
        await type_text(pilot, "bad name")
        assert "character 4" in dump(app)
        await press(pilot, "escape")
        await run(pilot, "certificates.issue-module")
        await type_text(pilot, "press")
        assert "there is no / in it" in dump(app)
        await press(pilot, "escape")
        await run(pilot, "issue")
        await type_text(pilot, "x" * 65)
        assert "takes 64" in " ".join(dump(app).split())


async def test_a_request_is_made_and_another_signed(tmp_path: Path) -> None:
    csr = tmp_path / "in.csr.pem"
    csr.write_bytes(b"CSR")
    script = knobs()
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        await run(pilot, "csr")
        await fill(pilot, app, name="press-9", out=str(tmp_path))
        assert "a key and a signing request" in dump(app) and "press-9.csr.pem" in dump(app)
        await press(pilot, "escape")
        await run(pilot, "certificates.sign")
        await fill(pilot, app, csr=str(csr), out=str(tmp_path))
        assert script.certificates.asked("sign")[0][0] == b"CSR"
        assert "✓ MADE" in dump(app)


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
