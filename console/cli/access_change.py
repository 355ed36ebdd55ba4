"""`hubwarden access create-role`, `delete-role`, `assign` and `unassign`: through the write gate like all changes."""

from __future__ import annotations

from dataclasses import replace

import click

from console.cli.access_roles import read_file
from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.output import print_json
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

TYPES = ("user", "group", "service-principal")


@click.command("create-role")
@click.option("--template", "template_id", default="", metavar="ID", help="A template; --list-templates shows them.")
@click.option(
    "--file", "source", default="", metavar="FILE", help="A definition, Azure CLI's form or REST's; - is stdin."
)
@click.option("--own", is_flag=True, help="What hubwarden itself needs; --own-write with its changes.")
@click.option("--own-write", is_flag=True, help="What hubwarden needs for everything.")
@click.option("--name", default="", help="The role's name; without it the template's or the file's.")
@click.option(
    "--assignable-scope", "scopes", multiple=True, metavar="SCOPE", help="Without it the hub's resource group."
)
@click.option("--add-action", "actions", multiple=True, metavar="OPERATION", help="One more control operation.")
@click.option("--add-data-action", "data_actions", multiple=True, metavar="OPERATION", help="One more data operation.")
@click.option("--list-templates", is_flag=True, help="Show the templates and what they grant; changes nothing.")
@change_options
@click.pass_obj
def create_role(
    settings: Settings,
    template_id: str,
    source: str,
    own: bool,
    own_write: bool,
    name: str,
    scopes: tuple[str, ...],
    actions: tuple[str, ...],
    data_actions: tuple[str, ...],
    list_templates: bool,
    options: ChangeOptions,
) -> int:
    """Create a custom role, or change the one that has its name, from a template or a file."""
    from console.model.role import RoleDefinition
    from console.rules.rbac_templates import TEMPLATES, template

    if list_templates:
        if options.as_json:
            from datetime import UTC, datetime

            from console.cli.access_json import templates_json

            print_json(templates_json(datetime.now(UTC), TEMPLATES))
            return 0
        for one in TEMPLATES:
            click.echo(f"{one.id}: {one.name}. {one.description}")
        return 0
    if sum(map(bool, (template_id, source, own or own_write))) != 1:
        raise click.UsageError("Give one of --template, --file and --own; --list-templates shows the templates")
    services = settings.services()
    chosen = template(template_id) if template_id else None
    if template_id and chosen is None:
        ids = ", ".join(one.id for one in TEMPLATES)
        what = f"There is no template {clean(template_id, limit=60)}"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, f"there are: {ids}", code="usage")
    if chosen is not None:
        role = RoleDefinition("", clean(name) or chosen.name, chosen.description, True, (chosen.permissions,), scopes)
    elif source:
        role = read_file(source, name, scopes)
    else:
        role = services.access.own_role((), own_write, clean(name))
        role = replace(role, assignable_scopes=scopes)
    if actions or data_actions:
        first = role.permissions[0]
        more = replace(
            first,
            actions=(*first.actions, *map(clean, actions)),
            data_actions=(*first.data_actions, *map(clean, data_actions)),
        )
        role = replace(role, permissions=(more, *role.permissions[1:]))
    return carry_out(services, [services.access.plan_role(role, template=chosen, reason=options.reason)], options)


@click.command("delete-role")
@click.argument("role")
@change_options
@click.pass_obj
def delete_role(settings: Settings, role: str, options: ChangeOptions) -> int:
    """Delete a custom role that nobody has."""
    services = settings.services()
    return carry_out(services, [services.access.plan_delete_role(role, options.reason)], options)


@click.command()
@click.argument("role")
@click.option("--principal", required=True, metavar="ID", help="The object id of who gets it, or me.")
@click.option("--type", "kind", type=click.Choice(TYPES), required=True, help="What the principal is.")
@click.option("--scope", default="", metavar="SCOPE", help="A resource id; without it the hub.")
@click.option("--description", default="", help="Why, for everybody who reads the assignment.")
@change_options
@click.pass_obj
def assign(
    settings: Settings, role: str, principal: str, kind: str, scope: str, description: str, options: ChangeOptions
) -> int:
    """Give a role, by its name or id, to a user, group or application."""
    services = settings.services()
    plan = services.access.plan_assign(
        role, principal, kind, scope=scope, description=clean(description), reason=options.reason
    )
    return carry_out(services, [plan], options)


@click.command()
@click.argument("assignment", required=False, default="")
@click.option("--principal", default="", metavar="ID", help="Instead: who has it …")
@click.option("--role", default="", metavar="ROLE", help="… and which role.")
@change_options
@click.pass_obj
def unassign(settings: Settings, assignment: str, principal: str, role: str, options: ChangeOptions) -> int:
    """Take an assignment away, by its name (access assignments shows it), or by principal and role."""
    if bool(assignment) == bool(principal or role) or bool(principal) != bool(role):
        raise click.UsageError("Give the assignment's name, or --principal and --role")
    access = (services := settings.services()).access
    if not assignment:
        who, wanted = access.principal(principal), access.role(role)
        facts = access.facts()
        found = [one for one in facts.assignments if one.principal_id == who and one.role == wanted.guid]
        if len(found) != 1:
            what = f"The assignment of {wanted.name} to {who} was not found"
            why = f"there are {len(found)} of them" if found else "it has no such role here of its own"
            hint = "Name the one: " + ", ".join(one.name for one in found) if found else "Its groups may have it"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint)
        assignment = found[0].name
    return carry_out(services, [access.plan_unassign(assignment, options.reason)], options)
