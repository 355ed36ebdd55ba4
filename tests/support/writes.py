"""Services on a local hub that may write: as the command line composes them, with a state folder of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.console import profile_of
from support.hub import HubRunner

from console.cli.compose import services_for
from console.cli.main import write_ports
from console.services.bundle import Services


def writable(hub: HubRunner, folder: Path, *, armed: bool = True, budget: float = 1.0, **profile: Any) -> Services:
    """Return services of the operator on a hub; `profile` are fields of the profile to set otherwise."""
    from dataclasses import replace

    folder.mkdir(parents=True, exist_ok=True)
    chosen = replace(profile_of(hub.ready, folder), **profile)
    services = services_for(chosen, state_dir=folder / "state", write_ports=write_ports, retry_budget=budget)
    if armed:
        services.session.arm()
    return services
