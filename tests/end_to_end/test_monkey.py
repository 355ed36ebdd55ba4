"""A monkey at the console: whatever is typed, pasted, clicked and resized, it lives or ends as it should.

Each seed plays the same events again; how far the console gets between two of them depends on the machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.depth import trials
from support.hub import HubRunner
from support.monkey import Monkey
from support.terminal import Terminal

ROOT = Path(__file__).parents[2]
SEEDS = 4


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    """A hub of its own: an armed monkey may change it."""
    with HubRunner(devices=60, seed=1, throttle=False, history_hours=2) as runner:
        yield runner


def monkey(hub: HubRunner, folder: Path, seed: int, *arguments: str) -> Monkey:
    state = folder / "state"
    state.mkdir(mode=0o700)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {"HUBWARDEN_STATE_DIR": str(state), "HOME": str(folder), "PYTHONPATH": path}
    command = [sys.executable, "-m", "console", "--profile", hub.ready["profile"], *arguments]
    return Monkey(lambda: Terminal(command, 80, 24, env, folder), state, seed)


def test_it_lives(hub: HubRunner, tmp_path: Path) -> None:
    monkey(hub, tmp_path, 1).play(trials(test=300, deep=600, full=2_000))
    assert len(hub.hub.devices) == 60  # nothing was armed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 2 + SEEDS))
def test_it_lives_where_changes_are_allowed(hub: HubRunner, tmp_path: Path, seed: int, run_cli) -> None:
    monkey(hub, tmp_path, seed, "--write").play(trials(test=100, deep=300, full=12_000))
    found = run_cli("--profile", hub.ready["profile"], "profile", "check")
    assert found.returncode == 0, found.stderr  # the hub is fine
