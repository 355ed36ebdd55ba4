"""Mishaps around the Certificates tab: a hub that is gone, a CA that somebody else removed, typing over defaults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.fake_credentials import authority
from support.fakes import Knobs
from support.screens import console, dump, lines, press, settle, type_text
from textual.widgets import Input

from console.model.errors import ConsoleError, ErrorKind
from console.ui.dialogs.form import Form
from console.ui.panes.credentials.bulk import Bulk, BulkScreen
from console.ui.panes.credentials.certificates_forms import leaf_order
from console.ui.panes.credentials.proof import ProofScreen
from console.ui.widgets.page import Page

GONE = ConsoleError(ErrorKind.NETWORK, "The hub's certificates could not be read", "the connection was refused", "Look")


async def test_cas_of_a_hub_that_does_not_answer_any_more_are_marked_as_old() -> None:
    script = Knobs()
    async with console(script) as (pilot, app):
        await press(pilot, "6", "s")
        assert "updated just now" in dump(app)
        script.certificates.errors["list"] = GONE
        await press(pilot, "r")
        assert "plants-2021" in dump(app), "what was read before stays"
        assert "STALE since" in dump(app) and "the connection was refused" in " ".join(dump(app).split())
        await press(pilot, "s")
        assert "STALE" not in lines(app)[-2], "what was made here was read"
        script.certificates.errors.clear()
        await press(pilot, "s", "r")
        assert "STALE" not in dump(app) and "refused" not in dump(app)


async def test_a_proof_looks_again_where_the_ca_stands_when_it_is_come_back_to() -> None:
    ca = authority("plants-root")
    script = Knobs()
    script.certificates.authorities, script.certificates.records = [ca], []
    one = script.certificates.hub[0]
    script.certificates.hub = [type(one)("plants-root", ca.record.subject, ca.record.sha1, one.expires, False)]
    async with console(script) as (pilot, app):
        app.services.session.arm()
        await press(pilot, "6", ":")
        await type_text(pilot, "prove")
        await press(pilot, "enter")
        assert isinstance(app.screen, ProofScreen) and "AT THE HUB, NOT VERIFIED" in dump(app)
        script.certificates.hub = []  # somebody else deletes it
        script.certificates.errors["plan_code"] = ConsoleError(ErrorKind.NOT_FOUND, "No code", "the hub has no such CA")
        await press(pilot, "n")
        assert "the hub has no such CA" in dump(app)
        await press(pilot, "escape")
        assert "NOT AT THE HUB" in dump(app)


async def test_what_is_typed_replaces_what_was_only_suggested(tmp_path: Path) -> None:
    async with console() as (pilot, app):
        await press(pilot, "6", ":")
        await type_text(pilot, "issue")
        await press(pilot, "enter")
        await type_text(pilot, "press-9")
        await press(pilot, "down", "down", "down")
        await type_text(pilot, "30")
        await press(pilot, "down")
        await type_text(pilot, str(tmp_path))
        form = app.screen
        assert isinstance(form, Form)
        assert (form.answer["days"], form.answer["out"]) == ("30", str(tmp_path))
        assert all(entry.value != "" for entry in form.query(Input) if not entry.password)


async def test_the_passphrase_is_asked_for_by_the_name_of_the_ca_and_its_folder() -> None:
    locked = authority("plants-root", encrypted=True)
    script = Knobs()
    script.certificates.authorities, script.certificates.passphrase = [locked], "correct-horse"
    async with console(script) as (pilot, app):
        await press(pilot, "6", ":")
        await type_text(pilot, "issue")
        await press(pilot, "enter")
        await type_text(pilot, "press-9")
        await press(pilot, *["enter"] * 9)
        assert f"the key of plants-root, in {locked.folder}" in " ".join(dump(app).split())


async def test_the_keys_of_a_bulk_issue_are_the_ones_that_work(tmp_path: Path) -> None:
    from threading import Event

    from console.model.certificate import CertificateKind

    script = Knobs()
    script.certificates.gate, script.certificates.records = Event(), []
    order = leaf_order(CertificateKind.DEVICE, {"name": "", "key": "ec-p256"})
    ca = str(script.certificates.authorities[0].folder)
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        app.push_screen(BulkScreen(Bulk(("a", "b"), order, ca, "the key of it", tmp_path, None)))
        await pilot.pause()
        while "1 of 2" not in dump(app):
            await pilot.pause()
        assert "x stop" in lines(app)[-1] and "refresh" not in lines(app)[-1] and "back" not in lines(app)[-1]
        await pilot.press("x")
        await settle(pilot)
        assert "NOT ALL THERE" in dump(app)
        assert "n go on" in lines(app)[-1] and "esc back" in lines(app)[-1] and "stop" not in lines(app)[-1]


async def test_a_ca_that_is_gone_or_damaged_is_not_passed_over_in_silence() -> None:
    gone = ConsoleError(ErrorKind.NOT_FOUND, "The CA in /mnt/vault is gone", "the folder is missing", "Bring it back")
    damaged = ConsoleError(ErrorKind.BAD_INPUT, "The list of /srv/ca cannot be read", "it is no database", "Restore it")
    script = Knobs()
    script.certificates.unreadable = [gone, damaged]
    async with console(script) as (pilot, app):
        await press(pilot, "6")
        screen = " ".join(dump(app).split())
        assert "2 CAs not read, 1 needs renewal" in screen
        assert "! The CA in /mnt/vault is gone (and 1 more): the folder is missing. Bring it back" in screen
        await press(pilot, "s")
        assert "not read" not in dump(app)
        script.certificates.authorities, script.certificates.records = [], []
        await press(pilot, "s", "r")
        screen = " ".join(dump(app).split())
        assert "NOTHING WAS ISSUED" not in screen
        assert "/mnt/vault is gone" in screen and "/srv/ca cannot be read" in screen
        script.certificates.unreadable = []
        await press(pilot, "r")
        assert "NOTHING WAS ISSUED" in dump(app)


async def test_a_verdict_stands_above_the_files_and_is_not_waited_for_where_there_is_none() -> None:
    async with console() as (pilot, app):
        await press(pilot, "6", "G", "enter")
        screen = dump(app)
        assert "DEVICE CERTIFICATE" in screen and "TRUSTED" in screen, "in sight without scrolling"
        await press(pilot, "escape")
        script = app.services.knobs.certificates
        script.records = [replace(one, certificate_file=None) for one in script.records]
        await press(pilot, "r", "G", "enter")
        assert "reading …" not in app.screen.query_one(Page).text()
