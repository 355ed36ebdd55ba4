"""`hubwarden localhub`: run the local hub, and make trouble on a running one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from console.model.clock import parse_time
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

_READY = "HUBWARDEN_READY_FILE"


@click.group()
def localhub() -> None:
    """A real IoT Hub on loopback: for trying things out, for tests, for the demo."""


@localhub.command()
@click.option("--port", type=click.IntRange(0, 65000), default=0, help="First port; 0 takes free ones.")
@click.option("--devices", type=click.IntRange(1, 1_000_000), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same fleet.")
@click.option("--start", metavar="TIME", help="When the story begins (RFC 3339); default: now, to the minute.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="Keep files here after the end.")
@click.option("--scenario", type=click.Choice(["incident", "empty"]), default="incident", show_default=True)
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Write addresses and secrets here.")
@click.option("--log-ip-rejections", type=click.Choice(["on", "off"]), default="on", show_default=True)
@click.option("--history-hours", type=click.IntRange(0, 24 * 7), default=24, hidden=True)
@click.option("--throttle", type=click.Choice(["on", "off"]), default="on", hidden=True)
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
    history_hours: int,
    throttle: str,
    end_with_parent: int | None,
) -> int:
    """Run the local hub until SIGTERM or Ctrl+C; one line of JSON says when and where it is ready."""
    begin = parse_time(start)
    if start and begin is None:
        raise _usage(f"“{clean(start)}” is no time", "Write it like 2026-11-23T09:42:00Z")
    try:
        from console.localhub.server import LocalHubOptions
        from console.localhub.server import serve as run
    except ImportError as error:
        raise ConsoleError(
            ErrorKind.NOT_CONFIGURED,
            "The local hub cannot start",
            f"the package {error.name} is not installed",
            "It needs the extra “demo”: pip install 'hubwarden[demo]'",
        ) from None
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
    )
    try:
        return run(options, parent=end_with_parent)
    except OSError as error:
        raise ConsoleError(
            ErrorKind.BAD_INPUT, "The local hub cannot start", clean(error), "Choose another port, file or folder"
        ) from None


_ready_option = click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=_READY,
    required=True,
    help=f"The ready file of the running hub (or {_READY}).",
)


@localhub.group()
def faults() -> None:
    """Trouble on purpose in a running local hub."""


@faults.command("list")
@_ready_option
@click.option("--json", "as_json", is_flag=True)
def list_faults(ready_file: Path, as_json: bool) -> None:
    """Show the faults in force, and every kind there is."""
    answer = _call(ready_file, "GET", "/faults")
    if as_json:
        click.echo(json.dumps(answer, indent=2))
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
@_ready_option
@click.option("--endpoint", help="arm, hub, logs or token; default: all.")
@click.option("--count", type=int, help="How many requests it meets; default: all until cleared.")
@click.option("--path", metavar="REGEX", help="Only requests whose path matches.")
@click.option("--method", help="Only requests of this method.")
@click.option("--status", type=int, help="Status of a server-error; default 500.")
@click.option("--when", type=click.Choice(["before", "after"]), help="Before or after the work was done.")
@click.option("--retry-after", type=int, help="Seconds for the Retry-After header of a throttle.")
@click.option("--seconds", type=float, help="Of latency, or of clock skew.")
def add(kind: str, ready_file: Path, **details: Any) -> None:
    """Put a fault of KIND in force (`faults list` shows the kinds)."""
    given = {name: value for name, value in details.items() if value is not None}
    fault = _call(ready_file, "POST", "/faults", {"kind": kind, **given})
    click.echo(f"{fault['id']}  {fault['kind']} is in force.")


@faults.command()
@click.argument("fault_id", required=False)
@_ready_option
def clear(fault_id: str | None, ready_file: Path) -> None:
    """Remove one fault, or all."""
    answer = _call(ready_file, "DELETE", f"/faults/{fault_id}" if fault_id else "/faults")
    click.echo("Removed." if fault_id else f"Removed {answer['removed']}.")


@localhub.command()
@_ready_option
@click.option("--follow", is_flag=True, help="Go on until Ctrl+C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def logs(ready_file: Path, follow: bool, as_json: bool) -> None:
    """Show the requests that a running local hub answered (the last 2,000)."""
    import time

    last = 0
    while True:
        for row in _call(ready_file, "GET", f"/requests?after={last}")["requests"]:
            last = row["number"]
            if as_json:
                click.echo(json.dumps(row))
            else:
                status = row["status"] or "---"
                line = (
                    f"{row['time']}  {row['endpoint']:<5} {status} {row['milliseconds']:>8.1f} ms  {row['client']:<15}"
                )
                click.echo(f"{line}  {clean(row['method'])} {clean(row['path'])}")
        if not follow:
            return
        time.sleep(1)


def _call(ready_file: Path, method: str, path: str, body: Any = None) -> Any:
    import ssl
    import urllib.error
    import urllib.request

    try:
        ready = json.loads(ready_file.read_text(encoding="utf-8"))
        context = ssl.create_default_context(cafile=ready["ca_file"])
        request = urllib.request.Request(  # noqa: S310 - an https address of our own
            ready["faults_endpoint"] + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {ready['faults_token']}", "Content-Type": "application/json"},
        )
    except (OSError, ValueError, KeyError) as error:
        raise _usage(f"{ready_file} is not the ready file of a running hub", clean(error)) from None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=10) as answer:
            raw = answer.read()
    except urllib.error.HTTPError as error:
        raise _usage("The local hub refused", _message(error.read())) from None
    except OSError as error:
        raise ConsoleError(
            ErrorKind.NETWORK, "The local hub does not answer", clean(error), "Is it still running?"
        ) from None
    return json.loads(raw) if raw else {}


def _message(raw: bytes) -> str:
    try:
        return clean(json.loads(raw)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return clean(raw[:200].decode("utf-8", "replace"))


def _usage(what: str, why: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, code="usage")
