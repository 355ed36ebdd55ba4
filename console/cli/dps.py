"""`hubwarden dps`: provisioning services, their enrollments and registrations; each command is loaded when used."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

_COMMANDS = {
    # name: (module, attribute, one line for --help, so that --help imports nothing)
    "block": ("console.cli.dps_change", "block", "Shut one device out of a group: a disabled enrollment of its own."),
    "create": ("console.cli.dps_create", "create", "Enroll a device or a group: by key, certificate or TPM."),
    "cross-check": ("console.cli.dps_read", "cross_check", "Where the provisioning service and the hub disagree."),
    "delete": ("console.cli.dps_change", "delete", "Delete an enrollment or a group."),
    "delete-registration": ("console.cli.dps_change", "delete_registration", "Let the service forget a registration."),
    "derive-key": ("console.cli.dps_keys", "derive_key", "The key of one device of a symmetric-key group."),
    "disable": ("console.cli.dps_change", "disable", "Disable an enrollment or a group."),
    "enable": ("console.cli.dps_change", "enable", "Enable an enrollment or a group."),
    "enrollments": ("console.cli.dps_read", "enrollments", "Individual enrollments: attestation, status, device."),
    "groups": ("console.cli.dps_read", "groups", "Enrollment groups: attestation, status, hubs."),
    "keys": ("console.cli.dps_keys", "keys", "The keys of an enrollment or group by symmetric key."),
    "register": ("console.cli.dps_register", "register", "Register as a device would, and show every step."),
    "registrations": ("console.cli.dps_read", "registrations", "The registrations made through a group."),
    "show": ("console.cli.dps_read", "show", "Provisioning services: id scope, linked hubs, filters, policies."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(name for name, (module, _, _) in _COMMANDS.items() if find_spec(module))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy)
def dps() -> None:
    """Device Provisioning Services: who may register as a device, how, and at which hub.

    --service NAME chooses one; without it, it is the one that links the profile's hub.
    """
