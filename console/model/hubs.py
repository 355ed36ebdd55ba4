"""The hubs that a credential sees, side by side: where they are, who can reach them, how they fare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.model.hub import Hub


class Reach(StrEnum):
    """Who can reach a hub over the network."""

    OPEN = "open"  # every address
    FILTERED = "filtered"  # addresses in its IP rules
    PRIVATE = "private"  # private endpoints alone


class ListSource(StrEnum):
    """What told us of the hubs."""

    RESOURCE_GRAPH = "resource-graph"
    LISTS = "lists"  # the resource manager, one subscription after the other


@dataclass(frozen=True)
class HubEntry:
    """One hub of many. None means that nobody said; `failures` are those of the last hour in the workspace asked.

    `weak_tls` is whether it takes versions before 1.2; `local_auth` whether keys and SAS tokens are taken at all.
    """

    arm_id: str
    name: str
    host: str
    location: str
    resource_group: str
    subscription_id: str
    sku: str
    units: int
    state: str
    reach: Reach
    rules: int
    private_endpoints: int
    local_auth: bool
    weak_tls: bool
    failures: int | None = None
    failing_devices: int | None = None

    @property
    def healthy(self) -> bool:
        """Whether the hub is in its ordinary state."""
        return self.state.casefold() == "active"


@dataclass(frozen=True)
class HubList:
    """The hubs by name; `note` says what is missing and why, in one sentence each."""

    hubs: tuple[HubEntry, ...]
    source: ListSource
    read_at: datetime
    notes: tuple[str, ...] = ()


def entry_of(hub: Hub) -> HubEntry:
    """Return the entry of a hub that was read whole."""
    exposure = hub.exposure
    rules = len(exposure.ip_rules) + exposure.classic_rules
    reach = Reach.OPEN
    if exposure.public_access is False:
        reach = Reach.PRIVATE
    elif rules or exposure.default_deny:
        reach = Reach.FILTERED
    return HubEntry(
        hub.arm_id,
        hub.name,
        hub.host,
        hub.location,
        hub.resource_group,
        hub.subscription_id,
        hub.sku,
        hub.units,
        hub.state,
        reach,
        rules,
        exposure.private_endpoints_approved + exposure.private_endpoints_pending,
        not exposure.local_auth_disabled,
        exposure.min_tls_version != "1.2",
    )
