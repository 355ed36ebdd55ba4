"""A registration that is run: steps, waiting, words for what goes wrong; the service is played, nothing is asked."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.gateways.tpm_blob import read_wrapped_key
from console.gateways.tpm_commands import sized
from console.model.enrollment import Attestation, Registration
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import DeviceAnswer, RegistrationOrder, Step, StepState
from console.model.secret import Secret
from console.rules.registration_failures import Case, ended, refused
from console.rules.registration_run import usual_id
from console.services.ports import Cancel
from console.services.registration import PATIENCE, Registering

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Secret(base64.b64encode(bytes(range(32))).decode())
ASSIGNED = DeviceAnswer(
    200, "assigned", "5.1", Registration("press-1", "assigned", "initialAssignment", "press-1", "h.azure-devices.net")
)
TAKEN = DeviceAnswer(202, "assigning", "5.1", retry_after=3.0)
# A key and the registration id that Azure's tool made of it: azure-iot-sdk-c#2286.
PUBLISHED_KEY = (
    "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEAtKEADl/sNRgmYAjP6gXmbccRaJoTnVixisUa"
    "ek0OwAzFGN70xt9ZOYp6fhIwfcft3fdVKOrKpXYcTe72CGNkGJGlQz5ti9n2pQ0uJhcX8aefh4Onm7lVlUCQAVp1K0r6zI8vkEXWsBIvwvxk0eMJbFaq"
    "146kbTkJHIGczb89RkFH2TX+CgXeZOG9oXQzUNwktmTUacspamune5Wywc/ce8HsDFYchyUHogFhrZ/LPnzyTDXO8sSC5z5dvsUBtUME3iRYDyKgZOfB"
    "tmRMqQewD+4iH+ZEJjtsyJiWR8hFhyKROnOuqXfNFwjd5IcNU4wtlKO0cLyXmTOfQK6Da1pr5Q=="
)


@dataclass
class Waiting(Cancel):
    """A time that passes when somebody waits, and a flag that can go up meanwhile."""

    now: datetime = NOW
    stop_after: int = 10_000
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)
        if len(self.waits) >= self.stop_after:
            self.cancel()
        return self.cancelled


class Played:
    """A service that gives answers in their order, the last one for ever."""

    tls = "TLSv1.2 by Contoso CA"

    def __init__(self, *answers: DeviceAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any, Secret | None]] = []
        self.closed = False

    def reach(self, *_: Any) -> Played:
        return self

    def register(self, scope: str, name: str, body: Any, token: Secret | None, cancel: Cancel) -> DeviceAnswer:
        cancel.check()
        return self._next(f"register {scope} {name}", body, token)

    def operation(self, scope: str, name: str, operation: str, token: Secret | None, cancel: Cancel) -> DeviceAnswer:
        cancel.check()
        return self._next(f"operation {operation}", None, token)

    def close(self) -> None:
        self.closed = True

    def _next(self, what: str, body: Any, token: Secret | None) -> DeviceAnswer:
        self.asked.append((what, body, token))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def no_tpm() -> Any:
    raise AssertionError("no TPM was wanted")


def order(**more: Any) -> RegistrationOrder:
    words = {"key": KEY, **more}
    return RegistrationOrder("0ne00000000", "press-1", Attestation.SYMMETRIC_KEY, "h", **words)


def run(played: Played, time: Waiting | None = None, wanted: RegistrationOrder | None = None) -> tuple[Any, list[Step]]:
    time = time or Waiting()
    told: list[Step] = []
    result = Registering(played, no_tpm, time).run(wanted or order(), told.append, time)
    assert played.closed
    return result, told


def test_it_waits_as_long_as_the_service_says_and_takes_its_throttling_for_what_it_is():
    time = Waiting()
    played = Played(
        TAKEN,
        replace(TAKEN, retry_after=None),
        DeviceAnswer(429, retry_after=7.0),
        DeviceAnswer(503),
        replace(TAKEN, retry_after=900.0),
        ASSIGNED,
    )
    result, told = run(played, time)
    assert result.assigned
    assert time.waits == [3.0, 2.0, 7.0, 2.0, 30.0]
    assert [what for what, _, _ in played.asked] == ["register 0ne00000000 press-1"] + ["operation 5.1"] * 5
    assert result.connection == "HostName=h.azure-devices.net;DeviceId=press-1"
    assert [step.number for step in result.steps] == list(range(1, len(result.steps) + 1))
    assert {step.number: step for step in told} == {step.number: step for step in result.steps}


def test_a_service_that_never_decides_is_given_up():
    result, told = run(Played(TAKEN))
    assert not result.assigned
    assert result.problem.kind is ErrorKind.TIMEOUT
    assert told[-1].state is StepState.FAILED
    assert told[-1].at - NOW > PATIENCE


def test_who_stops_waiting_learns_nothing_more_and_the_connection_is_ended():
    time = Waiting(stop_after=2)
    played = Played(TAKEN)
    with pytest.raises(ConsoleError) as caught:
        Registering(played, no_tpm, time).run(order(), cancel=time)
    assert caught.value.kind is ErrorKind.CANCELLED
    assert played.closed
    assert len(time.waits) == 2


def test_the_token_is_for_the_registration_and_lasts_an_hour():
    played = Played(ASSIGNED)  # some answer at once: then nobody waits
    assert run(played)[0].assigned
    token = played.asked[0][2]
    assert token.reveal().startswith("SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fpress-1&sig=")
    assert token.reveal().endswith(f"&se={int(NOW.timestamp()) + 3600}&skn=registration")
    assert played.asked[0][1] == {"registrationId": "press-1"}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (DeviceAnswer(401, code=401002, message="Unauthorized"), ErrorKind.AUTHENTICATION, "key is not that of"),
        (DeviceAnswer(401, code=401000, message="Unauthorized"), ErrorKind.NOT_FOUND, "no enrollment"),
        (DeviceAnswer(401, date=NOW + timedelta(minutes=9)), ErrorKind.CLOCK, "9 min behind"),
        (DeviceAnswer(404, code=404201, message="Not Found."), ErrorKind.NOT_FOUND, "no enrollment"),
        (DeviceAnswer(404, message="Not Found."), ErrorKind.NOT_FOUND, "ID scope 0ne00000000"),
        (DeviceAnswer(429), ErrorKind.THROTTLED, "throttles"),
        (DeviceAnswer(502, message="x"), ErrorKind.SERVICE, "502"),
        (DeviceAnswer(409), ErrorKind.CONFLICT, "under way"),
        (DeviceAnswer(400, code=400000, message="no"), ErrorKind.BAD_INPUT, "400000"),
        (DeviceAnswer(202), ErrorKind.BAD_ANSWER, "no operation"),
    ],
)
def test_a_refusal_becomes_one_sentence_with_its_cause(answer: DeviceAnswer, kind: ErrorKind, words: str):
    result, told = run(Played(answer))
    assert (result.assigned, result.connection) == (False, "")
    assert result.problem.kind is kind
    assert words in result.problem.sentence()
    assert result.problem.hint
    assert told[-1].state is StepState.FAILED


@pytest.mark.parametrize(
    ("state", "code", "message", "words"),
    [
        ("disabled", None, "", "disabled"),
        ("failed", 401002, "ErrorCode:IotHubUnauthorizedAccess;Unauthorized", "key of its link"),
        ("failed", 400207, "Custom allocation failed", "custom allocation"),
        ("failed", 403004, "Device quota exceeded", "no more devices"),
        ("failed", 500000, "odd", "500000, “odd”"),
        ("unassigned", None, "", "unassigned"),
        ("assigned", None, "", "names no hub"),
    ],
)
def test_a_registration_that_ends_without_a_hub_says_why(state: str, code: int | None, message: str, words: str):
    known = Registration("press-1", state, error_code=code, error_message=message)
    result, _ = run(Played(TAKEN, DeviceAnswer(200, state, "5.1", known)))
    assert not result.assigned
    assert words in result.problem.sentence()
    assert result.registration == known


@pytest.mark.parametrize(
    "change",
    [
        {"id_scope": "two words"},
        {"registration_id": ""},
        {"registration_id": "press 1"},
        {"host": " "},
        {"key": None},
        {"group_key": KEY},
        {"key": Secret("not base64")},
        {"token_ttl": 60},
        {"keep_in_tpm": True},
        {"attestation": Attestation.OTHER},
        {"attestation": Attestation.X509},
        {"attestation": Attestation.TPM, "token_ttl": 10**12},
        {"attestation": Attestation.X509, "certificate": "/nowhere/at.all"},
    ],
)
def test_what_cannot_begin_is_refused_before_anybody_is_asked(change: dict[str, Any]):
    played = Played(ASSIGNED)
    with pytest.raises(ConsoleError) as caught:
        Registering(played, no_tpm, Waiting()).run(replace(order(), **change))
    assert caught.value.code == "usage"
    assert not played.asked


def test_the_usual_id_is_the_one_that_azures_tool_makes():
    assert usual_id(PUBLISHED_KEY) == "y5wivfciikcievvnsbpkhzcahwm4chuzx6v4hnqnlqfs3fjf6rxa"


CASES = st.builds(Case, st.text(), st.text(), st.sampled_from(Attestation), st.booleans(), st.booleans())
ANSWERS: Sequence[Callable[..., ConsoleError]] = (lambda answer, case: refused(answer, case, NOW), ended)


@given(
    st.builds(
        DeviceAnswer,
        st.integers(400, 599),
        state=st.sampled_from(["", "failed", "disabled", "x"]),
        code=st.none() | st.integers(),
        message=st.text(),
    ),
    CASES,
    st.sampled_from(ANSWERS),
)
def test_whatever_is_answered_has_a_cause_and_a_next_step(answer: DeviceAnswer, case: Case, told: Any):
    error = told(answer, case)
    assert error.why
    assert error.hint
    assert "\n" not in error.what


PARTS = [bytes([number]) * 20 for number in (1, 2, 3, 4)] + [b"\x00\x08" + bytes(30), b"told"]
BLOB = b"".join(map(sized, PARTS))


def test_a_wrapped_key_is_taken_apart_in_the_services_order():
    found = read_wrapped_key(BLOB)
    assert [found.credential, found.credential_seed, found.duplicate, found.duplicate_seed, found.public] == PARTS[:5]


@given(st.binary(max_size=300) | st.integers(0, len(BLOB) - 7).map(lambda end: BLOB[:end]))
def test_other_bytes_are_no_wrapped_key(data: bytes):
    try:
        read_wrapped_key(data)
    except ConsoleError as error:
        assert error.kind is ErrorKind.BAD_ANSWER
    else:
        assert data[:2] != b"\0\0"  # what a lucky guess must have
