"""The picture of who can reach the hub, put together from what was read."""

from __future__ import annotations

from datetime import datetime

from console.model.ip_rule import ClassicRule, RuleFinding, RuleUse
from console.model.network import (
    HubNetwork,
    Known,
    NetworkView,
    OrderedRow,
    PrivateEndpoint,
    ProvisioningService,
    ProvisioningView,
    RuleRow,
)
from console.model.reading import Reading
from console.rules.ip_cover import rule_use
from console.rules.ip_filter import addresses
from console.rules.ip_lint import lint_ordered, lint_rules


def view_of(
    hub: HubNetwork,
    known: Known,
    endpoints: Reading[tuple[PrivateEndpoint, ...]],
    services: Reading[tuple[ProvisioningService, ...]],
    now: datetime,
) -> NetworkView:
    """Return the snapshot that the pane and the command line show; services that link this hub come first."""
    reach = hub.reach
    rules = reach.rules.rules if reach.rules else ()
    findings = lint_rules(reach.rules) if reach.rules else []
    log = known.seen.value
    uses: tuple[RuleUse | None, ...] = rule_use(rules, log.addresses) if log else (None,) * len(rules)
    views: Reading[tuple[ProvisioningView, ...]] = Reading(None, services.as_of, services.error)
    if services.value is not None:
        made = [_service(service, hub.host) for service in services.value]
        views = Reading(tuple(sorted(made, key=lambda one: not one.linked)), services.as_of, services.error)
    return NetworkView(
        as_of=now,
        hub=hub,
        rows=tuple(
            RuleRow(rule, addresses(rule.mask), use, _at(findings, position))
            for position, (rule, use) in enumerate(zip(rules, uses, strict=True))
        ),
        classic=_ordered(hub.classic, lint_ordered(hub.classic)),
        findings=tuple(one for one in findings if one.position is None),
        seen=known.seen,
        total_devices=known.total_devices,
        own=known.own,
        endpoints=endpoints,
        provisioning=views,
    )


def known_of(view: NetworkView, max_cut_percent: int) -> Known:
    """Return what a view knows beside the rules."""
    return Known(view.seen, view.total_devices, view.own, max_cut_percent)


def _service(service: ProvisioningService, host: str) -> ProvisioningView:
    rows = _ordered(service.filters, lint_ordered(service.filters, dps=True))
    return ProvisioningView(service, rows, service.links(host))


def _ordered(rules: tuple[ClassicRule, ...], findings: list[RuleFinding]) -> tuple[OrderedRow, ...]:
    return tuple(OrderedRow(rule, addresses(rule.mask), _at(findings, position)) for position, rule in enumerate(rules))


def _at(findings: list[RuleFinding], position: int) -> tuple[RuleFinding, ...]:
    return tuple(one for one in findings if one.position == position)
