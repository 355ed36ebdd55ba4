"""How much many connected MQTT clients slow the local hub's HTTP calls."""

from __future__ import annotations

from benchmarks import mqtt_clients
from benchmarks.rows import Found, Row


def measure() -> Found:
    """Return a row for each kind of call."""
    fleet = mqtt_clients.measure()
    beside = f"beside {fleet.clients} MQTT clients"
    note = "; ".join(mqtt_clients.counts(fleet))
    rows: Found = []
    for name, idle, busy in mqtt_clients.rows(fleet):
        rows.append(Row("hub", f"{name}, {beside}", "ms", busy, "the same, hub idle", idle, most=2.0, note=note))
        note = ""
    return rows
