"""Throttling: rates by SKU and units, bursts that pass, and refusals that end with time."""

from __future__ import annotations

import pytest

from console.localhub.state import HubState
from console.localhub.throttle import BURST_MINUTES, RATES, Throttle, per_minute_for


def hub(sku: str, units: int = 1, name: str = "h") -> HubState:
    return HubState(name, f"/hubs/{name}", f"{name}.net", {"sku": {"name": sku, "capacity": units}})


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def admitted(throttle: Throttle, of: HubState, operation: str, limit: int = 100_000) -> int:
    return next(number for number in range(limit) if not throttle.admit(of, operation))


@pytest.mark.parametrize(
    ("sku", "units", "operation", "per_minute"),
    [
        ("F1", 1, "Query", 20),
        ("S1", 2, "Query", 40),
        ("S2", 3, "RegistryRead", 300),
        ("S3", 2, "RegistryWrite", 10_000),
        ("S1", 2, "TwinRead", 6000),
        ("S3", 2, "TwinRead", 60_000),
        ("B1", 1, "ConfigurationRead", 20),
    ],
)
def test_published_rates(sku: str, units: int, operation: str, per_minute: int) -> None:
    assert per_minute_for(hub(sku, units), RATES[operation]) == per_minute


def test_a_burst_passes_then_the_rate_holds() -> None:
    clock = Clock()
    throttle, one = Throttle(clock), hub("S1")
    assert admitted(throttle, one, "Query") == 20 * BURST_MINUTES
    clock.seconds += 2.9
    assert admitted(throttle, one, "Query") == 0  # one in three seconds
    clock.seconds += 0.2
    assert admitted(throttle, one, "Query") == 1
    clock.seconds += 60
    assert admitted(throttle, one, "Query") == 20
    clock.seconds += 1e6
    assert admitted(throttle, one, "Query") == 20 * BURST_MINUTES  # no more than a full bucket


def test_reads_and_writes_of_the_registry_share_an_allowance_and_nothing_else_does() -> None:
    throttle, one, other = Throttle(Clock()), hub("S1"), hub("S1", name="other")
    assert admitted(throttle, one, "RegistryRead") == 100 * BURST_MINUTES
    assert not throttle.admit(one, "RegistryWrite")
    assert throttle.admit(one, "Query") and throttle.admit(one, "TwinRead")
    assert throttle.admit(other, "RegistryRead")


def test_a_hub_without_a_readable_sku_is_the_smallest() -> None:
    assert per_minute_for(HubState("x", "/x", "x", {}), RATES["Query"]) == 20
    assert Throttle().admit(HubState("x", "/x", "x", {}), "no such operation")
