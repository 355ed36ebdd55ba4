"""How a Device Provisioning Service hangs together with a hub: its link, and who may reach the service itself."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.ip_rule import ClassicRule


@dataclass(frozen=True, slots=True)
class DpsLink:
    """A link of a provisioning service to a hub.

    Attributes:
        instance: the provisioning service's name; `arm_id` is its resource id.
        host: the linked hub's host name.
        policy: the shared access policy that the link signs with; empty where it does not sign with one.
        by_key: whether the link signs with a key of the hub (the service shows the key masked, so which of the two
            keys it is cannot be seen). A link by a managed identity does not.
        filters: the provisioning service's ordered IP rules; first match wins, what none matches is accepted.
        public_access: whether the service can be reached from outside of private endpoints.
    """

    instance: str
    arm_id: str
    host: str
    policy: str = ""
    by_key: bool = True
    filters: tuple[ClassicRule, ...] = ()
    public_access: bool = True


@dataclass(frozen=True, slots=True)
class ProvisioningService:
    """A provisioning service: its name, resource id, the host of its service API, the hosts of the hubs it links."""

    name: str
    arm_id: str
    host: str
    hubs: tuple[str, ...] = ()


def links_to(links: tuple[DpsLink, ...], host: str) -> tuple[DpsLink, ...]:
    """Return the links to one hub; host names are compared without case."""
    return tuple(link for link in links if link.host.casefold() == host.casefold())
