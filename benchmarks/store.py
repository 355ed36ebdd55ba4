"""P5, P6, P7: the kept fleet itself: a filter as it is typed, an order, the reading of a million devices."""

from __future__ import annotations

import json
import random
import statistics
import time
from datetime import UTC, datetime

from benchmarks import fleets
from benchmarks.rows import Found, Missing, Row
from console.gateways.fleet_pages import rows_of
from console.model.fleet_query import Field, FleetQuery, Term
from console.services.fleet_file import FleetFile
from console.services.fleet_store import FleetStore

SCREEN = 40
NEEDLES = ("a", "9", "lt", "77", "pre", "xyz", "press-10", "oven-999", "nothing-")
SDK_PAGES = 5
PAGE = 1000


def measure() -> Found:
    """Return the rows."""
    return [*filtering(), *ingest()]


def filtering() -> Found:
    """P5 and P6."""
    store = fleets.store(fleets.state(fleets.MILLION))
    store.prepare()
    view = store.all(FleetQuery(), {}, datetime.now(UTC))
    assert view is not None
    ids = [one.casefold() for one in view.ids()]
    worst: tuple[float, list[float], list[float], str] = (0.0, [], [], "")
    for needle in NEEDLES:
        ours, theirs = [], []
        for _ in range(7):
            ours.append(fleets.cpu_ms(lambda needle=needle: _typed(store, needle)))
            theirs.append(fleets.cpu_ms(lambda needle=needle: [one for one in ids if needle in one]))
        if (middle := statistics.median(ours)) > worst[0]:
            worst = (middle, ours, theirs, needle)
    note = f"the slowest of {len(NEEDLES)} texts of 1 to 8 characters, “{worst[3]}”"
    found: Found = [
        Row("P5", "filter key to first screen, 1,000,000, CPU", "ms", worst[1], "a Python loop over the ids", worst[2],
            most=0.6, most_ours=30, note=note)
    ]  # fmt: skip
    chooser = random.Random(1)
    seen = [chooser.random() for _ in ids]
    ours, theirs = [], []
    for _ in range(5):
        ours.append(fleets.cpu_ms(lambda: _sorted(store)))
        theirs.append(fleets.cpu_ms(lambda: sorted(range(len(seen)), key=seen.__getitem__)))
    found.append(
        Row("P6", "sort by last activity, first screen, CPU", "ms", ours, "sorted() of a list", theirs, most=0.02)
    )
    return found


def _typed(store: FleetStore, needle: str) -> None:
    view = store.first(FleetQuery(terms=(Term(Field.ID, text=needle),)), {}, datetime.now(UTC))
    assert view is not None
    view.devices(0, SCREEN)


def _sorted(store: FleetStore) -> None:
    view = store.first(FleetQuery(column="seen", descending=True), {}, datetime.now(UTC))
    assert view is not None
    view.devices(0, SCREEN)


def ingest() -> Found:
    """P7: seconds of CPU for a million twins, parsed, cleaned and kept; the indices apart."""
    pager = fleets.Pager(fleets.MILLION)
    try:
        from azure.iot.hub.protocol import models
        from msrest import Deserializer
    except ImportError as error:
        return [Missing("P7", "reading a million devices", str(error))]
    kinds = {name: kind for name, kind in vars(models).items() if isinstance(kind, type)}
    deserialize = Deserializer(kinds)
    pages = [pager.page(start * PAGE, PAGE) for start in range(SDK_PAGES)]
    theirs = []
    for _ in range(3):
        begin = time.process_time()
        for page in pages:
            deserialize("[Twin]", json.loads(page))
        theirs.append((time.process_time() - begin) * fleets.MILLION / (SDK_PAGES * PAGE))
    ours, indices = [], []
    for turn in range(2):
        file = FleetFile(fleets.folder() / f"ingest-{turn}" / "hub.db", lambda: datetime.now(UTC))
        snapshot, _ = file.begin()
        spent = 0.0
        for start in range(0, fleets.MILLION, 10 * PAGE):
            bodies = [pager.page(place, PAGE) for place in range(start, start + 10 * PAGE, PAGE)]
            begin = time.process_time()
            file.add(snapshot.generation, [rows_of(body) for body in bodies], "x")
            spent += time.process_time() - begin
        ours.append(spent)
        begin = time.process_time()
        file.finish(snapshot.generation)
        indices.append(time.process_time() - begin)
    note = f"then put in order and indexed in {statistics.median(indices):.1f} s; the SDK's from {SDK_PAGES * PAGE:,}"
    return [
        Row("P7", "a million twins read and kept, CPU", "s", ours, "azure-iot-hub's models", theirs,
            most=1 / 25, note=note)
    ]  # fmt: skip
