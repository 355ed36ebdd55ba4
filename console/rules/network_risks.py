"""The risks of a change of network settings, by ids that stay: lock-outs, devices cut off, doors left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.model.change import Risk, Severity
from console.model.errors import ErrorKind
from console.model.ip_rule import FindingKind, IpRule, Migration, Reach, Simulation
from console.model.network import EndpointConnection, HubNetwork, Known, LinkStatus
from console.rules.ip_cover import narrow
from console.rules.ip_decisions import decide
from console.rules.ip_filter import addresses
from console.rules.ip_lint import lint_rules
from console.rules.ip_ranges import complement, intersect
from console.rules.ip_simulation import (
    admits_everyone,
    admits_nobody,
    closes_built_in_endpoint,
    denies_everyone,
    locks_out_own,
    opens_built_in_endpoint,
    own_unknown,
)

_RANGES_SHOWN = 3
_RULES_SHOWN = 2
LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH


def hub_risks(
    before: HubNetwork,
    after: HubNetwork,
    simulation: Simulation,
    known: Known,
    migration: Migration | None = None,
) -> list[Risk]:
    """Return what a change of a hub's network settings risks."""
    risks: list[Risk] = []
    if before.reach != after.reach:
        risks += reach_risks(before.reach, after.reach, simulation, known)
        risks += _public_access(before, after)
        risks += _rules(before.reach, after.reach, known)
        risks += _built_in(before.reach, after.reach)
    if migration is not None and not migration.exact:
        risks.append(_migration(migration))
    risks += _tls(before, after)
    risks += _outbound(before, after)
    return risks


def reach_risks(
    before: Reach, after: Reach, simulation: Simulation, known: Known, *, who: str = "hub", undo: str = ""
) -> Iterator[Risk]:
    """Yield what is risked by other rules: for a hub, or (`who`) a provisioning service."""
    if denies_everyone(after) and not denies_everyone(before):
        text = f"every address would be refused: the {who} denies by default, and no rule allows anything"
        yield Risk("deny-all", HIGH, text, blocking=True, hint="Add the ranges of devices, services and yourself")
    elif admits_everyone(after) and not admits_everyone(before):
        yield Risk("everyone", HIGH, f"every address on the internet may reach the {who}")
    if locks_out_own(simulation):
        address = known.own.address or "your address, whatever it is,"
        yield Risk(
            "own-lock-out",
            HIGH,
            f"{address} would be refused: the console's own way to devices and twins is cut",
            blocking=True,
            hint=undo or "The resource manager is not filtered, so the change can be undone from here all the same",
        )
    elif own_unknown(simulation):
        why = known.own.why or "your address is not known"
        hint = "Give it: --my-ip ADDRESS, or my_ip in the profile"
        lossy = loses_addresses(before, after)
        text = f"whether you lock yourself out cannot be told: {why}"
        yield Risk("own-address-unknown", HIGH if lossy else MEDIUM, text, blocking=lossy, hint=hint)
    yield from _devices(simulation, known)


def _devices(simulation: Simulation, known: Known) -> Iterator[Risk]:
    log = known.seen.value
    if log is None or not simulation.seen_devices:
        why = "no device connected in the window" if log else "the log could not be read"
        if known.seen.error is not None:
            why += f" ({(known.seen.error.why or known.seen.error.what).rstrip('.')})"
        text = f"which devices it lets in or cuts off cannot be told: {why}"
        # a hub without any log can never be simulated; one whose log could not be read just now can be, later
        passing = known.seen.error is not None and known.seen.error.kind is not ErrorKind.NOT_CONFIGURED
        blind = passing and loses_addresses(simulation.before, simulation.after)
        yield Risk("seen-unknown", HIGH, text, blocking=blind)
        return
    cut, maybe, seen = simulation.cut_off.devices, simulation.may_lose_devices, simulation.seen_devices
    if cut or maybe:
        share = 100 * (cut + maybe) / seen
        text = f"cuts off {cut:,} of the {seen:,} devices seen"
        if maybe:
            text += f", and up to {maybe:,} more whose masked range is allowed only in part"
        text += f" ({share:.0f} %)" if share >= 1 else " (less than 1 %)"
        over = share > known.max_cut_percent
        if over:
            text += f"; more than {known.max_cut_percent} % needs consent"
        yield Risk("cut-off", HIGH, text, blocking=over)
    if simulation.without_address and loses_addresses(simulation.before, simulation.after):
        text = (
            f"{simulation.without_address:,} devices have no address in the window (long sessions, switched off): "
            "which of them are cut off cannot be told"
        )
        yield Risk("not-seen", MEDIUM, text)
    if simulation.cut_off.services:
        text = f"{simulation.cut_off.services:,} addresses from which services called would be refused"
        yield Risk("services-cut", HIGH, text)


