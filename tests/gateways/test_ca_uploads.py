"""CA certificates on the local hub: uploaded, proved, deleted and taken back; who gets in before and after."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.arm import ArmBench
from support.authorities import DAY, Holder, authority, make
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
from support.writes import writable

from console.gateways.writers import CertificateWriter
from console.model.change import Consent, Result
from console.model.errors import ErrorKind
from console.model.journal import EntryState
from console.services.bundle import Services
from console.services.ports import NEVER_CANCELLED

CA = authority()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_device_gets_in_only_after_possession_was_proved(hub: HubRunner, services: Services, kind: str) -> None:
    ca = authority(kind=kind)
    by_ca(hub, 1)
    upload(services, ca)
    assert at_hub(hub) == {"plants": False}
    assert not gets_in(hub, ca)
    outcome = prove(services, ca)
    assert "read back as planned" in outcome.message
    assert gets_in(hub, ca)
    assert not gets_in(hub, authority())
    found = ArmBench(hub).client().certificates.get(hub.ready["resource_group"], hub.ready["hub_name"], "plants")
    assert found.properties.is_verified is True
    (listed,) = services.credentials.uploads.list()
    assert (listed.name, listed.verified, listed.der) == ("plants", True, ca.der)


def test_every_step_is_in_the_journal_before_and_after(hub: HubRunner, services: Services) -> None:
    upload(services, CA)
    code = ask(services)
    apply(services, services.credentials.uploads.plan_proof("plants", CA.issue(code).der))
    apply(services, services.credentials.uploads.plan_delete("plants", "end of life"), "ca-cut")
    journal = services.changes.journal
    entries = journal.entries()[::-1]
    kinds = [entry.kind for entry in entries]
    assert kinds == ["certificate.upload", "certificate.code", "certificate.prove", "certificate.delete"]
    assert {entry.state for entry in entries} == {EntryState.APPLIED}
    assert [row.kind for row in journal.rows()] == ["intent", "outcome"] * 4
    assert entries[1].answer["verificationCode"] == code
    assert entries[2].after is not None
    assert base64.b64decode(entries[2].after["proof"])[:1] == b"\x30"
    assert [edit.after for edit in entries[2].edits] == [True]
    assert entries[3].reason == "end of life"
    assert journal.verify().whole


def test_uploading_it_again_changes_nothing_and_another_under_its_name_is_refused(
    hub: HubRunner, services: Services
) -> None:
    uploads = services.credentials.uploads
    upload(services, CA)
    assert uploads.plan_upload("PLANTS", CA.der).edits == ()
    error = refused(uploads.plan_upload, "Plants", authority().pem)
    assert (error.kind, error.code) == (ErrorKind.BAD_INPUT, "exists")
    change = uploads.plan_upload("plants", CA.pem, verified=True)
    assert [(edit.before, edit.after) for edit in change.edits] == [(False, True)]
    apply(services, change)
    assert at_hub(hub) == {"plants": True}
    assert uploads.plan_upload("plants", CA.pem).edits == (), "what is verified stays verified"


@pytest.mark.parametrize("spelling", ["base64 of PEM", "PEM", "base64 in lines"])
def test_however_the_service_spells_a_certificate_it_is_the_same_one(
    hub: HubRunner, services: Services, spelling: str
) -> None:
    upload(services, CA)
    spelled = {
        "base64 of PEM": base64.b64encode(CA.pem).decode(),
        "PEM": CA.pem.decode(),
        "base64 in lines": base64.encodebytes(CA.der).decode(),
    }[spelling]
    with hub.hub.lock:
        hub.hub.certificates["plants"]["properties"]["certificate"] = spelled
    assert services.credentials.uploads.plan_upload("plants", CA.pem).edits == ()
    prove(services, CA)
    apply(services, services.changes.undo.plan())
    assert at_hub(hub) == {"plants": False}


def test_a_property_that_nobody_knows_survives(hub: HubRunner, services: Services) -> None:
    upload(services, CA)
    with hub.hub.lock:
        hub.hub.certificates["plants"]["properties"]["policyResourceId"] = "/policies/one"
    change = services.credentials.uploads.plan_upload("plants", CA.pem, verified=True)
    assert change.after is not None
    sent: list[Any] = []

    class Wire:
        """What the writer sends, and nothing behind it."""

        def send(self, *call: Any, body: Any, headers: Any, role: str) -> tuple[None, None]:
            sent.append((call[1:3], body, headers))
            return None, None

    wire: Any = Wire()
    CertificateWriter(wire).put(change.target, change.after, "e1", NEVER_CANCELLED)
    properties = {"certificate": base64.b64encode(CA.der).decode(), "isVerified": True}
    wanted = {"properties": {**properties, "policyResourceId": "/policies/one"}}
    assert sent == [(("PUT", change.target.id), wanted, {"If-Match": "e1"})]


def test_verified_on_upload_says_what_is_skipped(hub: HubRunner, services: Services) -> None:
    by_ca(hub, 1)
    change = services.credentials.uploads.plan_upload("plants", CA.pem, verified=True)
    (risk,) = change.risks
    assert (risk.id, risk.severity, risk.blocking) == ("verified-on-upload", "medium", False)
    assert "not theirs" in risk.message
    apply(services, change)
    assert gets_in(hub, CA)


@pytest.mark.parametrize(
    ("holder", "risk"),
    [
        (authority(start=-DAY * 30, end=-DAY), "expired"),
        (authority(start=DAY, end=DAY * 30), "not-yet-valid"),
        (authority(end=DAY * 20), "expires-soon"),
        (authority(kind="rsa-1024"), "weak-key"),
        (authority(kind="ed25519"), "unsupported-key"),
        (authority(signs=False), "no-signing"),
    ],
)
def test_what_speaks_against_a_ca_is_said(services: Services, holder: Holder, risk: str) -> None:
    change = services.credentials.uploads.plan_upload("plants", holder.pem)
    assert [one.id for one in change.risks] == [risk]
    assert change.risks[0].blocking is (risk not in {"not-yet-valid", "expires-soon"})


def test_the_limit_and_a_twin_are_said(hub: HubRunner, services: Services) -> None:
    upload(services, CA)
    with hub.hub.lock:
        body = hub.hub.certificates["plants"]
        hub.hub.certificates.update({f"filler-{number}": {**body, "name": f"filler-{number}"} for number in range(24)})
    change = services.credentials.uploads.plan_upload("another", CA.pem)
    assert {one.id for one in change.risks} == {"limit", "uploaded-already"}
    assert [one.id for one in change.blocking] == ["limit"]


KEYS = {
    "PEM PKCS#8": CA.pem + CA.key_bytes(),
    "PEM encrypted": CA.key_bytes(passphrase="secret words") + CA.pem,
    "PEM SEC 1": CA.pem + CA.key_bytes(old=True),
    "PEM cut off": CA.pem + CA.key_bytes()[:60],
    "PEM in UTF-16": (CA.pem + CA.key_bytes()).decode().encode("utf-16"),
}


@pytest.mark.parametrize("form", sorted(KEYS))
def test_a_file_with_a_private_key_is_refused_before_anything(hub: HubRunner, services: Services, form: str) -> None:
    error = refused(services.credentials.uploads.plan_upload, "plants", KEYS[form])
    assert (error.kind, error.code) == (ErrorKind.BAD_INPUT, "private-key")
    assert at_hub(hub) == {}
    assert services.changes.journal.entries() == []


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_binary_files_with_a_private_key_are_refused_too(services: Services, kind: str) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12

    holder = authority(kind=kind)
    der = Encoding.DER
    files = [holder.key_bytes(der), holder.key_bytes(der, "secret words"), holder.key_bytes(der, old=True)]
    files += [pkcs12.serialize_key_and_certificates(b"x", None, holder.certificate, None, NoEncryption())]
    files += [holder.p12(), holder.p12("secret words"), base64.b64encode(holder.key_bytes(der)), holder.der + files[0]]
    for content in files:
        assert refused(services.credentials.uploads.plan_upload, "plants", content).code == "private-key"
        assert refused(services.credentials.uploads.plan_proof, "plants", content).code == "private-key"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (CA.pem + authority("Second CA").pem, "several", "Second CA"),
        (CA.issue("press-1").pem, "no-ca", "press-1"),
        (make("press-1", ca=None).der, "no-ca", "no basic constraints"),
        (b"nothing of the sort", "no-certificate", ""),
        (b"", "no-certificate", ""),
        (CA.der[:-20], "unread", "cut off"),
    ],
)
def test_what_is_not_one_ca_certificate_is_refused(services: Services, content: bytes, code: str, words: str) -> None:
    error = refused(services.credentials.uploads.plan_upload, "plants", content)
    assert error.code == code
    assert words in error.sentence()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "x" * 65, "..", ".", "a\n"])
def test_a_name_that_the_hub_does_not_take_is_refused(services: Services, name: str) -> None:
    uploads = services.credentials.uploads
    for call in (lambda: uploads.plan_upload(name, CA.pem), lambda: uploads.plan_delete(name)):
        assert refused(call).code == "usage"


def test_names_of_every_allowed_letter_are_taken(hub: HubRunner, services: Services) -> None:
    upload(services, CA, "A-z.0_9" + "x" * 57)
    assert len(at_hub(hub)) == 1


# --- proofs ---------------------------------------------------------------------------------------------------------


def test_a_wrong_proof_is_named_and_not_sent(hub: HubRunner, services: Services) -> None:
    upload(services, CA)
    code = ask(services)
    other = authority()
    calls = len(services.changes.journal.rows())
    for proof, words in (
        (CA.issue("ABC").pem, "its common name is ABC"),
        (CA.issue(code.lower()).pem, "only the case"),
        (CA.issue(code, "twice").pem, "several common names"),
        (CA.issue().pem, "no common name"),
        (other.issue(code).pem, "another key"),
        (authority("Other CA").issue(code).pem, "Other CA"),
        (CA.pem, "common name"),
        (CA.issue(code, start=-DAY * 3, end=-DAY).pem, "expired"),
        (CA.issue(code, start=DAY).pem, "valid only from"),
    ):
        error = refused(services.credentials.uploads.plan_proof, "plants", proof, code)
        assert error.code == "proof", error.sentence()
        assert words in error.sentence()
    assert refused(services.credentials.uploads.plan_proof, "plants", b"garbage", code).code == "no-certificate"
    fast = CA.issue(code, start=timedelta(minutes=3)).pem
    assert services.credentials.uploads.plan_proof("plants", fast, code).edits, "clocks differ by minutes"
    assert at_hub(hub) == {"plants": False}
    assert len(services.changes.journal.rows()) == calls


def test_the_code_is_known_from_the_journal_while_it_counts(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    upload(services, CA)
    code = ask(services)
    later = writable(hub, tmp_path)
    assert later.credentials.uploads.known_code("PLANTS") == code
    assert refused(later.credentials.uploads.plan_proof, "plants", CA.issue("ABC").pem).code == "proof"
    elsewhere = writable(hub, tmp_path / "ana")
    newer = ask(elsewhere)
    assert later.credentials.uploads.known_code("plants") == "", "a colleague asked since"
    change = later.credentials.uploads.plan_proof("plants", CA.issue(code).pem)
    assert [risk.id for risk in change.risks] == ["code-unknown"]
    outcome = later.changes.gate.apply(change, Consent())
    assert outcome.result is Result.NOT_APPLIED
    assert "common name" in outcome.message
    apply(later, later.credentials.uploads.plan_proof("plants", CA.issue(newer).pem))


def test_what_is_verified_needs_no_proof(services: Services) -> None:
    upload(services, CA, verified=True)
    uploads = services.credentials.uploads
    assert refused(uploads.plan_code, "plants").code == "nothing"
    assert refused(uploads.plan_proof, "plants", CA.issue("ABC").pem, "ABC").code == "nothing"


def test_a_certificate_that_is_not_there_is_named_with_those_that_are(services: Services) -> None:
    upload(services, CA)
    uploads = services.credentials.uploads
    for call in (uploads.plan_code, uploads.plan_delete, uploads.known_code):
        error = refused(call, "plant")
        assert (error.kind, "plants" in error.hint) == (ErrorKind.NOT_FOUND, True)


# --- the gate -------------------------------------------------------------------------------------------------------


def test_read_only_refuses_each_of_them(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    upload(services, CA)
    code = ask(services)
    closed = writable(hub, tmp_path / "closed", armed=False)
    uploads = closed.credentials.uploads
    before = dict(hub.hub.certificates)
    for change in (
        uploads.plan_upload("more", authority().pem),
        uploads.plan_code("plants"),
        uploads.plan_proof("plants", CA.issue(code).pem, code),
        uploads.plan_delete("plants"),
    ):
        assert refused(closed.changes.gate.apply, change, Consent()).kind is ErrorKind.READ_ONLY
    assert hub.hub.certificates == before
    assert closed.changes.journal.entries() == []


def test_a_profile_with_a_connection_string_says_what_it_needs(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from support.console import profile_of

    from console.cli.compose import services_for
    from console.config import Credential

    monkeypatch.setenv("HUB_STRING", hub.ready["hub_connection_string"])
    profile = replace(
        profile_of(hub.ready, tmp_path),
        arm_id=hub.ready["hub_arm_id"],
        credential=Credential("connection-string", secret_from="env:HUB_STRING"),
    )
    uploads = services_for(profile, state_dir=tmp_path / "state").credentials.uploads
    for call in (uploads.list, lambda: uploads.plan_upload("plants", CA.pem), lambda: uploads.plan_delete("plants")):
        assert refused(call).kind is ErrorKind.NOT_CONFIGURED


def test_times_are_told_by_the_services_clock(services: Services) -> None:
    from console.services.ca_uploads import CaUploads

    late = CaUploads(services.session, services.changes, lambda: datetime.now(UTC) + timedelta(days=1000))
    assert [risk.id for risk in late.plan_upload("plants", CA.pem).risks] == ["expired"]
