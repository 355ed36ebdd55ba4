"""What a change of network rules does to the addresses that were seen, in words: never more than what is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from console.model.ip_rule import (
    DecidedBy,
    FilterTarget,
    FilterVerdict,
    RangeGroup,
    Reach,
    SimulatedRange,
    Simulation,
)
from console.model.network import HubNetwork, Known, OwnIp, SeenLog
from console.rules.causes import short_range
from console.rules.ip_simulation import admits_everyone, simulate

Effect = list[tuple[str, str]]
_SHOWN = 4


def simulation_of(before: Reach, after: Reach, known: Known, target: FilterTarget | None = None) -> Simulation:
    """Return what a change does; with an unreadable log it knows of nobody but the operator."""
    log = known.seen.value
    return simulate(
        before,
        after,
        log.addresses if log else (),
        known.own.address or None,
        known.total_devices.value,
        services_known=bool(log and log.services_known),
        target=target,
    )


def hub_effect(before: HubNetwork, after: HubNetwork, simulation: Simulation, known: Known) -> Effect:
    """Return the EFFECT lines of a change of a hub as (label, sentence) pairs."""
    pairs: Effect = []
    if before.reach != after.reach:
        pairs += reach_effect(simulation, known)
        pairs.append(("built-in endpoint", _built_in(before.reach, after.reach)))
        pairs.append(("private endpoints", _private(after)))
    else:
        pairs.append(("addresses", "no address is let in or cut off: the rules stay as they are"))
    if before.min_tls != after.min_tls:
        versions = f"TLS {after.min_tls} at least" if after.min_tls else "no minimum: old TLS versions are accepted"
        pairs.append(("TLS", versions))
    if (before.outbound_restricted, before.allowed_fqdns) != (after.outbound_restricted, after.allowed_fqdns):
        pairs.append(("outbound", _outbound(after)))
    return pairs


def reach_effect(simulation: Simulation, known: Known, verb: str = "cut off") -> Effect:
    """Return who is let in and who is cut off, the operator too, and what cannot be told."""
    pairs: Effect = []
    log = known.seen.value
    if log is None:
        pairs.append(("devices", f"cannot be told: the log could not be read{_because(known.seen.error)}"))
    else:
        pairs += _counted(simulation, known, log, verb)
    pairs.append(("you", own_words(simulation, known.own)))
    return pairs


def _counted(simulation: Simulation, known: Known, log: SeenLog, verb: str) -> Effect:
    window = _window(log.window)
    seen, total = simulation.seen_devices, simulation.without_address
    unseen = f"not seen in {window}: "
    if total is None:
        unseen += f"unknown{_because(known.total_devices.error)}"
    else:
        unseen += f"{_devices(total)}, which may be anywhere"
    cut = simulation.cut_off
    pairs: Effect = [
        ("seen", f"{_devices(seen)} in the last {window}; the log masks addresses to /24, so this is approximate"),
        ("let in", _group(simulation.let_in)),
        (verb, f"{cut.devices:,} of {seen:,} with an address{_ranges(cut)}; {unseen}"),
        ("uncertain", _group(simulation.uncertain) + _may_lose(simulation)),
    ]
    if simulation.services_known:
        services = sum(group.services for group in _groups(simulation))
        text = f"{services:,} seen; let in {simulation.let_in.services:,}, cut off {cut.services:,}"
        pairs.append(("services", f"{text}, uncertain {simulation.uncertain.services:,}"))
    else:
        pairs.append(("services", "unknown: the log holds no addresses of services"))
    if simulation.narrow_rules:
        names = ", ".join(f"“{name}”" for name in simulation.narrow_rules[:_SHOWN])
        more = len(simulation.narrow_rules) - _SHOWN
        names += f" and {more} more" if more > 0 else ""
        pairs.append(("narrow", f"narrower than the log's /24, so who uses them cannot be seen: {names}"))
    if log.partial:
        pairs.append(("log", log.partial))
    return pairs


def own_words(simulation: Simulation, own: OwnIp) -> str:
    """Return what happens to the operator: the address, the deciding rule, and where the address is known from."""
    if not own.address:
        return f"unknown: {own.why or 'your address is not known'}"
    doubt = f" ({own.note})" if own.note else ""
    before, after = simulation.own.before, simulation.own.after
    if before is None or after is None:
        return f"{own.address}: not an IPv4 address, nothing can be said{doubt}"
    if after.admitted:
        text = f"{'still ' if before.admitted else 'now '}allowed by {_decider(after)}"
    elif before.admitted:
        text = f"CUT OFF by {_decider(after)}, allowed by {_decider(before)} now"
    else:
        text = f"refused by {_decider(after)}, as before"
    return f"{own.address}  {text}{doubt}"


def verdict_words(verdict: FilterVerdict) -> str:
    """Return a verdict about one address in words."""
    return f"{'allowed' if verdict.admitted else 'refused'} by {_decider(verdict)}"


def _decider(verdict: FilterVerdict) -> str:
    if verdict.by is DecidedBy.RULE:
        return f"“{verdict.rule}”"
    if verdict.by is DecidedBy.PUBLIC_ACCESS_OFF:
        return "public access, which is off"
    return f"the default action, {'Allow' if verdict.admitted else 'Deny'}"


def _group(group: RangeGroup) -> str:
    return f"{_devices(group.devices)}{_ranges(group)}"


def _ranges(group: RangeGroup) -> str:
    shown = [f"{_named(item)} ({item.seen.devices:,})" for item in group.ranges[:_SHOWN]]
    more = len(group.ranges) - _SHOWN
    if more > 0:
        shown.append(f"and {more} more ranges")
    return f"   {'  '.join(shown)}" if shown else ""


def _named(item: SimulatedRange) -> str:
    return short_range(item.seen.masked)


def _may_lose(simulation: Simulation) -> str:
    lost = simulation.may_lose_devices
    return f"; {lost:,} of them may be cut off" if lost else ""


def _groups(simulation: Simulation) -> Iterable[RangeGroup]:
    return (
        simulation.let_in,
        simulation.cut_off,
        simulation.stay_in,
        simulation.stay_out,
        simulation.uncertain,
    )


def _built_in(before: Reach, after: Reach) -> str:
    same = " (unchanged)" if _filtered(before) == _filtered(after) else ""
    if not after.public_access:
        return "public access is off"
    if after.rules is None or not after.rules.default_deny:
        return f"open to every address, as the hub is{same}"
    if after.rules.built_in_endpoint:
        return f"the rules apply to it{same}; who reads it cannot be seen in the log"
    return f"open to every address: the rules do not apply to it{same}"


def _filtered(reach: Reach) -> bool:
    return bool(reach.rules and reach.rules.built_in_endpoint and not admits_everyone(reach))


def _private(after: HubNetwork) -> str:
    if after.connections_unknown:
        return f"not known: {after.connections_unknown}; who comes that way is not subject to IP rules"
    count = len(after.approved)
    return f"{count} approved; who comes that way is not subject to IP rules"


def _outbound(after: HubNetwork) -> str:
    if not after.outbound_restricted:
        return "not restricted: the hub may connect to any host"
    names = after.allowed_fqdns
    listed = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    noun = "host name" if len(names) == 1 else "host names"
    return f"the hub may connect to {len(names)} {noun} only{': ' + listed if names else ''}"


def _devices(count: int) -> str:
    return f"{count:,} device{'' if count == 1 else 's'}"


def _because(error: object) -> str:
    why = str(getattr(error, "why", "") or getattr(error, "what", "") or "")
    return f" ({why.rstrip('.')})" if why else ""


def _window(window: timedelta) -> str:
    hours = round(window.total_seconds() / 3600)
    return f"{hours} h" if hours < 49 else f"{hours // 24} d"
