"""What the Overview shows, each part with its own age and trouble."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.model.connection import FailureReport
from console.model.device import FleetCounts
from console.model.hub import ActivityEntry, Hub, HubCertificate, Identity
from console.model.reading import Reading


@dataclass(frozen=True)
class OverviewSnapshot:
    """The parts of the Overview; each is a `Reading`, so each may be missing, stale or failed on its own.

    `last_change` is a ready reading of None when the activity log has no change.
    """

    hub: Reading[Hub] = field(default_factory=Reading)
    failures: Reading[FailureReport] = field(default_factory=Reading)
    counts: Reading[FleetCounts] = field(default_factory=Reading)
    certificates: Reading[tuple[HubCertificate, ...]] = field(default_factory=Reading)
    last_change: Reading[ActivityEntry | None] = field(default_factory=Reading)
    identity: Reading[Identity] = field(default_factory=Reading)
