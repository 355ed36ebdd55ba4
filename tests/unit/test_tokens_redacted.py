"""No eight characters of a signature or key are ever shown, however the text around it is written."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import quopri
import re
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.depth import fuzz_examples

from console.cli.sas_json import inspection_json
from console.model.secret import Secret
from console.model.token import Explanation
from console.present.lines import plain
from console.present.tokens import explanation_lines
from console.rules.pasted import as_pasted
from console.services.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
SR = quote_plus(f"{HOST}/devices/press-1")
LONGEST = 8

SEPARATORS = [
    *("&", "&", "\\u0026", "\\\\u0026", "\\U0026", "&amp;", "&amp;amp;", "&#38;", "&#038;", "&#x26;", "&#X26;"),
    *(";", ",", "|", "%26", "%2526", "%3B", "%7C", "\\x26", "\\46", "\\046", "\\26 ", "\\&", "^&", "`&"),
    *(
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        " & ",
        "&\n",
        "; ",
        ", ",
        " | ",
        "／",
        "＆",
        "；",
        "，",
        "｜",
        "/",
        "\\",
        "+",
    ),
    *('", "', "','", '"\n"', "~", "*", "·", "\u00a0", "\u2028", "\u200b", "&&", "", "#", "?", ":", "!", "$"),
]
EQUALS = [
    "=",
    "=",
    "=",
    " = ",
    "= ",
    " =",
    "＝",
    "%3D",
    "%253D",
    ": ",
    ":",
    '": "',
    "=3D",
    "\\u003d",
    "&#61;",
    '="',
    "\t=\t",
    *("", " ", "  ", "\t"),
]
NAMES = [
    "sig",
    "sig",
    "sig",
    "SIG",
    "Sig",
    "ｓｉｇ",
    "signature",
    ' "sig"',
    "\\u0073ig",
    "s%69g",
    "%73ig",
    "si%67",
    "%73%69%67",
]
BREAKS = ["\n", "\r\n", "=\n", "=\r\n", "\r\n  ", "\n> "]
ESCAPE = re.compile(r"%(?:25)*[0-9A-Fa-f]{2}|\\+[ux][0-9A-Fa-f]{2,4}|&#?\w+;")
CASES = [str, str, str, str, str.lower, str.upper]


def made(seed: int) -> tuple[str, bytes]:
    """Return a key, and the signature that it makes over a token."""
    raw = hashlib.sha256(f"key {seed}".encode()).digest()
    return base64.b64encode(raw).decode(), hmac.digest(raw, f"{SR}\n4102444800".encode(), "sha256")


def broken(text: str, sign: str, every: int) -> str:
    return sign.join(text[start : start + every] for start in range(0, len(text), every))


def spellings(signature: bytes) -> list[str]:
    text = base64.b64encode(signature).decode()
    encoded = quote(text, safe="")
    lower = re.sub("%..", lambda found: found[0].lower(), encoded)
    return [
        *(encoded, encoded, lower, text, text.replace("+", " "), text.rstrip("="), quote(encoded, safe="")),
        *(text.replace("+", "-").replace("/", "_"), text.replace("/", "\\/"), text.replace("+", "\\u002b")),
        *(signature.hex(), base64.b64encode(signature.hex().encode()).decode(), quote(signature.hex())),
        *(broken(encoded, sign, every) for sign in (" ", "\n", "\t", "\r\n  ", "=\n", "\\\n") for every in (5, 9, 20)),
        *(broken(text, sign, 11) for sign in ('"\n  "', '" + "', "' '", "\u200b")),
        "".join(chr(ord(char) + 0xFEE0) if char.isalnum() else char for char in encoded),
    ]


def wrappings(text: str) -> list[str]:
    return [
        text,
        f"Authorization: {text}\r\nContent-Type: application/json\r\n",
        json.dumps({"Authorization": text, "host": HOST}),
        json.dumps([json.dumps({"token": text}), {"deviceId": "press-1"}]),
        json.dumps({"sas": text}).replace("&", "\\u0026").replace("+", "\\u002B"),
        base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(),
        f"data:\n  token: {base64.b64encode(text.encode()).decode()}\n",
        quote(text, safe=""),
        quote(quote(text, safe=""), safe=""),
        quopri.encodestring(text.encode()).decode("ascii", "replace"),
        f'export TOKEN="{text}"',
        f"$env:TOKEN = '{text}'",
        f'const char* token = "{text}";',
        f"token: {text}\nnext: one\n",
        f'<add key="IoTHub" value="{text.replace("&", "&amp;")}" />',
        f"https://{HOST}/devices/press-1/messages/events?{text.partition(' ')[2]}&api-version=2021-04-12",
        f"curl -H 'Authorization: {text}' https://{HOST}/devices/press-1?api-version=2021-04-12",
        f"{text}\n{text}",
        f"HostName={HOST};DeviceId=press-1;SharedAccessSignature={text}",
        f"DeviceId=press-1,SharedAccessSignature={text},HostName={HOST}",
        "\x00".join(text) + "\x00",
        "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
        f"{text.partition(' ')[2]}",
        json.dumps({"sr": SR, "sig": text.partition("sig=")[2].partition("&")[0], "se": 4102444800}),
        f"it says {text} and then stops",
    ]


@st.composite
def spoiled(draw: st.DrawFn, text: str) -> str:
    """Return a text as what it went through left it: in one case, or with line breaks in the middle of escapes."""
    text = draw(st.sampled_from(CASES))(text)
    escapes = list(ESCAPE.finditer(text))
    if not escapes or draw(st.integers(0, 2)):
        return text
    sign = draw(st.sampled_from(BREAKS))
    broken_ones = draw(st.sampled_from([escapes, escapes[:1], escapes[-1:], escapes[len(escapes) // 2 :][:1]]))
    for found in reversed(broken_ones):
        place = draw(st.integers(found.start() + 1, found.end() - 1))
        text = text[:place] + sign + text[place:]
    return text


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Return a text with a signature in it, the key, and the signature."""
    key, signature = made(draw(st.integers(0, 10_000)))
    parts = [
        "sr"
        + draw(st.sampled_from(EQUALS))
        + draw(st.sampled_from([SR, SR, f"{HOST}/devices/press-1", quote_plus(SR)])),
        draw(st.sampled_from(NAMES)) + draw(st.sampled_from(EQUALS)) + draw(st.sampled_from(spellings(signature))),
        f"se{draw(st.sampled_from(EQUALS))}4102444800",
        *draw(st.sampled_from([[], [], ["skn=iothubowner"], ["skn="]])),
    ]
    parts = draw(st.permutations(parts))
    one = draw(st.sampled_from([*SEPARATORS, None, None]))
    text = parts[0]
    for part in parts[1:]:
        text += (draw(st.sampled_from(SEPARATORS)) if one is None else one) + part
    scheme = draw(st.sampled_from(["SharedAccessSignature ", "SharedAccessSignature ", "", "sharedaccesssignature%20"]))
    text = draw(st.sampled_from(wrappings(scheme + text)))
    text = draw(st.sampled_from(wrappings(text))) if draw(st.integers(0, 5)) == 0 else text
    return draw(spoiled(text)), key, signature


