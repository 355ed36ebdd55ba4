"""`hubwarden localhub messages`, `send` and `logs`: what went over the wires of a running local hub."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from console.cli.localhub_control import call, ready_option, usage
from console.cli.output import envelope, print_json
from console.model.text import clean

_MOST_BODY = 64 * 1024  # of a message to a device (IoT Hub's quotas)
_POLL_SECONDS = 1.0


@click.command()
@ready_option
@click.option("--follow", is_flag=True, help="Go on until Ctrl+C.")
@click.option("--device", metavar="ID", help="Only of this device.")
@click.option("--json", "as_json", is_flag=True, help="With --follow one JSON object per line.")
def messages(ready_file: Path, follow: bool, device: str | None, as_json: bool) -> None:
    """Show what devices sent to a running local hub (the last 10,000 messages)."""

    def new(last: dict[str, int]) -> list[dict[str, Any]]:
        rows = call(ready_file, "GET", f"/messages?after={last.get('messages', 0)}")["messages"]
        if rows:
            last["messages"] = rows[-1]["number"]
        return [row for row in rows if device is None or row["deviceId"] == device]

    _show("localhub_messages", new, _message_line, follow=follow, as_json=as_json)


@click.command()
@ready_option
@click.option("--follow", is_flag=True, help="Go on until Ctrl+C.")
@click.option("--only", type=click.Choice(["requests", "events"]), help="Only requests, or only the hub's own records.")
@click.option("--json", "as_json", is_flag=True, help="With --follow one JSON object per line.")
def logs(ready_file: Path, follow: bool, only: str | None, as_json: bool) -> None:
    """Show what a running local hub was asked (the last 2,000 requests), and whom it let in or turned away."""

    def new(last: dict[str, int]) -> list[dict[str, Any]]:
        rows = []
        for name in ("requests", "events") if only is None else (only,):
            found = call(ready_file, "GET", f"/{name}?after={last.get(name, 0)}")[name]
            if found:
                last[name] = found[-1]["number"]
            rows += [{"kind": name.removesuffix("s"), **row} for row in found]
        return sorted(rows, key=lambda row: str(row["time"]))

    _show("localhub_logs", new, _log_line, follow=follow, as_json=as_json)


@click.command()
@click.argument("device")
@ready_option
@click.option("--body", metavar="TEXT", help="The message; default: standard input.")
@click.option("--property", "properties", metavar="NAME=VALUE", multiple=True, help="An application property.")
@click.option("--content-type", metavar="TYPE", help="Such as application/json.")
@click.option("--json", "as_json", is_flag=True)
def send(
    device: str,
    ready_file: Path,
    body: str | None,
    properties: Sequence[str],
    content_type: str | None,
    as_json: bool,
) -> None:
    """Send a message to DEVICE; the hub keeps it until the device takes it."""
    named = {}
    for one in properties:
        name, found, value = one.partition("=")
        if not found or not name:
            raise usage(f"“{clean(one)}” is no property", "it has no name and value", "Write it like colour=red")
        named[name] = value
    raw = body.encode() if body is not None else sys.stdin.buffer.read(_MOST_BODY + 1)
    if len(raw) > _MOST_BODY:
        raise usage("The message was not sent", f"it is larger than {_MOST_BODY // 1024} KB")
    message: dict[str, Any] = {
        "deviceId": device,
        "body": base64.b64encode(raw).decode(),
        "encoding": "base64",
        "properties": named,
        "systemProperties": {"ct": content_type} if content_type else {},
    }
    call(ready_file, "POST", "/c2d", message)
    if as_json:
        print_json(envelope("localhub_send", datetime.now(UTC), [{"device_id": clean(device), "bytes": len(raw)}]))
    else:
        click.echo(f"Sent {len(raw)} bytes to {clean(device)}.")


def _show(
    noun: str,
    new: Callable[[dict[str, int]], list[dict[str, Any]]],
    line: Callable[[dict[str, Any]], str],
    *,
    follow: bool,
    as_json: bool,
) -> None:
    last: dict[str, int] = {}
    if as_json and not follow:
        document = envelope(noun, datetime.now(UTC), new(last))
        click.echo(json.dumps(document, indent=2))  # in ASCII: exact, and no control character reaches a terminal
        return
    while True:
        for row in new(last):
            click.echo(json.dumps(row) if as_json else line(row))
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _message_line(row: dict[str, Any]) -> str:
    sender = row["deviceId"] + (f"/{row['moduleId']}" if row["moduleId"] else "")
    properties = " ".join(f"{name}={value}" for name, value in row["properties"].items())
    return clean(f"{row['time']}  {sender}  {row['body']}" + (f"  [{properties}]" if properties else ""))


def _log_line(row: dict[str, Any]) -> str:
    if row["kind"] == "request":
        status = row["status"] or "---"
        head = f"{row['time']}  {row['endpoint']:<5} {status} {row['milliseconds']:>8.1f} ms  {row['client']:<15}"
        return clean(f"{head}  {row['method']} {row['path']}")
    told = row["properties"] if isinstance(row["properties"], dict) else {}
    who = told.get("deviceId") or told.get("registrationId") or ""
    words = (row["operation"], row["code"] or "ok", row["description"], who, told.get("maskedIpAddress"))
    return clean(f"{row['time']}  {row['source']}  " + "  ".join(str(word) for word in words if word))
