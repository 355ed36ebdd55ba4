"""What is odd about IP rules that the service would take: redundant, shadowed, over-wide, narrower than the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.model.ip_rule import (
    LOG_PREFIX,
    WIDE_PREFIX,
    ClassicRule,
    FilterAction,
    FilterTarget,
    FindingKind,
    IpRule,
    NetworkRules,
    RuleFinding,
)
from console.rules.ip_decisions import applies, cuts
from console.rules.ip_filter import check_mask, mask_notice
from console.rules.ip_ranges import LAST, Interval, interval_of, merge, network_of

_NAMES_SHOWN = 3
_EVERY = (0, LAST)


def lint_rules(rules: NetworkRules, wide: int = WIDE_PREFIX) -> list[RuleFinding]:
    """Return what is odd about a hub's `networkRuleSets`, in the order of the rules.

    REDUNDANT and DUPLICATE rules can each be removed without any effect; all of them at once need not (see
    `removable`). Two CIDR ranges overlap only where one holds the other, so an overlap is REDUNDANT here.

    Args:
        rules: the rule set; masks that cannot be read are passed over.
        wide: a prefix up to this long is over-wide.
    """
    found: list[RuleFinding] = []
    if not rules.default_deny:
        message = "The default action allows every address" + (", so the rules change nothing" if rules.rules else "")
        return [RuleFinding(FindingKind.EVERYONE, "", None, message)]
    spans = [interval_of(rule.mask) for rule in rules.rules]
    unique = list(dict.fromkeys(span for span in spans if span is not None))
    doubly = _covered_twice(unique)
    firsts: dict[Interval, str] = {}
    for position, (rule, span) in enumerate(zip(rules.rules, spans, strict=True)):
        if span is None:
            continue
        found += _shape(rule, position, wide, admits=True)
        if span in firsts:
            message = f"{rule.mask} is already allowed by “{firsts[span]}”"
            found.append(RuleFinding(FindingKind.DUPLICATE, rule.name, position, message, (firsts[span],)))
        elif span in doubly:
            others = _names(rules.rules, spans, _holders(span, unique))
            message = f"{rule.mask} is already allowed by {_listed(others)}"
            found.append(RuleFinding(FindingKind.REDUNDANT, rule.name, position, message, others))
        firsts.setdefault(span, rule.name)
    if merge(unique) == [_EVERY] and _EVERY not in unique:
        names = tuple(rule.name for rule, span in zip(rules.rules, spans, strict=True) if span)
        found.append(RuleFinding(FindingKind.EVERYONE, "", None, "The rules together let everyone in", names))
    return found


def removable(rules: Sequence[IpRule]) -> tuple[str, ...]:
    """Return the names of rules that can all be removed at once without any effect: each lies within another's range.

    What is left is the fewest of the given rules that allow the same addresses.
    """
    spans = [interval_of(rule.mask) for rule in rules]
    found: list[str] = []
    for position, (rule, span) in enumerate(zip(rules, spans, strict=True)):
        earlier, others = spans[:position], [other for other in spans if other is not None and other != span]
        if span is not None and (span in earlier or any(a <= span[0] and span[1] <= b for a, b in others)):
            found.append(rule.name)
    return tuple(found)


def _covered_twice(unique: Sequence[Interval]) -> set[Interval]:
    """Return the ranges of which every address lies in another range too."""
    needed: set[Interval] = set()
    for begin, _ in cuts(unique):
        holding = [span for span in unique if span[0] <= begin <= span[1]]
        if len(holding) == 1:
            needed.add(holding[0])
    return set(unique) - needed


def _holders(span: Interval, unique: Sequence[Interval]) -> list[Interval]:
    """Return the ranges that hold another one: wider ones if there are, else the narrower ones that make it up."""
    wider = [other for other in unique if other != span and other[0] <= span[0] and span[1] <= other[1]]
    return wider or [other for other in unique if other != span and span[0] <= other[0] and other[1] <= span[1]]


def _names(rules: Sequence[IpRule], spans: Sequence[Interval | None], wanted: Sequence[Interval]) -> tuple[str, ...]:
    return tuple(rule.name for rule, span in zip(rules, spans, strict=True) if span in wanted)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(f"“{name}”" for name in names[:_NAMES_SHOWN]) + more


def _shape(rule: IpRule | ClassicRule, position: int, wide: int, *, admits: bool) -> Iterator[RuleFinding]:
    """Yield what a range shows by itself; only one that admits can be too wide."""
    prefix = network_of(rule.mask).prefixlen
    if admits and prefix == 0:
        yield RuleFinding(FindingKind.EVERYONE, rule.name, position, f"{rule.mask} lets everyone in")
    elif admits and prefix <= wide:
        size = 2 ** (32 - prefix)
        yield RuleFinding(FindingKind.OVER_WIDE, rule.name, position, f"{rule.mask} is wide: {size:,} addresses")
    if prefix > LOG_PREFIX:
        message = f"{rule.mask} is narrower than a /{LOG_PREFIX}: the log cannot tell who comes from it"
        yield RuleFinding(FindingKind.NARROW, rule.name, position, message)
    if not check_mask(rule.mask) and (notice := mask_notice(rule.mask)):
        yield RuleFinding(FindingKind.HOST_BITS, rule.name, position, notice)


def lint_ordered(rules: Sequence[ClassicRule], *, dps: bool = False, wide: int = WIDE_PREFIX) -> list[RuleFinding]:
    """Return what is odd about ordered `ipFilterRules`, in their order.

    SHADOWED and DUPLICATE rules never match. REDUNDANT ones do, but what comes after them decides the same; each can
    be removed without effect. OVERLAPPING ones match only in part, since earlier rules (`other`) decide otherwise
    about the rest, so their order matters; a rule for every address is meant to come last and is not called so.

    Args:
        rules: the rules; masks that cannot be read are passed over.
        dps: a Device Provisioning Service, which counts a rule only for its target.
        wide: an accepted prefix up to this long is over-wide.
    """
    channels: list[FilterTarget | None] = [FilterTarget.SERVICE_API, FilterTarget.DEVICE_API] if dps else [None]
    spans = [interval_of(rule.mask) for rule in rules]
    matching: set[int] = set()
    deciding: set[int] = set()
    for channel in channels:
        counted = [n for n, span in enumerate(spans) if span is not None and applies(rules[n], channel)]
        for first, after in _matches([(n, spans[n]) for n in counted]):
            matching.add(first)
            next_action = FilterAction.ACCEPT if after is None else rules[after].action
            if rules[first].action != next_action:
                deciding.add(first)
    found: list[RuleFinding] = []
    for position, (rule, span) in enumerate(zip(rules, spans, strict=True)):
        if span is None:
            continue
        admits = rule.action == FilterAction.ACCEPT
        found += _shape(rule, position, wide, admits=admits and position in deciding)
        meets = _meeting(position, rules, spans, channels)
        if position not in matching:
            found.append(_never(position, rules, spans, meets))
        elif position not in deciding:
            message = f"Without it the same addresses are {'accepted' if admits else 'rejected'}"
            found.append(RuleFinding(FindingKind.REDUNDANT, rule.name, position, message))
        elif span != _EVERY and (against := tuple(rules[n].name for n in meets if rules[n].action != rule.action)):
            message = f"Earlier rules decide otherwise about a part of {rule.mask}: {_listed(against)}"
            found.append(RuleFinding(FindingKind.OVERLAPPING, rule.name, position, message, against))
    return found


def _matches(ranges: Sequence[tuple[int, Interval | None]]) -> Iterator[tuple[int, int | None]]:
    """Yield, for each piece of the address space with a match, the first rule that matches and the next (or None)."""
    known = [(position, span) for position, span in ranges if span is not None]
    for begin, _ in cuts([span for _, span in known]):
        hits = [position for position, (first, last) in known if first <= begin <= last]
        if hits:
            yield hits[0], hits[1] if len(hits) > 1 else None


def _meeting(
    position: int,
    rules: Sequence[ClassicRule],
    spans: Sequence[Interval | None],
    channels: Sequence[FilterTarget | None],
) -> list[int]:
    """Return the earlier rules that share addresses, and an API they count for, with a rule."""
    span = spans[position]
    found: list[int] = []
    for earlier, other in enumerate(spans[:position]):
        together = any(applies(rules[earlier], channel) and applies(rules[position], channel) for channel in channels)
        if span and other and together and other[0] <= span[1] and span[0] <= other[1]:
            found.append(earlier)
    return found


def _never(
    position: int, rules: Sequence[ClassicRule], spans: Sequence[Interval | None], meets: Sequence[int]
) -> RuleFinding:
    rule = rules[position]
    same = [n for n in meets if spans[n] == spans[position] and rules[n].target in (FilterTarget.ALL, rule.target)]
    if same:
        other = rules[same[0]]
        message = f"It never matches: “{other.name}” has the same range and comes first"
        return RuleFinding(FindingKind.DUPLICATE, rule.name, position, message, (other.name,))
    names = tuple(rules[n].name for n in meets)
    message = f"It never matches: {_listed(names)} decide about all of {rule.mask} before it"
    if len(names) == 1:
        message = f"It never matches: “{names[0]}” decides about all of {rule.mask} before it"
    return RuleFinding(FindingKind.SHADOWED, rule.name, position, message, names)
