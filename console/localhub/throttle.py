"""Throttling of the data plane: one token bucket per hub and kind of operation, by SKU and units."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from console.localhub.state import HubState

# The service shapes traffic before it refuses: bursts well above the rate pass (250 registry reads in ten seconds were
# seen on a hub with 100 a minute). A bucket therefore holds this many minutes' worth.
BURST_MINUTES = 10


@dataclass(frozen=True)
class Rate:
    """Operations a minute for each unit, in sizes 1 and 2, and in size 3; `flat` ones do not grow with units."""

    small: float
    large: float
    flat: bool = False


# Published throttles of IoT Hub, by the operation type that the refusal names.
REGISTRY = Rate(100, 5000)
RATES: dict[str, Rate] = {
    "RegistryRead": REGISTRY,
    "RegistryWrite": REGISTRY,
    "Query": Rate(20, 1000),
    "TwinRead": Rate(100 * 60, 500 * 60, flat=True),
    "TwinWrite": Rate(50 * 60, 250 * 60, flat=True),
    "DirectMethod": Rate(1440, 36_000),
    "ConfigurationRead": Rate(20, 20),
}
# Reads and writes of the registry draw on one allowance.
_SHARED = {"RegistryRead": "Registry", "RegistryWrite": "Registry"}


@dataclass
class _Bucket:
    tokens: float
    filled: float  # when, on the monotonic clock


class Throttle:
    """Counts the operations of every hub; thread-safe. `clock` gives seconds, `burst` is in minutes' worth."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, burst: float = BURST_MINUTES) -> None:
        self._clock = clock
        self._burst = burst
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._lock = Lock()

    def admit(self, hub: HubState, operation: str) -> bool:
        """Take one operation of the hub's allowance; False when it is used up. Unknown operations are free."""
        rate = RATES.get(operation)
        if rate is None:
            return True
        per_minute = per_minute_for(hub, rate)
        now = self._clock()
        with self._lock:
            key = (hub.arm_id.casefold(), _SHARED.get(operation, operation))
            bucket = self._buckets.setdefault(key, _Bucket(per_minute * self._burst, now))
            grown = bucket.tokens + (now - bucket.filled) * per_minute / 60
            bucket.tokens = min(grown, per_minute * self._burst)
            bucket.filled = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True


def per_minute_for(hub: HubState, rate: Rate) -> float:
    """Return a hub's rate by its SKU and units; an unreadable SKU counts as one unit of the smallest."""
    sku = hub.resource.get("sku") or {}
    base = rate.large if str(sku.get("name", "")).endswith("3") else rate.small
    capacity = sku.get("capacity")
    units = capacity if isinstance(capacity, int) and capacity > 0 else 1
    return base if rate.flat and base == rate.small else base * units
