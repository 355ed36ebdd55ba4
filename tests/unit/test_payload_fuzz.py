"""Whatever a line holds: a payload or a reason, and it opens what `cryptography` opens.

HUBWARDEN_FUZZ_EXAMPLES or the depth sets how many examples each test tries.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import fuzz_examples

from console.model.secret import Secret
from console.rules.payload import Keyring, PayloadError
from console.services.payload import Payload

EXAMPLES = fuzz_examples()
NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
STAMP = int(NOW.timestamp())
KEY, OTHER = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(2))


def payload():
    return Payload(lambda: NOW)


def keys(*texts):
    return tuple(Secret(text) for text in texts or (KEY,))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, 1, 60, 10**9]))
def test_it_opens_what_cryptography_opens(chance, ttl):
    key = chance.choice([KEY, OTHER])
    token = Fernet(key).encrypt_at_time(chance.randbytes(chance.randrange(60)), STAMP + chance.randint(-200, 200))
    for _ in range(chance.randrange(3)):
        place = chance.randrange(len(token) + 1)
        change = chance.choice([b"", b"A", b"=", b"-", b"+", b"\xff", b" ", b"gAAAA", token[place : place + 7]])
        token = token[:place] + change + token[place + chance.randrange(4) :]
    multi = MultiFernet([Fernet(KEY), Fernet(OTHER)])
    try:
        theirs = multi.decrypt_at_time(token.strip(), ttl, STAMP) if ttl else multi.decrypt(token.strip())
    except InvalidToken:
        theirs = None
    try:
        ours = Keyring(keys(KEY, OTHER)).decrypt(token, STAMP, ttl).data
    except PayloadError:
        ours = None
    if ours is None and theirs is not None:  # cryptography skips what base64 does not have, against the specification
        proper = re.fullmatch(rb"[A-Za-z0-9_-]+={0,2}", token.strip())
        assert proper is None or len(token.strip()) % 4
    else:
        assert ours == theirs


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=80).map(lambda t: t.encode("utf-8", "surrogatepass"))),
    st.booleans(),
)
def test_any_line_gives_a_result_or_a_reason(line, as_field):
    field = "a.b" if as_field else ""
    line = line.replace(b"\n", b"\r")  # a line has no line feed inside
    for act in (payload().decrypt, payload().rotate, payload().encrypt):
        for result in act([line, b'{"a": {"b": ' + line + b"}}"], keys(), field=field):
            assert (result.output is None) == (result.fault is not None)
            assert result.output is None or b"\n" not in result.output
            assert "\x1b" not in result.message
