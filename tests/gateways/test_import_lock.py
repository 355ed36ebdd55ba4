"""Azure's libraries are imported by one thread at a time, whichever reading comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.hub import HubRunner

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from datetime import timedelta
from importlib.abc import MetaPathFinder
from console.cli.compose import services_for
from console.config import pick_profile
from console.gateways.imports import IMPORTING
from console.model.connection import Grouping

class Watch(MetaPathFinder):
    unlocked = []
    seen = 0
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "azure":
            Watch.seen += 1
            if not IMPORTING._is_owned() and not name.startswith("azure.core.rest._"):  # loaded by the first send
                Watch.unlocked.append(name)
        return None

sys.meta_path.insert(0, Watch())
services = services_for(pick_profile(sys.argv[1]))
services.session.whoami()
services.session.hub()
services.fleet.counts()
services.connections.report(timedelta(hours=1), timedelta(minutes=1), Grouping.CAUSE)
sys.meta_path.pop(0)
print(Watch.seen > 50, sorted(Watch.unlocked))
"""


@pytest.mark.parametrize("credential", ["client-secret", "connection-string"])
def test_no_azure_module_is_imported_outside_the_lock(local_hub: HubRunner, tmp_path: Path, credential: str) -> None:
    profile = local_hub.ready["profile"]
    program = PROGRAM
    if credential == "connection-string":
        from support.console import by_connection_string

        from console.config import save_profile

        profile = save_profile(by_connection_string(local_hub.ready, tmp_path), tmp_path / "key.toml")
        program = program.replace("services.session.hub()\n", "")
    command = [sys.executable, "-c", program, str(profile)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("True []", "")


TOGETHER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from console.cli.compose import services_for
from console.config import pick_profile
from console.model.connection import Grouping

services = services_for(pick_profile(sys.argv[1]))
hour, minute = timedelta(hours=1), timedelta(minutes=1)
calls = [
    services.session.hub,
    services.session.whoami,
    services.fleet.counts,
    lambda: services.connections.failures_by_device(hour),
    lambda: services.connections.report(hour, minute, Grouping.CAUSE).error,
    lambda: services.overview.load(lambda part: None),
]
with ThreadPoolExecutor(len(calls)) as pool:
    results = [future.result(60) for future in [pool.submit(call) for call in calls]]
print(results[4])
"""


@pytest.mark.parametrize("turn", range(3))
def test_everything_may_be_read_first_and_at_once(local_hub: HubRunner, turn: int) -> None:
    command = [sys.executable, "-c", TOGETHER, local_hub.ready["profile"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)
    assert (done.stdout.strip(), done.stderr) == ("None", "")
