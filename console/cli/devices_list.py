"""`hubwarden devices list`: the fleet, read within the throttle into the kept list, and written out from there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from console.cli.output import Json, envelope, print_json_items, print_rows, time_text, warning
from console.model.clock import format_time
from console.model.device import Device
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_query import Field, FleetQuery
from console.model.fleet_snapshot import RefreshProgress, RefreshState, Snapshot
from console.services.ports import Cancel

if TYPE_CHECKING:
    from console.present.device_filter import DeviceFilter
    from console.services.bundle import Services
    from console.services.fleet_store import FleetStore
    from console.services.fleet_view import FleetView

SORTS = {"id": "id", "status": "status", "auth": "auth", "state": "state", "activity": "seen"}
ELSEWHERE_SECONDS = 30.0
"""So long a reading of another console is waited for."""
_BATCH = 500


def print_list(
    services: Services, wanted: DeviceFilter, sort: str, limit: int | None, *, cached: bool, as_json: bool
) -> None:
    """Write the devices that fit. Raises ConsoleError."""
    cancel, store, trouble = Cancel(), services.fleet.store, None
    if not cached:
        try:
            refreshed(store, cancel)
        except ConsoleError as error:
            if error.code != "refreshing-elsewhere" or not _whole(store.snapshot()):
                raise
            trouble = error
    snapshot = store.snapshot()
    if snapshot is None or not snapshot.whole:
        why = "no reading of them has ended yet" if snapshot is not None else "nothing was read yet"
        hint = "Without --cached they are read now; a reading that was stopped goes on"
        raise ConsoleError(ErrorKind.NOT_FOUND, "No list of the devices is kept here", why, hint)
    found = view(services, wanted, cancel, SORTS[sort])
    shown = len(found) if limit is None else min(limit, len(found))
    if note := store.take_note():
        click.echo(f"Note: {note}", err=True)
    if trouble is not None:
        click.echo(f"Note: {trouble.sentence()}", err=True)
    as_of = (snapshot.finished if cached or trouble is not None else None) or services.clock()
    with store.steady():  # a reading that ends elsewhere meanwhile takes nothing away
        _write(found, shown, snapshot, as_of, trouble, old=cached or trouble is not None, as_json=as_json)


def _write(
    found: FleetView,
    shown: int,
    snapshot: Snapshot,
    as_of: datetime,
    trouble: ConsoleError | None,
    *,
    old: bool,
    as_json: bool,
) -> None:
    if as_json:
        document = envelope(
            "devices",
            as_of,
            [],
            stale=old,
            warnings=[] if trouble is None else [warning(trouble)],
            total=snapshot.count,
            matching=len(found),
        )
        print_json_items(document, map(device_json, _devices(found, shown)))
        return
    rows = (
        (one.device_id, one.status, one.auth, one.connection, time_text(one.last_activity) or "never")
        for one in _devices(found, shown)
    )
    print_rows(("DEVICE", "STATUS", "AUTH", "STATE", "LAST ACTIVITY"), rows)
    age = f", as read {format_time(as_of)}" if old else ""
    click.echo(f"{shown:,} shown, {len(found):,} matching, {snapshot.count:,} devices{age}", err=True)


def refreshed(store: FleetStore, cancel: Cancel) -> Snapshot:
    """Read the fleet into the kept list, saying on a terminal how it goes on.

    A reading of another console is waited for. Raises ConsoleError; CONFLICT (code "refreshing-elsewhere") when that
    takes longer than half a minute.
    """
    telling = _Telling()
    waited = 0.0
    try:
        while True:
            try:
                return store.refresh(telling, cancel)
            except ConsoleError as error:
                if error.code != "refreshing-elsewhere" or waited >= ELSEWHERE_SECONDS:
                    raise
            cancel.wait(0.5)
            waited += 0.5
    finally:
        telling.end()


def view(services: Services, wanted: DeviceFilter, cancel: Cancel, column: str = "id") -> FleetView:
    """Return the view of a filter over the kept list. Raises ConsoleError NOT_FOUND when there is none."""
    failures = {}
    if any(term.field is Field.FAILURES for term in wanted.terms):
        failures = dict(services.connections.failures_by_device(timedelta(hours=1), cancel))
    found = services.fleet.store.all(FleetQuery(wanted.terms, column=column), failures, services.clock(), cancel)
    if found is None:
        raise ConsoleError(ErrorKind.NOT_FOUND, "No list of the devices is kept here", "it went while it was read")
    return found


def device_json(device: Device) -> Json:
    """Return one device as an item of hubwarden.devices/1."""
    return {
        "device_id": device.device_id,
        "status": device.status.value,
        "status_reason": device.status_reason,
        "auth": device.auth.value,
        "connection_state": device.connection.value,
        "last_activity": time_text(device.last_activity),
        "edge": device.edge,
        "thumbprints": {"primary": device.thumbprints[0], "secondary": device.thumbprints[1]},
        "tags": dict(device.tags),
        "etag": device.etag,
    }


def _devices(found: FleetView, count: int) -> Iterator[Device]:
    for start in range(0, count, _BATCH):
        yield from found.devices(start, min(start + _BATCH, count))


def _whole(snapshot: Snapshot | None) -> bool:
    return snapshot is not None and snapshot.whole


class _Telling:
    """Says on a terminal how a reading goes on, in one line; elsewhere once, when it takes long."""

    _LONG = 60.0

    def __init__(self) -> None:
        self._line = sys.stderr.isatty()
        self._told = False
        self._last: datetime | None = None

    def __call__(self, progress: RefreshProgress) -> None:
        from console.present.fleet import progress_text

        if self._line:
            click.echo(f"\r\x1b[K{progress_text(progress)}", err=True, nl=False)
        elif not self._told and (progress.state is RefreshState.WAITING or (progress.left or 0.0) > self._LONG):
            self._told = True
            click.echo(f"{progress_text(progress)} (stopped, it goes on where it was)", err=True)

    def end(self) -> None:
        """Clear the line."""
        if self._line:
            click.echo("\r\x1b[K", err=True, nl=False)
