"""`hubwarden localhub faults`: trouble on purpose in a running local hub."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from console.cli.localhub_control import call, ready_option
from console.cli.output import envelope, print_json
from console.model.text import clean


@click.group()
def faults() -> None:
    """Trouble on purpose in a running local hub."""


@faults.command("list")
@ready_option
@click.option("--json", "as_json", is_flag=True)
def list_faults(ready_file: Path, as_json: bool) -> None:
    """Show the faults in force, and every kind there is."""
    answer = call(ready_file, "GET", "/faults")
    if as_json:
        print_json(envelope("localhub_faults", datetime.now(UTC), answer["faults"], kinds=answer["kinds"]))
        return
    for fault in answer["faults"]:
        details = {k: v for k, v in fault.items() if k not in {"id", "kind"} and v is not None}
        click.echo(f"{fault['id']:>4}  {fault['kind']}  " + "  ".join(f"{k}={clean(v)}" for k, v in details.items()))
    if not answer["faults"]:
        click.echo("No fault is in force. Kinds:")
        for kind, meaning in answer["kinds"].items():
            click.echo(f"  {kind:<22} {meaning}")


@faults.command()
@click.argument("kind")
@ready_option
@click.option("--endpoint", help="arm, hub, logs, token, dps or mqtt; default: all.")
@click.option("--count", type=int, help="How many requests it meets; default: all until cleared.")
@click.option("--path", metavar="REGEX", help="Only requests whose path matches; over MQTT the topic or client id.")
@click.option("--method", help="Only requests of this method; over MQTT CONNECT, PUBLISH or SUBSCRIBE.")
@click.option("--status", type=int, help="Status of a server-error; default 500.")
@click.option("--code", type=int, help="Return code of a connack fault, 1 to 5; default 3, server unavailable.")
@click.option("--when", type=click.Choice(["before", "after"]), help="Before or after the work was done.")
@click.option("--retry-after", type=int, help="Seconds for the Retry-After header of a throttle.")
@click.option("--seconds", type=float, help="Of latency, or of clock skew.")
def add(kind: str, ready_file: Path, **details: Any) -> None:
    """Put a fault of KIND in force (`faults list` shows the kinds)."""
    given = {name: value for name, value in details.items() if value is not None}
    fault = call(ready_file, "POST", "/faults", {"kind": kind, **given})
    click.echo(f"{fault['id']}  {fault['kind']} is in force.")


@faults.command()
@click.argument("fault_id", required=False)
@ready_option
def clear(fault_id: str | None, ready_file: Path) -> None:
    """Remove one fault, or all."""
    from urllib.parse import quote

    answer = call(ready_file, "DELETE", f"/faults/{quote(fault_id, safe='')}" if fault_id else "/faults")
    click.echo("Removed." if fault_id else f"Removed {answer['removed']}.")
