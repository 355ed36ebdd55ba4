"""A signature or key is not shown either where its name was misspelt, or has signs in it that nobody sees."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from console.cli.sas_json import inspection_json
from console.model.secret import Secret
from console.present.lines import plain
from console.present.tokens import explanation_lines
from console.services.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
SR = f"{HOST}%2Fdevices%2Fpress-1"
LONGEST = 8
RAW = [hashlib.sha256(f"slip {number}".encode()).digest() for number in range(6)]
SPELLINGS = [
    *(RAW[0].hex(), RAW[1].hex().upper(), base64.b64encode(RAW[2]).decode()),
    *(quote(base64.b64encode(RAW[3]).decode(), safe=""), base64.urlsafe_b64encode(RAW[4]).decode()),
]


def shown(text: str, wanted: str = "") -> str:
    told = Tokens(None, None, None, lambda: NOW).explain(text, wanted=wanted)
    lines = "\n".join(plain(line) for line in explanation_lines(told, 400))
    return lines + json.dumps(inspection_json(told, NOW), ensure_ascii=False) + repr(told)


def holds(text: str, secret: str) -> bool:
    return any(secret[at : at + LONGEST] in text for at in range(len(secret) - LONGEST + 1))


@pytest.mark.parametrize("secret", SPELLINGS)
@pytest.mark.parametrize("separator", ["@", "|", "\\U00000026", "%u0026", "\u2028", "\u200b&", "!", "$", "﹠"])
@pytest.mark.parametrize(
    "name",
    [
        *("sign=", "sg=", "hmac=", "s\u200big=", "si\u00adg=", "s\u0456g=", "sig\u200b=", "sig\u207c", "sig\ufe66"),
        *("sig\\u{3d}", "sig%u003D", "token:", "\x1b[1msig="),
    ],
)
def test_a_signature_of_another_name_is_not_shown(name: str, separator: str, secret: str) -> None:
    text = f"SharedAccessSignature sr={SR}{separator}{name}{secret}{separator}se=4102444800"
    for wanted in ("", secret):
        assert not holds(shown(text, wanted), secret)


@pytest.mark.parametrize("name", ["SharedAcessKey", "AccessKey", "key", "Shared\u200bAccessKey", "secret", "PSK"])
@pytest.mark.parametrize("separator", ["#", "\t", "\u00ad", "$", "!"])
def test_a_key_of_another_name_is_not_shown(separator: str, name: str) -> None:
    key = base64.b64encode(RAW[5]).decode()
    assert not holds(shown(separator.join((f"HostName={HOST}", "DeviceId=press-1", f"{name}={key}"))), key)


def test_a_short_key_that_slipped_into_the_device_is_not_shown_encoded() -> None:
    key = "ZZKrgA/nFOnrhyUX2D6m2A=="
    text = f"HostName={HOST};DeviceId={quote(key, safe='')};SharedAccessKey={base64.b64encode(RAW[5]).decode()}"
    assert not holds(shown(text), quote(key, safe=""))


@pytest.mark.parametrize("join", ["=\n", "\r\n> ", "\\\n  ", '" "', '" +\n  "'])
def test_a_long_signature_that_was_broken_into_lines_is_not_shown(join: str) -> None:
    secret = base64.b64encode(hashlib.sha512(b"long").digest()).decode().replace("+", "x").replace("/", "y")
    text = f"SharedAccessSignature sr={SR}\u061bsig={secret[:70]}{join}{secret[70:]}\u061bse=4102444800"
    assert not holds(shown(text), secret)


@pytest.mark.parametrize(
    "device", ["press-line-4.station-12_motor-0007", "550e8400-e29b-41d4-a716-446655440000", RAW[0].hex(), "A" * 40]
)
def test_the_id_of_a_device_is_shown_however_long_it_is(device: str) -> None:
    secret = base64.b64encode(RAW[1]).decode()
    token = f"SharedAccessSignature sr={HOST}%2Fdevices%2F{device}&sig={quote(secret, safe='')}&se=4102444800"
    assert device in shown(token)
    assert device in shown(json.dumps({"deviceId": device, "token": token}))
    assert device in shown(f"HostName={HOST};DeviceId={device};SharedAccessKey={secret}")
    assert device in Tokens(None, None, None, lambda: NOW).explain(token, key=Secret(secret), wanted=device).facts[0][1]


SIGNATURE = base64.b64encode(RAW[2]).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"SharedAccessSignature sr={SR} ; sig {SIGNATURE} , se 4102444800",
        f"SharedAccessSignature sr={SR}sig{quote(SIGNATURE, safe='')}se=4102444800",
        f"HostName={HOST}\tDeviceId=press-1\tSharedAccessKey{SIGNATURE}",
        base64.b64encode(json.dumps({"t": f"SharedAccessSignature sr={SR} s%69g={SIGNATURE} se=1"}).encode()).decode(),
        f"SharedAccessSignature sr={SR}%2\n6s%69g%3D{quote(SIGNATURE, safe='')}&se=4102444800",
        f"SharedAccessSignature sr={SR}\\u00\n26sig\\u003d{SIGNATURE}\\u0026se=4102444800",
    ],
)
def test_a_signature_is_not_shown_where_its_label_was_spoiled(text: str) -> None:
    for one, secret in ((text, SIGNATURE), (text.lower(), SIGNATURE.lower()), (text.upper(), SIGNATURE.upper())):
        assert not holds(shown(one), secret)
        assert not holds(shown(one), quote(secret, safe=""))


def test_an_id_with_commas_and_words_of_sentences_is_shown_whole() -> None:
    for device in ("press,line=4", "signal-processing-unit-press-line-0007", "keypad-0001", "stands(in)it"):
        text = f"SharedAccessSignature sr={quote(f'{HOST}/devices/{device}', safe='')}&sig={quote(SIGNATURE)}&se=1"
        assert f"one device: {device}" in shown(text)


def test_a_text_that_is_far_too_long_is_refused_before_it_is_read() -> None:
    told = Tokens(None, None, None, lambda: NOW).explain("sig= " * 60_000)
    assert [one.id for one in told.details] == ["too-long"]
    assert "300,000 characters" in told.findings[0]
    many = Tokens(None, None, None, lambda: NOW).explain("SharedAccessSignature " + "sr=a&" * 200)
    assert len(many.details) == 41
    assert "more findings" in many.findings[-1]
