"""The fewest ranges for what was seen, against `ipaddress` and against counting."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ip_oracle import BASE, allow_lists, masks, small_masks

from console.model.ip_rule import IpRule, SeenAddress
from console.rules.ip_cover import minimal_cover, narrow, rule_use
from console.rules.ip_ranges import complement, count, intersect, merge, smallest_network, to_networks

masked = st.integers(-2, 9).map(lambda n: str(IPv4Address(BASE + 256 * n)).rpartition(".")[0] + ".XXX")
whole = st.integers(0, 1023).map(lambda n: str(IPv4Address(BASE + n)))
seen_lists = st.lists(st.builds(SeenAddress, masked | whole, st.integers(1, 50)), max_size=8)


def held(text: str) -> set[int]:
    """Return the addresses behind one of the log, by itself."""
    if text.endswith(".XXX"):
        return set(range(int(IPv4Address(text[:-3] + "0")), int(IPv4Address(text[:-3] + "255")) + 1))
    network = IPv4Network(text)
    return set(range(int(network[0]), int(network[-1]) + 1))


@given(st.lists(masked | whole | small_masks, max_size=12))
def test_the_cover_is_exact_and_as_short_as_collapsing(seen: list[str]) -> None:
    cover = minimal_cover(seen)
    assert set().union(*(held(str(network)) for network in cover)) == set().union(*map(held, seen))
    networks = [IPv4Network(text[:-3] + "0/24" if text.endswith("XXX") else text) for text in seen]
    assert list(cover) == sorted(ipaddress.collapse_addresses(networks))


def test_the_cover_of_the_plants() -> None:
    assert list(map(str, minimal_cover(["10.20.5.XXX", "10.20.4.XXX"]))) == ["10.20.4.0/23"]
    assert list(map(str, minimal_cover(["10.20.5.xxx", "10.20.6.XXX"]))) == ["10.20.5.0/24", "10.20.6.0/24"]
    with pytest.raises(ValueError, match="nonsense"):
        minimal_cover(["10.20.4.XXX", "nonsense"])


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(masks, seen_lists)
def test_narrowing_keeps_every_seen_address_of_the_rule(mask: str, seen: list[SeenAddress]) -> None:
    rule = IPv4Network(mask, strict=False)
    first, last = int(rule[0]), int(rule[-1])
    needed = {n for item in seen for n in held(item.masked) if first <= n <= last}
    found = narrow(IpRule("r", mask), seen)
    assert set().union(*map(held, found.exact)) == needed
    assert list(map(IPv4Network, found.exact)) == sorted(ipaddress.collapse_addresses(map(IPv4Address, needed)))
    hits = [item for item in seen if any(first <= n <= last for n in held(item.masked))]
    assert found.devices == sum(item.devices for item in hits)
    if not needed:
        assert (found.single, found.narrows) == ("", False)
        return
    single = IPv4Network(found.single)
    assert single.subnet_of(rule)
    assert all(IPv4Address(n) in single for n in needed)
    halves = list(single.subnets()) if single.prefixlen < 32 else []
    assert not any(all(IPv4Address(n) in half for n in needed) for half in halves)
    assert found.narrows == (single != rule)


def test_narrowing_the_plant() -> None:
    seen = [
        SeenAddress("10.20.4.XXX", 198),
        SeenAddress("10.20.5.XXX", 16),
        SeenAddress("10.0.0.XXX", 9),
        SeenAddress("?", 1),
    ]
    found = narrow(IpRule("lyon-plant", "10.20.0.7/16"), seen)
    assert (found.mask, found.exact, found.single) == ("10.20.0.0/16", ("10.20.4.0/23",), "10.20.4.0/23")
    assert (found.devices, found.narrows) == (214, True)
    assert narrow(IpRule("odd", "x"), seen).exact == ()


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(allow_lists(), seen_lists)
def test_use_of_rules(rules: tuple[IpRule, ...], seen: list[SeenAddress]) -> None:
    for rule, use in zip(rules, rule_use(rules, seen), strict=True):
        network = IPv4Network(rule.mask, strict=False)
        hits = [item for item in seen if any(IPv4Address(n) in network for n in held(item.masked))]
        assert (use.devices, use.ranges) == (sum(item.devices for item in hits), len(hits))
        assert use.partly == any(IPv4Address(n) not in network for item in hits for n in held(item.masked))
        assert use.addresses == network.num_addresses


def test_the_newest_hit_of_a_rule() -> None:
    early, late = datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)
    seen = [SeenAddress("10.20.5.XXX", 1, early), SeenAddress("10.20.4.XXX", 2, late), SeenAddress("10.20.6.XXX", 3)]
    uses = rule_use([IpRule("lyon", "10.20.0.0/16"), IpRule("odd", "x"), IpRule("none", "10.9.0.0/16")], seen)
    assert [(use.devices, use.last_seen) for use in uses] == [(6, late), (0, None), (0, None)]


intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda p: (p[0], p[0] + p[1])), max_size=8)


def points(found: list[tuple[int, int]]) -> set[int]:
    return {n for first, last in found for n in range(first, last + 1)}


@given(intervals, intervals)
def test_interval_arithmetic_is_set_arithmetic(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = merge(one), merge(other)
    assert points(a) == points(one)
    assert count(a) == len(points(one))
    assert all(x[1] + 1 < y[0] for x, y in pairwise(a))
    assert points(intersect(a, b)) == points(one) & points(other)
    assert complement(complement(a)) == a
    assert intersect(a, complement(a)) == []
    assert count(a) + count(complement(a)) == 2**32
    assert sum(network.num_addresses for network in to_networks(complement(a))) == count(complement(a))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_the_smallest_network_of_two_addresses(a: int, b: int) -> None:
    network = smallest_network(min(a, b), max(a, b))
    assert IPv4Address(a) in network
    assert IPv4Address(b) in network
    assert network.prefixlen == 32 or not any(
        IPv4Address(a) in half and IPv4Address(b) in half for half in network.subnets()
    )
