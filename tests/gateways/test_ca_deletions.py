"""CA certificates deleted and taken back: who may be cut is said first, what cannot come back too."""

from __future__ import annotations

import pytest
from support.authorities import authority
from support.hub import HubRunner
from support.uploads import (  # noqa: F401
    apply,
    ask,
    at_hub,
    by_ca,
    gets_in,
    hub,
    prove,
    refused,
    runner,
    services,
    upload,
)

from console.model.change import ABSENT, Consent
from console.model.errors import ConsoleError
from console.services.bundle import Services

CA = authority()


def test_deleting_a_verified_ca_says_who_may_be_cut(hub: HubRunner, services: Services) -> None:
    by_ca(hub, 3)
    upload(services, CA, verified=True)
    upload(services, authority(), "second", verified=True)
    change = services.credentials.uploads.plan_delete("PLANTS")
    (risk,) = change.risks
    assert (risk.id, risk.blocking) == ("ca-cut", True)
    assert "3 devices sign in by CA" in risk.message
    assert "1 other verified CA" in risk.message
    assert refused(services.changes.gate.apply, change, Consent()).code == "risk"
    assert gets_in(hub, CA)
    apply(services, change, "ca-cut")
    assert at_hub(hub) == {"second": True}
    assert not gets_in(hub, CA)


def test_deleting_an_unverified_one_cuts_nobody(hub: HubRunner, services: Services) -> None:
    by_ca(hub, 3)
    upload(services, CA)
    change = services.credentials.uploads.plan_delete("plants")
    assert change.risks == ()
    apply(services, change)
    assert at_hub(hub) == {}


def test_how_many_would_be_cut_may_not_be_known(hub: HubRunner, services: Services) -> None:
    upload(services, CA, verified=True)
    hub.faults.add("server-error", endpoint="hub", status=400)
    (risk,) = services.credentials.uploads.plan_delete("plants").risks
    assert risk.blocking
    assert "not known" in risk.message


def test_an_upload_is_undone_by_deleting_it(hub: HubRunner, services: Services) -> None:
    upload(services, CA)
    change = services.changes.undo.plan()
    assert change.after is None
    apply(services, change)
    assert at_hub(hub) == {}


def test_an_upload_that_was_proved_since_is_undone_only_on_purpose(hub: HubRunner, services: Services) -> None:
    by_ca(hub, 2)
    upload(services, CA)
    first = services.changes.journal.entries()[0].id
    prove(services, CA)
    change = services.changes.undo.plan(first)
    assert {risk.id for risk in change.blocking} == {"changed-since", "ca-cut"}


def test_a_deleted_one_comes_back_unverified_and_that_is_said(hub: HubRunner, services: Services) -> None:
    upload(services, CA, verified=True)
    apply(services, services.credentials.uploads.plan_delete("plants"))
    change = services.changes.undo.plan()
    assert change.before is None
    (risk,) = change.risks
    assert risk.id == "not-restored"
    assert "proved anew" in risk.message
    apply(services, change)
    assert at_hub(hub) == {"plants": False}
    assert services.credentials.uploads.list()[0].der == CA.der


def test_a_proof_is_undone_by_uploading_it_again_unverified(hub: HubRunner, services: Services) -> None:
    by_ca(hub, 1)
    upload(services, CA)
    prove(services, CA)
    change = services.changes.undo.plan()
    assert [(edit.before, edit.after) for edit in change.edits] == [(True, False)]
    assert {risk.id for risk in change.blocking} == {"ca-cut"}
    apply(services, change, "ca-cut")
    assert at_hub(hub) == {"plants": False}
    assert not gets_in(hub, CA)
    with pytest.raises(ConsoleError):
        services.changes.undo.plan(services.changes.journal.entries()[2].id)  # the proof, taken back already


def test_a_code_cannot_be_undone_and_is_passed_over(hub: HubRunner, services: Services) -> None:
    upload(services, CA)
    ask(services)
    entry = services.changes.journal.entries()[0]
    assert "nothing to take back" in refused(services.changes.undo.plan, entry.id).sentence()
    change = services.changes.undo.plan()
    assert change.edits[0].after is ABSENT, "the upload is the newest that can be undone"
    assert any("verification code" in note for note in change.notes), "what was passed over is told"
