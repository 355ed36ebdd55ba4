"""Whether an address may reach a hub: its network rule set, its public access switch, or the classic IP filter."""

from __future__ import annotations

import ipaddress
import weakref
from collections.abc import Iterable
from dataclasses import dataclass

from console.localhub.state import HubState, Json


@dataclass(frozen=True)
class _Rules:
    """Parsed rules: (network, mask, admits) in order; the first match decides, `default` when none matches."""

    ranges: tuple[tuple[int, int, bool], ...]
    default: bool

    def admit(self, address: int | None) -> bool:
        if address is not None:
            for network, mask, admits in self.ranges:
                if address & mask == network:
                    return admits
        return self.default


_NOBODY = _Rules((), default=False)
_cache: dict[int, tuple[weakref.ref[HubState], int, _Rules]] = {}


def admitted(hub: HubState, address: str) -> bool:
    """Say whether an address may reach the hub's public endpoint, for devices and back ends alike.

    `publicNetworkAccess` Disabled admits nobody. `networkRuleSets` holds unordered allow rules for IPv4, and its
    `defaultAction` decides for every other address (Deny when absent). The classic `ipFilterRules` (ordered, first
    match, default accept) count only where there is no rule set. Source: IoT Hub's documents on IP filtering and
    public network access. The parsed rules are kept until `hub.network_changed` moves.
    """
    return _rules_of(hub).admit(address_number(address))


def _rules_of(hub: HubState) -> _Rules:
    known = _cache.get(id(hub))
    if known is not None and known[0]() is hub and known[1] == hub.network_changed:
        return known[2]
    with hub.lock:
        version = hub.network_changed
        rules = _parse(hub.resource.get("properties") or {})
    key = id(hub)
    _cache[key] = (weakref.ref(hub, lambda _gone: _cache.pop(key, None)), version, rules)
    return rules


def _parse(properties: Json) -> _Rules:
    if str(properties.get("publicNetworkAccess") or "").casefold() == "disabled":
        return _NOBODY
    rule_set = properties.get("networkRuleSets")
    if isinstance(rule_set, dict):
        allow = str(rule_set.get("defaultAction") or "Deny").casefold() == "allow"
        return _Rules(_ranges(rule_set.get("ipRules") or (), only="allow"), default=allow)
    return _Rules(_ranges(properties.get("ipFilterRules") or ()), default=True)


def _ranges(rules: Iterable[Json], only: str | None = None) -> tuple[tuple[int, int, bool], ...]:
    found = []
    for rule in rules:
        action = str(rule.get("action") or only or "").casefold()
        if only is not None and action != only:
            continue  # the current generation has no other kind
        try:
            network = ipaddress.IPv4Network(str(rule.get("ipMask") or ""), strict=False)
        except ValueError:
            continue  # no address is in a range that nobody can read
        found.append((int(network.network_address), int(network.netmask), action in {"allow", "accept"}))
    return tuple(found)


def address_number(address: str) -> int | None:
    """Return an IPv4 address as a number, an IPv4-mapped IPv6 address too; None for anything else."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return None
        parsed = parsed.ipv4_mapped
    return int(parsed)