def _public_access(before: HubNetwork, after: HubNetwork) -> Iterator[Risk]:
    if before.reach.public_access and not after.reach.public_access:
        yield from without_private_endpoint(after.approved, after.connections_unknown)
    touched = _touched(before.reach, after.reach)
    if before.reach.rules != after.reach.rules and not after.reach.public_access:
        yield Risk("rules-ignored", MEDIUM, "public access is off, so all IP rules are ignored")
    elif touched and after.reach.rules is not None and not after.reach.rules.default_deny:
        text = "the default action is Allow, so the rules change nothing"
        yield Risk("rules-ignored", MEDIUM, text, hint="Set the default action to deny to let only the rules in")


def _touched(before: Reach, after: Reach) -> list[IpRule]:
    """Return the rules that are new or have another range or name."""
    known = set(before.rules.rules) if before.rules else set()
    return [rule for rule in after.rules.rules if rule not in known] if after.rules else []


def without_private_endpoint(approved: Sequence[EndpointConnection], unknown: str = "") -> Iterator[Risk]:
    """Yield the risk of a hub without public access that nothing else leads to; `unknown`: why we cannot see them."""
    if not approved:
        text = "public access is off, and no private endpoint connection is approved: nobody reaches the hub"
        if unknown:
            text = f"public access is off, and whether a private endpoint leads to the hub is not known: {unknown}"
        yield Risk("no-private-endpoint", HIGH, text, blocking=True, hint="Approve a private endpoint connection first")


def _rules(before: Reach, after: Reach, known: Known) -> Iterator[Risk]:
    touched = {rule.name.casefold(): rule for rule in _touched(before, after)}
    if after.rules is None or not after.public_access:
        return
    texts: dict[str, list[str]] = {"everyone": [], "wide-rule": [], "redundant-rule": []}
    hint = ""
    for finding in lint_rules(after.rules):
        rule = touched.get(finding.rule.casefold())
        if rule is None:
            continue
        if finding.kind is FindingKind.EVERYONE and admits_everyone(before):
            texts["everyone"].append(finding.message)
        elif finding.kind is FindingKind.OVER_WIDE:
            text, narrower = _wide(rule, known)
            texts["wide-rule"].append(text)
            hint = hint or narrower
        elif finding.kind in {FindingKind.REDUNDANT, FindingKind.DUPLICATE}:
            texts["redundant-rule"].append(f"“{rule.name}” changes nothing: {finding.message}")
    for risk, found in texts.items():
        if found:
            more = f"; and {len(found) - _RULES_SHOWN} more" if len(found) > _RULES_SHOWN else ""
            text = "; ".join(found[:_RULES_SHOWN]) + more
            yield Risk(risk, HIGH if risk == "everyone" else LOW, text, hint=hint if risk == "wide-rule" else "")


def _wide(rule: IpRule, known: Known) -> tuple[str, str]:
    """Return how wide a rule is, and what to do where the addresses seen need less."""
    text = f"“{rule.name}” is wide: {addresses(rule.mask):,} addresses"
    log = known.seen.value
    needed = narrow(rule, log.addresses) if log else None
    if needed is None or not needed.narrows:
        return text, ""
    return f"{text}; the addresses seen need only {needed.single}", f"Narrow it: {rule.name}={needed.single}"


def _built_in(before: Reach, after: Reach) -> Iterator[Risk]:
    if opens_built_in_endpoint(before, after):
        text = "the built-in Event Hubs endpoint opens to every address; only its keys protect the telemetry"
        yield Risk("built-in-endpoint-open", HIGH, text)
    elif closes_built_in_endpoint(before, after) and after.public_access:
        text = (
            "readers of the built-in endpoint from addresses outside the rules are cut off (Stream Analytics, functions"
            " and other Azure services too), and the log does not tell who they are"
        )
        yield Risk("built-in-endpoint-closed", MEDIUM, text)
    elif admits_everyone(before) and _open_behind_rules(after):
        text = "the rules do not apply to the built-in Event Hubs endpoint, which stays open to every address"
        yield Risk("built-in-endpoint-open", MEDIUM, text, hint="Set the built-in endpoint to filtered as well")


