"""What jobs bring back to a screen: typed, immutable, and replaceable by a newer one of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.message import Message

from console.model.connection import ConnectionEvent, FailureReport
from console.model.device import Device, DeviceDetail, FleetCounts
from console.model.errors import ConsoleError
from console.model.overview import OverviewSnapshot

if TYPE_CHECKING:
    from console.model.document import TargetKind
    from console.model.fleet_query import FleetQuery
    from console.model.fleet_snapshot import RefreshProgress
    from console.services.device_rollover import Rollover
    from console.services.fleet_view import FleetView


class Snapshot(Message):
    """The base: a slow screen shows only the newest of each kind."""

    def can_replace(self, message: Message) -> bool:
        """A newer snapshot of the same kind makes this one unnecessary."""
        return type(message) is type(self)


class OverviewRead(Snapshot):
    """The Overview so far; `complete` when nothing is under way any more."""

    def __init__(self, snapshot: OverviewSnapshot, complete: bool) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.complete = complete


class FleetProgressed(Snapshot):
    """How the reading of the fleet goes on."""

    def __init__(self, progress: RefreshProgress) -> None:
        super().__init__()
        self.progress = progress


class FleetRead(Snapshot):
    """The kept fleet is as new as it should be."""


class ViewMade(Snapshot):
    """What a query of the kept fleet shows; None where nothing is kept."""

    def __init__(self, view: FleetView | None, query: FleetQuery) -> None:
        super().__init__()
        self.view = view
        self.query = query


class IdsFound(Message):
    """The ids of all devices that a query shows."""

    def __init__(self, ids: frozenset[str]) -> None:
        super().__init__()
        self.ids = ids


class RowsKept(Message):
    """Rows that changed are in the kept fleet."""


class CountsRead(Snapshot):
    """What the hub counted of its fleet."""

    def __init__(self, counts: FleetCounts) -> None:
        super().__init__()
        self.counts = counts


class FailuresRead(Snapshot):
    """Failures of the last hour by device."""

    def __init__(self, failures: Mapping[str, int]) -> None:
        super().__init__()
        self.failures = failures


class DetailRead(Snapshot):
    """One device, read afresh."""

    def __init__(self, detail: DeviceDetail) -> None:
        super().__init__()
        self.detail = detail


class RowsRead(Message):
    """Devices as they are after a change, by id; None for one that is gone."""

    def __init__(self, rows: Mapping[str, Device | None]) -> None:
        super().__init__()
        self.rows = rows


class RolloverRead(Message):
    """How far the replacement of a device's thumbprint has come."""

    def __init__(self, device: Device, rollover: Rollover) -> None:
        super().__init__()
        self.device = device
        self.rollover = rollover


class ReportRead(Snapshot):
    """A report on failed connections, in whatever state the log is."""

    def __init__(self, report: FailureReport) -> None:
        super().__init__()
        self.report = report


class EventsRead(Snapshot):
    """Raw events, the newest first; `of` names what they were asked for."""

    def __init__(self, events: tuple[ConnectionEvent, ...], of: str = "") -> None:
        super().__init__()
        self.events = events
        self.of = of


class TableRead(Snapshot):
    """The result of an edited query: column names and rows."""

    def __init__(self, columns: tuple[str, ...], rows: tuple[tuple[object, ...], ...], partial: str) -> None:
        super().__init__()
        self.columns = columns
        self.rows = rows
        self.partial = partial


class ChangeApplied(Message):
    """Something was written, well or not; `kinds` says what. Screens that show it read again."""

    def __init__(self, kinds: frozenset[TargetKind]) -> None:
        super().__init__()
        self.kinds = kinds


class AdviceFound(Message):
    """What was found out about a refusal: which role is missing, who can give it."""

    def __init__(self, error: ConsoleError, advice: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.error = error
        self.advice = advice


class JobFailed(Message):
    """A job of some group ended in trouble."""

    def __init__(self, group: str, error: ConsoleError) -> None:
        super().__init__()
        self.group = group
        self.error = error
