"""Kept fleets of any size, where the console looks for them, and a profile with nothing that answers behind it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from console.cli.compose import services_for
from console.config import Profile, pick_profile
from console.gateways.fleet_pages import rows_of
from console.localhub.quiet_fleet import QuietFleet
from console.model.fleet_snapshot import FleetPage
from console.services.fleet_file import FleetFile
from console.services.fleet_refresh import FleetRefresh
from console.services.fleet_store import FleetStore
from console.services.ports import NEVER_CANCELLED, Cancel

_PROFILE = '[profiles.bench]\nhub_name = "contoso-plants"\n[profiles.bench.endpoints]\n' + "".join(
    f'{name} = "https://localhost:9"\n' for name in ("arm", "logs", "authority", "hub")
)
MILLION = 1_000_000
SIZES = (1_000, 10_000, 100_000, MILLION)


class Pager:
    """Pages of twins as a hub writes them, without the network."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._quiet = QuietFleet(count, 1, datetime.now(UTC))

    def page(self, start: int, size: int) -> bytes:
        """Return the body of a page."""
        return b"[" + b",".join(self._quiet.twins(range(start, min(start + size, self.count)))) + b"]"

    def fleet_page(self, continuation: str, size: int, cancel: Cancel) -> FleetPage:
        """Return a page as rows."""
        del cancel
        start = int(continuation or 0)
        end = start + size
        return FleetPage(rows_of(self.page(start, size)), str(end) if end < self.count else "")


@lru_cache(maxsize=1)
def folder() -> Path:
    """Return a folder that goes with this process."""
    made = Path(tempfile.mkdtemp(prefix="hubwarden-bench-"))
    import atexit

    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@lru_cache(maxsize=1)
def profile_file() -> str:
    """Return the file of a profile whose services do not answer."""
    path = folder() / "profile.toml"
    path.write_text(_PROFILE, encoding="utf-8")
    return str(path)


def profile() -> Profile:
    """Return that profile."""
    return pick_profile(profile_file())


@lru_cache(maxsize=8)
def state(count: int) -> Path:
    """Return a state folder with a kept fleet of this size; 0 keeps none."""
    path = folder() / f"state-{count}"
    path.mkdir(mode=0o700)
    if count:
        FleetRefresh(file_of(store(path)), Pager(count), None).run(count, lambda _: None, NEVER_CANCELLED)
    return path


def store(path: Path) -> FleetStore:
    """Return the store of a state folder."""
    return services_for(profile(), state_dir=path).fleet.store


def file_of(of: FleetStore) -> FleetFile:
    """Return the file under a store."""
    return of._file


def console(count: int, *, pane: str = "") -> tuple[list[str], dict[str, str]]:
    """Return command and environment of the console on a kept fleet."""
    del pane
    env = {"HUBWARDEN_STATE_DIR": str(state(count))}
    return [sys.executable, "-m", "console", "--profile", profile_file()], env


def cpu_ms(work: object, count: int = 1) -> float:
    """Return milliseconds of CPU of one call."""
    assert callable(work)
    begin = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - begin) * 1000 / count


def machine() -> str:
    """Return the machine in one line."""
    import platform

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    from importlib.metadata import version

    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"Textual {version('textual')}, {sys.platform}"
    )
