"""Token-renewal noise: which errors are the routine end of a token, and within which times.

MQTT clients renew by reconnecting: 401003 and then 404104, or a lone 404104, followed by a connect of the same device
within minutes, about once an hour (service documentation of device reconnections). Such rows are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from console.model.connection import ConnectionEvent

FOLD_WITHIN = timedelta(minutes=5)
"""A reconnect this soon after the error makes it a renewal."""
REPEAT_SPAN = timedelta(minutes=15)
"""A device refused more than once within this slot and the one before it is failing, not renewing."""
RENEWAL_CODES = ("401003", "404104")
REFUSED = "401003"
CONTEXT_BEFORE = 2 * REPEAT_SPAN
"""How much earlier than the window rows must be read for the rule to work at its edge."""


def is_connect(event: ConnectionEvent) -> bool:
    """Whether the row tells of a successful connection."""
    return event.operation == "deviceConnect" and event.level != "Error"


def mark_renewals(events: Sequence[ConnectionEvent]) -> list[ConnectionEvent]:
    """Return the events, in their order, with `renewal` set on those that are renewals.

    The same rule as the one pushed down to the log, for rows that are already here; it sees only these rows.
    """
    connects: dict[str, list[float]] = {}
    refusals: dict[tuple[str, int], int] = {}
    span = REPEAT_SPAN.total_seconds()
    for event in events:
        stamp = event.time.timestamp()
        if is_connect(event):
            connects.setdefault(event.device_id, []).append(stamp)
        elif event.code == REFUSED:
            slot = (event.device_id, int(stamp // span))
            refusals[slot] = refusals.get(slot, 0) + 1
    return [replace(event, renewal=_renews(event, connects, refusals, span)) for event in events]


def _renews(
    event: ConnectionEvent, connects: dict[str, list[float]], refusals: dict[tuple[str, int], int], span: float
) -> bool:
    if event.code not in RENEWAL_CODES or event.level != "Error":
        return False
    stamp = event.time.timestamp()
    slot = int(stamp // span)
    repeated = refusals.get((event.device_id, slot), 0) + refusals.get((event.device_id, slot - 1), 0)
    if event.code == REFUSED and repeated > 1:
        return False
    within = FOLD_WITHIN.total_seconds()
    return any(0 <= back - stamp <= within for back in connects.get(event.device_id, ()))
