"""A kept fleet in a file, read from pages of a list."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.errors import ConsoleError
from console.model.fleet_query import FleetQuery
from console.model.fleet_snapshot import FleetPage
from console.services.fleet_file import FleetFile
from console.services.fleet_refresh import FleetRefresh
from console.services.fleet_rows import row_of
from console.services.fleet_view import FleetViews
from console.services.ports import NEVER_CANCELLED, Cancel

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def devices(count: int, seed: int = 1) -> list[Device]:
    chooser, found = random.Random(seed), []
    for number in range(count):
        plant = chooser.choice(["Genoa", "lyon", "leeds"])
        prints = ("AB" * 32, "") if number % 7 == 3 else ("", "")
        found.append(
            Device(
                device_id=f"{plant}-press-{number:04d}",
                status=chooser.choice(list(DeviceStatus)),
                auth=chooser.choice(list(AuthType)),
                connection=chooser.choice(list(ConnectionState)),
                last_activity=None if number % 5 == 0 else NOW - timedelta(hours=chooser.randrange(900)),
                status_reason=chooser.choice(["", "stolen", "In Repair"]),
                edge=number % 9 == 0,
                thumbprints=prints,
                etag=f"e{number}",
                tags=(("site", plant), ("line.no", str(number % 4))),
            )
        )
    chooser.shuffle(found)
    return found


class Pager:
    """Pages of a list; `fail` raises before a page of that number, once."""

    def __init__(self, held: Sequence[Device], page: int = 20, fail: Mapping[int, ConsoleError] | None = None) -> None:
        self.held, self.page, self.fail = held, page, dict(fail or {})
        self.asked: list[str] = []

    def fleet_page(self, continuation: str, size: int, cancel: Cancel = NEVER_CANCELLED) -> FleetPage:
        self.asked.append(continuation)
        start = int(continuation or 0)
        if (error := self.fail.pop(start // self.page, None)) is not None:
            raise error
        rows = [row_of(one) for one in self.held[start : start + self.page]]
        following = start + self.page
        return FleetPage(rows, str(following) if following < len(self.held) else "")


def filled(folder: Path, held: Sequence[Device]) -> FleetFile:
    file = FleetFile(folder / "fleet" / "hub.db", clock)
    FleetRefresh(file, Pager(held), None).run(len(held), lambda _: None, NEVER_CANCELLED)
    return file


def ids(file: FleetFile, query: FleetQuery = FleetQuery(), failures: Mapping[str, int] | None = None) -> list[str]:  # noqa: B008
    snapshot = file.current()
    assert snapshot is not None
    return list(FleetViews(file, snapshot).all(query, failures or {}, NOW).ids())
