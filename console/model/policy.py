"""Shared access policies: what they grant, whose keys are filled, how far a rotation has come. No key is in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.provisioning import DpsLink


class Right(StrEnum):
    """The four rights, in the order in which the service writes them."""

    REGISTRY_READ = "RegistryRead"
    REGISTRY_WRITE = "RegistryWrite"  # includes reading
    SERVICE_CONNECT = "ServiceConnect"
    DEVICE_CONNECT = "DeviceConnect"


class Slot(StrEnum):
    """One of the two keys of a policy; both are valid at the same time."""

    PRIMARY = "primary"
    SECONDARY = "secondary"

    @property
    def field(self) -> str:
        """Its name in the resource."""
        return f"{self.value}Key"

    @property
    def other(self) -> Slot:
        """The other key."""
        return Slot.SECONDARY if self is Slot.PRIMARY else Slot.PRIMARY


class Breadth(StrEnum):
    """How much the keys of a policy open."""

    EVERYTHING = "everything"
    BROAD = "broad"
    NARROW = "narrow"


class AuthScope(StrEnum):
    """Whose shared access signatures a switch of the hub concerns."""

    HUB = "hub"  # those signed with a policy of the hub
    DEVICES = "devices"  # those signed with a device's own key, Edge included
    MODULES = "modules"

    @property
    def field(self) -> str:
        """The switch in the resource; true switches them off."""
        return {
            AuthScope.HUB: "disableLocalAuth",
            AuthScope.DEVICES: "disableDeviceSAS",
            AuthScope.MODULES: "disableModuleSAS",
        }[self]


BUILT_IN = frozenset({"iothubowner", "service", "device", "registryread", "registryreadwrite"})
"""The policies that every new hub has, in lower case (IoT Hub's document on shared access signatures)."""


class Stage(StrEnum):
    """How far the rotation of a policy's keys has come, as the journal tells."""

    NONE = "none"
    SECONDARY_NEW = "secondary-new"  # clients are to move to the secondary key, then the primary is replaced
    PRIMARY_NEW = "primary-new"  # the other way round (begun with the primary, or swapped half-way)
    COMPLETE = "complete"


@dataclass(frozen=True)
class RotationState:
    """Where a rotation stands.

    Attributes:
        stage: what was replaced.
        since: when the newest key was made; None while nothing was replaced from here.
        next_slot: the key to replace next.
        checklist: what to see to before the next step, in order.
        note: what does not fit (a key changed elsewhere, an outcome that is not known); empty when all fits.
    """

    stage: Stage = Stage.NONE
    since: datetime | None = None
    next_slot: Slot = Slot.SECONDARY
    checklist: tuple[str, ...] = ()
    note: str = ""

    @property
    def under_way(self) -> bool:
        """Whether one key was replaced and the other was not."""
        return self.stage in {Stage.SECONDARY_NEW, Stage.PRIMARY_NEW}


@dataclass(frozen=True)
class PolicyView:
    """A shared access policy without its keys.

    Attributes:
        name: as the service spells it; names are compared without case.
        rights: in the service's order. `other_rights` are words that are none of the four.
        primary, secondary: whether the key is there; `equal` whether both are the same one.
        built_in: whether every new hub has a policy of this name.
        used_by: the provisioning services that link by it; None when they could not be listed.
        primary_since, secondary_since: when the key was made, where this console's journal knows it.
    """

    name: str
    rights: tuple[Right, ...]
    other_rights: tuple[str, ...] = ()
    primary: bool = True
    secondary: bool = True
    equal: bool = False
    built_in: bool = False
    used_by: tuple[str, ...] | None = ()
    primary_since: datetime | None = None
    secondary_since: datetime | None = None
    rotation: RotationState = field(default_factory=RotationState)
    breadth: Breadth = Breadth.NARROW

    def since(self, slot: Slot) -> datetime | None:
        """When a key was made, None when it is not known here."""
        return self.primary_since if slot is Slot.PRIMARY else self.secondary_since


@dataclass(frozen=True)
class LocalAuth:
    """Whose shared access signatures are accepted; the hub's switches say the opposite. None: it was not told."""

    hub: bool | None = None
    devices: bool | None = None
    modules: bool | None = None

    def of(self, scope: AuthScope) -> bool | None:
        """Return whether the signatures of one sort are accepted."""
        value: bool | None = getattr(self, scope.value)
        return value


@dataclass(frozen=True)
class Links:
    """The provisioning services that link this hub, as far as the credential may see them.

    `links` None: they could not be listed, and `problem` says why in one sentence.
    """

    links: tuple[DpsLink, ...] | None = None
    problem: str = ""

    @property
    def by_key(self) -> tuple[DpsLink, ...] | None:
        """The links that sign with a key of the hub; None when it is not known."""
        return None if self.links is None else tuple(link for link in self.links if link.by_key)

    def instances(self, policy: str = "") -> tuple[str, ...] | None:
        """Return the names of the services that link by key (of one policy); None when it is not known."""
        links = self.by_key
        if links is None:
            return None
        wanted = policy.casefold()
        names = {link.instance for link in links if not policy or link.policy.casefold() == wanted}
        return tuple(sorted(names))


@dataclass(frozen=True)
class PoliciesOverview:
    """What can be told without reading a key.

    `rotations` are the states by policy name of those that this console's journal knows; `last_read` is when keys were
    last read from here.
    """

    hub: str
    as_of: datetime
    local_auth: LocalAuth
    links: Links
    rotations: tuple[tuple[str, RotationState], ...] = ()
    last_read: datetime | None = None


@dataclass(frozen=True)
class PoliciesReading:
    """The policies as read with their keys, which are left behind in the service that read them."""

    as_of: datetime
    policies: tuple[PolicyView, ...]
    overview: PoliciesOverview

    def find(self, name: str) -> PolicyView | None:
        """Return a policy by its name, compared without case."""
        return next((one for one in self.policies if one.name.casefold() == name.casefold()), None)
