"""What the rules of CA certificates decide by themselves: spellings, names, codes, and how asking for one ended."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.authorities import authority

from console.model.change import ABSENT, Change, Result, Severity
from console.model.document import Document, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.rules.ca_upload import loss_risks
from console.rules.certificate_one import holds_private_key, only_certificate
from console.rules.certificate_text import base64_of, der_of, steady_certificate
from console.rules.hub_certificate_name import check_name
from console.rules.planning import change_of, settled
from console.rules.registering import leaf_of
from console.rules.verification_code import PLACEHOLDER, code_told, usable

CA = authority()
CODE = "75B86466DA34D2B04C0C4C9557A119687ADAE7D4732BDDB3"
BODY = {"id": "/c/plants", "etag": "e1", "properties": {"certificate": base64_of(CA.der), "isVerified": False}}
TARGET = Target(TargetKind.CERTIFICATE_CODE, "/c/plants")


def asked() -> Change:
    after = {**BODY, "properties": {**BODY["properties"], "verificationCode": PLACEHOLDER}}
    return change_of("certificate.code", "verification code for plants", TARGET, Document(BODY, "e1"), after)


@pytest.mark.parametrize(
    "spelled",
    [
        base64_of(CA.der),
        base64.encodebytes(CA.der).decode(),
        CA.pem.decode(),
        CA.pem.decode().replace("\n", "\r\n"),
        base64.b64encode(CA.pem).decode(),
        f"\n{CA.pem.decode()}\n",
    ],
)
def test_every_spelling_of_a_certificate_is_the_same_one(spelled: str) -> None:
    assert der_of(spelled) == CA.der
    assert steady_certificate({"certificate": spelled}) == {"certificate": base64_of(CA.der), "isVerified": False}


@given(st.one_of(st.none(), st.text(), st.integers(), st.binary().map(lambda raw: base64.b64encode(raw).decode())))
def test_no_text_makes_reading_fail(text: object) -> None:
    assert isinstance(der_of(text), bytes)
    steady_certificate({"certificate": text})


@given(st.binary(max_size=400))
def test_bytes_are_one_certificate_or_refused(content: bytes) -> None:
    assert holds_private_key(content) in {True, False}
    for read in (only_certificate, leaf_of):
        with pytest.raises(ConsoleError):
            read(content, "It cannot be used")


@given(st.binary(min_size=1, max_size=6), st.integers(min_value=0, max_value=len(CA.der) - 1))
def test_a_spoiled_certificate_never_ends_in_anything_but_a_sentence(noise: bytes, place: int) -> None:
    content = CA.der[:place] + noise + CA.der[place + len(noise) :]
    try:
        only_certificate(content, "It cannot be used")
    except ConsoleError as error:
        assert error.sentence()


@given(st.text(max_size=70))
def test_names_are_taken_as_the_service_says(name: str) -> None:
    try:
        check_name(name)
        taken = True
    except ConsoleError:
        taken = False
    assert taken == bool(re.fullmatch(r"[A-Za-z0-9\-._]{1,64}", name) and name.strip("."))


@given(st.text(max_size=80))
def test_a_code_can_stand_in_a_shell_s_line_or_is_none(text: str) -> None:
    assert usable(text) == (text.isascii() and text.isalnum() and len(text) <= 64)


def test_times_and_thumbprints_of_the_service_are_no_difference() -> None:
    told = {"subject": "CN=x", "expiry": "…", "thumbprint": "AB", "created": "1", "updated": "2"}
    now = {**BODY, "etag": "e2", "properties": {**BODY["properties"], **told}}
    for kind in (TargetKind.CERTIFICATE, TargetKind.CERTIFICATE_CODE, TargetKind.CERTIFICATE_PROOF):
        assert settled(kind, now) == settled(kind, BODY)
    other = {**BODY, "properties": {**BODY["properties"], "certificate": base64_of(authority().der)}}
    assert settled(TargetKind.CERTIFICATE, other) != settled(TargetKind.CERTIFICATE, BODY)


def error_of(kind: ErrorKind) -> ConsoleError:
    return ConsoleError(kind, "It could not be had", "the line is dead", "Look")


MOVED = Document({**BODY, "etag": "e2"}, "e2")
STILL = Document(BODY, "e1")


@pytest.mark.parametrize(
    ("now", "etag", "code", "error", "result", "words"),
    [
        (MOVED, "e2", CODE, None, Result.APPLIED, CODE),
        (MOVED, "", CODE, None, Result.APPLIED, CODE),
        (MOVED, "e9", CODE, None, Result.DIFFERS, "right after"),
        (None, "e2", CODE, None, Result.DIFFERS, "gone"),
        (MOVED, "e2", "", None, Result.NOT_APPLIED, "Ask for another"),
        (MOVED, "e2", "a b", None, Result.NOT_APPLIED, "no usable code"),
        (MOVED, "", "", error_of(ErrorKind.NETWORK), Result.NOT_APPLIED, "A code was made there"),
        (STILL, "", "", error_of(ErrorKind.TIMEOUT), Result.NOT_APPLIED, "No code was received"),
        (STILL, "", "", error_of(ErrorKind.CONFLICT), Result.CONFLICT, "somebody else"),
        (STILL, "", "", error_of(ErrorKind.PERMISSION), Result.NOT_APPLIED, "the line is dead. Look."),
    ],
)
def test_how_asking_for_a_code_ended(
    now: Document | None, etag: str, code: str, error: ConsoleError | None, result: Result, words: str
) -> None:
    answer = {"verificationCode": code} if code else {}
    outcome = code_told(asked(), now, etag, answer, error)
    assert outcome.result is result
    assert words in outcome.message
    assert outcome.error is error


def test_another_certificate_under_the_name_is_no_success() -> None:
    other = {**BODY, "properties": {"certificate": base64_of(authority().der), "isVerified": False}}
    outcome = code_told(asked(), Document(other, "e2"), "e2", {"verificationCode": CODE}, None)
    assert outcome.result is Result.DIFFERS


def test_the_plan_of_a_code_shows_that_there_will_be_one() -> None:
    (edit,) = asked().edits
    assert (edit.path, edit.before) == (("properties", "verificationCode"), ABSENT)


@pytest.mark.parametrize(
    ("devices", "blocking", "words"),
    [(214, True, "214 devices sign"), (1, True, "1 device signs"), (0, False, "no device"), ("no way", True, "no way")],
)
def test_who_is_cut_when_a_ca_goes(devices: int | str, blocking: bool, words: str) -> None:
    (risk,) = loss_risks(verified=True, devices=devices, others=2, what="is deleted")
    assert risk.blocking is blocking
    assert words in risk.message
    assert (risk.severity is Severity.HIGH) is blocking
    assert loss_risks(verified=False, devices=devices, others=2, what="is deleted") == []
