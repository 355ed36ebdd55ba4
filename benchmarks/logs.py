"""P16: what is asked of a day of log rows is worked out where they are: the answer beside the rows themselves."""

from __future__ import annotations

import json
import random
import threading
from datetime import timedelta

from benchmarks.rows import Found, Row
from console.cli.compose import services_for
from console.config import pick_profile
from console.localhub.log_rows import LogRecord
from console.localhub.server import LocalHub, LocalHubOptions
from console.model.connection import Grouping

ROWS = 1_000_000
SAMPLE = 20_000


def measure() -> Found:
    """Return the row: bytes of the answers that the Connections pane needs, and of all rows of the day."""
    hub = LocalHub(LocalHubOptions(scenario="empty", devices=1, throttle=False, real_devices=False))
    info = hub.start()
    try:
        return [_row(hub, info.profile)]
    finally:
        hub.stop()


def _row(hub: LocalHub, profile: str) -> Row:
    assert hub.world is not None
    chooser, now = random.Random(1), hub.clock.story()
    state, store = next(iter(hub.cloud.hubs.values())), hub.world.store
    codes = ("401003", "400027", "404104", "403012")
    for first in range(0, ROWS, SAMPLE):
        records = []
        for number in range(SAMPLE):
            address = f"10.{chooser.randrange(32)}.{chooser.randrange(255)}.XXX"
            said = {
                "deviceId": f"press-{(first + number) % 40_000:05d}",
                "protocol": "Mqtt",
                "maskedIpAddress": address,
            }
            moment = now - timedelta(seconds=chooser.random() * 86_400)
            code = chooser.choice(codes)
            records.append(LogRecord(moment, "deviceConnect", "Error", code, "refused", json.dumps(said), f"{first}"))
        store.append(state, records)
    store.flush()
    services = services_for(pick_profile(profile))
    logs = services.session.logs()
    counted = _Counted(logs)
    services.session._slots.clear()
    services.session._logs_factory = lambda _workspace: counted  # type: ignore[assignment,return-value]
    report = services.connections.report(timedelta(hours=24), timedelta(hours=1), Grouping.CAUSE)
    assert report.total > 0
    sample = logs.query(f"AzureDiagnostics | take {SAMPLE}", now - timedelta(days=1), now)
    rows = sum(len(json.dumps([str(cell) for cell in row])) for row in sample.rows) * ROWS / SAMPLE
    note = f"{ROWS:,} rows, {counted.queries} queries; the rows' from {SAMPLE:,} of them"
    return Row(
        "P16",
        "failures of a day, fetched",
        "kB",
        [counted.size / 1000],
        "the rows themselves",
        [rows / 1000],
        most=0.1,
        note=note,
    )


class _Counted:
    """Counts what comes back."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.size = 0
        self.queries = 0

    def query(self, *arguments: object, **named: object) -> object:
        """Ask, and count the answer as JSON."""
        table = self._inner.query(*arguments, **named)  # type: ignore[attr-defined]
        with self._lock:
            self.queries += 1
            self.size += sum(len(json.dumps([str(cell) for cell in row])) for row in table.rows)
        return table
