"""Upload and proof of possession on one screen: the hub says where a CA stands, one key goes on, nothing unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fake_credentials import CODE, authority
from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text, until
from textual.pilot import Pilot

from console.model.certificate import AuthorityRecord
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import HubCertificate
from console.model.secret import Secret
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.panes.credentials.proof import TRIAL_CODE, ProofScreen
from console.ui.widgets.page import Page

WORD = "correct-horse"


def at_hub(ca: AuthorityRecord, *, verified: bool = False) -> HubCertificate:
    record = ca.record
    return HubCertificate(record.common_name, record.subject, record.sha1, record.not_after, verified)


def knobs(ca: AuthorityRecord, tmp_path: Path, *, uploaded: bool = True, **script: Any) -> Knobs:
    file = tmp_path / "ca.cert.pem"
    file.write_bytes(b"CA")
    ca = replace(ca, record=replace(ca.record, certificate_file=file))
    made = Knobs()
    made.certificates.authorities, made.certificates.records = [ca], []
    made.certificates.hub = [at_hub(ca)] if uploaded else []
    for name, value in script.items():
        setattr(made.certificates, name, value)
    return made


async def opened(pilot: Pilot[Any], app: HubwardenApp, *, armed: bool = True) -> None:
    """Go to the screen of the only CA."""
    if armed:
        app.services.session.arm()
    await press(pilot, "6", ":")
    await type_text(pilot, "prove")
    await press(pilot, "enter")
    assert isinstance(app.screen, ProofScreen), dump(app)


async def agree(pilot: Pilot[Any], app: HubwardenApp) -> str:
    """Look at the plan and apply it; return what was shown."""
    await until(pilot, lambda: isinstance(app.screen, Confirm))
    await settle(pilot)
    shown = dump(app)
    for _ in range(12):
        if app.focused is not None and app.focused.id == "apply":
            break
        await press(pilot, "tab")
    await press(pilot, "enter")
    await until(pilot, lambda: not app.changing.writing)
    await settle(pilot)
    return shown


def text(app: HubwardenApp) -> str:
    return app.screen.query_one(Page).text()


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 15)])
async def test_the_step_that_is_next_is_marked_in_every_state(size: tuple[int, int], tmp_path: Path) -> None:
    ca = authority("lyon")
    script = knobs(ca, tmp_path, uploaded=False)
    async with console(script, size=size) as (pilot, app):
        await opened(pilot, app)
        assert "NOT AT THE HUB" in text(app) and "▸ 1 Upload" in text(app)
        script.certificates.hub = [at_hub(ca)]
        await press(pilot, "r")
        assert "NOT VERIFIED" in text(app) and "✓ 1 Upload" in text(app) and "▸ 2 Ask" in text(app)
        script.certificates.known_code = CODE
        await press(pilot, "r")
        assert "▸ 3 Sign" in text(app) and CODE in "".join(text(app).split())
        script.certificates.hub = [at_hub(ca, verified=True)]
        await press(pilot, "r")
        assert "✓ VERIFIED" in text(app) and "✓ 4 Hand" in text(app) and "▸" not in text(app)
        assert CODE not in text(app)
        assert "next step" not in lines(app)[-1]


async def test_a_ca_is_uploaded_by_the_same_key(tmp_path: Path) -> None:
    ca = authority("lyon")
    script = knobs(ca, tmp_path, uploaded=False)
    async with console(script) as (pilot, app):
        await opened(pilot, app)
        await press(pilot, "n")
        script.certificates.hub = [at_hub(ca)]
        assert "upload CA certificate lyon" in await agree(pilot, app)
        assert script.certificates.asked("plan_upload") == [("lyon", b"CA", False)]
        assert "▸ 2 Ask" in text(app), "what was written shows without being asked for"


async def test_with_the_key_here_one_key_asks_for_the_code_and_proves(tmp_path: Path) -> None:
    ca = authority("lyon", encrypted=True)
    script = knobs(ca, tmp_path, passphrase=WORD)
    async with console(script) as (pilot, app):
        await opened(pilot, app)
        await press(pilot, "n")
        form = app.screen
        assert isinstance(form, Form) and "the key of lyon" in dump(app)
        await type_text(pilot, WORD)
        assert WORD not in dump(app)
        await press(pilot, "enter")
        shown = await agree(pilot, app)
        assert "verification code for CA certificate lyon" in shown
        script.certificates.hub = [at_hub(ca, verified=True)]
        shown = await agree(pilot, app)
        assert "prove possession of CA certificate lyon" in shown
        folder = str(ca.folder)
        word = Secret(WORD)
        tried = script.certificates.asked("proof")
        assert tried == [(folder, TRIAL_CODE, None), (folder, TRIAL_CODE, word), (folder, CODE, word)]
        assert [call[2] for call in script.certificates.asked("rehearse")] == [TRIAL_CODE]
        assert script.certificates.asked("plan_proof")[0][2] == CODE
        assert "✓ VERIFIED" in text(app)
        screen = app.screen
        assert isinstance(screen, ProofScreen) and screen._held is None and screen._attempt is None


async def test_a_wrong_key_is_found_before_a_code_is_asked_for(tmp_path: Path) -> None:
    wrong = ConsoleError(ErrorKind.BAD_INPUT, "This is no proof", "it was signed by another key", "Look", code="proof")
    script = knobs(authority("lyon"), tmp_path, errors={"rehearse": wrong})
    async with console(script) as (pilot, app):
        await opened(pilot, app)
        await press(pilot, "n")
        assert "signed by another key" in dump(app)
        assert not script.certificates.asked("plan_code")


async def test_a_code_that_is_known_is_signed_without_asking_for_another(tmp_path: Path) -> None:
    script = knobs(authority("lyon"), tmp_path, known_code="AB12" * 12)
    async with console(script) as (pilot, app):
        await opened(pilot, app)
        await press(pilot, "n")
        assert "prove possession" in await agree(pilot, app)
        assert not script.certificates.asked("plan_code")
        assert script.certificates.asked("plan_proof")[0][2] == "AB12" * 12


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_with_the_key_elsewhere_the_lines_are_copied_and_the_proof_taken_back(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    script = knobs(authority("lyon", has_key=False), tmp_path)
    async with console(script, size=size) as (pilot, app):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await opened(pilot, app)
        assert "The key is elsewhere" in text(app)
        await press(pilot, "c")
        assert not copied, "there is nothing to copy before there is a code"
        await press(pilot, "n")
        script.certificates.known_code = CODE
        assert "verification code for" in await agree(pilot, app)
        assert CODE in text(app) and "takes proof.cert.pem from there" in dump(app)
        await press(pilot, "c")
        assert copied and f"/CN={CODE}" in copied[0] and copied[0].count("\n") == 3
        target = tmp_path / "prove.sh"
        await press(pilot, "w")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["file"].value = str(target)
        await settle(pilot)
        await press(pilot, "enter")
        assert target.read_text() == "#!/bin/sh -e\n" + copied[0]
        proof = tmp_path / "proof.cert.pem"
        proof.write_bytes(b"PROOF")
        await press(pilot, "n")
        form = app.screen
        assert isinstance(form, Form)
        form._inputs["file"].value = str(proof)
        await settle(pilot)
        assert form.query_one("#submit", PushButton).ready
        await press(pilot, "enter")
        assert "prove possession" in await agree(pilot, app)
        assert script.certificates.asked("plan_proof") == [("lyon", b"PROOF", CODE)]


async def test_leaving_and_coming_back_keeps_the_place(tmp_path: Path) -> None:
    script = knobs(authority("lyon", has_key=False), tmp_path, known_code=CODE)
    async with console(script) as (pilot, app):
        await opened(pilot, app)
        await press(pilot, "escape", "2", "6")
        await opened(pilot, app)
        assert "▸ 3 Sign" in text(app) and CODE in text(app)


async def test_a_read_only_console_shows_all_and_writes_nothing(tmp_path: Path) -> None:
    script = knobs(authority("lyon"), tmp_path)
    async with console(script) as (pilot, app):
        await opened(pilot, app, armed=False)
        await press(pilot, "n", "N")
        assert not script.certificates.asked("plan_code") and not script.certificates.asked("proof")
        assert "read-only" in " ".join(note.message for note in app._notifications)


async def test_a_hub_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    refused = ConsoleError(ErrorKind.PERMISSION, "The hub's certificates could not be read", "the role is missing")
    script = knobs(authority("lyon"), tmp_path, errors={"list": refused})
    async with console(script) as (pilot, app):
        await opened(pilot, app)
        assert "NO PERMISSION" in text(app)
        script.certificates.errors.clear()
        await press(pilot, "r")
        assert "▸ 2 Ask" in text(app)
        script.certificates.errors["list"] = refused
        await press(pilot, "r")
        assert "▸ 2 Ask" in text(app) and "STAL" in lines(app)[-2], "what was known stays"
