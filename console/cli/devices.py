"""`hubwarden devices`: the registry without the console."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from console.cli.context import Settings
from console.cli.output import Json, envelope, print_json, print_pairs, print_table, time_text
from console.model.device import Device, DeviceDetail, Fleet
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel

if TYPE_CHECKING:
    from console.present.device_filter import DeviceFilter
    from console.services.bundle import Services

_SORTS = ("id", "status", "auth", "state", "activity")


_CHANGES = {
    # name: (attribute of console.cli.device_changes, one line for --help, so that listing devices imports none of it)
    "create": ("create", "Create a device."),
    "delete": ("delete", "Delete devices with keys, twins and modules."),
    "disable": ("disable", "Refuse devices; everything of them is kept."),
    "enable": ("enable", "Let devices connect again."),
    "rotate-keys": ("rotate_keys", "Replace or swap symmetric keys."),
    "set-thumbprint": ("set_thumbprint", "Replace a certificate in stages, by its thumbprint."),
}


class _Devices(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_CHANGES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _CHANGES:
            return super().get_command(ctx, cmd_name)
        from console.cli import device_changes

        command: click.Command = getattr(device_changes, _CHANGES[cmd_name][0])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        own = {name: command.get_short_help_str(limit=80) for name, command in self.commands.items()}
        texts = {name: text for name, (_, text) in _CHANGES.items()} | own
        with formatter.section("Commands"):
            formatter.write_dl(sorted(texts.items()))


@click.group(cls=_Devices)
def devices() -> None:
    """The device registry: list, show, and changes of identities (planned; made with --yes)."""


@devices.command("list")
@click.option(
    "--filter", "filter_text", default="", help="As in the console: press auth:sas status:disabled seen:>30d."
)
@click.option("--sort", type=click.Choice(_SORTS), default="id", show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many devices.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.devices/1.")
@click.pass_obj
def list_devices(settings: Settings, filter_text: str, sort: str, limit: int | None, as_json: bool) -> None:
    """List devices with their auth type; no key is read."""
    wanted = _filter(filter_text)
    services = settings.services()
    fleet, rows = _read(services, wanted, Cancel())
    now = services.clock()
    rows.sort(key=lambda device: _sort_key(device, sort))
    shown = rows[:limit]
    if as_json:
        print_json(
            envelope(
                "devices", now, [device_json(device) for device in shown], total=len(fleet.devices), matching=len(rows)
            )
        )
        return
    print_table(
        ("DEVICE", "STATUS", "AUTH", "STATE", "LAST ACTIVITY"),
        [(d.device_id, d.status, d.auth, d.connection, time_text(d.last_activity) or "never") for d in shown],
    )
    click.echo(f"{len(shown):,} shown, {len(rows):,} matching, {len(fleet.devices):,} devices", err=True)


@devices.command("show")
@click.argument("device_id")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.device/1.")
@click.pass_obj
def show_device(settings: Settings, device_id: str, as_json: bool) -> None:
    """Show one device, read afresh; keys are never shown."""
    services = settings.services()
    detail = services.fleet.detail(device_id, Cancel())
    if as_json:
        print_json(envelope("device", services.clock(), [detail_json(detail)]))
        return
    device = detail.device
    slots = [name for name, filled in zip(("primary", "secondary"), detail.keys_filled, strict=True) if filled]
    pairs = [
        ("device", device.device_id),
        ("status", f"{device.status} {device.status_reason}".strip()),
        ("auth", device.auth),
        ("keys", ", ".join(slots) + (" (equal!)" if detail.keys_equal else "") if slots else "none"),
        ("thumbprints", ", ".join(filter(None, device.thumbprints)) or "none"),
        ("connection", device.connection),
        ("last activity", time_text(device.last_activity) or "never"),
        ("edge", "yes" if device.edge else "no"),
        ("modules", ", ".join(detail.modules) or "none"),
        ("tags", ", ".join(f"{path}={value}" for path, value in device.tags) or "none"),
        ("generation", detail.generation_id),
        ("ETag", device.etag),
    ]
    print_pairs(pairs)


def filtered(services: Services, filter_text: str, cancel: Cancel) -> list[Device]:
    """Return the devices that fit a filter.

    Raises ConsoleError BAD_INPUT (code "usage") when it was not understood, SERVICE when not all could be read.
    """
    fleet, rows = _read(services, _filter(filter_text), cancel)
    if not fleet.complete:
        why = "; ".join(fleet.warnings) or "the reading was stopped"
        raise ConsoleError(ErrorKind.SERVICE, "Not all devices could be read, so nothing was planned", why, "Try again")
    return rows


def _filter(text: str) -> DeviceFilter:
    from console.present.device_filter import parse_filter

    wanted = parse_filter(text)
    if wanted.notes:
        why = "; ".join(wanted.notes)
        raise ConsoleError(ErrorKind.BAD_INPUT, f"The filter “{text}” was not understood", why, code="usage")
    return wanted


def _read(services: Services, wanted: DeviceFilter, cancel: Cancel) -> tuple[Fleet, list[Device]]:
    fleet = services.fleet.load(_progress, cancel)
    _clear_progress()
    now = services.clock()
    asked = "failures:" in wanted.text
    failures = services.connections.failures_by_device(timedelta(hours=1), cancel) if asked else {}
    return fleet, [one for one in fleet.devices if wanted.matches(one, failures.get(one.device_id, 0), now)]


def device_json(device: Device) -> Json:
    """Return one device as an item of hubwarden.devices/1."""
    return {
        "device_id": device.device_id,
        "status": device.status.value,
        "status_reason": device.status_reason,
        "auth": device.auth.value,
        "connection_state": device.connection.value,
        "last_activity": time_text(device.last_activity),
        "edge": device.edge,
        "thumbprints": {"primary": device.thumbprints[0], "secondary": device.thumbprints[1]},
        "tags": dict(device.tags),
        "etag": device.etag,
    }


def detail_json(detail: DeviceDetail) -> Json:
    """Return one device as the item of hubwarden.device/1."""
    return {
        **device_json(detail.device),
        "generation_id": detail.generation_id,
        "status_updated": time_text(detail.status_updated),
        "connection_updated": time_text(detail.connection_updated),
        "keys_filled": {"primary": detail.keys_filled[0], "secondary": detail.keys_filled[1]},
        "keys_equal": detail.keys_equal,
        "modules": list(detail.modules),
        "scope": detail.scope,
        "twin_version": detail.twin_version,
    }


def _sort_key(device: Device, sort: str) -> tuple[str, str]:
    first = {
        "id": "",
        "status": device.status.value,
        "auth": device.auth.value,
        "state": device.connection.value,
        "activity": time_text(device.last_activity) or "",
    }[sort]
    return first, device.device_id


def _progress(fleet: Fleet) -> None:
    if sys.stderr.isatty():
        of = f" of {fleet.expected:,}" if fleet.expected else ""
        click.echo(f"\r{len(fleet.devices):,}{of} devices read", err=True, nl=False)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
