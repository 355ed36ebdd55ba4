"""What can be done in the Provisioning pane: enroll, enable, disable, block, delete; keys; running a registration."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.credential_screens import choose, fill, said
from support.fake_provisioning import DERIVED, HUB, PRIMARY, SECONDARY, enrollment, group
from support.fakes import Knobs
from support.provisioning_screens import SIZES, denied, provisioning
from support.screens import dump, press, settle, until
from support.token_screens import shown
from textual.pilot import Pilot

from console.model.enrollment import Attestation, EnrollmentKind, NewEnrollment, Reprovision
from console.model.registration import RegistrationOrder
from console.model.secret import Secret
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.form import Form
from console.ui.panes.provisioning.register import RegisterScreen
from console.ui.panes.secret import SecretScreen

KEY = "c29tZS1rZXktb2YtYS1kZXZpY2U="


async def run(pilot: Pilot[Any], line: str) -> None:
    """Carry out a command by its name."""
    await pilot.app.run_line(line)
    await settle(pilot)


async def step(pilot: Pilot[Any], app: HubwardenApp, key: str, times: int = 1) -> None:
    """Choose another value of a choice in the form that is open."""
    assert isinstance(app.screen, Form), dump(app)
    app.screen._controls[key].focus()
    await press(pilot, *["right"] * times)


def order(knobs: Knobs) -> NewEnrollment:
    ((made,),) = knobs.provisioning.asked("plan_create")
    assert isinstance(made, NewEnrollment)
    return made


# --- plans ---------------------------------------------------------------------------------------------------------


async def test_read_only_says_why_nothing_can_be_changed_and_keys_can_be_read() -> None:
    async with provisioning(armed=False) as (pilot, app, knobs):
        await press(pilot, "j", "a")
        text = shown(app)
        assert "▸ Derive a device's key" in text and "Disable … disabled" in text and "read-only: :write" in text
        await press(pilot, "escape", "R")
        assert not isinstance(app.screen, Form) and "read-only" in dump(app)
        await run(pilot, "provisioning.delete")
        assert not knobs.provisioning.asked("plan_delete")


@pytest.mark.parametrize("size", SIZES)
async def test_a_group_is_disabled_enabled_and_deleted_through_plans(size: tuple[int, int]) -> None:
    async with provisioning(size=size) as (pilot, app, knobs):
        await press(pilot, "j", "a")
        await choose(pilot, app, "Disable …")
        assert isinstance(app.screen, Confirm) and "lyon-presses disabled" in dump(app)
        assert knobs.provisioning.asked("plan_status") == [(EnrollmentKind.GROUP, "lyon-presses", False)]
        await press(pilot, "escape", "k")
        await run(pilot, "provisioning.disable")
        assert "it is disabled already" in shown(app)
        await run(pilot, "provisioning.enable")
        assert knobs.provisioning.asked("plan_status")[-1] == (EnrollmentKind.GROUP, "contractors", True)
        await press(pilot, "escape", "tab")
        await run(pilot, "provisioning.delete")
        assert knobs.provisioning.asked("plan_delete") == [(EnrollmentKind.INDIVIDUAL, "gdansk-gw-1")]


async def test_a_change_that_was_made_is_read_again() -> None:
    async with provisioning() as (pilot, app, knobs):
        await press(pilot, "j")
        await run(pilot, "provisioning.disable")
        app.screen.query_one("#apply").focus()
        await press(pilot, "enter")
        await until(pilot, lambda: not app.changing.writing and len(knobs.provisioning.asked("read")) == 2)
        assert [change.title for change, _ in knobs.script.applied] == ["lyon-presses disabled"]


async def test_one_device_of_a_group_is_blocked_with_its_certificate(tmp_path: Path) -> None:
    file = tmp_path / "press.pem"
    file.write_bytes(b"PEM")
    async with provisioning() as (pilot, app, knobs):
        await press(pilot, "j", "j")
        await run(pilot, "provisioning.block")
        assert "disable it there, too" in shown(app) and "its certificate" in dump(app)
        await fill(pilot, app, id="lyon-press-0009", file=str(file))
        assert knobs.provisioning.asked("plan_block") == [("plants-x509", "lyon-press-0009", b"PEM")]
        await press(pilot, "escape", "tab")
        await run(pilot, "provisioning.block")
        assert "select a group first" in shown(app)


async def test_a_registration_is_blocked_and_forgotten_from_the_list() -> None:
    async with provisioning() as (pilot, app, knobs):
        await press(pilot, "j", "enter", "j", "a")
        assert "ACTIONS lyon-press-0002" in shown(app) and "it was assigned to no device" in shown(app)
        await choose(pilot, app, "Block this device")
        await fill(pilot, app)
        assert knobs.provisioning.asked("plan_block") == [("lyon-presses", "lyon-press-0002", b"")]
        await press(pilot, "escape", "a")
        await choose(pilot, app, "Forget the registration")
        assert knobs.provisioning.asked("plan_delete_registration") == [("lyon-press-0002",)]
        await press(pilot, "escape", "j", "a")
        await choose(pilot, app, "Go to the device")
        assert app.current_mode == "devices" and "/press-three" in dump(app)


# --- enrolling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_group_by_symmetric_key_is_enrolled(size: tuple[int, int]) -> None:
    async with provisioning(size=size) as (pilot, app, knobs):
        await run(pilot, "provisioning.enroll-key")
        assert "a group of devices" in dump(app) and "device in the hub" not in dump(app)
        await step(pilot, app, "allocation", 2)
        await step(pilot, app, "reprovision")
        await fill(pilot, app, id="porto-robots", hubs="contoso-plants")
        made = order(knobs)
        assert (made.kind, made.id, made.attestation) == (
            EnrollmentKind.GROUP, "porto-robots", Attestation.SYMMETRIC_KEY,
        )  # fmt: skip
        assert (made.allocation, made.hubs, made.reprovision, made.keys) == ("static", (HUB,), Reprovision.RESET, None)
        assert isinstance(app.screen, Confirm)


async def test_keys_that_are_typed_are_hidden_and_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with provisioning() as (pilot, app, knobs):
        await press(pilot, "tab")
        await run(pilot, "provisioning.enroll-key")
        await step(pilot, app, "keys")
        assert isinstance(app.screen, Form)
        app.screen._inputs["primary"].value = "not a key"
        await settle(pilot)
        assert "a key is base64: this is not" in shown(app)
        await fill(pilot, app, id="press-0500", device="press-500", primary=KEY, secondary=PRIMARY)
        made = order(knobs)
        assert (made.kind, made.device_id) == (EnrollmentKind.INDIVIDUAL, "press-500")
        assert made.keys == (Secret(KEY), Secret(PRIMARY)) and KEY not in repr(made)
        await press(pilot, "escape")
        await run(pilot, "provisioning.enroll-key")
        assert isinstance(app.screen, Form)
        answer = app.screen.answer
        assert (answer["id"], answer["device"], answer["primary"]) == ("press-0500", "press-500", "")
        assert not any(KEY in record.getMessage() for record in caplog.records)


async def test_an_enrollment_by_certificate_takes_files_or_a_ca_of_the_service(tmp_path: Path) -> None:
    first, second = tmp_path / "a.pem", tmp_path / "b.pem"
    first.write_bytes(b"ONE")
    second.write_bytes(b"TWO")
    async with provisioning() as (pilot, app, knobs):
        await run(pilot, "provisioning.enroll-x509")
        await fill(pilot, app, id="plants", file=str(first), file2=str(second))
        assert order(knobs).certificates == (b"ONE", b"TWO") and order(knobs).ca_names == ()
        knobs.provisioning.calls.clear()
        await press(pilot, "escape")
        await run(pilot, "provisioning.enroll-x509")
        await step(pilot, app, "by")
        await fill(pilot, app, id="plants", ca="plants-2021")
        assert order(knobs).ca_names == ("plants-2021",) and order(knobs).certificates == ()


@pytest.mark.parametrize("way", ["paste", "text file", "binary file", "tpm"])
async def test_a_tpm_is_enrolled_by_its_endorsement_key(way: str, tmp_path: Path) -> None:
    file = tmp_path / "ek"
    file.write_bytes(b"AToA\nAQAL\n" if way == "text file" else bytes(range(6)))
    async with provisioning() as (pilot, app, knobs):
        await run(pilot, "provisioning.enroll-tpm")
        if way == "paste":
            await fill(pilot, app, id="gw-1", paste="AToAAQAL")
        elif way == "tpm":
            await step(pilot, app, "from", 2)
            await fill(pilot, app, id="gw-1")
        else:
            await step(pilot, app, "from")
            await fill(pilot, app, id="gw-1", file=str(file))
        wanted = {"paste": "AToAAQAL", "text file": "AToAAQAL", "binary file": "AAECAwQF", "tpm": "TPMKEY=="}[way]
        made = order(knobs)
        assert (made.kind, made.attestation, made.endorsement_key) == (
            EnrollmentKind.INDIVIDUAL, Attestation.TPM, wanted,
        )  # fmt: skip


async def test_a_machine_without_a_tpm_says_so() -> None:
    knobs = Knobs()
    knobs.provisioning.errors["endorsement_key"] = denied("This machine's TPM cannot be used")
    async with provisioning(knobs) as (pilot, app, _):
        await run(pilot, "provisioning.enroll-tpm")
        await step(pilot, app, "from", 2)
        await fill(pilot, app, id="gw-1")
        assert "This machine's TPM cannot be used" in shown(app)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("id", "press 0417", "letters, digits and - . _ : only"),
        ("id", "press.", "the last character must be"),
        ("hubs", "elsewhere", "elsewhere is not linked: contoso-spare, contoso-plants"),
    ],
)
async def test_what_the_service_would_refuse_is_refused_as_it_is_typed(field: str, typed: str, said: str) -> None:
    async with provisioning() as (pilot, app, _):
        await run(pilot, "provisioning.enroll-key")
        assert isinstance(app.screen, Form)
        app.screen._inputs["id"].value = "good"
        app.screen._inputs[field].value = typed
        await settle(pilot)
        assert said in shown(app)


# --- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_derived_key_is_hidden_until_asked_for_and_copied_past_tmux(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", "/nowhere/tmux,1,0")
    monkeypatch.setattr("console.ui.clipboard._to_tmux", lambda text: pytest.fail("a key went to tmux"))
    async with provisioning(size=size, armed=False) as (pilot, app, knobs):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "j")
        await run(pilot, "provisioning.derive-key")
        assert "a privileged read, noted in the journal" in shown(app)
        await fill(pilot, app, id="lyon-press-0001", reason="spare part")
        assert knobs.provisioning.asked("derive_key") == [("lyon-presses", "lyon-press-0001", "spare part")]
        assert isinstance(app.screen, SecretScreen) and DERIVED not in dump(app) and "••••" in dump(app)
        await press(pilot, "v")
        assert DERIVED in dump(app) and "hides itself in 20 s" in dump(app)
        await press(pilot, "y")
        assert copied == [DERIVED]
        page = app.screen
        await press(pilot, "escape")
        assert page._secret is None and DERIVED not in dump(app)


async def test_one_of_the_keys_of_an_enrollment_is_shown() -> None:
    async with provisioning() as (pilot, app, knobs):
        await press(pilot, "tab", "j", "j")
        await run(pilot, "provisioning.reveal-keys")
        await step(pilot, app, "slot")
        await fill(pilot, app)
        assert knobs.provisioning.asked("reveal_keys") == [(EnrollmentKind.INDIVIDUAL, "press-0417", "")]
        await press(pilot, "v")
        assert SECONDARY in dump(app) and PRIMARY not in dump(app)
        await press(pilot, "escape", "k")
        await run(pilot, "provisioning.reveal-keys")
        assert "its devices have no symmetric keys" in said(app)


async def test_a_key_that_arrives_in_another_pane_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async with provisioning() as (pilot, app, _):
        held, real = Event(), app.services.dps.derive_key

        def slow(*arguments: Any) -> Secret:
            held.wait(20)
            return real(*arguments)

        monkeypatch.setattr(app.services.dps, "derive_key", slow)
        await press(pilot, "j")
        await run(pilot, "provisioning.derive-key")
        assert isinstance(app.screen, Form)
        app.screen._inputs["id"].value = "lyon-press-0001"
        await pilot.pause()
        app.screen.dismiss(app.screen.answer)
        await pilot.press("2")
        await pilot.pause()
        held.set()
        await settle(pilot)
        assert "A key was read and forgotten again" in shown(app)
        await press(pilot, "8")
        assert not isinstance(app.screen, SecretScreen)


async def test_a_key_that_may_not_be_read_says_why() -> None:
    knobs = Knobs()
    knobs.provisioning.errors["derive_key"] = denied("The group's keys cannot be read")
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "j")
        await run(pilot, "provisioning.derive-key")
        await fill(pilot, app, id="x")
        assert "The group's keys cannot be read" in shown(app) and app.screen.status_note == ""


# --- running a registration ----------------------------------------------------------------------------------------


def ordered(knobs: Knobs) -> RegistrationOrder:
    made = knobs.provisioning.asked("run")[-1][0]
    assert isinstance(made, RegistrationOrder)
    return made


@pytest.mark.parametrize("size", SIZES)
async def test_a_registration_shows_each_step_while_it_runs(size: tuple[int, int]) -> None:
    knobs = Knobs()
    knobs.provisioning.hold = Event()
    async with provisioning(knobs, size) as (pilot, app, _):
        await press(pilot, "j", "enter", "R")
        text = shown(app)
        assert "group lyon-presses, symmetric key" in text and "the hub gets the device" in text
        assert isinstance(app.screen, Form)
        app.screen.query_one("#submit").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "… 2" in shown(app))
        text = shown(app)
        assert "✓ 1 09:42:07 reach the service" in text and "assigning …" in text and "ASSIGNED" not in text
        assert "x stop" in dump(app)
        knobs.provisioning.hold.set()
        await settle(pilot)
        text = shown(app)
        assert "✓ ASSIGNED" in text and f"hub {HUB}" in text and "✓ 2 09:42:07 register" in text
        assert "DeviceId=lyon-press-0001" in text.replace(" ", "")
        made = ordered(knobs)
        assert (made.registration_id, made.key, made.group_key) == ("lyon-press-0001", Secret(DERIVED), None)
        assert made.host == "global.azure-devices-provisioning.net" and made.id_scope == "0ne00ABCDEF"
        assert DERIVED not in dump(app)
        await press(pilot, "escape")
        assert len(knobs.provisioning.asked("registrations")) == 2, "the list is read again"


async def test_a_registration_that_fails_says_what_to_do_and_can_be_run_again() -> None:
    knobs = Knobs()
    knobs.provisioning.problem = denied("The registration was refused")
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "tab", "j", "j", "R")
        await fill(pilot, app)
        text = shown(app)
        assert "✗ 2" in text and "The registration was refused" in text and "R run it again" in text
        assert ordered(knobs).key == Secret(PRIMARY)
        knobs.provisioning.problem = None
        await press(pilot, "R")
        assert "✓ ASSIGNED" in dump(app) and len(knobs.provisioning.asked("run")) == 2
        page: Any = app.screen
        await press(pilot, "escape")
        assert page._wanted is None


async def test_a_registration_can_be_stopped_and_left() -> None:
    knobs = Knobs()
    knobs.provisioning.hold = Event()
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "tab", "j", "j", "R")
        assert isinstance(app.screen, Form)
        app.screen.query_one("#submit").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "… 2" in shown(app))
        await pilot.press("x")
        await until(pilot, lambda: "Stopped here" in dump(app))
        knobs.provisioning.hold.set()
        await settle(pilot)
        assert "ASSIGNED" not in dump(app) and "R again" in dump(app)


@pytest.mark.parametrize("how", list(Attestation)[:3])
async def test_each_attestation_asks_for_what_it_needs(how: Attestation, tmp_path: Path) -> None:
    certificate = tmp_path / "device.pem"
    certificate.write_bytes(b"PEM")
    knobs = Knobs()
    knobs.provisioning.groups = (group("g", how),) if how is not Attestation.TPM else ()
    knobs.provisioning.enrollments = (enrollment("gw-1", Attestation.TPM),)
    async with provisioning(knobs) as (pilot, app, _):
        if how is Attestation.TPM:
            await press(pilot, "tab", "R")
            assert "This machine's TPM signs" in shown(app)
            await fill(pilot, app)
            assert (ordered(knobs).registration_id, ordered(knobs).attestation) == ("gw-1", Attestation.TPM)
        elif how is Attestation.X509:
            await press(pilot, "R")
            await fill(pilot, app, id="press-1", certificate=str(certificate), passphrase="secret-word")
            made = ordered(knobs)
            assert (made.certificate, made.private_key, made.key) == (str(certificate), "", None)
            assert made.passphrase == Secret("secret-word") and "secret-word" not in dump(app)
        else:
            await press(pilot, "R")
            await step(pilot, app, "by", 2)
            await fill(pilot, app, id="press-1", key=KEY, payload='{"site": "lyon"}')
            made = ordered(knobs)
            assert (made.key, made.group_key, made.payload) == (None, Secret(KEY), {"site": "lyon"})
        assert isinstance(app.screen, RegisterScreen) and "✓ ASSIGNED" in dump(app)
