"""What is to be done with a device identity, and a bulk command over many of them, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from console.model.change import Risk, new_id
from console.model.errors import ConsoleError


class Act(StrEnum):
    """What can be done with an identity that is there."""

    ENABLE = "enable"
    DISABLE = "disable"
    ROTATE_KEYS = "rotate-keys"
    THUMBPRINT = "thumbprint"
    DELETE = "delete"


class KeyChoice(StrEnum):
    """Which symmetric key is replaced; `swap` replaces none, the two change places."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    BOTH = "both"
    SWAP = "swap"


class Stage(StrEnum):
    """A step of replacing a certificate by thumbprint; the first three make a rollover in which nobody is cut."""

    SECONDARY = "secondary"  # the new thumbprint goes into the second slot; the device moves over
    PROMOTE = "promote"  # the two change places: the new one is the primary now
    RETIRE = "retire"  # the old one, now the secondary, goes
    PRIMARY = "primary"  # replace the primary at once: cuts the device until it has the new certificate


@dataclass(frozen=True)
class DeviceOrder:
    """What to do with a device, or with each of many.

    Attributes:
        act: what.
        reason: why; enabling and disabling write it into the identity. None leaves the identity's reason as it is.
        keys: which key, for ROTATE_KEYS.
        stage: which step, for THUMBPRINT.
        thumbprint: the new one, hexadecimal without separators, for the stages SECONDARY and PRIMARY.
    """

    act: Act
    reason: str | None = None
    keys: KeyChoice = KeyChoice.SECONDARY
    stage: Stage = Stage.SECONDARY
    thumbprint: str = ""

    @property
    def kind(self) -> str:
        """The kind of the change: two orders of one kind do the same to a device."""
        detail = {Act.ROTATE_KEYS: f"-{self.keys}", Act.THUMBPRINT: f"-{self.stage}"}.get(self.act, "")
        return f"device.{self.act}{detail}"

    def title(self, subject: str) -> str:
        """Return the order for people: "disable press-1"."""
        match self.act:
            case Act.ROTATE_KEYS if self.keys is KeyChoice.SWAP:
                return f"swap the keys of {subject}"
            case Act.ROTATE_KEYS:
                both = self.keys is KeyChoice.BOTH
                return f"rotate {'both keys' if both else f'the {self.keys} key'} of {subject}"
            case Act.THUMBPRINT:
                return {
                    Stage.SECONDARY: f"put a new secondary thumbprint on {subject}",
                    Stage.PROMOTE: f"promote the secondary thumbprint of {subject}",
                    Stage.RETIRE: f"remove the secondary thumbprint of {subject}",
                    Stage.PRIMARY: f"replace the primary thumbprint of {subject}",
                }[self.stage]
            case _:
                return f"{self.act} {subject}"


class NewAuth(StrEnum):
    """How a device that is made anew authenticates."""

    SAS = "sas"
    THUMBPRINT = "x509-thumbprint"
    CA = "x509-ca"


@dataclass(frozen=True)
class NewDevice:
    """A device to create. `thumbprint` is the primary one, for NewAuth.THUMBPRINT; `secondary` may be empty."""

    device_id: str
    auth: NewAuth = NewAuth.SAS
    thumbprint: str = ""
    secondary: str = ""
    edge: bool = False
    reason: str = ""


@dataclass(frozen=True)
class BulkPlan:
    """One order for many devices, agreed to once; each device is read and planned only when its turn comes.

    Attributes:
        ids: the devices that are to be worked on, in order, without those in `done`.
        done: devices that this batch has dealt with before.
        risks: what is known up front, from the fleet's rows or from reading a few; only these can be agreed to.
        notes: how it goes on, what is not known.
        batch: the id that all changes carry; given again, it resumes.
    """

    order: DeviceOrder
    ids: tuple[str, ...]
    risks: tuple[Risk, ...] = ()
    effect: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    batch: str = field(default_factory=new_id)

    @property
    def title(self) -> str:
        """The plan for people: "disable 12 devices"."""
        return self.order.title(counted(len(self.ids)))

    @property
    def blocking(self) -> tuple[Risk, ...]:
        """The risks that must be accepted by id."""
        return tuple(risk for risk in self.risks if risk.blocking)


class ItemState(StrEnum):
    """How one device of a bulk command ended."""

    APPLIED = "applied"
    NOTHING = "nothing-to-do"  # it was so already
    SKIPPED = "skipped"  # not tried: a ghost, another auth type, a risk that nobody has seen
    FAILED = "failed"  # tried, and as before; or changed by somebody else
    UNKNOWN = "unknown"  # tried, and nobody knows; or neither as before nor as planned


@dataclass(frozen=True)
class BulkItem:
    """One device of a bulk command. `message` is a sentence; `change_id` is empty when nothing was tried."""

    device_id: str
    state: ItemState
    message: str
    change_id: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do for this device."""
        return self.state in {ItemState.APPLIED, ItemState.NOTHING}


@dataclass(frozen=True)
class BulkResult:
    """How a bulk command ended: its devices so far, those not reached, and what stopped it (None: it went through)."""

    plan: BulkPlan
    items: tuple[BulkItem, ...]
    left: tuple[str, ...] = ()
    stopped: ConsoleError | None = None

    @property
    def complete(self) -> bool:
        """Whether every device is as it should be."""
        return not self.left and all(item.finished for item in self.items)

    @property
    def resumable(self) -> bool:
        """Whether going on may achieve more: some were not reached, failed, or are not known."""
        return bool(self.left) or any(item.state in {ItemState.FAILED, ItemState.UNKNOWN} for item in self.items)

    def count(self, state: ItemState) -> int:
        """Return how many devices ended so."""
        return sum(item.state is state for item in self.items)


def counted(number: int) -> str:
    """Return "1 device", "5,000 devices"."""
    return "1 device" if number == 1 else f"{number:,} devices"
