"""`hubwarden localhub load` and `reset`: what a running local hub holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from console.cli.localhub_control import call, missing_extra, ready_option
from console.cli.output import envelope, print_json
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

_LABELS = {
    "devices": "devices",
    "modules": "modules",
    "twins": "twins alone",
    "policies": "shared access policies",
    "certificates": "CA certificates",
    "provisioningCertificates": "CA certificates of the provisioning service",
    "enrollments": "individual enrollments",
    "enrollmentGroups": "enrollment groups",
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@ready_option
@click.option("--json", "as_json", is_flag=True)
def load(file: Path, ready_file: Path, as_json: bool) -> None:
    """Load devices, policies, certificates, IP rules and enrollments from FILE: all of it, or nothing.

    FILE is YAML or JSON, an ARM template with a hub, what `az iot hub state export` wrote, or the lines of an export
    or import job (devices.txt). What it names is made or replaced, the rest stays; what the local hub does not hold of
    an export is listed as left out.
    """
    answer = call(ready_file, "POST", "/load", read_document(file))
    loaded, settings, left_out = answer["loaded"], [*map(clean, answer["settings"])], answer["leftOut"]
    if as_json:
        items = [{"part": name, **loaded[name]} for name in _LABELS]
        rules = loaded["networkRules"]
        print_json(
            envelope(
                "localhub_load",
                datetime.now(UTC),
                items,
                network_rules=rules,
                settings=settings,
                left_out=[*map(clean, left_out)],
            )
        )
        return
    for name, label in _LABELS.items():
        made, replaced, removed = (loaded[name][what] for what in ("made", "replaced", "removed"))
        if made or replaced or removed:
            click.echo(f"{label}: {made} made, {replaced} replaced" + (f", {removed} removed" if removed else ""))
    if loaded["networkRules"] is not None:
        click.echo(f"IP rules: {loaded['networkRules']}, in place of those before")
    for text in settings:
        click.echo(text)
    for text in left_out:
        click.echo(f"left out: {clean(text)}")
    counted = any(count for name in _LABELS for count in loaded[name].values())
    if not (counted or settings or left_out or loaded["networkRules"] is not None):
        click.echo("Nothing was in it", err=True)


@click.command()
@ready_option
@click.option("--json", "as_json", is_flag=True)
def reset(ready_file: Path, as_json: bool) -> None:
    """Put a running local hub back to what it served at its start, keys and ids included.

    Clients are disconnected, faults removed, and log, messages and requests since the start forgotten.
    """
    answer = call(ready_file, "POST", "/reset")
    if as_json:
        item = {
            "hubs": answer["hubs"],
            "devices": answer["devices"],
            "enrollments": answer["enrollments"],
            "faults_removed": answer["faultsRemoved"],
        }
        print_json(envelope("localhub_reset", datetime.now(UTC), [item]))
        return
    click.echo(f"Back at the start: {answer['devices']} devices, {answer['enrollments']} enrollments and groups.")


def read_document(file: Path) -> dict[str, Any]:
    """Return what a load file says. Raises ConsoleError for one that cannot be read."""
    try:
        from console.localhub.load_file import BadFile, read_file
    except ImportError as error:
        raise missing_extra(error.name) from None
    try:
        return read_file(file)
    except ImportError as error:
        raise missing_extra(error.name) from None
    except (BadFile, OSError) as error:
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{clean(file)} cannot be loaded", clean(error)) from None
