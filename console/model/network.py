"""Who can reach the hub, as it was read: rules with their use, private endpoints, DPS filters; and a wanted change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from console.model.ip_rule import ClassicRule, IpRule, Reach, RuleFinding, RuleUse, SeenAddress
from console.model.reading import Reading


class LinkStatus(StrEnum):
    """How a private endpoint connection stands (the service's words)."""

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class EndpointConnection:
    """A private endpoint connection of the hub; `endpoint_id` is the private endpoint at its other end."""

    name: str
    status: LinkStatus
    description: str = ""
    endpoint_id: str = ""
    actions_required: str = ""

    @property
    def endpoint_name(self) -> str:
        """The name of the private endpoint."""
        return self.endpoint_id.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class PrivateEndpoint:
    """A private endpoint (Microsoft.Network) that leads to the hub."""

    arm_id: str
    name: str
    location: str = ""
    subnet_id: str = ""
    status: LinkStatus = LinkStatus.UNKNOWN


@dataclass(frozen=True)
class LinkedHub:
    """A hub that a Device Provisioning Service hands devices to, and the policy that it signs in with.

    `policy` is empty where it does not use a key.
    """

    host: str
    policy: str = ""


@dataclass(frozen=True)
class ProvisioningService:
    """A Device Provisioning Service: its ordered filters (first match, else accept) and its linked hubs."""

    arm_id: str
    name: str
    filters: tuple[ClassicRule, ...] = ()
    hubs: tuple[LinkedHub, ...] = ()
    public_access: bool = True
    location: str = ""

    @property
    def reach(self) -> Reach:
        """What decides whether an address reaches it."""
        return Reach(self.public_access, None, self.filters)

    def links(self, host: str) -> bool:
        """Whether it hands devices to the hub of this host name."""
        return any(hub.host.casefold() == host.casefold() for hub in self.hubs)


@dataclass(frozen=True)
class HubNetwork:
    """The network part of a hub's resource. `classic_in_force`: there is no rule set, so the classic rules decide.

    `endpoints_used` names what the hub itself sends to (custom endpoints, file upload), which an outbound restriction
    may cut. `connections_unknown` says why the private endpoint connections could not be read, empty when they were.
    """

    arm_id: str
    name: str
    host: str
    sku: str
    location: str
    reach: Reach
    classic: tuple[ClassicRule, ...] = ()
    min_tls: str = ""
    outbound_restricted: bool = False
    allowed_fqdns: tuple[str, ...] = ()
    connections: tuple[EndpointConnection, ...] = ()
    connections_unknown: str = ""
    endpoints_used: tuple[str, ...] = ()

    @property
    def classic_in_force(self) -> bool:
        """Whether the classic rules decide."""
        return self.reach.rules is None and bool(self.classic)

    @property
    def approved(self) -> tuple[EndpointConnection, ...]:
        """The private endpoint connections that work."""
        return tuple(one for one in self.connections if one.status is LinkStatus.APPROVED)


@dataclass(frozen=True)
class SeenRange:
    """A masked range of the log; `refused` of its devices had their newest attempt refused."""

    address: SeenAddress
    refused: int = 0


@dataclass(frozen=True)
class SeenLog:
    """Each device's newest connect attempt of a window, by masked range, most devices first.

    `services_known` False: the log holds no addresses of services. `partial` says what is missing, empty for nothing.
    """

    ranges: tuple[SeenRange, ...]
    start: datetime
    end: datetime
    services_known: bool = False
    partial: str = ""

    @property
    def addresses(self) -> tuple[SeenAddress, ...]:
        """The ranges as the rules' functions take them."""
        return tuple(item.address for item in self.ranges)

    @property
    def devices(self) -> int:
        """How many devices tried to connect."""
        return sum(item.address.devices for item in self.ranges)

    @property
    def refused(self) -> int:
        """How many of them were refused the last time."""
        return sum(item.refused for item in self.ranges)

    @property
    def window(self) -> timedelta:
        """How far back it goes."""
        return self.end - self.start


class AddressSource(StrEnum):
    """Where the operator's own address is known from."""

    PROFILE = "the profile or --my-ip"
    ACTIVITY = "the activity log"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class OwnIp:
    """The operator's own address. From the activity log it is the one that reached the resource manager.

    `why` says why it is not known.
    """

    address: str = ""
    source: AddressSource = AddressSource.UNKNOWN
    why: str = ""

    @property
    def note(self) -> str:
        """What to doubt about it; empty for nothing."""
        if self.source is AddressSource.ACTIVITY:
            return "seen by the resource manager; the way out to the hub may be another one"
        return self.why


@dataclass(frozen=True)
class RuleRow:
    """One rule of `networkRuleSets` with how much it covers, its use (None: not known) and what is odd about it."""

    rule: IpRule
    addresses: int
    use: RuleUse | None = None
    findings: tuple[RuleFinding, ...] = ()


@dataclass(frozen=True)
class OrderedRow:
    """One ordered rule (classic, or of DPS) with how much it covers and what is odd about it."""

    rule: ClassicRule
    addresses: int
    findings: tuple[RuleFinding, ...] = ()


@dataclass(frozen=True)
class ProvisioningView:
    """A Device Provisioning Service with its filters judged; `linked`: it hands devices to this hub."""

    service: ProvisioningService
    rows: tuple[OrderedRow, ...]
    linked: bool


@dataclass(frozen=True)
class NetworkView:
    """All that is known about who can reach the hub; every part but the hub itself may be unknown, with its reason.

    `findings` are about all rules together; those of one rule stand in its row.
    """

    as_of: datetime
    hub: HubNetwork
    rows: tuple[RuleRow, ...]
    classic: tuple[OrderedRow, ...]
    findings: tuple[RuleFinding, ...]
    seen: Reading[SeenLog] = field(default_factory=Reading)
    total_devices: Reading[int] = field(default_factory=Reading)
    own: OwnIp = field(default_factory=OwnIp)
    endpoints: Reading[tuple[PrivateEndpoint, ...]] = field(default_factory=Reading)
    provisioning: Reading[tuple[ProvisioningView, ...]] = field(default_factory=Reading)


@dataclass(frozen=True)
class NetworkEdit:
    """What is to become of the hub's network settings, all in one change; None and empty leave things as they are.

    Attributes:
        add: new rules.
        change: (name of a rule now, what it is to be): another range, another name, or both; an empty range stays.
        remove: names of rules.
        default_deny: the default action.
        filter_built_in: whether the rules are to apply to the built-in Event Hubs endpoint.
        public_access: whether the public endpoint is to be there at all.
        min_tls: "1.2", or "" for no minimum.
        restrict_outbound: whether the hub may itself connect only to the allowed host names.
        allow_fqdns, forget_fqdns: host names to put on that list and to take from it.
        migrate: replace the classic rules by a rule set that admits the same addresses.
    """

    add: tuple[IpRule, ...] = ()
    change: tuple[tuple[str, IpRule], ...] = ()
    remove: tuple[str, ...] = ()
    default_deny: bool | None = None
    filter_built_in: bool | None = None
    public_access: bool | None = None
    min_tls: str | None = None
    restrict_outbound: bool | None = None
    allow_fqdns: tuple[str, ...] = ()
    forget_fqdns: tuple[str, ...] = ()
    migrate: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return self == NetworkEdit()


@dataclass(frozen=True)
class FilterEdit:
    """What is to become of the ordered filters of a Device Provisioning Service.

    Attributes:
        add: (rule, position from 0; None puts it last).
        move: (name, position from 0).
        remove: names.
        replace: (name of a filter now, what it is to be), at the same place.
    """

    add: tuple[tuple[ClassicRule, int | None], ...] = ()
    move: tuple[tuple[str, int], ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[tuple[str, ClassicRule], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return self == FilterEdit()


@dataclass(frozen=True)
class Suggestion:
    """A rule that would let a range in again, and where it comes from ("removed at 09:02 from this console")."""

    rule: IpRule
    origin: str


@dataclass(frozen=True)
class Known:
    """What is known beside the rules themselves, for telling what a change of them does; each part may be unknown."""

    seen: Reading[SeenLog] = field(default_factory=Reading)
    total_devices: Reading[int] = field(default_factory=Reading)
    own: OwnIp = field(default_factory=OwnIp)
    max_cut_percent: int = 5