def pages(told: Explanation) -> str:
    """Return all that is shown of an explanation: the page in two widths, JSON, and what a traceback would show."""
    lines = [plain(line) for width in (40, 100) for line in explanation_lines(told, width)]
    return "\n".join([*lines, json.dumps(inspection_json(told, NOW), ensure_ascii=False), repr(told)])


def leaked(shown: str, signature: bytes) -> list[str]:
    """Return the pieces of a signature, in each of its spellings, that stand in what is shown."""
    text = base64.b64encode(signature).decode()
    encoded = quote(text, safe="")
    hexadecimal = base64.b64encode(signature.hex().encode()).decode()
    forms = {text, encoded, quote(encoded, safe=""), text.replace("+", " "), text.replace("+", "-").replace("/", "_")}
    forms |= {signature.hex(), hexadecimal, repr(signature)[2:-1]}
    low = shown.lower()
    seen = {low, re.sub(r"\s+", "", low)}
    grams = {one[at : at + LONGEST] for one in seen for at in range(len(one) - LONGEST + 1)}
    pieces = {one[at : at + LONGEST] for one in map(str.lower, forms) for at in range(len(one) - LONGEST + 1)}
    return sorted(grams & pieces)


fuzz = settings(
    max_examples=fuzz_examples(test=60, deep=600, full=3000), deadline=None, suppress_health_check=list(HealthCheck)
)


@fuzz
@given(written(), st.booleans(), st.sampled_from(["", "press-1"]))
def test_no_piece_of_a_signature_is_shown(case: tuple[str, str, bytes], with_key: bool, wanted: str) -> None:
    text, key, signature = case
    tokens = Tokens(None, None, None, lambda: NOW)
    for pasted in {text, as_pasted(text)}:
        shown = pages(tokens.explain(pasted, key=Secret(key) if with_key else None, wanted=wanted))
        assert leaked(shown, signature) == []
        assert key[:LONGEST] not in shown


@st.composite
def written_string(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a text with a connection string in it, and the bytes of its key."""
    raw = hashlib.sha256(f"key {draw(st.integers(0, 10_000))}".encode()).digest()
    text = base64.b64encode(raw).decode()
    in_pieces = [broken(text, sign, 9) for sign in "\n\t "]
    spelled = draw(st.sampled_from([text, text, text.rstrip("="), quote(text, safe=""), *in_pieces]))
    name = draw(
        st.sampled_from(["SharedAccessKey", "SharedAccessKey", "sharedaccesskey", "AccountKey", "Shared%41ccessKey"])
    )
    parts = [
        f"HostName{draw(st.sampled_from(EQUALS))}{HOST}",
        draw(st.sampled_from(["DeviceId=press-1", "SharedAccessKeyName=service", "DeviceId=press-1;ModuleId=m"])),
        name + draw(st.sampled_from(EQUALS)) + spelled,
        *draw(st.sampled_from([[], ["GatewayHostName=edge"], ["x509=true"]])),
    ]
    parts = draw(st.permutations(parts))
    one = draw(st.sampled_from([";", ";", *SEPARATORS]))
    return draw(spoiled(draw(st.sampled_from(wrappings(one.join(parts)))))), raw


@fuzz
@given(written_string(), st.sampled_from(["", "press-1"]))
@example(
    (
        f"HostName={HOST}%26DeviceId=d%26SharedAccessKey=AAAA\t6+O+/0/6/+\t+/A/+f/+\tbuKdxC8=",
        base64.b64decode("6+O+/0/6/+AA"),
    ),
    "",
)
def test_no_piece_of_a_key_is_shown(case: tuple[str, bytes], wanted: str) -> None:
    text, raw = case
    tokens = Tokens(None, None, None, lambda: NOW)
    for pasted in {text, as_pasted(text)}:
        shown = pages(tokens.explain(pasted, wanted=wanted))
        assert leaked(shown, raw) == []
    assert leaked(pages(tokens.explain(text, key=Secret(text))), raw) == []
