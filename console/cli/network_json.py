"""The network as JSON: hubwarden.network/1, network_simulation/1 and endpoint_connections/1."""

from __future__ import annotations

from collections.abc import Sequence

from console.cli.output import Json, envelope, time_text, warning
from console.model.ip_rule import FilterVerdict, RangeGroup, RuleFinding, Simulation
from console.model.network import EndpointConnection, NetworkView, OrderedRow, RuleRow

Verdict = tuple[str, FilterVerdict]


def view_json(view: NetworkView) -> Json:
    """Return everything about who can reach the hub; what is not known is null, with its reason in `warnings`."""
    hub, log = view.hub, view.seen.value
    rules = hub.reach.rules
    errors = (view.seen.error, view.total_devices.error, view.endpoints.error, view.provisioning.error)
    services = view.provisioning.value
    return envelope(
        "network",
        view.as_of,
        [_rule(row) for row in view.rows],
        warnings=[warning(error) for error in errors if error is not None],
        hub=hub.name,
        public_access=hub.reach.public_access,
        rule_set=rules is not None,
        default_action=None if rules is None else ("deny" if rules.default_deny else "allow"),
        built_in_endpoint_filtered=None if rules is None else rules.built_in_endpoint,
        minimum_tls=hub.min_tls or None,
        outbound_restricted=hub.outbound_restricted,
        allowed_fqdns=list(hub.allowed_fqdns),
        classic_rules=[_ordered(row) for row in view.classic],
        classic_in_force=hub.classic_in_force,
        connections=[_connection(one) for one in hub.connections],
        private_endpoints=None
        if view.endpoints.value is None
        else [
            {"id": one.arm_id, "name": one.name, "subnet": one.subnet_id, "status": one.status.value}
            for one in view.endpoints.value
        ],
        provisioning=None
        if services is None
        else [
            {
                "name": one.service.name,
                "id": one.service.arm_id,
                "linked": one.linked,
                "public_access": one.service.public_access,
                "hubs": [{"host": hub.host, "policy": hub.policy} for hub in one.service.hubs],
                "filters": [_ordered(row) for row in one.rows],
            }
            for one in services
        ],
        seen=None
        if log is None
        else {
            "start": time_text(log.start),
            "end": time_text(log.end),
            "devices": log.devices,
            "refused": log.refused,
            "services_known": log.services_known,
            "partial": log.partial,
            "ranges": [
                {
                    "range": item.address.masked,
                    "devices": item.address.devices,
                    "refused": item.refused,
                    "services": item.address.services,
                    "last_seen": time_text(item.address.last_seen),
                }
                for item in log.ranges
            ],
        },
        total_devices=view.total_devices.value,
        own_address=_own(view),
        findings=[_finding(one) for one in view.findings],
    )


def simulation_json(view: NetworkView, simulation: Simulation, asked: Sequence[tuple[Verdict, Verdict]]) -> Json:
    """Return what a change would do, range by range; `asked` are addresses with their verdicts now and then."""
    groups = (
        simulation.let_in,
        simulation.cut_off,
        simulation.uncertain,
        simulation.stay_in,
        simulation.stay_out,
    )
    errors = (view.seen.error, view.total_devices.error)
    own = simulation.own
    return envelope(
        "network_simulation",
        view.as_of,
        [item for group in groups for item in _ranges(group)],
        warnings=[warning(error) for error in errors if error is not None],
        known=view.seen.value is not None,
        devices={group.fate.name.lower(): group.devices for group in groups},
        may_lose_devices=simulation.may_lose_devices,
        seen_devices=simulation.seen_devices,
        without_address=simulation.without_address,
        services_known=simulation.services_known,
        narrow_rules=list(simulation.narrow_rules),
        own_address={
            **_own(view),
            "before": _verdict(own.before) if own.before else None,
            "after": _verdict(own.after) if own.after else None,
        },
        addresses=[
            {"address": text, "before": _verdict(now), "after": _verdict(then)} for (text, now), (_, then) in asked
        ],
    )


def connections_json(view: NetworkView) -> Json:
    """Return the private endpoint connections of the hub."""
    return envelope("endpoint_connections", view.as_of, [_connection(one) for one in view.hub.connections])


def _rule(row: RuleRow) -> Json:
    use = row.use
    return {
        "name": row.rule.name,
        "range": row.rule.mask,
        "addresses": row.addresses,
        "devices": None if use is None else use.devices,
        "partly": None if use is None else use.partly,
        "last_seen": None if use is None else time_text(use.last_seen),
        "findings": [_finding(one) for one in row.findings],
    }


def _ordered(row: OrderedRow) -> Json:
    return {
        "name": row.rule.name,
        "action": row.rule.action.value.lower(),
        "range": row.rule.mask,
        "target": row.rule.target.value,
        "addresses": row.addresses,
        "findings": [_finding(one) for one in row.findings],
    }


def _finding(finding: RuleFinding) -> Json:
    return {"kind": finding.kind.name.lower(), "message": finding.message, "other": list(finding.other)}


def _connection(one: EndpointConnection) -> Json:
    return {
        "name": one.name,
        "status": one.status.value,
        "description": one.description,
        "private_endpoint": one.endpoint_id,
    }


def _own(view: NetworkView) -> Json:
    return {"address": view.own.address or None, "source": view.own.source.value, "note": view.own.note}


def _verdict(verdict: FilterVerdict) -> Json:
    return {"admitted": verdict.admitted, "by": verdict.by.value, "rule": verdict.rule or None}


def _ranges(group: RangeGroup) -> list[Json]:
    return [
        {
            "range": item.seen.masked,
            "fate": group.fate.name.lower(),
            "devices": item.seen.devices,
            "services": item.seen.services,
            "last_seen": time_text(item.seen.last_seen),
            "before": item.before.certainty.value,
            "after": item.after.certainty.value,
            "rules_before": list(item.before.rules),
            "rules_after": list(item.after.rules),
        }
        for item in group.ranges
    ]
