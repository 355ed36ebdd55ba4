"""Naive deciders and random rules for the tests of IP rules: they walk the rules address by address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network

from hypothesis import strategies as st

from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget, IpRule, NetworkRules, Reach

LAST = 2**32 - 1
BASE = int(IPv4Address("10.20.4.0"))
SMALL = range(BASE, BASE + 1024)
"""A universe small enough to count: 10.20.4.0/22, four masked ranges."""

# Inside the small universe, around it, and anywhere; few high bits, so that ranges often meet.
small_masks = st.builds(
    lambda offset, bits: str(IPv4Network((BASE + offset, bits), strict=False)),
    st.integers(0, 1023),
    st.integers(22, 32),
)
wide_masks = st.builds(
    lambda number, bits: str(IPv4Network((number, bits), strict=False)),
    st.integers(BASE - 70000, BASE + 70000) | st.integers(0, LAST) | st.sampled_from([0, LAST]),
    st.integers(0, 32),
)
sloppy_masks = st.builds(
    lambda offset, bits: f"{IPv4Address(BASE + offset)}/{bits}", st.integers(0, 999), st.integers(20, 32)
)
masks = small_masks | wide_masks | sloppy_masks | st.integers(0, 1023).map(lambda n: str(IPv4Address(BASE + n)))


def named(found: Sequence[str]) -> tuple[IpRule, ...]:
    return tuple(IpRule(f"r{n}", mask) for n, mask in enumerate(found))


def allow_lists(mask: st.SearchStrategy[str] = masks, most: int = 8) -> st.SearchStrategy[tuple[IpRule, ...]]:
    return st.lists(mask, max_size=most).map(named)


def classic_lists(mask: st.SearchStrategy[str] = masks, most: int = 8) -> st.SearchStrategy[tuple[ClassicRule, ...]]:
    return st.lists(st.tuples(st.sampled_from(FilterAction), mask), max_size=most).map(
        lambda found: tuple(ClassicRule(f"c{n}", action, m) for n, (action, m) in enumerate(found))
    )


def dps_lists(mask: st.SearchStrategy[str] = masks, most: int = 6) -> st.SearchStrategy[tuple[ClassicRule, ...]]:
    return st.lists(st.tuples(st.sampled_from(FilterAction), mask, st.sampled_from(FilterTarget)), max_size=most).map(
        lambda found: tuple(ClassicRule(f"c{n}", *item[:2], target=item[2]) for n, item in enumerate(found))
    )


network_rules = st.builds(NetworkRules, st.sampled_from([True, True, True, False]), allow_lists(), st.booleans())
reaches = st.builds(
    Reach,
    st.sampled_from([True, True, True, True, False]),
    st.none() | network_rules,
    classic_lists(),
)


def naive(reach: Reach, address: int, target: FilterTarget | None = None) -> tuple[bool, str]:
    """Return (admitted, name of the first rule that decides) by walking the rules."""
    if not reach.public_access:
        return False, ""
    if reach.rules is not None:
        if not reach.rules.default_deny:
            return True, ""
        for rule in reach.rules.rules:
            if IPv4Address(address) in IPv4Network(rule.mask, strict=False):
                return True, rule.name
        return False, ""
    for filtered in reach.classic:
        if target is not None and filtered.target not in (FilterTarget.ALL, target):
            continue
        if IPv4Address(address) in IPv4Network(filtered.mask, strict=False):
            return filtered.action is FilterAction.ACCEPT, filtered.name
    return True, ""


def edges(rules: Iterable[IpRule | ClassicRule]) -> list[int]:
    """Return every address at which a decision can change, those beside it, and both ends of all addresses."""
    found = {0, 1, LAST - 1, LAST}
    for rule in rules:
        network = ipaddress.IPv4Network(rule.mask, strict=False)
        for end in (int(network[0]), int(network[-1])):
            found |= {max(end - 1, 0), end, min(end + 1, LAST)}
    return sorted(found)


def all_rules(*reaches: Reach) -> list[IpRule | ClassicRule]:
    found: list[IpRule | ClassicRule] = []
    for reach in reaches:
        found += (reach.rules.rules if reach.rules else ()) + reach.classic
    return found
