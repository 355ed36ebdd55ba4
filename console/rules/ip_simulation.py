"""What a change of network rules would do to the addresses that were seen, and to one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.model.ip_rule import (
    LOG_PREFIX,
    Certainty,
    Fate,
    FilterTarget,
    OwnAddress,
    RangeGroup,
    RangeVerdict,
    Reach,
    SeenAddress,
    SimulatedRange,
    Simulation,
)
from console.rules.ip_decisions import Decisions, decide
from console.rules.ip_ranges import LAST, interval_of, number_of, seen_interval

_FATES = {
    (Certainty.OUT, Certainty.IN): Fate.LET_IN,
    (Certainty.IN, Certainty.OUT): Fate.CUT_OFF,
    (Certainty.IN, Certainty.IN): Fate.STAY_IN,
    (Certainty.OUT, Certainty.OUT): Fate.STAY_OUT,
}
_UNREADABLE = RangeVerdict(Certainty.UNCERTAIN, 0, 0)


def simulate(
    before: Reach,
    after: Reach,
    seen: Sequence[SeenAddress],
    own_address: str | None = None,
    total_devices: int | None = None,
    *,
    services_known: bool = False,
    target: FilterTarget | None = None,
) -> Simulation:
    """Return what a change does to the addresses seen in the log; approximate, since the log masks them to /24.

    With public access off all rules are ignored and nobody gets in. Private endpoints are not subject to IP rules:
    who comes that way is neither let in nor cut off, whatever is said here. The built-in Event Hubs endpoint is
    left out: the log has no record of who reads it (see `closes_built_in_endpoint`).

    Args:
        before: the rules as they are.
        after: the rules as they would be.
        seen: each masked address once, with the devices that have it as their newest.
        own_address: the operator's, None when unknown.
        total_devices: devices in the registry, None when unknown.
        services_known: whether somebody counted the services in `seen`.
        target: the API called, for a Device Provisioning Service.
    """
    old, new = decide(before, target), decide(after, target)
    groups: dict[Fate, list[SimulatedRange]] = {fate: [] for fate in Fate}
    for item in _ranges(old, new, seen):
        groups[item.fate].append(item)
    made = {
        fate: RangeGroup(fate, tuple(sorted(items, key=lambda item: (-item.seen.devices, -item.seen.services))))
        for fate, items in groups.items()
    }
    seen_devices = sum(item.devices for item in seen)
    return Simulation(
        before=before,
        after=after,
        let_in=made[Fate.LET_IN],
        cut_off=made[Fate.CUT_OFF],
        stay_in=made[Fate.STAY_IN],
        stay_out=made[Fate.STAY_OUT],
        uncertain=made[Fate.UNCERTAIN],
        own=_own(old, new, own_address),
        seen_devices=seen_devices,
        total_devices=total_devices,
        # devices deleted since they were seen may make the registry's total the smaller one
        without_address=None if total_devices is None else max(total_devices - seen_devices, 0),
        narrow_rules=tuple(dict.fromkeys(_narrow(before) + _narrow(after))),
        services_known=services_known,
    )


def _ranges(old: Decisions, new: Decisions, seen: Sequence[SeenAddress]) -> list[SimulatedRange]:
    found: list[SimulatedRange] = []
    judge_old, judge_new = _judge(old), _judge(new)
    for item in seen:
        interval = seen_interval(item.masked)
        if interval is None:
            found.append(SimulatedRange(item, _UNREADABLE, _UNREADABLE, Fate.UNCERTAIN, 0, 0))
            continue
        first, last = interval
        before, after = judge_old(first, last), judge_new(first, last)
        fate = _FATES.get((before.certainty, after.certainty), Fate.UNCERTAIN)
        loses = gains = 0
        if fate is not Fate.STAY_IN and fate is not Fate.STAY_OUT:
            loses, gains = _changes(old, new, first, last)
        found.append(SimulatedRange(item, before, after, fate, loses, gains))
    return found


def _judge(decisions: Decisions) -> Callable[[int, int], RangeVerdict]:
    """Return `over` with a memory: of thousands of ranges nearly all lie within a few pieces."""
    known: dict[tuple[int, int], RangeVerdict] = {}

    def judge(first: int, last: int) -> RangeVerdict:
        index = decisions.piece(first, last)
        if index is None:
            return decisions.over(first, last)
        key = index, last - first
        if key not in known:
            known[key] = decisions.over(first, last)
        return known[key]

    return judge


def _changes(old: Decisions, new: Decisions, first: int, last: int) -> tuple[int, int]:
    """Return how many addresses of a range are refused that were admitted, and the other way round."""
    loses = gains = 0
    for begin, end, was in old.pieces(first, last):
        for start, stop, will in new.pieces(begin, end):
            size = stop - start + 1
            loses += size if was.admitted and not will.admitted else 0
            gains += size if will.admitted and not was.admitted else 0
    return loses, gains


def _own(old: Decisions, new: Decisions, address: str | None) -> OwnAddress:
    number = number_of(address) if address else None
    if number is None:
        return OwnAddress(address or "", None, None)
    return OwnAddress(address or "", old.at(number), new.at(number))


def _narrow(reach: Reach) -> list[str]:
    """Return the names of the rules that count and are narrower than the log's mask."""
    if not reach.public_access or (reach.rules is not None and not reach.rules.default_deny):
        return []
    rules = reach.classic if reach.rules is None else reach.rules.rules
    most = 2 ** (32 - LOG_PREFIX)
    return [rule.name for rule in rules if (span := interval_of(rule.mask)) and span[1] - span[0] + 1 < most]


