"""Secrets stay secret, times are aware, readings know their state, failures are sentences."""

import copy
import json
import logging
import pickle
import traceback
from datetime import UTC, datetime, timedelta, timezone

import pytest

from console.model.clock import format_time, parse_time
from console.model.device import AuthType, auth_type
from console.model.error_codes import CATALOGUE, explain
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.model.reading import Reading
from console.model.secret import Secret

KEY = "bm90LWEtcmVhbC1rZXktanVzdC1hLXRlc3QtdmFsdWUxMjM0"


def test_no_form_of_a_secret_shows_it(caplog):
    secret = Secret(KEY)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>60}", "%s" % secret, json.dumps([secret], default=str)]
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("key %s %r", secret, secret)
    shown.append(caplog.text)
    try:
        raise ValueError(secret)
    except ValueError:
        shown.append(traceback.format_exc())
    assert not any(KEY in text or KEY[:20] in text for text in shown)
    assert str(secret) == "••••" + KEY[-4:]
    assert str(Secret("short")) == "••••"
    assert secret.reveal() == KEY


def test_a_secret_does_not_travel():
    for carry in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            carry(Secret(KEY))
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(KEY)})


def test_secrets_compare_by_value():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T09:42:00Z", datetime(2026, 11, 23, 9, 42, tzinfo=UTC)),
        ("2026-11-23T09:42:00.1234567Z", datetime(2026, 11, 23, 9, 42, 0, 123456, tzinfo=UTC)),
        ("2026-11-23T09:42:00.5", datetime(2026, 11, 23, 9, 42, 0, 500000, tzinfo=UTC)),
        ("2026-11-23T11:42:00+02:00", datetime(2026, 11, 23, 9, 42, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_times_are_aware_and_never_is_none(text, expected):
    assert parse_time(text) == expected


def test_times_are_written_in_utc():
    assert format_time(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("word", "prints", "expected"),
    [
        ("sas", (), AuthType.SAS),
        ("SelfSigned", ("a" * 64, ""), AuthType.THUMBPRINT_SHA256),
        ("selfSigned", ("a" * 64, "b" * 40), AuthType.THUMBPRINT_SHA1),
        ("selfSigned", ("", ""), AuthType.THUMBPRINT_MISSING),
        ("certificateAuthority", (), AuthType.CA),
        ("none", (), AuthType.NONE),
        (None, (), AuthType.UNKNOWN),
        ("quantum", (), AuthType.UNKNOWN),
    ],
)
def test_auth_types(word, prints, expected):
    assert auth_type(word, prints) is expected


def test_a_reading_knows_its_state():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    error = ConsoleError(ErrorKind.NETWORK, "No answer")
    never: Reading[int] = Reading()
    assert (never.asked, never.ready, never.stale) == (False, False, False)
    ready = Reading(3, now)
    assert (ready.asked, ready.ready, ready.stale) == (True, True, False)
    stale = ready.failed(error)
    assert (stale.value, stale.ready, stale.stale) == (3, False, True)
    assert never.failed(error).asked
    assert not never.failed(error).stale
    assert Reading(3, now, cached=True).stale


def test_a_failure_is_a_sentence():
    error = ConsoleError(ErrorKind.TLS, "The hub could not be reached", "its certificate is not trusted", "Set ca_file")
    assert error.sentence() == "The hub could not be reached: its certificate is not trusted. Set ca_file."
    assert str(ConsoleError(ErrorKind.DEFECT, "Something broke.")) == "Something broke."


def test_resource_ids_are_read_without_case():
    arm_id = "/subscriptions/S1/RESOURCEGROUPS/rg/providers/Microsoft.Devices/IotHubs/hub"
    assert arm_segment(arm_id, "resourceGroups") == "rg"
    assert arm_segment(arm_id, "iothubs") == "hub"
    assert arm_segment(arm_id, "nothing") == ""


def test_every_code_has_a_meaning_and_a_fix():
    assert len(CATALOGUE) > 150
    for code, entry in CATALOGUE.items():
        assert code == entry.code
        assert code.isdigit()
        assert len(code) == 6
        assert entry.meaning.endswith(".")
        assert entry.fix.endswith(".")
        assert 400 <= entry.http_status < 600


def test_the_codes_that_matter_most_have_a_security_reading():
    for code in ("400027", "401003", "403012", "404001", "404104", "409002"):
        assert explain(code).security


def test_unknown_codes_are_explained_by_family():
    assert "limit" in explain("429999").meaning
    assert explain("").name == "not in the catalogue"
    assert explain("IotHubUnauthorized").code == "401003"
