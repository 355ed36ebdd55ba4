"""What can be done with the device under the cursor or with all that are marked, without a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from console.model.device import AuthType, Device, DeviceStatus, auth_type
from console.model.device_order import Act, DeviceOrder, KeyChoice, NewAuth, NewDevice, Stage
from console.present.words import number

_THUMBPRINTS = (AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_MISSING)
_SIGNS_IN = {AuthType.SAS: "by key", AuthType.CA: "by X.509 CA", AuthType.NONE: "in no way"}

KEY_CHOICES: tuple[tuple[KeyChoice, str, str], ...] = (
    (KeyChoice.SECONDARY, "The secondary key", "first in a staged rotation"),
    (KeyChoice.PRIMARY, "The primary key", "the one most devices use"),
    (KeyChoice.SWAP, "Swap the two", "nobody is cut"),
    (KeyChoice.BOTH, "Both keys", "cuts the device"),
)
"""The keys that can be rotated: choice, title, note."""


NEW_AUTH: tuple[tuple[str, str], ...] = (
    (NewAuth.SAS, "symmetric keys (SAS)"),
    (NewAuth.THUMBPRINT, "certificate thumbprint"),
    (NewAuth.CA, "certificate of a registered CA"),
)
"""How a new device can sign in: value and title."""


def new_device(answer: Mapping[str, str | bool]) -> NewDevice:
    """Return the device that a form describes."""
    auth, edge = NewAuth(str(answer["auth"])), bool(answer["edge"])
    return NewDevice(str(answer["id"]), auth, str(answer["thumbprint"]), edge=edge)


@dataclass(frozen=True)
class Chosen:
    """The devices that an action is for: the one under the cursor, or all that are marked."""

    devices: tuple[Device, ...]
    marked: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(device.device_id for device in self.devices)

    @property
    def subject(self) -> str:
        """The devices for people: "press-1", "12 marked devices"."""
        if not self.marked:
            return self.devices[0].device_id
        return "the marked device" if len(self.devices) == 1 else f"{number(len(self.devices))} marked devices"


def title_of(command_id: str, title: str, chosen: Chosen | None) -> str:
    """Return a command's title for what is chosen: "Disable 12 marked devices …"."""
    if chosen is None or not chosen.marked:
        return title
    verb = {
        "change.disable": "Disable",
        "change.enable": "Enable",
        "change.rotate-keys": "Rotate keys of",
        "change.thumbprint": "Roll over thumbprints of",
        "change.delete": "Delete",
    }.get(command_id)
    return f"{verb} {chosen.subject} …" if verb else title


def why_not(command_id: str, chosen: Chosen | None) -> str:
    """Return why a command does not apply to what is chosen, empty when it does."""
    if command_id == "change.create":
        return ""
    if chosen is None:
        return "no device is selected"
    if chosen.marked:
        return ""  # a bulk command passes over those that it does not fit, and says so before
    device = chosen.devices[0]
    if command_id == "change.enable" and device.status is DeviceStatus.ENABLED:
        return "it is enabled already"
    if command_id == "change.rotate-keys" and device.auth is not AuthType.SAS:
        return f"it signs in {_SIGNS_IN.get(device.auth, 'by thumbprint')}"
    if command_id == "change.thumbprint" and device.auth not in _THUMBPRINTS:
        return f"it signs in {_SIGNS_IN.get(device.auth, 'in a way not known')}"
    return ""


def row_after(order: DeviceOrder, device: Device) -> Device | None:
    """Return a device's row after an order was carried out and read back as planned; None when it is gone."""
    match order.act:
        case Act.ENABLE | Act.DISABLE:
            status = DeviceStatus.ENABLED if order.act is Act.ENABLE else DeviceStatus.DISABLED
            reason = device.status_reason if order.reason is None else order.reason
            return replace(device, status=status, status_reason=reason)
        case Act.DELETE:
            return None
        case Act.THUMBPRINT:
            primary, secondary = device.thumbprints
            prints = {
                Stage.SECONDARY: (primary, order.thumbprint),
                Stage.PROMOTE: (secondary, primary),
                Stage.RETIRE: (primary, ""),
                Stage.PRIMARY: (order.thumbprint, secondary),
            }[order.stage]
            return replace(device, thumbprints=prints, auth=auth_type("selfSigned", prints))
    return device


def resumable(ids: Sequence[str], order: DeviceOrder, before: tuple[DeviceOrder, str, frozenset[str]] | None) -> str:
    """Return the batch that the same order over (some of) the same devices goes on with; empty when it is a new one.

    `before` is the last bulk that did not end as it should: its order, batch and devices.
    """
    if before is None:
        return ""
    last, batch, devices = before
    return batch if last.kind == order.kind and set(ids) <= devices else ""
