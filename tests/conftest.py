"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.hub import HubRunner

    from console.localhub.faults import Faults


@pytest.fixture(scope="session")
def local_hub() -> Iterator[HubRunner]:
    """A local hub in this process: the incident, 300 devices, no throttling. It is shared: undo what you change."""
    from support.hub import HubRunner  # here: the pure tests need nothing of it

    with HubRunner(devices=300, seed=1, throttle=False) as hub:
        yield hub


@pytest.fixture
def faults(local_hub: HubRunner) -> Iterator[Faults]:
    """The shared hub's faults, cleared before and after the test."""
    local_hub.faults.clear()
    yield local_hub.faults
    local_hub.faults.clear()