def _open_behind_rules(after: Reach) -> bool:
    return bool(after.public_access and after.rules and after.rules.default_deny and not after.rules.built_in_endpoint)


def _migration(migration: Migration) -> Risk:
    lost = [item for item in migration.differs if item.admitted_before and not item.admitted_after]
    count = sum(item.addresses for item in lost)
    shown = ", ".join(f"{item.first}-{item.last}" for item in lost[:_RANGES_SHOWN])
    more = f" and {len(lost) - _RANGES_SHOWN} more ranges" if len(lost) > _RANGES_SHOWN else ""
    text = f"the new rules are not quite the same: {count:,} addresses lose access ({shown}{more})"
    return Risk("migration-differs", HIGH, text, blocking=bool(lost))


def _tls(before: HubNetwork, after: HubNetwork) -> Iterator[Risk]:
    if after.min_tls and not before.min_tls:
        text = f"clients that speak nothing newer than TLS 1.1 are cut off by a minimum of {after.min_tls}"
        hint = "The Connections log tells the version of each client in tlsVersion"
        yield Risk("tls", MEDIUM, text, hint=hint)
    elif before.min_tls and not after.min_tls:
        yield Risk("tls", HIGH, f"the minimum of TLS {before.min_tls} goes: old, broken versions are accepted again")


def _outbound(before: HubNetwork, after: HubNetwork) -> Iterator[Risk]:
    forgotten = [name for name in before.allowed_fqdns if name not in after.allowed_fqdns]
    if after.outbound_restricted and (not before.outbound_restricted or forgotten):
        used = ", ".join(after.endpoints_used[:_RANGES_SHOWN]) or "none is configured now"
        text = f"the hub may connect only to the host names on its list; custom endpoints and file upload: {used}"
        yield Risk("outbound", HIGH if after.endpoints_used else MEDIUM, text)
    elif before.outbound_restricted and not after.outbound_restricted:
        yield Risk("outbound", MEDIUM, "the hub may send data to any host again")


def endpoint_removal(connection: EndpointConnection, hub: HubNetwork, verb: str) -> Iterator[Risk]:
    """Yield what is risked by taking a private endpoint connection away."""
    if connection.status is LinkStatus.APPROVED:
        text = f"clients that come through {connection.endpoint_name or connection.name} lose their way in ({verb})"
        yield Risk("endpoint-removal", HIGH, text)
    left = [one for one in hub.approved if one.name != connection.name]
    if connection.status is LinkStatus.APPROVED and not hub.reach.public_access:
        yield from without_private_endpoint(left, hub.connections_unknown)


def loses_addresses(before: Reach, after: Reach) -> bool:
    """Whether some address that is admitted now would be refused."""
    return bool(intersect(decide(before).admitted(), complement(decide(after).admitted())))


def filter_risks(before: Reach, after: Reach, devices: Simulation, own: Simulation, known: Known) -> list[Risk]:
    """Return what other filters of a provisioning service risk; devices and services have filters of their own."""
    from console.model.ip_rule import FilterTarget

    risks: list[Risk] = []
    if admits_nobody(after, FilterTarget.DEVICE_API) and not admits_nobody(before, FilterTarget.DEVICE_API):
        risks.append(Risk("deny-all", HIGH, "no device could be provisioned from any address", blocking=True))
    elif admits_everyone(after, FilterTarget.DEVICE_API) and not admits_everyone(before, FilterTarget.DEVICE_API):
        risks.append(Risk("everyone", HIGH, "every address on the internet may ask for provisioning"))
    if locks_out_own(own):
        address = known.own.address or "your address"
        text = f"{address} would be refused by the service API: enrollments could not be managed from here"
        risks.append(Risk("own-lock-out", HIGH, text, blocking=True))
    elif own_unknown(own):
        lossy = loses_addresses(own.before, own.after)
        text = f"whether you lock yourself out cannot be told: {known.own.why or 'your address is not known'}"
        severity = HIGH if lossy else MEDIUM
        risks.append(Risk("own-address-unknown", severity, text, blocking=lossy, hint="Give it: --my-ip ADDRESS"))
    risks += _devices(devices, known)
    return risks
