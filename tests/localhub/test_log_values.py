"""Time spans of requests, in every form the SDKs and people send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.localhub.log_values import parse_duration, parse_timespan

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT3600.0S", 3600), ("PT1H", 3600), ("P1D", 86400), ("P1DT2H3M4.5S", 93784.5), ("pt30m", 1800), ("P2W", 1209600)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "1h", "PT1X", "P1Y", "-PT1H"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("PT7200.0S", (-2, 0)),
        ("2026-11-23T07:42:00Z/PT3600.0S", (-2, -1)),
        ("2026-11-23T07:42:00.0000000Z/2026-11-23T08:42:00+00:00", (-2, -1)),
        ("2026-11-23T07:42:00/2026-11-23T08:42:00", (-2, -1)),
        ("PT1H/2026-11-23T08:42:00Z", (-2, -1)),
    ],
)
def test_time_spans(text, hours):
    assert parse_timespan(text, NOW) == tuple(NOW + timedelta(hours=h) for h in hours)


def test_no_time_span_is_no_limit():
    assert parse_timespan(None, NOW) == (None, None)


@pytest.mark.parametrize("text", ["yesterday", "a/b", "PT1H/PT1H", "2026-11-23T07:42:00Z/"])
def test_what_is_no_time_span(text):
    with pytest.raises(ValueError, match=r"."):
        parse_timespan(text, NOW)
