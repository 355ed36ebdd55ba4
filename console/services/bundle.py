"""All services of one hub, as the command line composes them and the panes use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.services.fleet import FleetService
from console.services.overview import OverviewService
from console.services.ports import CallMeter
from console.services.session import Session

if TYPE_CHECKING:  # the first frame does without it
    from console.services.access import Access
    from console.services.changes import Changes
    from console.services.connections import ConnectionsService
    from console.services.credentials import Credentials
    from console.services.hubs import Hubs
    from console.services.provisioning import Provisioning
    from console.services.registration import Registering


@dataclass(frozen=True)
class Services:
    """What a front door needs; nothing in it has talked to anybody yet when it is made."""

    session: Session
    fleet: FleetService
    connections: ConnectionsService
    overview: OverviewService
    meter: CallMeter
    clock: Clock
    changes: Changes
    credentials: Credentials
    dps: Provisioning
    registering: Registering
    access: Access
    hubs: Hubs
