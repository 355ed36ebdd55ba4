"""How far the replacement of a device's certificate by thumbprint has come: from the identity, and our own journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.model.device_order import Stage
from console.model.document import TargetKind
from console.model.journal import EntryState
from console.services.device_identity import Identity
from console.services.journal import Journal

_KIND = f"device.thumbprint-{Stage.SECONDARY}"
_MADE = {EntryState.APPLIED, EntryState.DIFFERS, EntryState.UNKNOWN}


class RolloverState(StrEnum):
    """Where a rollover stands."""

    IDLE = "no rollover under way"
    ADDED = "the new thumbprint is the secondary; the device may move over"
    PROMOTED = "the new thumbprint is the primary; the old one still works"
    UNCLEAR = "two thumbprints, and the journal here does not know which is the newer one"


@dataclass(frozen=True)
class Rollover:
    """The rollover of one device.

    Attributes:
        next: the step that follows; SECONDARY when none is under way (it needs the new thumbprint).
        added: when this console registered the new thumbprint; None when it did not.
        seen_since: whether the device certainly connected after that; with which certificate the hub never tells.
    """

    state: RolloverState
    next: Stage
    thumbprints: tuple[str, str]
    added: datetime | None = None
    seen_since: bool = False


NewPrints = Mapping[str, tuple[str, datetime]]
"""By device: the thumbprint that was last put into the second slot from here, and when."""


def new_prints(journal: Journal, hub: str) -> NewPrints:
    """Return the thumbprints that the journal knows as new. Raises ConsoleError NOT_CONFIGURED."""
    found: dict[str, tuple[str, datetime]] = {}
    for entry in journal.entries(hub):  # newest first
        if entry.kind != _KIND or entry.target.kind is not TargetKind.DEVICE or entry.state not in _MADE:
            continue
        prints = ((entry.after or {}).get("authentication") or {}).get("x509Thumbprint") or {}
        found.setdefault(entry.target.id, (str(prints.get("secondaryThumbprint") or ""), entry.time))
    return found


def rollover_of(identity: Identity, known: NewPrints) -> Rollover:
    """Return where the rollover of a device stands."""
    primary, secondary = identity.thumbprints
    new, added = known.get(identity.device_id, ("", None))
    if not secondary:
        return Rollover(RolloverState.IDLE, Stage.SECONDARY, identity.thumbprints)
    since = identity.connection_since
    seen = bool(identity.connected and added and since and since > added)
    if new and new.casefold() == secondary.casefold():
        return Rollover(RolloverState.ADDED, Stage.PROMOTE, identity.thumbprints, added, seen)
    if new and new.casefold() == primary.casefold():
        return Rollover(RolloverState.PROMOTED, Stage.RETIRE, identity.thumbprints, added, seen)
    return Rollover(RolloverState.UNCLEAR, Stage.PROMOTE, identity.thumbprints)
