"""The verdict on IP rules from circumstances, and the words for every cause."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.connection import Cause, Confidence
from console.model.hub import ActivityEntry, Exposure, IpRule, MetricSeries
from console.rules.causes import (
    Coverage,
    Cut,
    GroupFacts,
    RangeEvidence,
    connected_drop,
    coverage,
    cut_evidence,
    cut_ranges,
    judge,
    network_writes,
    short_range,
)

REMOVED = datetime(2026, 11, 23, 9, 1, tzinfo=UTC)
LYON = "10.20.4.XXX"


def write(
    time: datetime = REMOVED, summary: str = 'IP rule "lyon" removed', status: str = "Succeeded"
) -> ActivityEntry:
    return ActivityEntry(time, "MICROSOFT.DEVICES/IOTHUBS/WRITE", "ana@contoso", "10.2.0.7", status, summary)


def rules(*masks: str, deny: bool = True) -> Exposure:
    return Exposure(True, deny, tuple(IpRule(f"r{n}", mask) for n, mask in enumerate(masks)))


def seen(**changes: object) -> RangeEvidence:
    start = REMOVED + timedelta(minutes=1)
    values = {
        "address": LYON,
        "segment": 1,
        "refused": 40,
        "lost": 0,
        "failures": 400,
        "first": start,
        "last": start + timedelta(minutes=30),
        "returned": 0,
        **changes,
    }
    return RangeEvidence(**values)  # type: ignore[arg-type]


def decide(
    evidence: list[RangeEvidence],
    writes: list[ActivityEntry],
    exposure: Exposure | None,
    connected: MetricSeries | None = None,
    window_start: datetime | None = None,
) -> list[Cut]:
    """Judge with the rules of the newest segment alone, as when the console was just started."""
    return cut_ranges(evidence, writes, {len(writes): exposure} if exposure else {}, connected, window_start)


def counted(*values: float) -> MetricSeries:
    first = REMOVED - timedelta(minutes=len(values) // 2)
    return MetricSeries("connectedDeviceCount", tuple((first + timedelta(minutes=n), v) for n, v in enumerate(values)))


@pytest.mark.parametrize(
    ("exposure", "expected"),
    [
        (rules("10.0.0.0/12", "10.31.8.0/22"), Coverage.OUTSIDE),
        (rules("10.20.0.0/16"), Coverage.ALLOWED),
        (rules("10.20.4.0/25", "10.20.4.128/25"), Coverage.ALLOWED),
        (rules("10.20.4.17"), Coverage.PARTLY),
        (rules("not an address"), Coverage.OUTSIDE),
        (rules(deny=False), Coverage.ALLOWED),
        (Exposure(public_access=False, default_deny=False), Coverage.OUTSIDE),
        (Exposure(), Coverage.UNKNOWN),
        (None, Coverage.UNKNOWN),
    ],
)
def test_what_the_rules_say_about_a_masked_range(exposure: Exposure | None, expected: Coverage) -> None:
    assert coverage(LYON, exposure) is expected


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)), max_size=6),
    st.integers(0, 2**24 - 1),
)
def test_coverage_agrees_with_counting_every_address(masks: list[tuple[int, int]], prefix: int) -> None:
    networks = [ipaddress.IPv4Network((base, bits), strict=False) for base, bits in masks]
    base = ipaddress.IPv4Address(prefix << 8)
    inside = sum(any(base + n in network for network in networks) for n in range(256))
    expected = {0: Coverage.OUTSIDE, 256: Coverage.ALLOWED}.get(inside, Coverage.PARTLY)
    assert coverage(str(base).rpartition(".")[0] + ".XXX", rules(*map(str, networks))) is expected


def test_refused_range_outside_all_rules_after_a_write_is_cut_off() -> None:
    cuts = decide([seen()], [write()], rules("10.0.0.0/12"))
    assert [(cut.address, cut.segment, cut.devices, cut.silent) for cut in cuts] == [(LYON, 1, 40, False)]
    assert cut_evidence(cuts) == 'one masked range 10.20.4.x, IP rule "lyon" removed 09:01 by ana@contoso'


def test_a_range_that_the_rules_allow_now_is_not_cut_off_now() -> None:
    assert decide([seen()], [write()], rules("10.20.0.0/16")) == []


def test_failures_before_the_range_was_put_back_stay_explained() -> None:
    back = write(REMOVED + timedelta(minutes=40), 'IP rule "lyon" added')
    before, after = seen(), seen(segment=2, refused=1, first=back.time, last=back.time, returned=40)
    cuts = decide([before, after], [write(), back], rules("10.20.0.0/16"))
    assert [(cut.segment, cut.write.summary) for cut in cuts if cut.write] == [(1, 'IP rule "lyon" removed')]


def test_what_was_failing_when_the_window_began_counts_as_following_the_write() -> None:
    late = seen(first=REMOVED + timedelta(hours=2))
    writes = [write(), write(REMOVED + timedelta(hours=5))]
    assert decide([late], writes, None) == []
    assert decide([late], writes, None, None, REMOVED + timedelta(hours=2))


def test_one_device_with_a_wrong_key_among_healthy_ones_is_not_cut_off() -> None:
    earlier = seen(refused=1, returned=80)
    assert decide([earlier], [write(), write(REMOVED + timedelta(hours=1))], None) == []
    assert decide([seen(segment=0, refused=1)], [], rules("10.20.0.0/16")) == []


def test_many_refusals_without_rules_or_writes_known_prove_nothing() -> None:
    assert decide([seen(segment=0)], [], None) == []


def test_silence_together_after_a_write_with_a_drop_is_a_cut_off_without_any_refusal() -> None:
    silent = seen(refused=0, lost=40)
    cuts = decide([silent], [write()], rules("10.0.0.0/12"), counted(1754, 1754, 1754, 1541, 1541, 1541))
    assert [(cut.silent, cut.devices, cut.connected_drop) for cut in cuts] == [(True, 40, 213)]
    text = cut_evidence(cuts)
    assert "silent together, no refusals in the log" in text
    assert "fell by 213" in text


@pytest.mark.parametrize(
    "changes",
    [{"returned": 1}, {"lost": 2}, {"segment": 0}, {"first": REMOVED + timedelta(hours=2)}],
    ids=["one came back", "too few", "no write before", "long after the write"],
)
def test_silence_counts_only_with_every_circumstance(changes: dict[str, object]) -> None:
    assert decide([seen(**{"refused": 0, "lost": 40, **changes})], [write()], rules("10.0.0.0/12")) == []


def test_silence_without_a_drop_in_connected_devices_is_no_cut_off() -> None:
    silent = seen(refused=0, lost=40)
    assert decide([silent], [write()], rules("10.0.0.0/12"), counted(900, 900, 900, 900)) == []
    assert decide([silent], [write()], rules("10.0.0.0/12"), None)  # the platform does not count: still likely


def test_the_drop_is_unknown_without_points_around_the_write() -> None:
    assert connected_drop(None, REMOVED) is None
    assert connected_drop(MetricSeries("m", ()), REMOVED) is None
    assert connected_drop(counted(10, 10, 30, 30), REMOVED) == 0


def test_only_successful_writes_of_the_hub_count() -> None:
    other = ActivityEntry(REMOVED, "Microsoft.Devices/IotHubs/listkeys/action", "x", "", "Succeeded")
    found = network_writes([write(REMOVED + timedelta(1)), other, write(status="Failed"), write()])
    assert [entry.time for entry in found] == [REMOVED, REMOVED + timedelta(1)]


def test_several_ranges_are_counted_and_the_first_are_named() -> None:
    cuts = decide([seen(address=f"10.20.{n}.XXX") for n in (5, 4, 12, 6)], [write()], rules())
    assert cut_evidence(cuts).startswith("4 masked ranges 10.20.4.x, 10.20.5.x, 10.20.6.x and 1 more")


def facts(**changes: object) -> GroupFacts:
    values = {
        "count": 31,
        "devices": 1,
        "ranges": 2,
        "device_id": "press-0417",
        "code": "400027",
        "address": LYON,
        "message": "",
        **changes,
    }
    return GroupFacts(**values)  # type: ignore[arg-type]


def test_one_device_from_two_ranges_is_certainly_cloned_and_flagged() -> None:
    confidence, evidence, flag = judge(Cause.CLONED, facts())
    assert (confidence, flag) == (Confidence.CERTAIN, "possible cloned credential")
    assert "press-0417" in evidence
    assert "2 masked ranges" in evidence


def test_a_single_takeover_is_not_flagged() -> None:
    assert judge(Cause.CLONED, facts(count=1, ranges=1))[2] == ""


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_evidence(cause: Cause) -> None:
    assert judge(cause, facts())[1]


@pytest.mark.parametrize(
    ("cause", "flag"),
    [
        (Cause.CERTIFICATE_EXPIRED, "expired certificate"),
        (Cause.THUMBPRINT, "thumbprint mismatch"),
        (Cause.THROTTLED, "throttling"),
        (Cause.SERVICE, "service-side"),
        (Cause.IP_RULES, "possible IP-rule cut-off"),
    ],
)
def test_flags(cause: Cause, flag: str) -> None:
    assert judge(cause, facts())[2] == flag


def test_masked_addresses_are_shown_short() -> None:
    assert short_range(LYON) == "10.20.4.x"
    assert short_range("fe80::1") == "fe80::1"
