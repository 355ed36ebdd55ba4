"""Ranges of IPv4 addresses: read from text, as intervals of numbers, and as the fewest CIDR ranges."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network

LAST = 2**32 - 1
Interval = tuple[int, int]
"""The first and the last address of a range, both included, as numbers."""
_OCTETS = {str(number): number for number in range(256)}  # thousands of masked addresses are read at a time


@lru_cache(maxsize=4096)
def network_of(mask: str) -> IPv4Network:
    """Return the range a mask means; host bits are dropped (10.20.4.17/16 is 10.20.0.0/16).

    Raises:
        ValueError: when it is no IPv4 address or range.
    """
    return IPv4Network(mask, strict=False)


def interval_of(mask: str) -> Interval | None:
    """Return the addresses of a mask; None when it cannot be read, since such a rule matches nothing."""
    try:
        network = network_of(mask)
    except ValueError:
        return None
    return int(network.network_address), int(network.broadcast_address)


def number_of(address: str) -> int | None:
    """Return an IPv4 address as a number, also one mapped into IPv6; None for anything else."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        return None if parsed.ipv4_mapped is None else int(parsed.ipv4_mapped)
    return int(parsed)


@lru_cache(maxsize=65536)  # the same addresses come back with each edit of a rule
def seen_interval(seen: str) -> Interval | None:
    """Return the addresses behind one of the log: 256 for a masked one (10.20.4.XXX), 1 for a whole one, else None."""
    head, _, tail = seen.rpartition(".")
    if tail.casefold() == "xxx":
        try:
            one, two, three = map(_OCTETS.__getitem__, head.split("."))
        except (KeyError, ValueError):
            return None
        first = one << 24 | two << 16 | three << 8
        return first, first + 255
    number = number_of(seen)
    return None if number is None else (number, number)


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union: in order, disjoint, and joined where they touch."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def count(merged: Iterable[Interval]) -> int:
    """Return how many addresses disjoint intervals hold."""
    return sum(last - first + 1 for first, last in merged)


def intersect(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """Return what two merged lists of intervals have in common."""
    found: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            found.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def complement(merged: Sequence[Interval]) -> list[Interval]:
    """Return every address that a merged list of intervals does not hold."""
    found: list[Interval] = []
    begin = 0
    for first, last in merged:
        if begin < first:
            found.append((begin, first - 1))
        begin = last + 1
    if begin <= LAST:
        found.append((begin, LAST))
    return found


def to_networks(merged: Iterable[Interval]) -> tuple[IPv4Network, ...]:
    """Return the fewest CIDR ranges that hold exactly the addresses of a merged list of intervals."""
    found: list[IPv4Network] = []
    for first, last in merged:
        found += ipaddress.summarize_address_range(IPv4Address(first), IPv4Address(last))
    return tuple(found)


def smallest_network(first: int, last: int) -> IPv4Network:
    """Return the smallest one CIDR range that holds both addresses."""
    bits = (first ^ last).bit_length()
    return IPv4Network((first >> bits << bits, 32 - bits))


def mask_text(network: IPv4Network) -> str:
    """Return a range as a rule's mask: CIDR, or the bare address when it is one."""
    return str(network.network_address) if network.prefixlen == 32 else str(network)
