"""Ages, numbers and states in words."""

from datetime import UTC, datetime, timedelta

import pytest
from support.fakes import NOW, hub, report, snapshot

from console.model.connection import Cause, LogState
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import Exposure
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.present.cause_help import CAUSE_HELP
from console.present.columns import Column, layout
from console.present.connections import code_meaning, log_columns, summary_line
from console.present.hub_words import certificates_line, exposure_line
from console.present.lines import plain
from console.present.log_states import SHOWS_TABLE, WORDS, empty_words, state_page
from console.present.overview import board
from console.present.words import ago, change_words, freshness, since_moment, span, step_words, window_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (86400, "24 h"), (172800, "2 d"), (-5, "0 s")],
)
def test_spans(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_ages_change_in_steps_of_five_seconds() -> None:
    assert ago(NOW - timedelta(seconds=4), NOW) == "just now"
    assert ago(NOW - timedelta(seconds=14), NOW) == "10 s ago"
    assert ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"


def test_stale_cached_fresh_and_unread_differ() -> None:
    told = {
        freshness(None, NOW, stale=False)[0],
        freshness(NOW, NOW, stale=False)[0],
        freshness(NOW, NOW, stale=True)[0],
        freshness(NOW, NOW, stale=False, cached=True)[0],
    }
    assert len(told) == 4
    assert freshness(datetime(2026, 11, 23, 12, 3, tzinfo=UTC), NOW, stale=True)[0] == "STALE since 12:03"


def test_change_words() -> None:
    assert change_words(418, 107, "the hour before") == "3.9x the hour before"
    assert change_words(418, 0, "the hour before") == "none the hour before"
    assert change_words(418, None, "the hour before") == ""
    assert change_words(5, 5, "the hour before") == "as many as the hour before"


def test_windows_and_steps() -> None:
    assert [window_words(timedelta(hours=hours)) for hours in (1, 24, 168)] == ["1 h", "24 h", "7 days"]
    assert [step_words(timedelta(minutes=minutes)) for minutes in (1, 15, 60, 240)] == [
        "per minute",
        "per 15 min",
        "per hour",
        "per 4 h",
    ]
    assert since_moment(NOW - timedelta(days=1), NOW) == "11-22"


def test_every_log_state_has_its_own_words() -> None:
    assert set(WORDS) == set(LogState)
    assert len({words.title for words in WORDS.values()}) == len(WORDS)
    for state in set(LogState) - SHOWS_TABLE:
        page = "\n".join(plain(line) for line in state_page(report(state), 78))
        assert WORDS[state].title in page
        assert all(len(plain(line)) <= 80 for line in state_page(report(state), 78))


def test_a_failed_log_shows_the_error_with_what_to_do() -> None:
    error = ConsoleError(ErrorKind.TLS, "The log was not read", "the certificate is not trusted", "set ca_file")
    page = "\n".join(plain(line) for line in state_page(report(LogState.FAILED, error=error), 78))
    assert "TLS NOT TRUSTED" in page and "set ca_file" in page and "not trusted" in page


def test_no_failures_is_told_apart_from_no_rows() -> None:
    assert "No failed connection" in empty_words(report(LogState.EMPTY))
    assert plain(summary_line(report(LogState.EMPTY))).strip().startswith("no failures")


def test_every_cause_is_explained() -> None:
    assert set(CAUSE_HELP) == set(Cause)
    assert "401003" in code_meaning("401003")[0]
    assert code_meaning("999999")[1]


@pytest.mark.parametrize(
    ("exposure", "words"),
    [
        (Exposure(public_access=False, private_endpoints_approved=2), "not public, 2 private endpoints"),
        (Exposure(public_access=True, default_deny=False), "public, OPEN to all addresses"),
        (Exposure(public_access=True), "public, OPEN to all addresses"),
        (Exposure(), "public access not stated, OPEN to all addresses"),
        (Exposure(public_access=True, default_deny=True), "public, 0 IP ranges"),
    ],
)
def test_exposure(exposure: Exposure, words: str) -> None:
    assert plain(exposure_line(exposure)) == words


def test_the_built_in_endpoint_stands_out() -> None:
    assert ("built-in endpoint OPEN to all addresses", "bad") in exposure_line(hub().exposure)


def test_certificates_none_and_expired() -> None:
    assert plain(certificates_line((), NOW)) == "none uploaded"
    certificate = snapshot().certificates.value
    assert certificate is not None
    assert "EXPIRED" in plain(certificates_line(certificate, NOW + timedelta(days=60)))


def test_the_overview_fits_eighty_columns_and_has_unique_keys() -> None:
    entries = board(snapshot(), NOW, 80)
    assert all(len(plain(entry.line)) <= 80 for entry in entries)
    keys = [entry.key for entry in entries if entry.opens]
    assert len(keys) == len(set(keys)) == 9
    assert len(entries) <= 20


def test_an_unread_overview_says_reading_and_a_failed_part_why() -> None:
    words = "\n".join(plain(entry.line) for entry in board(OverviewSnapshot(), NOW, 80))
    assert words.count("reading …") == 5
    error = ConsoleError(ErrorKind.PERMISSION, "The hub was not read", "the role Reader is missing")
    failed = OverviewSnapshot(hub=Reading(error=error), counts=Reading(snapshot().counts.value, NOW, error))
    words = "\n".join(plain(entry.line) for entry in board(failed, NOW, 100))
    assert "NO PERMISSION: the role Reader is missing" in words
    assert "DEVICES        STALE since 09:42  2,000" in words


def test_columns_hide_by_priority_and_share_the_rest() -> None:
    columns = (
        Column("a", "A", 10, flex=1),
        Column("b", "B", 10, priority=2),
        Column("c", "C", 10, priority=1),
        Column("w", "W", 10, wide=True),
    )
    assert [slot.index for slot in layout(columns, 40)] == [0, 1, 2]
    assert [slot.index for slot in layout(columns, 30)] == [0, 2]
    assert [slot.index for slot in layout(columns, 12)] == [0]
    assert layout(columns, 40)[0].width == 16
    assert [slot.index for slot in layout(columns, 36, wide=True)] == [0, 1, 2]
    assert [slot.index for slot in layout(columns, 36, wide=True, skip=1)] == [0, 2, 3]


def test_columns_of_any_query_result() -> None:
    made = log_columns(("Cause", "Count"), (("cloned credential", 31), ("x", 2)))
    assert [(column.title, column.width, column.align) for column in made] == [
        ("Cause", 17, "left"),
        ("Count", 5, "right"),
    ]
