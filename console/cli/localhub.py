"""`hubwarden localhub`: run the local hub; its other commands work on a running one."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from console.cli.localhub_content import load, read_document, reset
from console.cli.localhub_control import missing_extra, usage
from console.cli.localhub_faults import faults
from console.cli.localhub_messages import logs, messages, send
from console.model.clock import parse_time
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean


@click.group()
def localhub() -> None:
    """A real IoT Hub on loopback: for trying things out, for tests, for the demo."""


@localhub.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65000),
    default=0,
    help="First port: hub, arm, logs, token, control, proxy, mqtt, dps follow each other; 0 takes free ones.",
)
@click.option("--devices", type=click.IntRange(1, 1_000_000), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same fleet.")
@click.option("--start", metavar="TIME", help="When the story begins (RFC 3339); default: now, to the minute.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="Keep files here after the end.")
@click.option("--scenario", type=click.Choice(["incident", "empty"]), default="incident", show_default=True)
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Write addresses and secrets here.")
@click.option("--log-ip-rejections", type=click.Choice(["on", "off"]), default="on", show_default=True)
@click.option(
    "--token-grace",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400),
    default=600.0,
    show_default=True,
    help="How long an MQTT connection outlives its token.",
)
@click.option(
    "--load",
    "load_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load this file before anybody comes (see `localhub load`).",
)
@click.option("--history-hours", type=click.IntRange(0, 24 * 7), default=24, hidden=True)
@click.option("--throttle", type=click.Choice(["on", "off"]), default="on", hidden=True)
@click.option(
    "--throttle-scale",
    type=click.FloatRange(min=1, max=100_000),
    default=1.0,
    show_default=True,
    help="The clock of the throttle goes so many times as fast.",
)
@click.option(
    "--throttle-burst",
    metavar="MINUTES",
    type=click.FloatRange(min=0.05, max=60),
    default=10.0,
    show_default=True,
    help="So many minutes' worth of calls may come at once.",
)
@click.option("--hubs", type=click.IntRange(1, 500), default=1, show_default=True, help="Further ones are quiet.")
@click.option("--quiet-devices", type=click.IntRange(0, 1_000_000), default=0, hidden=True)
@click.option("--end-with-parent", type=int, hidden=True, help="The id of the process that it must not outlive.")
def serve(
    port: int,
    devices: int,
    seed: int,
    start: str | None,
    state: Path | None,
    scenario: str,
    ready_file: Path | None,
    log_ip_rejections: str,
    token_grace: float,
    load_file: Path | None,
    history_hours: int,
    throttle: str,
    throttle_scale: float,
    throttle_burst: float,
    hubs: int,
    quiet_devices: int,
    end_with_parent: int | None,
) -> int:
    """Run the local hub until SIGTERM or Ctrl+C; one line of JSON says when and where it is ready."""
    begin = parse_time(start)
    if start and begin is None:
        raise usage(f"“{clean(start)}” is no time", "Write it like 2026-11-23T09:42:00Z")
    try:
        from console.localhub.load_parts import LoadRefused
        from console.localhub.server import LocalHubOptions
        from console.localhub.server import serve as run
    except ImportError as error:
        raise missing_extra(error.name) from None
    options = LocalHubOptions(
        port=port,
        devices=devices,
        seed=seed,
        start=begin,
        state_dir=state,
        scenario=scenario,
        ready_file=ready_file,
        log_ip_rejections=log_ip_rejections == "on",
        history_hours=history_hours,
        throttle=throttle == "on",
        throttle_scale=throttle_scale,
        throttle_burst=throttle_burst,
        hubs=hubs,
        quiet_devices=quiet_devices,
        token_grace=timedelta(seconds=token_grace),
        load=read_document(load_file) if load_file is not None else None,
    )
    try:
        return run(options, parent=end_with_parent)
    except LoadRefused as error:
        raise ConsoleError(
            ErrorKind.BAD_INPUT, f"{clean(load_file)} was not loaded", "; ".join(clean(one) for one in error.problems)
        ) from None
    except OSError as error:
        why = str(error)
        if error.filename is not None and error.strerror:
            why = f"{os.fsdecode(error.filename)}: {error.strerror.lower()}"
        raise ConsoleError(
            ErrorKind.BAD_INPUT, "The local hub cannot start", clean(why), "Choose another port, file or folder"
        ) from None


for _command in (faults, load, logs, messages, reset, send):
    localhub.add_command(_command)
