"""Certificates when things go wrong: lost answers, conflicts, colleagues, crashes; what is said is what is so."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.arm import ArmBench
from support.authorities import authority
from support.hub import HubRunner
from support.uploads import apply, ask, at_hub, upload
from support.writes import later, writable

from console.model.change import Change, Consent, Result
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState
from console.services.bundle import Services

CA = authority()
OTHER = base64.b64encode(authority("Other CA").der).decode()
PUT = {"method": "PUT", "path": "/certificates/plants$"}
DELETE = {"method": "DELETE", "path": "/certificates/plants$"}
ASK = {"method": "POST", "path": "/generateVerificationCode$"}
VERIFY = {"method": "POST", "path": "/verify$"}


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as one:
        yield one


@pytest.fixture
def hub(runner: HubRunner) -> Iterator[HubRunner]:
    with runner.hub.lock:
        runner.hub.certificates.clear()
        runner.hub.certificate_ders.clear()
    yield runner
    runner.faults.clear()


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return writable(hub, tmp_path)


def newest(services: Services) -> EntryState:
    return services.changes.journal.entries()[0].state


def plan_upload(services: Services) -> Change:
    return services.credentials.uploads.plan_upload("plants", CA.pem)


def plan_delete(services: Services) -> Change:
    upload(services, CA)
    return services.credentials.uploads.plan_delete("plants")


def plan_proof(services: Services) -> Change:
    upload(services, CA)
    code = ask(services)
    return services.credentials.uploads.plan_proof("plants", CA.issue(code).pem, code)


TROUBLE = [
    ("server-error", {"when": "before"}, False),
    ("server-error", {"when": "after"}, True),
    ("server-error", {"status": 503}, False),
    ("drop", {"when": "before"}, False),
    ("drop", {"when": "after"}, True),
    ("html", {}, False),
    ("throttle", {}, True),
]


@pytest.mark.parametrize(("fault", "details", "made"), TROUBLE)
@pytest.mark.parametrize(
    ("plan", "where", "done"),
    [
        (plan_upload, PUT, {"plants": False}),
        (plan_delete, DELETE, {}),
        (plan_proof, VERIFY, {"plants": True}),
    ],
)
def test_a_lost_answer_is_settled_by_reading(
    hub: HubRunner,
    services: Services,
    plan: Callable[[Services], Change],
    where: dict[str, str],
    done: dict[str, bool],
    fault: str,
    details: dict[str, Any],
    made: bool,
) -> None:
    change = plan(services)
    before = at_hub(hub)
    hub.faults.add(fault, endpoint="arm", count=1, **where, **details)
    outcome = services.changes.gate.apply(change, Consent())
    assert at_hub(hub) == (done if made else before)
    lost = fault == "drop" and not made
    wanted = Result.APPLIED if made else Result.UNKNOWN if lost else Result.NOT_APPLIED
    assert outcome.result is wanted, outcome.message
    assert ("NOT done" in outcome.message) is (wanted is Result.NOT_APPLIED)
    assert newest(services).value == outcome.result.value
    for entry in services.changes.journal.unfinished():
        assert later(services).changes.undo.settle(entry).state is EntryState.NOT_APPLIED


@pytest.mark.parametrize(("fault", "details", "made"), TROUBLE)
def test_a_lost_code_is_asked_for_again(
    hub: HubRunner, services: Services, fault: str, details: dict[str, Any], made: bool
) -> None:
    upload(services, CA)
    uploads = services.credentials.uploads
    change = uploads.plan_code("plants")
    hub.faults.add(fault, endpoint="arm", count=1, **ASK, **details)
    outcome = services.changes.gate.apply(change, Consent())
    if fault == "throttle":
        assert uploads.code_of(outcome)
        return
    assert outcome.result is Result.NOT_APPLIED
    assert "Ask for another" in outcome.message
    assert ("A code was made" in outcome.message) is made
    with pytest.raises(ConsoleError) as caught:
        uploads.code_of(outcome)
    assert caught.value.code == "no-code"
    assert "Ask for another" in caught.value.hint
    code = ask(services)
    apply(services, uploads.plan_proof("plants", CA.issue(code).pem))
    assert at_hub(hub) == {"plants": True}


def test_a_code_that_could_not_be_read_back_is_there_all_the_same(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.services.gate.READ_BACK_WAIT", 0.01)
    upload(services, CA)
    uploads = services.credentials.uploads
    change = uploads.plan_code("plants")
    intend = services.changes.journal.intend

    def then_blind(*arguments: Any, **named: Any) -> None:
        intend(*arguments, **named)
        hub.faults.add("drop", endpoint="arm", method="GET", path="/certificates/plants$")

    monkeypatch.setattr(services.changes.journal, "intend", then_blind)
    outcome = services.changes.gate.apply(change, Consent())
    hub.faults.clear()
    assert outcome.result is Result.UNKNOWN
    code = uploads.code_of(outcome)
    (entry,) = services.changes.journal.unfinished()
    assert services.changes.undo.settle(entry).state is EntryState.NOT_APPLIED
    assert uploads.known_code("plants") == code, "it was received, and nobody wrote since"
    monkeypatch.undo()
    apply(services, uploads.plan_proof("plants", CA.issue(code).pem))


def test_a_crash_while_a_code_was_asked_for_says_to_ask_again(
    hub: HubRunner, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(services, CA)
    change = services.credentials.uploads.plan_code("plants")

    def gone(*_arguments: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(services.changes.gate, "_read_back", gone)
    monkeypatch.setattr("console.services.journal._this_process", lambda: {"pid": 1, "machine": "elsewhere"})
    with pytest.raises(KeyboardInterrupt):
        services.changes.gate.apply(change, Consent())
    after = writable(hub, tmp_path)
    (entry,) = after.changes.journal.unfinished()
    settled = after.changes.undo.settle(entry)
    assert "Ask for another" in settled.message
    assert after.changes.journal.unfinished() == []


@pytest.mark.parametrize("end", ["made", "not made"])
def test_a_crash_while_a_proof_was_handed_in_is_settled_by_reading(
    hub: HubRunner, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    change = plan_proof(services)

    def gone(*_arguments: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    if end == "not made":
        hub.faults.add("server-error", endpoint="arm", count=1, **VERIFY)
    monkeypatch.setattr(services.changes.gate, "_read_back", gone)
    monkeypatch.setattr("console.services.journal._this_process", lambda: {"pid": 1, "machine": "elsewhere"})
    with pytest.raises(KeyboardInterrupt):
        services.changes.gate.apply(change, Consent())
    after = writable(hub, tmp_path)
    (entry,) = after.changes.journal.unfinished()
    state = EntryState.APPLIED if end == "made" else EntryState.UNKNOWN
    assert after.changes.undo.settle(entry).state is state
    if end == "not made":
        assert later(after).changes.undo.settle(entry).state is EntryState.NOT_APPLIED


# --- colleagues -----------------------------------------------------------------------------------------------------


def colleague_asks(hub: HubRunner) -> None:
    """Ask for a code with the SDK: the ETag moves."""
    arm = ArmBench(hub)
    certificates = arm.client().certificates
    etag = certificates.get(arm.group, arm.name, "plants").etag
    certificates.generate_verification_code(arm.group, arm.name, "plants", etag)


@pytest.mark.parametrize("what", ["code", "proof", "delete", "verified"])
def test_a_plan_from_before_somebody_else_wrote_is_refused(hub: HubRunner, services: Services, what: str) -> None:
    uploads = services.credentials.uploads
    change = plan_proof(services)
    plans = {
        "code": lambda: uploads.plan_code("plants"),
        "proof": lambda: change,
        "delete": lambda: uploads.plan_delete("plants"),
        "verified": lambda: uploads.plan_upload("plants", CA.pem, verified=True),
    }
    planned = plans[what]()
    colleague_asks(hub)
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(planned, Consent())
    assert caught.value.kind is ErrorKind.CONFLICT
    assert at_hub(hub) == {"plants": False}
    if what != "proof":  # planned again, against what is there now
        apply(services, plans[what]())


@pytest.mark.parametrize("what", ["upload", "code", "proof", "delete"])
def test_who_writes_between_our_reading_and_our_write_wins(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    uploads = services.credentials.uploads
    if what == "upload":
        change = plan_upload(services)
    else:
        change = plan_proof(services)
        change = {"code": uploads.plan_code, "delete": uploads.plan_delete}.get(what, lambda _name: change)("plants")
    intend = services.changes.journal.intend

    def late(*arguments: Any, **named: Any) -> None:
        intend(*arguments, **named)
        if what == "upload":
            from azure.mgmt.iothub.models import CertificateDescription, CertificateProperties

            arm = ArmBench(hub)
            theirs = CertificateDescription(properties=CertificateProperties(certificate=OTHER, is_verified=True))
            arm.client().certificates.create_or_update(arm.group, arm.name, "plants", theirs)
        else:
            colleague_asks(hub)

    monkeypatch.setattr(services.changes.journal, "intend", late)
    outcome = services.changes.gate.apply(change, Consent())
    monkeypatch.undo()
    if what == "upload":
        assert at_hub(hub) == {"plants": True}, "theirs stays"
    else:
        assert at_hub(hub) == {"plants": False}
    assert outcome.result is Result.CONFLICT, outcome.message
    assert newest(services) is EntryState.CONFLICT


def test_a_creation_never_replaces_one_that_came_meanwhile(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    change = plan_upload(services)
    upload(writable(hub, tmp_path / "ana"), authority("Other CA"))
    with pytest.raises(ConsoleError, match="there already"):
        services.changes.gate.apply(change, Consent())
    (there,) = services.credentials.uploads.list()
    assert there.subject == "CN=Other CA"


def test_who_writes_right_after_a_code_was_made_is_told(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(services, CA)
    change = services.credentials.uploads.plan_code("plants")
    read_back = services.changes.gate._read_back

    def late(*arguments: Any) -> Any:
        colleague_asks(hub)
        return read_back(*arguments)

    monkeypatch.setattr(services.changes.gate, "_read_back", late)
    outcome = services.changes.gate.apply(change, Consent())
    assert outcome.result is Result.DIFFERS
    assert "ask for another" in outcome.message
    assert services.credentials.uploads.known_code("plants") == ""


def test_somebody_who_may_not_write_is_told_what_it_takes(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    from support.console import profile_of

    upload(services, CA)
    reader = writable(hub, tmp_path / "reader", credential=profile_of(hub.ready, tmp_path, "reader").credential)
    for change in (
        reader.credentials.uploads.plan_code("plants"),
        reader.credentials.uploads.plan_delete("plants"),
        reader.credentials.uploads.plan_upload("more", CA.pem),
    ):
        outcome = reader.changes.gate.apply(change, Consent())
        assert outcome.result is Result.NOT_APPLIED
        assert "Contributor (on the hub)" in outcome.message
    assert at_hub(hub) == {"plants": False}


def test_what_is_no_code_is_not_used(hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(services, CA)
    monkeypatch.setattr("console.localhub.arm_certificates.secrets.token_hex", lambda _n: "$(reboot)")
    outcome = services.changes.gate.apply(services.credentials.uploads.plan_code("plants"), Consent())
    monkeypatch.undo()
    assert outcome.result is Result.NOT_APPLIED
    with pytest.raises(ConsoleError):
        services.credentials.uploads.code_of(outcome)
    with pytest.raises(ConsoleError):
        services.credentials.uploads.offline_steps("plants", "$(reboot)")
