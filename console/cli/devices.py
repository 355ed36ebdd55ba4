"""`hubwarden devices`: the registry without the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.cli.context import Settings
from console.cli.output import Json, envelope, print_json, print_pairs, time_text
from console.model.device import Device, DeviceDetail
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
@click.option("--cached", is_flag=True, help="As they are kept here, however old: the hub is not asked.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.devices/1.")
@click.pass_obj
def list_devices(
    settings: Settings, filter_text: str, sort: str, limit: int | None, cached: bool, as_json: bool
) -> None:
    """List devices with their auth type; no key is read.

    They are read into the list that the console shows, too, within the hub's throttle; a reading that was stopped goes
    on where it was.
    """
    from console.cli.devices_list import print_list

    print_list(settings.services(), _filter(filter_text), sort, limit, cached=cached, as_json=as_json)


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
    """Return the devices that fit a filter, all of them read now.

    Raises ConsoleError BAD_INPUT (code "usage") when it was not understood, SERVICE when not all could be read.
    """
    from console.cli.devices_list import refreshed, view

    wanted = _filter(filter_text)
    try:
        refreshed(services.fleet.store, cancel)
    except ConsoleError as error:
        if error.kind is ErrorKind.PERMISSION:
            raise
        what = "Not all devices could be read, so nothing was planned"
        raise ConsoleError(ErrorKind.SERVICE, what, f"{error.what}: {error.why}", error.hint or "Try again") from error
    found = view(services, wanted, cancel)
    return found.devices(0, len(found))


def _filter(text: str) -> DeviceFilter:
    from console.present.device_filter import parse_filter

    wanted = parse_filter(text)
    if wanted.notes:
        why = "; ".join(wanted.notes)
        raise ConsoleError(ErrorKind.BAD_INPUT, f"The filter “{text}” was not understood", why, code="usage")
    return wanted


def detail_json(detail: DeviceDetail) -> Json:
    """Return one device as the item of hubwarden.device/1."""
    from console.cli.devices_list import device_json

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
