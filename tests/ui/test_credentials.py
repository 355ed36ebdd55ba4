"""The Certificates tab: the list, one certificate, making one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.credential_screens import WORD, choose, fill, knobs, row, run, said
from support.fake_credentials import BAD, authority, record
from support.fakes import HOSTILE
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text, until

from console.model.certificate import CertificateKind, KeyType
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.present.lines import plain
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.dialogs.menu import Menu
from console.ui.panes.credentials.certificate import CertificateScreen
from console.ui.widgets.page import Choice, Page
from console.ui.widgets.resource_table import ResourceTable

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
