"""A token or connection string is found in whatever stands around it, and each slip of writing is named."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest

from console.model.secret import Secret
from console.model.token import Explanation, Verdict
from console.rules.pasted import as_pasted, text_of
from console.rules.sas_explain import NamedKey, explain

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
RAW = bytes(range(32))
KEY = base64.b64encode(RAW).decode()
GIVEN = NamedKey("key given", Secret(KEY))
SE = int(NOW.timestamp()) + 3600


def token(path: str = "/devices/press-1", *, sr: str = "", signed: str = "", se: object = SE, skn: str | None = None):
    """Return a token for a path of the hub, its `sr` and what is signed as given."""
    sr = sr or quote_plus(HOST + path)
    signature = quote_plus(base64.b64encode(hmac.digest(RAW, f"{signed or sr}\n{se}".encode(), "sha256")))
    text = f"SharedAccessSignature sr={sr}&sig={signature}&se={se}"
    return text if skn is None else f"{text}&skn={skn}"


TOKEN = token()
STRING = f"HostName={HOST};DeviceId=press-1;SharedAccessKey={KEY}"


def told(text: str, **more) -> Explanation:
    found = explain(text, NOW, keys=(GIVEN,), **more)
    shown = repr(found)
    signature = base64.b64encode(hmac.digest(RAW, f"{quote_plus(HOST + '/devices/press-1')}\n{SE}".encode(), "sha256"))
    assert KEY[:8] not in shown
    assert signature.decode()[:8] not in shown
    return found


def ids(found: Explanation) -> list[str]:
    return [one.id for one in found.details]


def message(found: Explanation, id_: str) -> str:
    return next(one.message for one in found.details if one.id == id_)


def pieces(text: str, between: str) -> str:
    return f'"{text[:45]}"{between}"{text[45:]}"'


WRAPPED: dict[str, Callable[[str], str]] = {
    "az": lambda t: json.dumps({"connectionString": t}, indent=2) + "\n",
    "nested": lambda t: json.dumps(json.dumps({"a": [{"b": t}], "c": 1})),
    "three times": lambda t: json.dumps(json.dumps(json.dumps({"b": t}))),
    "list": lambda t: json.dumps([{"id": "x", "value": t}, {"id": "y"}]),
    "export": lambda t: f'export IOT="{t}"',
    "export '": lambda t: f"export IOT='{t}'",
    "bare export": lambda t: f"export IOT={t}",
    "set": lambda t: f"set IOT={t}\r\n",
    "set in quotes": lambda t: f'set "IOT={t}"',
    "batch": lambda t: f"set IOT={t.replace('%', '%%')}",
    "PowerShell": lambda t: f'$env:IOT = "{t}"',
    "env file": lambda t: f"FIRST=one\nIOT={t}\nLAST=2\n",
    "toml": lambda t: f'[iot]\nstring = "{t}"\nport = 1\n',
    "ini": lambda t: f"[iot]\nstring={t}\nport=1\n",
    "yaml": lambda t: f"first: 1\nstring: {t}\nlast: 2\n",
    "yaml in quotes": lambda t: f'env:\n  - name: IOT\n    value: "{t}"\n  - name: LAST\n',
    "compose": lambda t: f"environment:\n  - IOT={t}\n  - LAST=2\n",
    "C": lambda t: f'static const char* string = "{t}";',
    "define": lambda t: f'#define STRING "{t}"',
    "literals": lambda t: f"const char* string =\n  {pieces(t, chr(10) + '  ')};",
    "define in lines": lambda t: f"#define STRING {pieces(t, ' ' + chr(92) + chr(10) + '  ')}",
    "added": lambda t: f"String string = {pieces(t, ' + ')};",
    "C#": lambda t: f'var string = @"{t}";',
    "Go": lambda t: f"string := `{t}`",
    "Python": lambda t: "{'iot': '" + t + "', 'last': 2}",
    "config": lambda t: f'<add name="IoT" connectionString="{t.replace("&", "&amp;")}" />',
    "element": lambda t: f"<key>iot</key>\n<string>{t.replace('&', '&amp;')}</string>\n",
    "properties": lambda t: "iot.string=" + t.replace("=", "\\=").replace(":", "\\:"),
    "Dockerfile": lambda t: f'ENV IOT="{t}"',
    "old Dockerfile": lambda t: f"ENV IOT {t}",
    "curl": lambda t: f'curl -H "Authorization: {t}" https://{HOST}/devices/press-1?api-version=2021-04-12',
    "header": lambda t: f"POST / HTTP/1.1\nHost: x\nAuthorization: {t}\nContent-Length: 3\n\nabc",
    "Kubernetes": lambda t: f"data:\n  iot: {base64.b64encode(t.encode()).decode()}\n",
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "UTF-16 read as bytes": lambda t: "\ufeff" + "\x00".join(t) + "\x00",
    "log": lambda t: f"2026-11-23 10:00:00 INFO connecting with {t} now",
    "markdown": lambda t: f"| string | `{t}` |",
    "two": lambda t: f"{t}\n{t}\n",
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_both_are_found_in_what_is_wrapped_around_them(wrap: Callable[[str], str]) -> None:
    found = told(wrap(TOKEN), wanted="press-1")
    assert found.verdict is Verdict.VALID, found.findings
    assert dict(found.facts)["resource"] == f"{HOST}/devices/press-1"
    found = told(wrap(STRING))
    assert found.verdict is Verdict.VALID, found.findings
    facts = dict(found.facts)
    assert (facts["host"], facts["device"]) == (HOST, "press-1")
    assert facts["key check"] == "it is the key given"


@pytest.mark.parametrize(
    ("sign", "id_", "words"),
    [
        ("\\u0026", "separator-escaped", "its & are written \\u0026, as PowerShell's ConvertTo-Json and System.Text"),
        ("&amp;", "separator-escaped", "its & are written &amp;, as HTML and XML do"),
        ("&#38;", "separator-escaped", "its & are written &#38;"),
        ("&#x26;", "separator-escaped", "its & are written &#x26;"),
        ("\\x26", "separator-escaped", "its & are written \\x26"),
        ("\\46", "separator-escaped", "its & are written \\46"),
        ("%26", "separator-escaped", "its & are written %26"),
        ("%2526", "separator-escaped", "its & are written %2526"),
        ("^&", "separator-escaped", "its & are written ^&"),
        (";", "separator", "between its parts stands “;” instead of “&”"),
        (",", "separator", "stands “,”"),
        ("|", "separator", "stands “|”"),
        ("/", "separator", "stands “/”"),
        (" ", "separator", "stands a blank"),
        ("\t", "separator", "stands a tab"),
        ("\n", "separator", "stands a line break"),
        ("\uff06", "full-width", "“\uff06” (U+FF06)"),
        ("\uff1b", "full-width", "“\uff1b” (U+FF1B)"),
    ],
)
def test_another_sign_between_the_parts_is_named(sign: str, id_: str, words: str) -> None:
    found = told(TOKEN.replace("&", sign))
    assert found.verdict is Verdict.MALFORMED
    assert words in message(found, id_)
    facts = dict(found.facts)
    assert facts["resource"] == f"{HOST}/devices/press-1"
    assert facts["signature"].startswith("fits the key given"), "it is explained as it was meant"
    assert as_pasted(TOKEN.replace("&", sign)) == TOKEN.replace("&", sign)


def test_an_escape_inside_json_is_no_fault_of_the_token() -> None:
    found = told(json.dumps({"Authorization": TOKEN}).replace("&", "\\u0026"))
    assert found.verdict is Verdict.VALID
    assert "\\u0026, as PowerShell" in message(found, "separator-escaped")


@pytest.mark.parametrize(
    ("text", "id_", "words"),
    [
        (TOKEN.replace("sig=", "sig = "), "equals-blank", "blanks stand around “=”"),
        (TOKEN.replace("&sig=", '", "sig": "').replace("&se=", '", "se": "'), "equals", "instead of “=”"),
        (STRING.replace("DeviceId=", "DeviceId = "), "equals-blank", "blanks stand around “=” after DeviceId"),
        (STRING.replace(";", ","), "string-separator", "“,” instead of “;”"),
        (STRING.replace(";", " "), "string-separator", "a blank instead of “;”"),
        (STRING.replace(";", "\n"), "string-separator", "a line break instead of “;”"),
        (
            json.dumps({"HostName": HOST, "DeviceId": "press-1", "SharedAccessKey": KEY}),
            "string-in-parts",
            "in JSON of their own",
        ),
        (quote(STRING, safe=""), "token-encoded", "URL-encoded once more"),
        (token(se=SE * 1000), "expiry-in-milliseconds", "in milliseconds"),
        (token(se=f"{SE}.25"), "expiry-form", "a fraction"),
        (token(se="1.7955e9"), "expiry-form", "an exponent"),
        (token(se="2026-11-23T10:42:00Z"), "expiry-form", "it is a date"),
    ],
)
def test_slips_of_form_have_their_own_sentence(text: str, id_: str, words: str) -> None:
    found = told(text)
    assert found.verdict is Verdict.MALFORMED
    assert words in message(found, id_)


@pytest.mark.parametrize(
    ("path", "id_", "words", "meant"),
    [
        ("/devices/d/module/m", "resource-lacks-modules", "“/module/” opens nothing: it is spelled", "one module: m"),
        ("/devices/d/Modules/m", "resource-case", "it is spelled “/modules/”", "one module: m of device d"),
        ("/device/d", "resource-lacks-devices", "“/device/” opens nothing", "one device: d"),
        ("/Device/d", "resource-lacks-devices", "it is spelled “/devices/”", "one device: d"),
        ("/DEVICES/d", "resource-case", "“/DEVICES/” opens nothing", "one device: d"),
        ("/devices/d/m", "resource-lacks-modules", "“/modules/” is missing before “m”", ""),
        ("/devices/d/nonsense/m", "resource-unknown", "“/nonsense/” is nothing that a device has", ""),
        ("/things/d", "resource-unknown", "“/things/” is nothing that a hub has", ""),
        ("/devices/d/?api-version=2021-04-12", "resource-query", "a query (?api-version=2021-04-12)", "one device: d"),
        ("/devices/d?api-version=2021-04-12", "resource-query", "a query (?api-version", "one device: d"),
        ("/devices/d/modules/m?api-version=1", "resource-query", "a query (?api-version=1)", "one module: m of"),
        ("/devices/{deviceId}", "resource-id", "nothing can be called “{deviceId}”", ""),
        ("/devices/d\n", "resource-id", "nothing can be called “d\\x0a”", ""),
        ("?api-version=2021-04-12", "resource-query", "", "all of the hub"),
    ],
)
def test_a_resource_that_opens_nothing_is_never_valid(path: str, id_: str, words: str, meant: str) -> None:
    found = told(token(path, skn="iothubowner" if path.startswith("?") else None))
    assert found.verdict is Verdict.WRONG_RESOURCE
    assert ids(found)[0] == id_
    assert words in message(found, id_)
    assert len([one for one in found.details if one.verdict is not None]) == 1, "it has one cause"
    assert meant in dict(found.facts)["opens"]


@pytest.mark.parametrize(
    "path", ["/devices/d/messages/events", "/devices/a?b=c", "/twins/d", "/devices/d/modules/m/twin"]
)
def test_what_the_hub_has_is_not_accused(path: str) -> None:
    assert told(token(path, skn="iothubowner" if path.startswith("/twins") else None)).verdict is Verdict.VALID


@pytest.mark.parametrize("wanted", ["", "n@m.et#st", "n%40m.et%23st", f"{HOST}/devices/n@m.et#st"])
def test_an_id_that_is_encoded_twice_is_told_as_far_as_it_is_known(wanted: str) -> None:
    twice = token(sr=f"{HOST}%2Fdevices%2Fn%2540m.et%2523st")
    found = told(twice, wanted=wanted)
    assert found.verdict is Verdict.VALID
    assert ids(found) == ["id-encoded-twice"]
    assert "published reports say that the hub takes it as n@m.et#st" in found.findings[0]
    assert dict(found.facts)["opens"].startswith("one device: n@m.et#st, as far as is known")
    for owner in ("n@m.et#st", "n%40m.et%23st"):
        named = NamedKey("primary key", Secret(KEY), device_id=owner)
        assert explain(twice, NOW, keys=(named,)).verdict is Verdict.VALID
    assert told(twice, wanted="other").verdict is Verdict.WRONG_RESOURCE


@pytest.mark.parametrize("device", ["press-1", "Press#1", "a@b"])
def test_what_was_sent_and_what_was_signed_are_told_apart(device: str) -> None:
    plain = f"{HOST}/devices/{device}"
    sent = told(token(sr=plain, signed=quote_plus(plain)))
    assert sent.verdict is Verdict.MALFORMED
    assert "signature-over-encoded" in ids(sent)
    signed = told(token(sr=quote_plus(plain), signed=plain))
    assert "signature-over-decoded" in ids(signed)
    assert not {"signature-over-lower-case", "wrong-key"} & {*ids(sent), *ids(signed)}


@pytest.mark.parametrize("skn", ["None", "null", "NULL", "undefined", "press-1", "DEVICEID", "{deviceId}", "<policy>"])
def test_a_policy_that_is_no_name_is_named(skn: str) -> None:
    found = told(token(skn=quote(skn)))
    assert found.verdict is Verdict.MALFORMED
    assert f"“{skn}”" in message(found, "skn-none")
    assert "Leave skn out" in found.details[0].hint


def test_an_empty_policy_counts_as_none_and_a_policy_may_be_called_anything() -> None:
    found = told(token(skn=""))
    assert (found.verdict, ids(found)) == (Verdict.VALID, ["skn-empty"])
    owner = NamedKey("primary key of policy none", Secret(KEY), policy="none")
    assert explain(token(skn="None"), NOW, keys=(owner,)).verdict is Verdict.VALID
    assert told(token("/devices/device", skn="device")).verdict is Verdict.VALID


@pytest.mark.parametrize(("coding", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
def test_utf_16_is_text(coding: str, mark: bytes) -> None:
    for text in (TOKEN, STRING, "a", KEY):
        for prefix in (mark, b""):
            plain, notes = text_of(prefix + text.encode(coding))
            assert plain == text
            assert ("with its" if prefix else "without a") in notes[0].message
    assert text_of(TOKEN.encode()) == (TOKEN, ())
    assert text_of(b"\xef\xbb\xbf" + TOKEN.encode()) == (TOKEN, ())
    with pytest.raises(UnicodeDecodeError):
        text_of(b"\xe4\xf6")


def test_the_line_breaks_of_a_terminal_are_taken_out_and_those_of_a_file_are_not() -> None:
    for text in (TOKEN, STRING):
        for width in (20, 47, 80):
            lines = "\n".join(text[start : start + width] for start in range(0, len(text), width))
            assert as_pasted(lines) == text
        for name in ("yaml", "header", "env file", "literals"):
            found = told(as_pasted(WRAPPED[name](text)))
            assert found.verdict is Verdict.VALID, (name, found.findings)
