"""IP rules of both generations, what they decide, and what a change of them would do.

`networkRuleSets` holds unordered allow rules; the classic `ipFilterRules` are ordered, and DPS still has only those.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address

from console.model.hub import IpRule as IpRule  # the first frame needs that one alone

MAX_RULES = 100
"""Most rules in a hub's `networkRuleSets` (IoT Hub's document on IP filtering)."""
MAX_CLASSIC = 10
"""Most classic `ipFilterRules` of a hub (IoT Hub's document on the classic IP filter)."""
MAX_DPS = 100
"""Most `ipFilterRules` of a Device Provisioning Service (its document on IP filtering)."""
NAME_LIMIT = 128
"""Longest name of a rule, in characters."""
NAME_CHARACTERS = "-:.+%_#*?!(),=@;'"
"""What a rule's name may hold besides ASCII letters and digits (the service refuses `/` and `\\`)."""
LOG_PREFIX = 24
"""The Connections log masks the last octet of an address, so it tells no more than a /24."""
WIDE_PREFIX = 16
"""A rule this wide or wider is called over-wide."""


class FilterAction(StrEnum):
    """What a classic rule does with the addresses it matches."""

    ACCEPT = "Accept"
    REJECT = "Reject"


class FilterTarget(StrEnum):
    """Which API of a Device Provisioning Service a filter is for."""

    ALL = "all"
    SERVICE_API = "serviceApi"
    DEVICE_API = "deviceApi"


@dataclass(frozen=True, slots=True)
class ClassicRule:
    """A rule of `ipFilterRules`: ordered, the first match decides, what none matches is accepted.

    At most 10 on a hub (retired there) and 100 on a Device Provisioning Service. Only the latter has a `target`.
    """

    name: str
    action: FilterAction
    mask: str
    target: FilterTarget = FilterTarget.ALL


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """A hub's `networkRuleSets`.

    `default_deny` refuses every address that no rule allows; without it every address is allowed and rules change
    nothing. `built_in_endpoint` (`applyToBuiltInEventHubEndpoint`) False leaves the built-in Event Hubs endpoint open
    to every address.
    """

    default_deny: bool
    rules: tuple[IpRule, ...] = ()
    built_in_endpoint: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """All that decides whether an address reaches a hub's public endpoint.

    With `public_access` off nobody does and all rules are ignored. `classic` counts only where `rules` is None.
    Private endpoints are another way in and subject to none of this.
    """

    public_access: bool = True
    rules: NetworkRules | None = None
    classic: tuple[ClassicRule, ...] = ()


class DecidedBy(StrEnum):
    """What decided about an address."""

    RULE = "rule"
    DEFAULT_ACTION = "default action"
    PUBLIC_ACCESS_OFF = "public access off"


@dataclass(frozen=True, slots=True)
class FilterVerdict:
    """Whether an address is admitted and by what. `rule` is a name, empty unless a rule decided; `position` from 0."""

    admitted: bool
    rule: str = ""
    by: DecidedBy = DecidedBy.DEFAULT_ACTION
    position: int | None = None


class Certainty(StrEnum):
    """What is certain of a range of which only some unknown address is used."""

    IN = "in"  # every address of it is admitted
    OUT = "out"  # none is
    UNCERTAIN = "uncertain"  # some are, or the range cannot be read


@dataclass(frozen=True, slots=True)
class RangeVerdict:
    """What happens to a range of addresses: `admitted` of its `addresses`, and all that decided, in order of address.

    `addresses` is 256 for a masked address, 1 for a whole one and 0 for one that cannot be read (always uncertain).
    """

    certainty: Certainty
    admitted: int
    addresses: int
    deciding: tuple[FilterVerdict, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the deciding rules; empty when the default action or public access decides."""
        return tuple(verdict.rule for verdict in self.deciding if verdict.by is DecidedBy.RULE)


class FindingKind(StrEnum):
    """What can be odd about a rule that is valid."""

    EVERYONE = "lets everyone in"
    OVER_WIDE = "over-wide"
    DUPLICATE = "duplicate range"
    REDUNDANT = "redundant"
    SHADOWED = "shadowed"
    OVERLAPPING = "overlapping"
    NARROW = "narrower than the log's mask"
    HOST_BITS = "host bits set"


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """Something odd about the rule at `position` (from 0; None: about all rules together), and the `other` rules."""

    kind: FindingKind
    rule: str
    position: int | None
    message: str
    other: tuple[str, ...] = ()


class RuleField(StrEnum):
    """Which part of a rule the service would refuse."""

    NAME = "name"
    MASK = "mask"
    ACTION = "action"
    TARGET = "target"
    COUNT = "count"  # too many rules


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """What the service would refuse: the rule at `position` (from 0; None: the number of rules) and why."""

    position: int | None
    rule: str
    field: RuleField
    message: str


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Consecutive addresses, both ends included, that two sets of rules treat differently."""

    first: str
    last: str
    admitted_before: bool
    admitted_after: bool

    @property
    def addresses(self) -> int:
        """How many addresses it holds."""
        return int(IPv4Address(self.last)) - int(IPv4Address(self.first)) + 1


@dataclass(frozen=True, slots=True)
class Migration:
    """Classic rules as `networkRuleSets`. `exact`: both admit the same addresses; else `differs` lists every other.

    An inexact migration never admits an address that the classic rules reject.
    """

    rules: NetworkRules
    differs: tuple[AddressRange, ...] = ()
    exact: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenAddress:
    """A masked /24 of the Connections log ("10.20.4.XXX") and who used it last.

    `devices` counts those that have it as their newest address, so that no device counts twice; `services` counts
    back ends known to call from it.
    """

    masked: str
    devices: int
    last_seen: datetime | None = None
    services: int = 0


@dataclass(frozen=True, slots=True)
class RuleUse:
    """What was seen from a rule's range. `partly`: some of it may have come from outside, since the log masks."""

    rule: str
    mask: str
    addresses: int  # covered by the rule
    devices: int
    ranges: int  # masked /24s seen
    last_seen: datetime | None
    partly: bool


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How much of a rule's range the seen addresses need.

    `exact` is the fewest CIDR ranges that hold them and nothing else, `single` the smallest one range that holds them
    all; both empty when nothing was seen in the rule's range.
    """

    rule: str
    mask: str
    exact: tuple[str, ...]
    single: str
    devices: int

    @property
    def narrows(self) -> bool:
        """Whether there is anything to gain: addresses were seen, and one smaller range holds them all."""
        return self.single not in {"", self.mask}


class Fate(StrEnum):
    """What a change does to a range that was seen."""

    LET_IN = "let in"
    CUT_OFF = "cut off"
    STAY_IN = "stay in"
    STAY_OUT = "stay out"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class SimulatedRange:
    """One seen range before and after a change; `loses` and `gains` count its addresses that change sides."""

    seen: SeenAddress
    before: RangeVerdict
    after: RangeVerdict
    fate: Fate
    loses: int
    gains: int


@dataclass(frozen=True, slots=True)
class RangeGroup:
    """The seen ranges with one fate, most devices first."""

    fate: Fate
    ranges: tuple[SimulatedRange, ...] = ()

    @property
    def devices(self) -> int:
        """How many devices were last seen there."""
        return sum(item.seen.devices for item in self.ranges)

    @property
    def services(self) -> int:
        """How many services were seen there."""
        return sum(item.seen.services for item in self.ranges)


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """The operator's own address before and after; both verdicts are None where it is unknown or not IPv4."""

    address: str
    before: FilterVerdict | None
    after: FilterVerdict | None

    @property
    def known(self) -> bool:
        """Whether anything can be said about it."""
        return self.before is not None and self.after is not None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a change of network rules does to the addresses that were seen, and what cannot be known about it.

    `seen_devices` have an address in the window; `without_address` of the registry's `total_devices` have none and
    may be anywhere (None: the total is not known). `services_known` False: nobody counted services, so 0 means
    nothing. `narrow_rules` are narrower than the log's mask, so that what they do cannot be seen in the log.
    """

    before: Reach
    after: Reach
    let_in: RangeGroup
    cut_off: RangeGroup
    stay_in: RangeGroup
    stay_out: RangeGroup
    uncertain: RangeGroup
    own: OwnAddress
    seen_devices: int
    total_devices: int | None
    without_address: int | None
    narrow_rules: tuple[str, ...]
    services_known: bool = False

    @property
    def may_lose_devices(self) -> int:
        """Devices in uncertain ranges of which the change refuses some address that was admitted."""
        return sum(item.seen.devices for item in self.uncertain.ranges if item.loses or not item.before.addresses)
