"""What is wrong with a pasted token: each common mistake has its own finding, and the worst finding decides."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

import pytest

from console.model.secret import Secret
from console.model.token import Verdict
from console.rules.sas import mint
from console.rules.sas_explain import NamedKey, explain, lasting

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
SE = int((NOW + timedelta(hours=1)).timestamp())
HOST = "contoso-plants.azure-devices.net"
PLAIN = f"{HOST}/devices/Press#1"
SR = quote_plus(PLAIN)
RAW = bytes(range(32))
KEY = base64.b64encode(RAW).decode()
OTHER = base64.b64encode(bytes(32)).decode()
DEVICE = NamedKey("primary key of device Press#1", Secret(KEY), device_id="Press#1")
POLICY = NamedKey("primary key of policy service", Secret(KEY), policy="service")
GIVEN = NamedKey("key given", Secret(KEY))


def token(sr=SR, se=SE, *, message=None, key=RAW, skn="", digest="sha256", sig=None):
    """Return a token whose signature is over `message` (default: as it should be)."""
    made = hmac.new(key, (f"{sr}\n{se}" if message is None else message).encode(), digest).digest()
    text = f"SharedAccessSignature sr={sr}&sig={quote_plus(base64.b64encode(made)) if sig is None else sig}&se={se}"
    return f"{text}&skn={skn}" if skn else text


def told(text, *keys, **more):
    explanation = explain(text, NOW, keys=keys, **more)
    assert explanation.findings == tuple(one.message for one in explanation.details)
    shown = repr(explanation.facts) + repr(explanation.findings) + repr([one.hint for one in explanation.details])
    assert KEY not in shown
    assert "sig=" not in shown
    return explanation


def ids(explanation):
    return [one.id for one in explanation.details]


def test_a_good_token_is_valid_and_its_facts_are_told():
    explanation = told(token(), GIVEN, wanted="Press#1", zone=ZoneInfo("Europe/Paris"))
    assert explanation.verdict is Verdict.VALID
    assert explanation.findings == ()
    facts = dict(explanation.facts)
    assert facts["resource"] == PLAIN
    assert facts["opens"] == "one device: Press#1"
    assert facts["policy"] == "none (the device's own key)"
    assert facts["expires"] == "2026-11-23 11:42:00 CET (UTC+01:00)"
    assert facts["expires, UTC"] == "2026-11-23 10:42:00Z"
    assert facts["time left"] == "1 h"
    assert facts["signature"] == "fits the key given; the service must have it as a key of the device Press#1"
    assert facts["key"] == "key given: base64, 32 bytes"
    assert "5 min" in facts["clock"]


def test_what_it_was_meant_for_is_told_where_it_opens_nothing():
    for text in (token(sr=quote_plus(SR)), token(sr=quote_plus("https://" + PLAIN)), token(sr=SR + "%2F")):
        assert dict(told(text).facts)["opens"] == "nothing as it stands; meant for one device: Press#1"


def test_without_a_key_it_is_not_verified():
    explanation = told(token())
    assert explanation.verdict is Verdict.UNVERIFIED
    assert "not checked" in dict(explanation.facts)["signature"]


BROKEN = [
    # what is wrong, the token, the finding, the verdict without a key
    ("cut signature", token(sig="rmUfTUgwbYIjC4qHBTcv"), "signature-truncated", Verdict.MALFORMED),
    ("no padding", token().replace("%3D", ""), "signature-padding", Verdict.MALFORMED),
    ("double-encoded signature", token().replace("%3D", "%253D"), "signature-double-encoded", Verdict.MALFORMED),
    ("hexadecimal signature", token(sig="ab" * 32), "signature-hex", Verdict.MALFORMED),
    ("base64 of hexadecimal", token(sig=quote_plus(base64.b64encode(b"ab" * 32))), "signature-hex", Verdict.MALFORMED),
    ("web base64", token(sig="-_" * 21 + "8%3D"), "signature-base64url", Verdict.MALFORMED),
    ("no base64", token(sig="!!!!"), "signature-base64", Verdict.MALFORMED),
    ("long signature", token(digest="sha512"), "signature-length", Verdict.MALFORMED),
    ("milliseconds", token(se=SE * 1000), "expiry-in-milliseconds", Verdict.MALFORMED),
    ("a date", token(se="2026-11-23T10:42:00Z"), "expiry-form", Verdict.MALFORMED),
    ("a fraction", token(se=f"{SE}.5"), "expiry-form", Verdict.MALFORMED),
    ("no expiry", token().partition("&se=")[0], "parameter-missing", Verdict.MALFORMED),
    ("no scheme", token().partition(" ")[2], "scheme-missing", Verdict.MALFORMED),
    ("Bearer", "Bearer " + token(), "scheme-bearer", Verdict.MALFORMED),
    ("no blank", token().replace(" ", ":", 1), "scheme-separator", Verdict.MALFORMED),
    ("twice", token() + f"&se={SE}", "parameter-twice", Verdict.MALFORMED),
    ("case of a name", token().replace("&se=", "&SE="), "parameter-case", Verdict.MALFORMED),
    ("no equals", token() + "&skn", "parameter-form", Verdict.MALFORMED),
    ("line break", token()[:60] + "\n" + token()[60:], "whitespace-inside", Verdict.MALFORMED),
    ("blank", token()[:60] + " " + token()[60:], "whitespace-inside", Verdict.MALFORMED),
    ("invisible", token()[:60] + "\u200b" + token()[60:], "foreign-character", Verdict.MALFORMED),
    ("encoded whole", token().replace(" ", "%20").replace("sr=", "sr%3D"), "token-encoded", Verdict.MALFORMED),
    ("bare percent", token(sr=f"{HOST}%2Fdevices%2F100%zz"), "device-id-not-encoded", Verdict.MALFORMED),
    ("a JWT", "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln", "not-sas", Verdict.MALFORMED),
    ("nothing", "   ", "no-token", Verdict.MALFORMED),
    ("https", token(sr=quote_plus(f"https://{PLAIN}")), "resource-scheme", Verdict.WRONG_RESOURCE),
    ("port", token(sr=quote_plus(f"{HOST}:8883/devices/d")), "resource-port", Verdict.WRONG_RESOURCE),
    ("no devices", token(sr=quote_plus(f"{HOST}/press-1")), "resource-lacks-devices", Verdict.WRONG_RESOURCE),
    ("device", token(sr=quote_plus(f"{HOST}/device/press-1")), "resource-lacks-devices", Verdict.WRONG_RESOURCE),
    ("no modules", token(sr=quote_plus(f"{HOST}/devices/d/m")), "resource-lacks-modules", Verdict.WRONG_RESOURCE),
    ("double-encoded", token(sr=quote_plus(SR)), "resource-double-encoded", Verdict.WRONG_RESOURCE),
    ("hub's name alone", token(sr="contoso-plants", skn="p"), "resource-host", Verdict.WRONG_RESOURCE),
    ("slash at the end", token(sr=quote_plus(PLAIN + "/")), "resource-slash", Verdict.WRONG_RESOURCE),
    ("hub without policy", token(sr=HOST), "skn-missing", Verdict.MALFORMED),
    ("expired", token(se=SE - 7200), "expired", Verdict.EXPIRED),
    ("ends soon", token(se=int(NOW.timestamp()) + 60), "ends-soon", Verdict.UNVERIFIED),
    ("long", token(se=SE + 90 * 86400), "long-lived", Verdict.UNVERIFIED),
    ("quoted", f'"{token()}"', "quoted", Verdict.UNVERIFIED),
    ("id not encoded", token(sr=f"{HOST}%2Fdevices%2FPress#1"), "device-id-not-encoded", Verdict.UNVERIFIED),
    ("slashes not encoded", token(sr=f"{HOST}/devices/press-1"), "resource-not-encoded", Verdict.UNVERIFIED),
    ("case of the scheme", token().replace("Shared", "shared"), "scheme-case", Verdict.UNVERIFIED),
    ("plus not encoded", token(sig="a+" * 21 + "a%3D"), "signature-plus", Verdict.UNVERIFIED),
    ("storage", token() + "&sv=2022-11-02", "parameter-unknown", Verdict.UNVERIFIED),
]


@pytest.mark.parametrize(("text", "finding", "verdict"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_each_mistake_of_form_has_its_own_finding(text, finding, verdict):
    explanation = told(text)
    assert finding in ids(explanation)
    assert explanation.verdict is verdict


def test_a_finding_says_where():
    text = token()
    broken = text[:60] + "\n" + text[60:]
    assert "character 61" in told(broken).findings[0]
    assert broken[60] == "\n"
    invisible = text[:60] + "\u200b" + text[60:]
    assert "at 61 (U+200B)" in told(invisible).findings[0]
    cut = text.replace("&se=", "&nonsense&se=")
    assert f"at character {cut.index('nonsense') + 1}" in told(cut).findings[0]


MADE_WRONGLY = [
    ("key's text", token(key=KEY.encode()), ["key-not-decoded"]),
    ("decoded resource", token(message=f"{PLAIN}\n{SE}"), ["signature-over-decoded"]),
    ("lower case", token(message=f"{SR.lower()}\n{SE}"), ["signature-over-lower-case"]),
    ("encoded lower case", token(message=f"{quote_plus(PLAIN.lower())}\n{SE}"), ["signature-over-lower-case"]),
    ("%2f signed, %2F sent", token(message=f"{SR.replace('%2F', '%2f')}\n{SE}"), ["signature-hex-case"]),
    ("%2F signed, %2f sent", token(SR.replace("%2F", "%2f"), message=f"{SR}\n{SE}"), ["signature-hex-case"]),
    ("slashes", token(message=f"{quote(PLAIN)}\n{SE}"), ["signature-over-other-encoding"]),
    ("order", token(message=f"{SE}\n{SR}"), ["signature-order"]),
    ("no line feed", token(message=f"{SR}{SE}"), ["signature-line-feed"]),
    ("two characters", token(message=f"{SR}\\n{SE}"), ["signature-line-feed"]),
    ("Windows", token(message=f"{SR}\r\n{SE}"), ["signature-line-feed"]),
    ("https signed", token(message=f"{quote_plus('https://' + PLAIN)}\n{SE}"), ["signature-over-other-host"]),
    ("SHA-1", token(digest="sha1"), ["signature-hash"]),
    ("SHA-512", token(digest="sha512"), ["signature-hash"]),
    ("milliseconds signed", token(message=f"{SR}\n{SE * 1000}"), ["signature-expiry-unit"]),
    ("with the policy", token(message=f"{SR}\n{SE}\nservice", skn="service"), ["signature-with-policy"]),
    ("twice", token(message=f"{quote_plus(SR)}\n{SE}"), ["signature-over-double-encoded"]),
    ("two at once", token(key=KEY.encode(), message=f"{PLAIN}\n{SE}"), ["key-not-decoded", "signature-over-decoded"]),
]


@pytest.mark.parametrize(("text", "findings"), [row[1:] for row in MADE_WRONGLY], ids=[row[0] for row in MADE_WRONGLY])
def test_recomputing_tells_how_a_signature_was_made(text, findings):
    explanation = told(text, GIVEN)
    assert explanation.verdict is Verdict.MALFORMED
    assert set(findings) <= set(ids(explanation))
    assert "wrong-key" not in ids(explanation)
    assert dict(explanation.facts)["signature"].startswith("made with the key given")


def test_the_right_start_of_a_cut_signature_is_recognised():
    signature = base64.b64encode(hmac.digest(RAW, f"{SR}\n{SE}".encode(), "sha256")).decode()
    explanation = told(token(sig=quote_plus(signature[:24])), GIVEN)
    assert "signature-truncated-right" in ids(explanation)
    assert "wrong-key" not in ids(explanation)
    assert "wrong-key" in ids(told(token(sig=quote_plus(signature[:24])), NamedKey("key given", Secret(OTHER))))


def test_a_wrong_key_is_a_wrong_key():
    explanation = told(token(), NamedKey("key given", Secret(OTHER)))
    assert explanation.verdict is Verdict.WRONG_KEY
    assert ids(explanation) == ["wrong-key"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("not base64 at all", "not base64"),
        ("AAAA", "3 bytes"),
        (KEY[:-3], "cut"),
        (base64.urlsafe_b64encode(b"\xff" * 32).decode(), "web addresses"),
    ],
)
def test_a_key_that_cannot_be_one_is_named_so(key, words):
    explanation = told(token(), NamedKey("key given", Secret(key)))
    assert explanation.verdict is Verdict.WRONG_KEY
    assert ids(explanation) == ["key-unusable"]
    assert words in explanation.findings[0]
    assert key not in explanation.findings[0]


def test_whose_key_it_is_decides_whether_skn_is_right():
    hub = mint(HOST, Secret(KEY), NOW + timedelta(hours=1), "service").reveal()
    assert told(hub, POLICY).verdict is Verdict.VALID
    assert told(token(), DEVICE).verdict is Verdict.VALID
    assert ids(told(token(), POLICY)) == ["skn-missing"]
    assert told(token(), POLICY).verdict is Verdict.WRONG_KEY
    assert ids(told(token(skn="device"), DEVICE)) == ["skn-with-device-key"]
    assert ids(told(token(skn="device"), POLICY)) == ["skn-other-policy"]
    other = NamedKey("key of device d", Secret(KEY), device_id="d")
    assert ids(told(token(), other)) == ["key-of-other-device"]
    registration = token(sr="0ne00A1B2C3%2Fregistrations%2Fpress-1", skn="registration")
    assert told(registration, GIVEN).verdict is Verdict.VALID


def test_the_worst_finding_decides_and_all_are_told():
    expired = SE - 7200
    everything = token(sr=quote_plus("https://" + PLAIN), se=expired).replace("%3D", "")
    explanation = told(everything, NamedKey("key given", Secret(OTHER)), wanted="press-2")
    verdicts = [one.verdict for one in explanation.details]
    assert verdicts[0] is explanation.verdict is Verdict.MALFORMED
    assert [v for v in Verdict if v in verdicts] == [
        Verdict.MALFORMED,
        Verdict.WRONG_KEY,
        Verdict.WRONG_RESOURCE,
        Verdict.EXPIRED,
    ]
    assert verdicts == sorted(verdicts, key=list(Verdict).index)
    less = told(token(se=expired), NamedKey("key given", Secret(OTHER)), wanted="press-2")
    assert less.verdict is Verdict.WRONG_KEY
    assert told(token(se=expired), GIVEN, wanted="press-2").verdict is Verdict.WRONG_RESOURCE
    assert told(token(se=expired), GIVEN, wanted="Press#1").verdict is Verdict.EXPIRED


@pytest.mark.parametrize(
    ("wanted", "good"),
    [
        ("Press#1", True),
        ("press#1", False),
        ("press-2", False),
        (PLAIN, True),
        (PLAIN.upper().replace("PRESS#1", "Press#1").replace("/DEVICES/", "/devices/"), True),
        (f"{PLAIN}/messages/events", True),
        (f"https://{PLAIN}/messages/events?api-version=2020-09-30", True),
        (quote_plus(PLAIN), True),
        (f"{PLAIN}0", False),
        (HOST, False),
        ("other.azure-devices.net", False),
        ("other.azure-devices.net/devices/Press#1", False),
    ],
)
def test_it_says_whether_it_is_good_for_what_is_wanted(wanted, good):
    explanation = told(token(), GIVEN, wanted=wanted)
    assert explanation.verdict is (Verdict.VALID if good else Verdict.WRONG_RESOURCE)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Authorization: {token()}", "Authorization header"),
        (f'  "authorization": "{token()}",', "Authorization header"),
        (f"password={token()}", "MQTT password"),
        (f"mosquitto_pub -h {HOST} -P '{token()}'", "MQTT password"),
        (f"the token is {token()}", "SAS token"),
        (token() + "\r\n", "SAS token"),
    ],
)
def test_it_is_found_in_what_it_was_pasted_with(text, kind):
    explanation = told(text, GIVEN)
    assert explanation.kind == kind
    assert explanation.verdict is Verdict.VALID


def test_a_plus_that_became_a_blank_is_put_back():
    key = next(
        raw
        for raw in (hashlib.sha256(bytes([n])).digest() for n in range(99))
        if b"+" in base64.b64encode(hmac.digest(raw, f"{SR}\n{SE}".encode(), "sha256"))
    )
    text = token(key=key).replace("%2B", " ")
    explanation = told(text, NamedKey("key given", Secret(base64.b64encode(key).decode())))
    assert "fits" in dict(explanation.facts)["signature"]
    assert "%2B" in explanation.details[0].hint


def test_hostile_text_is_cleaned():
    hostile = token(sr=quote_plus(f"{HOST}/devices/\x1b[2J\u202e"), skn="\x1b]0;x\x07")
    explanation = told(hostile)
    shown = repr((explanation.kind, explanation.facts, explanation.findings))
    for text in [*explanation.findings, *(value for _, value in explanation.facts)]:
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\\\\x1b" in shown


def test_a_bare_key_is_called_one():
    explanation = told(KEY)
    assert (explanation.kind, explanation.verdict) == ("key", Verdict.UNVERIFIED)
    assert dict(explanation.facts)["key"] == "base64, 32 bytes"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=1, seconds=5), "1 h"),
        (timedelta(minutes=59, seconds=3), "59 min 3 s"),
        (timedelta(days=400), "1 y 35 d"),
    ],
)
def test_lengths_of_time(length, words):
    assert lasting(length) == words


@pytest.mark.parametrize(("seconds", "verdict"), [(1, Verdict.VALID), (0, Verdict.EXPIRED), (-1, Verdict.EXPIRED)])
def test_a_token_has_expired_at_the_second_that_it_names(seconds, verdict):
    assert told(token(se=int(NOW.timestamp()) + seconds), GIVEN).verdict is verdict
