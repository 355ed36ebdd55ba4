"""`hubwarden demo`: the local hub with its incident, and the console on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli.context import Settings
from console.cli.interrupt import take_time
from console.cli.open_console import check_terminal, show
from console.model.clock import Clock, format_time, parse_time
from console.model.errors import ConsoleError, ErrorKind

if TYPE_CHECKING:
    from console.config import Profile
    from console.services.bundle import Services

START_SECONDS = 60.0
STOP_SECONDS = 2.0


@click.command()
@click.option("--devices", type=click.IntRange(1, 1_000_000), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same fleet.")
@click.option("--start", metavar="TIME", help="When the story begins (RFC 3339); default: now, to the minute.")
@click.pass_obj
def demo(settings: Settings, devices: int, seed: int, start: str | None) -> None:
    """Start the local hub with an incident under way and open the console on it, read-only until armed (:write).

    Everything runs on this machine's loopback and is gone afterwards.
    """
    check_terminal()
    begin = parse_time(start)
    if start and begin is None:
        raise ConsoleError(
            ErrorKind.BAD_INPUT, f"“{start}” is no time", "", "Write it like 2026-11-23T09:42:00Z", code="usage"
        )
    with running_hub(devices=devices, seed=seed, start=begin) as (ready, clock, state):
        from console.cli.compose import services_for
        from console.config import pick_profile

        profile = settings.adapt(pick_profile(ready["profile"]))

        def services(of: Profile) -> Services:
            return services_for(of, clock=clock, state_dir=state, write_ports=settings.write_ports)

        show(profile, services, settings, state)


@contextmanager
def running_hub(
    *, devices: int, seed: int, start: datetime | None, quiet: bool = False
) -> Iterator[tuple[dict[str, Any], Clock, Path]]:
    """Run the local hub as a child process; yield its ready data, the story's clock and a state folder of its own.

    Raises ConsoleError when it does not come up. It is stopped and everything removed at the end.
    """
    take_time()
    folder = Path(tempfile.mkdtemp(prefix="hubwarden-demo-"))
    state = folder / "state"
    state.mkdir(mode=0o700)
    ready_file = folder / "ready.json"
    command = [sys.executable, "-m", "console", "localhub", "serve", "--ready-file", str(ready_file)]
    command += ["--devices", str(devices), "--seed", str(seed), "--end-with-parent", str(os.getpid())]
    command += ["--hubs", "4"]
    command += ["--start", format_time(start)] if start else []
    started: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        asked.append(number)
        if started:  # while a process is being made it would be lost
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        if not quiet:
            click.echo(f"Starting the local hub with {devices:,} devices ...", err=True)
        with (folder / "hub.log").open("wb") as log:
            # a group of its own: Ctrl+C in the terminal must reach the console, not the hub under it
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdout=subprocess.DEVNULL, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        started.append(process)
        if asked:
            raise KeyboardInterrupt
        ready = _wait(process, ready_file, folder / "hub.log")
        yield ready, _story_clock(ready), state
    finally:
        for process in started:
            _stop(process)
        for number, handler in previous.items():
            signal.signal(number, handler)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise ConsoleError(
                ErrorKind.NOT_CONFIGURED,
                "The local hub did not start",
                lines[-1].removeprefix("hubwarden: ") if lines else "it gave no reason",
                "It needs the extra “demo”: pip install 'hubwarden[demo]'",
            )
        if ready_file.exists():
            try:
                ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
            except ValueError:
                pass  # still being written
            else:
                return ready
        time.sleep(0.05)
    raise ConsoleError(
        ErrorKind.TIMEOUT, "The local hub did not start", f"not ready within {START_SECONDS:.0f} s", "Try fewer devices"
    )


def _story_clock(ready: dict[str, Any]) -> Clock:
    """The story's time, which the hub's log rows carry; it may be another day, and starts at a full minute."""
    now = parse_time(ready["story_now"]) or datetime.now(UTC)
    began = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - began)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
