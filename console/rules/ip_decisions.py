"""What a set of IP rules decides about every address: the address space cut where a decision changes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from console.model.ip_rule import (
    Certainty,
    ClassicRule,
    DecidedBy,
    FilterAction,
    FilterTarget,
    FilterVerdict,
    NetworkRules,
    RangeVerdict,
    Reach,
)
from console.rules.ip_ranges import LAST, Interval, interval_of, merge


@dataclass(frozen=True, slots=True)
class Decisions:
    """Verdict n holds from address `starts[n]` to just before the next start; the first start is 0."""

    starts: tuple[int, ...]
    verdicts: tuple[FilterVerdict, ...]

    def at(self, address: int) -> FilterVerdict:
        """Return what is decided about one address."""
        return self.verdicts[bisect_right(self.starts, address) - 1]

    def pieces(self, first: int, last: int) -> Iterator[tuple[int, int, FilterVerdict]]:
        """Yield a range in pieces (first, last, verdict) of one verdict each."""
        index = bisect_right(self.starts, first) - 1
        while first <= last:
            ends = self.starts[index + 1] - 1 if index + 1 < len(self.starts) else LAST
            yield first, min(ends, last), self.verdicts[index]
            first, index = ends + 1, index + 1

    def piece(self, first: int, last: int) -> int | None:
        """Return which verdict holds for a whole range, None when there is more than one."""
        index = bisect_right(self.starts, first) - 1
        return index if index + 1 == len(self.starts) or last < self.starts[index + 1] else None

    def over(self, first: int, last: int) -> RangeVerdict:
        """Return what is decided about a range as a whole."""
        size = last - first + 1
        admitted = 0
        deciding: dict[FilterVerdict, None] = {}
        for begin, end, verdict in self.pieces(first, last):
            admitted += (end - begin + 1) if verdict.admitted else 0
            deciding[verdict] = None
        certainty = {0: Certainty.OUT, size: Certainty.IN}.get(admitted, Certainty.UNCERTAIN)
        return RangeVerdict(certainty, admitted, size, tuple(deciding))

    def admitted(self) -> list[Interval]:
        """Return every address that is admitted, merged."""
        return merge((begin, end) for begin, end, verdict in self.pieces(0, LAST) if verdict.admitted)


def decide(reach: Reach, target: FilterTarget | None = None) -> Decisions:
    """Return what decides about every address.

    Public access off refuses everyone and ignores all rules. In `networkRuleSets` any rule allows, and the default
    action decides for the rest; where several rules hold an address the first is named. Without a rule set the
    classic rules decide: first match, else accept. Source: IoT Hub's documents on IP filtering, on the classic
    filter and on public network access.

    Args:
        reach: the rules.
        target: the API called, for a Device Provisioning Service: filters of the other one do not count; None: a hub.
    """
    if not reach.public_access:
        return Decisions((0,), (FilterVerdict(False, by=DecidedBy.PUBLIC_ACCESS_OFF),))
    if reach.rules is None:
        return _first_match(*_classic(reach.classic, target), FilterVerdict(True))
    return _allowed(reach.rules)


def _allowed(rules: NetworkRules) -> Decisions:
    if not rules.default_deny:
        return Decisions((0,), (FilterVerdict(True),))
    intervals, verdicts = [], []
    for position, rule in enumerate(rules.rules):
        if (interval := interval_of(rule.mask)) is not None:
            intervals.append(interval)
            verdicts.append(FilterVerdict(True, rule.name, DecidedBy.RULE, position))
    return _first_match(intervals, verdicts, FilterVerdict(False))


def _classic(rules: Sequence[ClassicRule], target: FilterTarget | None) -> tuple[list[Interval], list[FilterVerdict]]:
    intervals, verdicts = [], []
    for position, rule in enumerate(rules):
        interval = interval_of(rule.mask)
        if interval is not None and applies(rule, target):
            intervals.append(interval)
            admits = rule.action == FilterAction.ACCEPT
            verdicts.append(FilterVerdict(admits, rule.name, DecidedBy.RULE, position))
    return intervals, verdicts


def applies(rule: ClassicRule, target: FilterTarget | None) -> bool:
    """Return whether a rule counts for an API of a Device Provisioning Service; on a hub (None) every rule does."""
    return target in (None, FilterTarget.ALL, rule.target) or rule.target == FilterTarget.ALL


def cuts(intervals: Sequence[Interval]) -> list[Interval]:
    """Return the whole address space in pieces, each of which lies wholly inside or outside every interval."""
    edges = {0, LAST + 1}
    for first, last in intervals:
        edges |= {first, last + 1}
    return [(first, after - 1) for first, after in pairwise(sorted(edges))]


def _first_match(intervals: Sequence[Interval], verdicts: Sequence[FilterVerdict], default: FilterVerdict) -> Decisions:
    starts: list[int] = []
    found: list[FilterVerdict] = []
    for begin, _ in cuts(intervals):
        verdict = default
        for (first, last), candidate in zip(intervals, verdicts, strict=True):
            if first <= begin <= last:
                verdict = candidate
                break
        if not found or found[-1] is not verdict:
            starts.append(begin)
            found.append(verdict)
    return Decisions(tuple(starts), tuple(found))
