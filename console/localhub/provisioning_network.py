"""Whether an address may reach a provisioning service: its ordered IP filters and its public access switch."""

from __future__ import annotations

import ipaddress
from typing import Any, Literal

from console.localhub.network import address_number
from console.localhub.state import Json, ProvisioningState

Target = Literal["serviceApi", "deviceApi"]


def admitted(service: ProvisioningState, address: str, target: Target) -> bool:
    """Say whether an address may reach one of a provisioning service's two APIs; hold the cloud's lock.

    Rules are ordered and the first that fits decides; an address that fits none is let in. A rule without `target`, or
    with `all`, is for both APIs. `publicNetworkAccess` Disabled admits nobody. Source: the service's document on IP
    filtering; that the filters hold for IPv4 alone is said there too, so any other address fits no rule.
    """
    properties: Json = service.resource.get("properties") or {}
    if str(properties.get("publicNetworkAccess") or "").casefold() == "disabled":
        return False
    number = address_number(address)
    if number is None:
        return True
    for rule in properties.get("ipFilterRules") or ():
        if _is_for(rule, target) and _holds(rule, number):
            return str(rule.get("action") or "").casefold() == "accept"
    return True


def _is_for(rule: Any, target: Target) -> bool:
    return str(rule.get("target") or "all").casefold() in ("all", target.casefold())


def _holds(rule: Any, number: int) -> bool:
    try:
        network = ipaddress.IPv4Network(str(rule.get("ipMask") or ""), strict=False)
    except ValueError:
        return False  # no address is in a range that nobody can read
    return number & int(network.netmask) == int(network.network_address)
