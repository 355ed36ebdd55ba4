"""Classic ordered rules as the allow rules of `networkRuleSets` that admit the same addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from console.model.ip_rule import (
    MAX_RULES,
    NAME_LIMIT,
    AddressRange,
    ClassicRule,
    FilterTarget,
    IpRule,
    Migration,
    NetworkRules,
    Reach,
)
from console.rules.ip_decisions import Decisions, decide
from console.rules.ip_filter import NAME_SET
from console.rules.ip_ranges import LAST, Interval, complement, count, intersect, interval_of, mask_text, to_networks

_REST = "accepted-by-default"


def migrate(rules: Sequence[ClassicRule], limit: int = MAX_RULES) -> Migration:
    """Return the fewest allow rules that admit exactly what a hub's classic rules accept.

    Where these accept everything the default action is Allow and there is no rule. Where an exact list needs more
    than `limit` rules, the largest ranges are kept and the rest is refused: of all such lists that admit nothing the
    classic rules reject, this one admits the most addresses. The built-in Event Hubs endpoint stays open, as the
    classic rules never protect it (IoT Hub's document on the classic IP filter).
    """
    notes = [f"Rule “{rule.name}” matches nothing, its mask cannot be read" for rule in rules if not _readable(rule)]
    if any(rule.target != FilterTarget.ALL for rule in rules):
        notes.append("A hub's rules have no target: all are taken for every API")
    notes.append("The built-in Event Hubs endpoint stays open to every address, as it is under classic rules")
    decisions = decide(Reach(classic=tuple(rules)))
    admitted = decisions.admitted()
    if admitted == [(0, LAST)]:
        notes.append("The classic rules accept every address, so the default action is Allow")
        return Migration(NetworkRules(default_deny=False), notes=tuple(notes))
    if not admitted:
        notes.append("The classic rules reject every address")
    networks = to_networks(admitted)
    kept = networks
    differs: tuple[AddressRange, ...] = ()
    if len(networks) > limit:
        largest = sorted(networks, key=lambda network: network.prefixlen)[:limit]
        kept = tuple(sorted(largest))
        lost = intersect(admitted, complement(_intervals(kept)))
        differs = tuple(AddressRange(str(IPv4Address(a)), str(IPv4Address(b)), True, False) for a, b in lost)
        notes.append(
            f"An exact list needs {len(networks)} rules and at most {limit} are allowed: the smallest ranges are left"
            f" out, {count(lost):,} addresses that are accepted now would be refused"
        )
    named = _named(kept, rules, decisions)
    return Migration(NetworkRules(default_deny=True, rules=named), differs, not differs, tuple(notes))


def _readable(rule: ClassicRule) -> bool:
    return interval_of(rule.mask) is not None


def _intervals(networks: Sequence[IPv4Network]) -> list[Interval]:
    return [(int(network.network_address), int(network.broadcast_address)) for network in networks]


def _named(networks: Sequence[IPv4Network], rules: Sequence[ClassicRule], decisions: Decisions) -> tuple[IpRule, ...]:
    bases = [_base(interval, rules, decisions) for interval in _intervals(networks)]
    shared = Counter(base.casefold() for base in bases)
    taken = {base for base, uses in shared.items() if uses == 1}
    found: list[IpRule] = []
    numbers: Counter[str] = Counter()
    for network, base in zip(networks, bases, strict=True):
        name = base
        if shared[base.casefold()] > 1:
            name = _numbered(base, numbers, taken)
        found.append(IpRule(name, mask_text(network)))
    return tuple(found)


def _numbered(base: str, numbers: Counter[str], taken: set[str]) -> str:
    """Return base-1, base-2 and so on, passing over names that are taken (also without regard to case)."""
    while True:
        numbers[base.casefold()] += 1
        suffix = f"-{numbers[base.casefold()]}"
        name = base[: NAME_LIMIT - len(suffix)] + suffix
        if name.casefold() not in taken:
            taken.add(name.casefold())
            return name


def _base(interval: Interval, rules: Sequence[ClassicRule], decisions: Decisions) -> str:
    """Return the name of the classic rule that accepts most of a range, in the characters that a name may hold."""
    shares: Counter[int | None] = Counter()
    for first, last, verdict in decisions.pieces(*interval):
        shares[verdict.position] += last - first + 1
    position = shares.most_common(1)[0][0]
    if position is None:
        return _REST
    name = "".join(character if character in NAME_SET else "-" for character in rules[position].name)
    return name[:NAME_LIMIT] or "rule"