def cut_share(simulation: Simulation) -> float | None:
    """Return which share of the devices seen (0 to 1) would certainly be cut off; None when none was seen."""
    if not simulation.seen_devices:
        return None
    return simulation.cut_off.devices / simulation.seen_devices


def locks_out_own(simulation: Simulation) -> bool:
    """Return whether the change refuses the operator, who was admitted.

    An unknown address is certainly locked out when everyone was admitted before and nobody is after; otherwise False
    says nothing about it (see `own_unknown`).
    """
    own = simulation.own
    if own.before is not None and own.after is not None:
        return own.before.admitted and not own.after.admitted
    return admits_nobody(simulation.after) and admits_everyone(simulation.before)


def own_unknown(simulation: Simulation) -> bool:
    """Return whether nothing is known of the operator's address, while the change could matter to it."""
    return not simulation.own.known and not admits_everyone(simulation.after)


def denies_everyone(reach: Reach, target: FilterTarget | None = None) -> bool:
    """Return whether rules refuse every address although public access is on: default Deny and no rule, at the least.

    Source: IoT Hub's document on IP filtering ("Selected IP ranges" with an empty list blocks everything).
    """
    return reach.public_access and admits_nobody(reach, target)


def admits_nobody(reach: Reach, target: FilterTarget | None = None) -> bool:
    """Return whether no address is admitted, for whatever reason; private endpoints are another matter."""
    return not decide(reach, target).admitted()


def admits_everyone(reach: Reach, target: FilterTarget | None = None) -> bool:
    """Return whether every address is admitted, by the default action or by rules."""
    return decide(reach, target).admitted() == [(0, LAST)]


def closes_built_in_endpoint(before: Reach, after: Reach) -> bool:
    """Return whether the built-in Event Hubs endpoint comes under rules that refuse somebody, and did not before.

    Source: `applyToBuiltInEventHubEndpoint`; classic rules never protect it.
    """
    return not _filters_built_in(before) and _filters_built_in(after)


def opens_built_in_endpoint(before: Reach, after: Reach) -> bool:
    """Return whether rules protected the built-in Event Hubs endpoint that is then open to every address."""
    return _filters_built_in(before) and not _filters_built_in(after)


def _filters_built_in(reach: Reach) -> bool:
    if not reach.public_access:
        return True
    return reach.rules is not None and reach.rules.built_in_endpoint and not admits_everyone(reach)
