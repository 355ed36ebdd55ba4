"""The network part of resource bodies, raw JSON to model types and back; what is not known there stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from console.model.document import Json
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget, IpRule, NetworkRules, Reach
from console.model.network import (
    EndpointConnection,
    HubNetwork,
    LinkedHub,
    LinkStatus,
    PrivateEndpoint,
    ProvisioningService,
)
from console.model.secret import Secret
from console.model.text import clean


def hub_network(body: Json) -> HubNetwork:
    """Return the network part of a hub's ARM body; every text is clean."""
    properties = _mapping(body.get("properties"))
    classic = ordered_rules(properties.get("ipFilterRules"))
    return HubNetwork(
        arm_id=clean(body.get("id")),
        name=clean(body.get("name")),
        host=clean(properties.get("hostName")),
        sku=clean(_mapping(body.get("sku")).get("name")),
        location=clean(body.get("location")),
        reach=reach_of(body),
        classic=classic,
        min_tls=clean(properties.get("minTlsVersion")),
        outbound_restricted=properties.get("restrictOutboundNetworkAccess") is True,
        allowed_fqdns=tuple(clean(name) for name in _list(properties.get("allowedFqdnList"))),
        connections=connections_of(properties.get("privateEndpointConnections")),
        endpoints_used=tuple(_used(properties)),
    )


def reach_of(body: Json) -> Reach:
    """Return what decides whether an address reaches the hub.

    No `networkRuleSets` means that no rule set is in force; an absent default action is Deny, and an absent
    `publicNetworkAccess` is Enabled (spec 2023-06-30).
    """
    properties = _mapping(body.get("properties"))
    rule_set = properties.get("networkRuleSets")
    return Reach(
        public_access=clean(properties.get("publicNetworkAccess")).casefold() != "disabled",
        rules=_rule_set(rule_set) if isinstance(rule_set, dict) else None,
        classic=ordered_rules(properties.get("ipFilterRules")),
    )


def ordered_rules(value: object) -> tuple[ClassicRule, ...]:
    """Return ordered `ipFilterRules`; an action that is not Reject accepts, a target that is not known is for all."""
    return tuple(_ordered(item) for item in _list(value) if isinstance(item, dict))


def connections_of(value: object) -> tuple[EndpointConnection, ...]:
    """Return private endpoint connections, of a hub's body or of the bare array that lists them."""
    return tuple(connection_of(item) for item in _list(value) if isinstance(item, dict))


def connection_of(body: Json) -> EndpointConnection:
    """Return one private endpoint connection."""
    properties = _mapping(body.get("properties"))
    state = _mapping(properties.get("privateLinkServiceConnectionState"))
    return EndpointConnection(
        name=clean(body.get("name")),
        status=status_of(state.get("status")),
        description=clean(state.get("description")),
        endpoint_id=clean(_mapping(properties.get("privateEndpoint")).get("id")),
        actions_required=clean(state.get("actionsRequired")),
    )


def endpoint_of(body: Json, hub_id: str) -> PrivateEndpoint | None:
    """Return a private endpoint that leads to the hub, None for one that leads elsewhere."""
    properties = _mapping(body.get("properties"))
    for key in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"):
        for link in _list(properties.get(key)):
            inner = _mapping(_mapping(link).get("properties"))
            if clean(inner.get("privateLinkServiceId")).casefold().rstrip("/") == hub_id.casefold().rstrip("/"):
                state = _mapping(inner.get("privateLinkServiceConnectionState"))
                return PrivateEndpoint(
                    arm_id=clean(body.get("id")),
                    name=clean(body.get("name")),
                    location=clean(body.get("location")),
                    subnet_id=clean(_mapping(properties.get("subnet")).get("id")),
                    status=status_of(state.get("status")),
                )
    return None


def provisioning_of(body: Json) -> ProvisioningService:
    """Return a Device Provisioning Service; of its hubs' connection strings only host and policy are read."""
    properties = _mapping(body.get("properties"))
    return ProvisioningService(
        arm_id=clean(body.get("id")),
        name=clean(body.get("name")),
        filters=ordered_rules(properties.get("ipFilterRules")),
        hubs=tuple(_linked(item) for item in _list(properties.get("iotHubs")) if isinstance(item, dict)),
        public_access=clean(properties.get("publicNetworkAccess")).casefold() != "disabled",
        location=clean(body.get("location")),
    )


def status_of(word: object) -> LinkStatus:
    """Return the status for the service's word."""
    text = clean(word).capitalize()
    return LinkStatus(text) if text in set(LinkStatus) else LinkStatus.UNKNOWN


def rule_json(rule: IpRule) -> Json:
    """Return a rule as `networkRuleSets.ipRules` holds it."""
    return {"filterName": rule.name, "action": "Allow", "ipMask": rule.mask}


def ordered_json(rule: ClassicRule, *, dps: bool = False) -> Json:
    """Return an ordered rule as `ipFilterRules` holds it; only DPS knows a target."""
    body: Json = {"filterName": rule.name, "action": rule.action.value, "ipMask": rule.mask}
    if dps and rule.target is not FilterTarget.ALL:
        body["target"] = rule.target.value
    return body


def _rule_set(body: Json) -> NetworkRules:
    return NetworkRules(
        default_deny=clean(body.get("defaultAction") or "Deny").casefold() != "allow",
        rules=tuple(
            IpRule(clean(rule.get("filterName")), clean(rule.get("ipMask")))
            for rule in _list(body.get("ipRules"))
            if isinstance(rule, dict)
        ),
        built_in_endpoint=body.get("applyToBuiltInEventHubEndpoint") is True,
    )


def _ordered(item: Json) -> ClassicRule:
    rejects = clean(item.get("action")).casefold() == "reject"
    targets = {target.value.casefold(): target for target in FilterTarget}
    return ClassicRule(
        clean(item.get("filterName")),
        FilterAction.REJECT if rejects else FilterAction.ACCEPT,
        clean(item.get("ipMask")),
        targets.get(clean(item.get("target")).casefold(), FilterTarget.ALL),
    )


def _linked(item: Json) -> LinkedHub:
    string = item.get("connectionString")
    text = string.reveal() if isinstance(string, Secret) else str(string or "")
    parts = dict(part.partition("=")[::2] for part in text.split(";") if "=" in part)
    return LinkedHub(clean(parts.get("HostName") or item.get("name")), clean(parts.get("SharedAccessKeyName")))


def _used(properties: Json) -> Iterable[str]:
    endpoints = _mapping(_mapping(properties.get("routing")).get("endpoints"))
    for items in endpoints.values():
        for item in _list(items):
            if isinstance(item, dict):
                yield clean(item.get("name")) or "a custom endpoint"
    default = _mapping(_mapping(properties.get("storageEndpoints")).get("$default"))
    if default.get("connectionString") or default.get("endpointUri"):
        yield "file upload"


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
