"""Payloads agree with the Fernet specification, with `cryptography` and with openssl, and failures say why."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from hypothesis import given
from hypothesis import strategies as st

from console.model.errors import ConsoleError
from console.model.payload import PayloadFault
from console.model.secret import Secret
from console.rules.payload import Keyring
from console.services.payload import Payload

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
STAMP = int(NOW.timestamp())
KEY, OTHER, THIRD = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(3))


def payload(now=NOW):
    return Payload(lambda: now)


def keys(*texts):
    return tuple(Secret(text) for text in texts or (KEY,))


def outputs(lines):
    return [line.output for line in lines]


def faults(lines):
    return [(line.number, line.fault) for line in lines if line.output is None]


# --- the Fernet specification's own vectors (github.com/fernet/spec: *.json) -------------

SPEC_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
SPEC_NOW = datetime(1985, 10, 26, 8, 20, 0, tzinfo=UTC)
SPEC_TOKEN = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
START = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA"
SPEC_INVALID = [
    ("incorrect mac", f"{START}l1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==", 1, PayloadFault.ALTERED),
    ("too short", f"{START}==", 1, PayloadFault.TRUNCATED),
    (
        "invalid base64",
        f"{'%' * 13}{START[13:]}l1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        1,
        PayloadFault.NOT_A_TOKEN,
    ),
    ("block size", f"{START}Om73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm", 1, PayloadFault.TRUNCATED),
    (
        "payload padding error",
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
        1,
        PayloadFault.NOT_A_TOKEN,
    ),
    (
        "far-future TS",
        "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
        1,
        PayloadFault.FUTURE,
    ),
    ("expired TTL", f"{START}l1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==", 91, PayloadFault.EXPIRED),
    (
        "incorrect IV",
        "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
        1,
        PayloadFault.NOT_A_TOKEN,
    ),
    ("trailing characters", f"{SPEC_TOKEN}trailingdata", 1, PayloadFault.ALTERED),
    (
        "invalid characters",
        "*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        1,
        PayloadFault.NOT_A_TOKEN,
    ),
    (
        "not url-safe",
        "gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        1,
        PayloadFault.ALTERED,
    ),
]


def test_the_specifications_token_is_made(monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda count: bytes(range(count)))
    (line,) = payload(SPEC_NOW).encrypt([b"hello"], keys(SPEC_KEY))
    assert line.output == SPEC_TOKEN.encode()


def test_the_specifications_token_is_opened():
    (line,) = payload(SPEC_NOW + timedelta(seconds=1)).decrypt([SPEC_TOKEN.encode()], keys(SPEC_KEY), ttl=60)
    assert line.output == b"hello"


LENIENT = {"trailing characters", "invalid characters"}
"""What cryptography opens all the same: it skips characters that base64 does not have."""


@pytest.mark.parametrize(("what", "token", "seconds", "fault"), SPEC_INVALID, ids=[row[0] for row in SPEC_INVALID])
def test_the_specifications_bad_tokens_are_refused_each_with_its_reason(what, token, seconds, fault):
    now = SPEC_NOW + timedelta(seconds=seconds)
    if what not in LENIENT:
        with pytest.raises(InvalidToken):
            Fernet(SPEC_KEY).decrypt_at_time(token.encode(), 60, int(now.timestamp()))
    (line,) = payload(now).decrypt([token.encode()], keys(SPEC_KEY), ttl=60)
    assert (line.output, line.fault) == (None, fault)


# --- cryptography ----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_both_ways_with_cryptography(data):
    ring = Keyring(keys())
    assert Fernet(KEY).decrypt_at_time(ring.encrypt(data, STAMP), 10, STAMP) == data
    assert ring.decrypt(Fernet(KEY).encrypt_at_time(data, STAMP), STAMP).data == data


def test_rotation_is_multifernets():
    old = Fernet(OTHER).encrypt_at_time(b"21.5", STAMP - 5000)
    (line,) = payload().rotate([old], keys(KEY, OTHER))
    assert Fernet(KEY).decrypt(line.output) == b"21.5"
    assert Fernet(KEY).extract_timestamp(line.output) == STAMP - 5000
    theirs = MultiFernet([Fernet(KEY), Fernet(OTHER)]).rotate(old)
    assert Fernet(KEY).extract_timestamp(theirs) == STAMP - 5000  # the time stays there too
    assert outputs(payload().decrypt([old, line.output, theirs], keys(KEY, OTHER))) == [b"21.5"] * 3
    assert outputs(payload().encrypt([b"x"], keys(KEY, OTHER)))[0] is not None


# --- openssl ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_what_is_made_here():
    raw = base64.urlsafe_b64decode(KEY)
    for text in (b"", b"21.5", b'{"temperature": 21.5}', bytes(range(256))):
        token = base64.urlsafe_b64decode(Keyring(keys()).encrypt(text, STAMP))
        head, body, mac = token[:25], token[25:-32], token[-32:]
        digest = openssl(
            "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{raw[:16].hex()}", "-binary", data=head + body
        )
        assert digest == mac
        plain = openssl("enc", "-aes-128-cbc", "-d", "-K", raw[16:].hex(), "-iv", head[9:].hex(), data=body)
        assert plain == text
        assert int.from_bytes(head[1:9], "big") == STAMP


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_openssl_made_is_opened_here():
    raw, iv = base64.urlsafe_b64decode(KEY), bytes(range(16))
    body = openssl("enc", "-aes-128-cbc", "-K", raw[16:].hex(), "-iv", iv.hex(), data=b"made by openssl")
    head = b"\x80" + STAMP.to_bytes(8, "big") + iv
    mac = openssl("dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{raw[:16].hex()}", "-binary", data=head + body)
    token = base64.urlsafe_b64encode(head + body + mac)
    assert outputs(payload().decrypt([token], keys(), ttl=60)) == [b"made by openssl"]


def openssl(*arguments, data):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True, timeout=30).stdout


# --- why not ----------------------------------------------------------------------------------------------------------

TEXT = b'{"temperature": 21.5, "site": "lyon"}'


def reason(token, *ring, ttl=None, now=NOW):
    (line,) = payload(now).decrypt([token], keys(*ring), ttl=ttl)
    assert line.output is None
    return line.fault, line.message


def test_wrong_key_and_change_are_told_apart_by_what_decrypts():
    token = Fernet(KEY).encrypt_at_time(TEXT, STAMP)
    fault, message = reason(token, OTHER)
    assert fault is PayloadFault.WRONG_KEY
    assert "made with another key" in message
    raw = bytearray(base64.urlsafe_b64decode(token))
    for place in (5, 12, 30, len(raw) - 1):  # time, IV, text, signature
        changed = bytearray(raw)
        changed[place] ^= 1
        assert reason(base64.urlsafe_b64encode(changed))[0] is PayloadFault.ALTERED, place
    raw = base64.urlsafe_b64decode(Fernet(KEY).encrypt_at_time(TEXT * 3, STAMP))
    cut = raw[:-48]  # whole blocks, whole base64
    assert reason(base64.urlsafe_b64encode(cut))[0] is PayloadFault.ALTERED


def test_where_it_cannot_be_told_both_are_said_with_the_evidence():
    good = Fernet(KEY).encrypt_at_time(TEXT, STAMP)
    foreign = Fernet(OTHER).encrypt_at_time(TEXT, STAMP)
    lines = list(payload().decrypt([good, foreign], keys()))
    assert lines[1].fault is PayloadFault.WRONG_KEY
    assert "opened 1 other line" in lines[1].message
    assert "none of the 2 keys" in reason(foreign, KEY, THIRD)[1]


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 10, 60])
def test_truncated(cut):
    assert reason(Fernet(KEY).encrypt_at_time(b"21.5", STAMP)[:-cut])[0] is PayloadFault.TRUNCATED


def test_expired_and_from_the_future_need_an_age():
    old, ahead = (Fernet(KEY).encrypt_at_time(b"21.5", STAMP + offset) for offset in (-61, 61))
    fault, message = reason(old, ttl=60)
    assert fault is PayloadFault.EXPIRED
    assert message == "expired: made 2026-11-23 09:40:59Z, 61 s ago; 60 s are allowed"
    fault, message = reason(ahead, ttl=60)
    assert fault is PayloadFault.FUTURE
    assert "61 s ahead" in message
    assert outputs(payload().decrypt([old, ahead], keys())) == [b"21.5", b"21.5"]
    assert reason(old, OTHER, ttl=60)[0] is PayloadFault.WRONG_KEY  # its age is only known once its key is


@pytest.mark.parametrize(
    "text",
    [b'{"temperature": 21.5}', b"hello", b"eyJhbGciOiJIUzI1NiJ9.e30.c2ln", base64.urlsafe_b64encode(bytes(80)), b"%"],
)
def test_what_is_no_token(text):
    assert reason(text)[0] is PayloadFault.NOT_A_TOKEN


def test_nothing_of_the_content_or_key_is_in_a_message():
    token = base64.urlsafe_b64decode(Fernet(KEY).encrypt_at_time(b"classified-content", STAMP))
    changed = base64.urlsafe_b64encode(token[:-1] + bytes([token[-1] ^ 1]))
    _, message = reason(changed)
    assert "classified" not in message
    assert KEY not in message


# --- lines and members ----------------------------------------------------------------------------------------------


def test_a_bad_line_does_not_end_the_stream_and_blank_ones_are_left_out():
    good = Fernet(KEY).encrypt_at_time(b"21.5", STAMP)
    lines = list(payload().decrypt([good + b"\n", b"\r\n", b"nonsense\n", good + b"\r\n"], keys()))
    assert outputs(lines) == [b"21.5", None, b"21.5"]
    assert faults(lines) == [(3, PayloadFault.NOT_A_TOKEN)]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"21.5", b"21.5"),
        ("gr\u00fc\u00df".encode(), "gr\u00fc\u00df".encode()),
        (b"\xff\x00", b"base64:/wA="),
        (b"two\nlines", b"base64:" + base64.b64encode(b"two\nlines")),
        (b'{\n  "t": "a\\nb"\r\n}', b'{   "t": "a\\nb"  }'),
        (b"", b""),
    ],
)
def test_each_payload_comes_out_on_one_line(data, shown):
    assert outputs(payload().decrypt([Fernet(KEY).encrypt(data)], keys())) == [shown]


def test_a_member_is_replaced_and_every_other_byte_stays():
    line = '{ "id":"a" , "n": 1.10, "body" : {"t" : 21.50 ,"\u00fc":"\\u00fc"}, "body2":1e400 }'
    (made,) = payload().encrypt([line.encode()], keys(), field="body.t")
    token = json.loads(made.output.replace(b"1e400", b"0"))["body"]["t"]
    assert Fernet(KEY).decrypt(token) == b"21.50"
    assert made.output.decode() == line.replace("21.50", json.dumps(token))
    (back,) = payload().decrypt([made.output], keys(), field="body.t")
    assert back.output.decode() == line


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=5,
    )
)
def test_any_member_comes_back_as_it_was(value):
    line = json.dumps({"a": [0, {"b.c": value}], "z": 1}).encode()
    (made,) = payload().encrypt([line], keys(), field="a.1.b\\.c")
    (back,) = payload().decrypt([made.output], keys(), field="a.1.b\\.c")
    assert back.output == line


def test_a_member_that_is_plain_text_becomes_a_string():
    tokens = [Fernet(KEY).encrypt(data).decode() for data in (b"hello", b"21.5", b'{"x": 1}', b"\xff")]
    lines = [json.dumps({"body": token}).encode() for token in tokens]
    made = [json.loads(output)["body"] for output in outputs(payload().decrypt(lines, keys(), field="body"))]
    assert made == ["hello", 21.5, {"x": 1}, "base64:/w=="]


def test_rotating_a_member():
    old = Fernet(OTHER).encrypt_at_time(b"21.5", STAMP - 100).decode()
    (line,) = payload().rotate([json.dumps({"body": old, "x": 1}).encode()], keys(KEY, OTHER), field="body")
    document = json.loads(line.output)
    assert Fernet(KEY).decrypt(document["body"]) == b"21.5"
    assert document["x"] == 1


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"not json", PayloadFault.NOT_JSON),
        (b"\xff", PayloadFault.NOT_JSON),
        (b"[" * 100_000, PayloadFault.NOT_JSON),
        (b"9" * 10_000, PayloadFault.NOT_JSON),
        (b'{"other": 1}', PayloadFault.NO_FIELD),
        (b'{"body": 1}', PayloadFault.NO_FIELD),
        (b'{"body": {"t": 1}}', PayloadFault.NOT_A_TOKEN),
        (b'{"body": {"t": "hello"}}', PayloadFault.NOT_A_TOKEN),
        (b'{"body": {"t": "\\ud800"}}', PayloadFault.NOT_A_TOKEN),
    ],
)
def test_lines_without_a_token_there(line, fault):
    assert faults(payload().decrypt([line], keys(), field="body.t")) == [(1, fault)]


def test_keys_from_a_file():
    content = f"# newest first\n{KEY}\n\n  {OTHER}  \r\n".encode()
    assert [key.reveal() for key in payload().read_keys(content)] == [KEY, OTHER]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "none in it"),
        (b"# only a comment", "none in it"),
        (f"{KEY}\n{KEY[:-2]}\n".encode(), "line 2: it has 42 characters"),
        (b"!" * 44, "line 1: it is not base64"),
        (base64.b64encode(bytes(31)), "line 1: it is 31 bytes"),
        (b"\xff\xfe", "no text"),
    ],
)
def test_keys_that_cannot_be_are_named_by_line(content, words):
    with pytest.raises(ConsoleError) as caught:
        payload().read_keys(content)
    assert caught.value.code == "usage"
    assert words in caught.value.sentence()
    assert KEY[:20] not in caught.value.sentence()


@pytest.mark.parametrize(
    "call",
    [
        lambda: payload().encrypt([b"x"], ()),
        lambda: payload().encrypt([b"x"], keys("short")),
        lambda: payload().encrypt([b"x"], keys(), field="a..b"),
        lambda: payload().decrypt([b"x"], keys(), ttl=0),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_line(call):
    with pytest.raises(ConsoleError) as caught:
        list(call())
    assert caught.value.code == "usage"


def test_a_new_key_is_a_fernet_key():
    made = {payload().new_key().reveal() for _ in range(5)}
    assert len(made) == 5
    for key in made:
        Fernet(key)
