"""What is known of a whole fleet here: how old it is, whether it is whole, and how a refresh goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DeviceRow = tuple[str, int, int, int, int | None, int, str | None, str | None, str | None, str | None]
"""A device as it is kept: id, status, auth and connection (places in their enums), last activity (seconds since 1970,
None for never), edge (0 or 1), reason of the status, "primary|secondary" thumbprint, ETag, tags as JSON. It has no key.
"""


@dataclass(frozen=True)
class FleetPage:
    """One page of the twin query, ready to be kept. `size` is in bytes, as received."""

    rows: list[DeviceRow]
    continuation: str
    size: int = 0


@dataclass(frozen=True)
class Snapshot:
    """The devices that are kept: one generation. `whole` is whether the reading of it ended.

    `count` is how many devices it has now; `finished` (UTC) is None until it is whole. `ordered`: row numbers are in id
    order; `dense`: and they run from 1 to `count` (until devices are deleted from here).
    """

    generation: int
    count: int
    whole: bool
    started: datetime
    finished: datetime | None = None
    dense: bool = False
    ordered: bool = False


class RefreshState(StrEnum):
    """What a refresh is doing."""

    READING = "reading"
    WAITING = "waiting"  # for the hub's throttle
    INDEXING = "indexing"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True)
class RefreshProgress:
    """How a refresh stands: devices read of those expected (None: not known), per second, and seconds left."""

    state: RefreshState
    read: int
    expected: int | None = None
    rate: float = 0.0
    left: float | None = None
    throttled: int = 0
    note: str = ""
