"""Whatever is pasted: a result or a sentence, never another failure; nothing secret and no control character in it.

HUBWARDEN_FUZZ_EXAMPLES or the depth sets how many examples each test tries.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.depth import fuzz_examples

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import Explanation, Verdict
from console.rules import connection_string, sas_reading
from console.rules.sas import mint
from console.services.tokens import Tokens

EXAMPLES = fuzz_examples()
NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = base64.b64encode(b"\x00secret" * 4).decode()
HOST = "contoso-plants.azure-devices.net"
TOKEN = mint(f"{HOST}/devices/press#1", Secret(KEY), NOW + timedelta(hours=1), "device").reveal()
STRING = f"HostName={HOST};DeviceId=press-1;ModuleId=m;SharedAccessKey={KEY}"
WITH_TOKEN = f"HostName={HOST};DeviceId=press#1;SharedAccessSignature={TOKEN}"

fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
pieces = st.sampled_from(
    [
        *(
            "SharedAccessSignature",
            "SharedAccessSignature ",
            " ",
            "\n",
            "&",
            "=",
            "%",
            "%2",
            "%25",
            "%2F",
            "%00",
            ";",
            '"',
        ),
        *("sr=", "sig=", "se=", "skn=", "SR=", "&se=", "9" * 13, "9" * 40, "-1", "1e400", "NaN", "\u0661", "\ud800"),
        *(
            "2026-11-23T10:42:00Z",
            "0001-01-01",
            "https://",
            HOST,
            "/devices/",
            "/modules/",
            "registrations/",
            "+",
            "-_",
        ),
        *("HostName=", "DeviceId=", "SharedAccessKey=", "SharedAccessKeyName=", "x509=true", "Endpoint=sb://", "eyJ"),
        *(KEY, TOKEN, STRING, WITH_TOKEN, "Authorization: ", "password=", "Bearer ", "\x1b[2J", "\u202e", "\x00"),
    ]
)
soup = st.lists(st.one_of(pieces, st.text(max_size=6)), max_size=12).map("".join)


@st.composite
def mutated(draw, source):
    """Return a good text with some of it cut, doubled, replaced or put in."""
    text = source
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = (
            text[:start]
            + draw(st.one_of(st.just(""), st.just(text[start:end] * 2), pieces, st.text(max_size=4)))
            + text[end:]
        )
    return text


anything = st.one_of(soup, st.text(), mutated(TOKEN), mutated(STRING), mutated(WITH_TOKEN))


def sound(told: Explanation, text: str) -> None:
    assert told.findings == tuple(one.message for one in told.details)
    for shown in (told.kind, *told.findings, *(value for fact in told.facts for value in fact)):
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\ud800" for char in shown)
        assert KEY not in shown
    if told.report is not None and told.report.parts is not None:
        assert told.report.remaining_seconds is not None


@fuzz
@given(anything, st.one_of(st.none(), st.just(KEY), st.just(STRING), soup), st.one_of(st.just(""), soup))
@example("SharedAccessSignature sr=a&sig=AAAA&se=" + "9" * 12, None, "")
@example("SharedAccessSignature sr=%&sig=%&se=%", KEY, "%")
def test_explaining_anything(text, key, wanted):
    told = Tokens(None, None, None, lambda: NOW).explain(
        text, key=Secret(key) if key is not None else None, wanted=wanted
    )
    sound(told, text)


@fuzz
@given(anything)
def test_reading_a_token(text):
    told = sas_reading.read(text)
    if told.parts is None:
        assert any(one.verdict is Verdict.MALFORMED for one in told.findings)
        return
    if text.casefold().count("sharedaccesssignature") > 1:
        return  # which of them was meant is anybody's guess
    again = sas_reading.read(told.sent)  # what was repaired once needs no repair of that kind again
    assert not {"whitespace-inside", "foreign-character"} & {one.id for one in again.findings}
    assert again.parts is not None
    assert again.parts.signed_resource == told.parts.signed_resource


@fuzz
@given(anything)
def test_parsing_a_connection_string(text):
    found, _ = connection_string.read(text)
    try:
        assert connection_string.parse(text) == found
    except ConsoleError as error:
        assert error.code == "usage"
        assert KEY not in error.sentence()
