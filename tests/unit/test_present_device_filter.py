"""The filter grammar of the Devices pane."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.present.device_filter import parse_filter

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)


def device(**changes: object) -> Device:
    values: dict[str, object] = {
        "device_id": "genoa-press-0417",
        "status": DeviceStatus.ENABLED,
        "auth": AuthType.SAS,
        "connection": ConnectionState.CONNECTED,
        "last_activity": NOW - timedelta(days=2),
        "tags": (("site", "genoa"), ("line.number", "7")),
    }
    return Device(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "changes", "failures", "expected"),
    [
        ("", {}, 0, True),
        ("press", {}, 0, True),
        ("PRESS-04", {}, 0, True),
        ("lyon", {}, 0, False),
        ("!lyon", {}, 0, True),
        ("!press", {}, 0, False),
        ("genoa 0417", {}, 0, True),
        ("genoa 0418", {}, 0, False),
        ("auth:sas", {}, 0, True),
        ("auth:sas", {"auth": AuthType.CA}, 0, False),
        ("auth:x509", {"auth": AuthType.CA}, 0, True),
        ("auth:x.509", {"auth": AuthType.THUMBPRINT_SHA1}, 0, True),
        ("auth:thumb", {"auth": AuthType.THUMBPRINT_SHA256}, 0, True),
        ("auth:sha1", {"auth": AuthType.THUMBPRINT_SHA256}, 0, False),
        ("auth:none", {"auth": AuthType.NONE}, 0, True),
        ("!auth:sas", {"auth": AuthType.NONE}, 0, True),
        ("status:dis", {"status": DeviceStatus.DISABLED}, 0, True),
        ("status:enabled", {"status": DeviceStatus.DISABLED}, 0, False),
        ("state:connected", {}, 0, True),
        ("state:connected", {"connection": ConnectionState.DISCONNECTED}, 0, False),
        ("seen:>30d", {}, 0, False),
        ("seen:>30d", {"last_activity": NOW - timedelta(days=31)}, 0, True),
        ("seen:>30d", {"last_activity": None}, 0, True),
        ("seen:<1h", {"last_activity": None}, 0, False),
        ("seen:<1h", {"last_activity": NOW - timedelta(minutes=59)}, 0, True),
        ("seen:never", {"last_activity": None}, 0, True),
        ("seen:never", {}, 0, False),
        ("tag.site:gen", {}, 0, True),
        ("tag.site:lyon", {}, 0, False),
        ("tag.Line.Number:7", {}, 0, True),
        ("tag.site:", {}, 0, True),
        ("tag.owner:", {}, 0, False),
        ("edge:yes", {"edge": True}, 0, True),
        ("edge:no", {"edge": True}, 0, False),
        ("failures:>0", {}, 3, True),
        ("failures:>0", {}, 0, False),
        ("failures:<=3", {}, 3, True),
        ("failures:3", {}, 3, True),
        ('reason:"stolen in"', {"status_reason": "Stolen in Lyon"}, 0, True),
        ("thumb:abcd", {"thumbprints": ("", "ABCDEF")}, 0, True),
        ("auth:", {"auth": AuthType.NONE}, 0, True),
        ("seen:>", {}, 0, True),
        ("failures:>", {}, 0, True),
    ],
)
def test_what_a_filter_shows(text: str, changes: dict[str, object], failures: int, expected: bool) -> None:
    assert parse_filter(text).matches(device(**changes), failures, NOW) is expected


def test_an_unknown_column_is_searched_in_the_id_and_its_neighbour_named() -> None:
    found = parse_filter("auht:sas")
    assert "did you mean auth:" in found.notes[0]
    assert not found.matches(device(), 0, NOW)
    assert parse_filter("a:b").matches(device(device_id="xa:b"), 0, NOW)


def test_a_value_that_is_not_understood_filters_nothing_out_and_says_so() -> None:
    found = parse_filter("auth:zzz")
    assert found.matches(device(), 0, NOW)
    assert "zzz" in found.notes[0]


@given(st.text(max_size=60))
def test_no_text_makes_the_filter_fail(text: str) -> None:
    found = parse_filter(text)
    assert found.matches(device(), 1, NOW) in (True, False)
    assert found.matches(device(last_activity=None), 0, NOW) in (True, False)


@given(st.text(alphabet="abcgenos-0417", min_size=1, max_size=8))
def test_a_plain_word_and_its_negation_share_the_devices(word: str) -> None:
    shown = parse_filter(word).matches(device(), 0, NOW)
    assert parse_filter(f"!{word}").matches(device(), 0, NOW) is not shown


@given(st.integers(0, 10**12), st.sampled_from(["s", "m", "h", "d", "w", "y", ""]))
def test_older_and_younger_are_opposites(amount: int, unit: str) -> None:
    older = parse_filter(f"seen:>{amount}{unit}").matches(device(), 0, NOW)
    younger = parse_filter(f"seen:<{amount}{unit}").matches(device(), 0, NOW)
    assert older is not younger
