"""The fewest ranges that hold the addresses seen: for new rules, and for rules wider than they need to be."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

from console.model.ip_rule import IpRule, Narrowing, RuleUse, SeenAddress
from console.rules.ip_ranges import (
    Interval,
    count,
    intersect,
    interval_of,
    mask_text,
    merge,
    network_of,
    seen_interval,
    smallest_network,
    to_networks,
)


def minimal_cover(seen: Iterable[str]) -> tuple[IPv4Network, ...]:
    """Return the fewest CIDR ranges that hold exactly the addresses given: masked ones, whole ones or CIDR ranges.

    Raises:
        ValueError: naming the first that is none of these.
    """
    intervals: list[Interval] = []
    for text in seen:
        interval = seen_interval(text) or interval_of(text)
        if interval is None:
            raise ValueError(f"not an IPv4 address, masked address or CIDR range: {text!r}")
        intervals.append(interval)
    return to_networks(merge(intervals))


def narrow(rule: IpRule, seen: Sequence[SeenAddress]) -> Narrowing:
    """Return how much of a rule's range the seen addresses need; nothing is needed of a mask that cannot be read."""
    whole = interval_of(rule.mask)
    if whole is None:
        return Narrowing(rule.name, rule.mask, (), "", 0)
    used: list[Interval] = []
    devices = 0
    for item in seen:
        interval = seen_interval(item.masked)
        if interval is not None and interval[0] <= whole[1] and interval[1] >= whole[0]:
            used.append(interval)
            devices += item.devices
    needed = intersect(merge(used), [whole])
    single = mask_text(smallest_network(needed[0][0], needed[-1][1])) if needed else ""
    exact = tuple(mask_text(network) for network in to_networks(needed))
    return Narrowing(rule.name, mask_text(network_of(rule.mask)), exact, single, devices)


def rule_use(rules: Sequence[IpRule], seen: Sequence[SeenAddress]) -> tuple[RuleUse, ...]:
    """Return what was seen from each rule's range, in the order of the rules.

    A range of which a rule holds only a part counts as seen, and `partly` says so.
    """
    read = [(interval, item) for item in seen if (interval := seen_interval(item.masked)) is not None]
    read.sort(key=lambda pair: pair[0])
    starts = [interval[0] for interval, _ in read]
    found: list[RuleUse] = []
    for rule in rules:
        whole = interval_of(rule.mask)
        if whole is None:
            found.append(RuleUse(rule.name, rule.mask, 0, 0, 0, None, False))
            continue
        first, last = whole
        # a masked range that begins up to 255 addresses earlier still reaches into the rule's
        near = read[bisect_left(starts, first - 255) : bisect_right(starts, last)]
        hits = [(interval, item) for interval, item in near if interval[1] >= first]
        times = [item.last_seen for _, item in hits if item.last_seen is not None]
        partly = any(interval[0] < first or interval[1] > last for interval, _ in hits)
        devices = sum(item.devices for _, item in hits)
        newest = max(times, default=None)
        found.append(RuleUse(rule.name, rule.mask, count([whole]), devices, len(hits), newest, partly))
    return tuple(found)
