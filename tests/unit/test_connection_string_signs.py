"""A connection string with signs in it that nobody sees is not right as it stands; what is around one is no part."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from console.model.token import Verdict
from console.rules import connection_string
from console.rules.sas_explain import explain

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = base64.b64encode(bytes(range(64, 96))).decode()
PARTS = ["HostName=contoso-plants.azure-devices.net", "DeviceId=press-1", f"SharedAccessKey={KEY}"]
WHOLE = ";".join(PARTS)


@pytest.mark.parametrize(
    "text",
    [
        *(WHOLE.replace(";", f"{sign};", 1) for sign in ("\u200b", "\u00ad", "\u2060", "\u202e", "\x07")),
        *(WHOLE.replace("press-1", f"press{dash}1") for dash in ("\u2010", "\u2011", "\u2013", "\u2014")),
        WHOLE.replace("contoso-", "contoso\u2011"),
        WHOLE.replace("contoso", "c\u043entoso"),
        WHOLE.replace(";", ";\u00a0"),
    ],
)
def test_signs_that_are_no_part_of_it_are_told(text: str) -> None:
    told = explain(text, NOW)
    assert told.verdict is Verdict.MALFORMED
    assert "foreign-character" in [one.id for one in told.details]
    if "\u043e" not in text:  # a letter of another alphabet is not guessed
        assert connection_string.read(text)[0] == connection_string.read(WHOLE)[0]


@pytest.mark.parametrize(
    "text",
    [
        f"\x1b[32m{WHOLE}\x1b[0m",
        f'String c = "{PARTS[0]};"\n    + "{PARTS[1]};"\n    + "{PARTS[2]}";\n',
        f"; a comment\n[iot]\nconnectionString = {WHOLE}\n; the end\n",
    ],
)
def test_what_is_around_it_is_no_fault(text: str) -> None:
    string, found = connection_string.read(text)
    assert string == connection_string.read(WHOLE)[0]
    assert not [one for one in found if one.verdict]


@pytest.mark.parametrize(
    "text",
    [f"> {WHOLE[:60]}\n> {WHOLE[60:]}", "cs: >-\n  " + WHOLE.replace(";", ";\n  "), WHOLE.replace("-1", "-\n    1")],
)
def test_a_string_in_lines_is_read_whole_and_told(text: str) -> None:
    string, found = connection_string.read(text)
    assert string == connection_string.read(WHOLE)[0]
    assert [one.id for one in found if one.verdict] == ["whitespace-inside"]


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("contoso-plants.azure-devices.net", "{your-hub}.azure-devices.net", "string-host"),
        ("contoso-plants.azure-devices.net", "<hub>.azure-devices.net", "string-host"),
        ("azure-devices.net", "azure-device.net", "string-host"),
        ("azure-devices.net", "azure-devices.net.example.com", "string-host"),
        ("=press-1", "={deviceId}", "string-id"),
        ("=press-1", f"={'a' * 129}", "string-id"),
    ],
)
def test_placeholders_are_told(right: str, wrong: str, told: str) -> None:
    found = explain(WHOLE.replace(right, wrong), NOW)
    assert found.verdict is Verdict.MALFORMED
    assert told in [one.id for one in found.details]
