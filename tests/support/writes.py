"""Services on a local hub that may write: as the command line composes them, with a state folder of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.console import profile_of
from support.hub import HubProcess, HubRunner

from console.cli.compose import services_for
from console.cli.main import write_ports
from console.services.bundle import Services


def later(services: Services, minutes: float = 6.0) -> Services:
    """Let some time pass for these services: then a write that got lost can no longer arrive."""
    clock = services.session.clock
    services.session.clock = lambda: clock() + timedelta(minutes=minutes)
    return services


def writable(hub: HubRunner, folder: Path, *, armed: bool = True, budget: float = 1.0, **profile: Any) -> Services:
    """Return services of the operator on a hub; `profile` are fields of the profile to set otherwise."""
    return writable_in(hub, folder / "state", armed=armed, budget=budget, **profile)


def writable_in(
    hub: HubRunner | HubProcess, state: Path, *, armed: bool = True, budget: float = 1.0, **profile: Any
) -> Services:
    """Return the same on a state folder that is there, or not yet."""
    state.parent.mkdir(parents=True, exist_ok=True)
    chosen = replace(profile_of(hub.ready, state.parent), **profile)
    services = services_for(chosen, state_dir=state, write_ports=write_ports, retry_budget=budget)
    if armed:
        services.session.arm()
    return services
