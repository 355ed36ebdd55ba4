"""`hubwarden access`: Entra roles, who has them, and changes of both; each command is loaded when used."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    # name: (module, attribute, one line for --help, so that --help imports nothing)
    "assign": ("console.cli.access_change", "assign", "Give a role to a user, group or application."),
    "assignments": ("console.cli.access_read", "assignments", "Who has which role on the hub, and how."),
    "check": ("console.cli.access_read", "check", "May somebody do something, and through what?"),
    "create-role": ("console.cli.access_change", "create_role", "A custom role from a template or a file."),
    "delete-role": ("console.cli.access_change", "delete_role", "Delete a custom role."),
    "own-role": ("console.cli.access_read", "own_role", "The role that hubwarden itself needs, ready to create."),
    "roles": ("console.cli.access_roles", "roles", "Roles on the hub; --lint finds what is wrong, --fix repairs."),
    "unassign": ("console.cli.access_change", "unassign", "Take a role away."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy)
def access() -> None:
    """Entra access to the hub: roles, who has them and through what.

    Principals go by object id; “me” is whoever is signed in.
    """
