"""`hubwarden access assignments`, `check` and `own-role`: who may do what, and through what."""

from __future__ import annotations

import click

from console.cli.context import Settings
from console.cli.output import print_json, print_pairs, print_table, time_text
from console.model.errors import ConsoleError
from console.model.operations import Plane
from console.model.role import Answer
from console.model.scope import is_scope
from console.model.text import clean

NOT_ALLOWED = 1


@click.command()
@click.option("--principal", default="", metavar="ID", help="Only what reaches this one, its groups' roles too.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.access_assignments/1.")
@click.pass_obj
def assignments(settings: Settings, principal: str, as_json: bool) -> None:
    """List the role assignments that reach the hub: who, role, how, what it grants, since when."""
    from console.cli.access_json import assignments_json
    from console.present.access import how, plane_word, type_word, who

    access = settings.services().access
    reading = access.read()
    facts, holder = reading.facts, ""
    if principal:
        holder = access.principal(principal)
        facts = access.facts(holder)
    if as_json:
        print_json(assignments_json(facts, reading))
        return
    rows = []
    for one in sorted(facts.assignments, key=lambda one: (-one.scope.count("/"), one.principal_id)):
        role = facts.definitions.get(one.role)
        via = " via its group" if holder and one.principal_id != holder else ""
        rows.append(
            (
                who(one, reading.names, reading.me),
                type_word(one.principal_type),
                role.name if role else one.role,
                how(one, facts.scope) + via,
                plane_word(role),
                (time_text(one.created) or "?")[:10],
                one.name,
            )
        )
    print_table(("WHO", "TYPE", "ROLE", "HOW", "GRANTS", "SINCE", "ASSIGNMENT"), rows)
    click.echo(f"{len(rows)} role assignments reach the hub", err=True)
    for note in reading.notes:
        click.echo(f"note: {note}", err=True)


@click.command()
@click.option("--principal", required=True, metavar="ID", help="An object id, or me.")
@click.option(
    "--operation", required=True, metavar="OPERATION", help="Such as Microsoft.Devices/IotHubs/devices/write."
)
@click.option("--scope", default="", metavar="SCOPE", help="A resource id; without it the hub.")
@click.option("--plane", type=click.Choice([one.value for one in Plane]), help="Where an operation is on both planes.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.access_check/1.")
@click.pass_obj
def check(settings: Settings, principal: str, operation: str, scope: str, plane: str | None, as_json: bool) -> int:
    """Say whether somebody may do something, through what, or why not; exit code 0 only for yes."""
    services = settings.services()
    found = services.access.check(principal, operation, scope, Plane(plane) if plane else None)
    if as_json:
        from console.cli.access_json import check_json

        print_json(check_json(services.clock(), found))
    else:
        from console.model.scope import scope_name
        from console.present.access import how

        pairs: list[tuple[str, object]] = [
            ("answer", found.answer.value),
            ("operation", f"{found.operation} ({found.plane.value})"),
            ("principal", found.principal),
            ("scope", scope_name(found.scope)),
            ("why", found.why),
        ]
        for grant in found.through:
            via = f", by the group {grant.via}" if grant.via else ""
            pairs.append(("through", f"{grant.role.name}, {how(grant.assignment, found.scope)}{via}: {grant.pattern}"))
        pairs += [("left out by", f"{role}: {entry}") for role, entry in found.excepted]
        pairs += [("denied by", name) for name in found.denied_by]
        if found.hint:
            pairs.append(("next", found.hint))
        print_pairs(pairs)
    return 0 if found.answer is Answer.YES else NOT_ALLOWED


@click.command("own-role")
@click.option("--feature", "features", multiple=True, metavar="FEATURE", help="Only this; may be repeated.")
@click.option("--write", "writes", is_flag=True, help="With everything that changes something.")
@click.option("--name", default="", help="The role's name.")
@click.option("--scope", default="", metavar="SCOPE", help="Where it can be assigned; without it the hub's group.")
@click.option("--form", type=click.Choice(["az", "rest"]), default="az", show_default=True, help="Whose JSON.")
@click.option("--table", is_flag=True, help="Instead: which feature needs what, and where.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.access_own_role/1.")
@click.pass_obj
def own_role(
    settings: Settings,
    features: tuple[str, ...],
    writes: bool,
    name: str,
    scope: str,
    form: str,
    table: bool,
    as_json: bool,
) -> None:
    """Print the role that hubwarden needs, ready for `az role definition create --role-definition @FILE`.

    Without options: everything that only reads. Assign it on the hub; what stands on the workspace, the provisioning
    service or the subscription (--table) has to be assigned there. With --scope no profile is needed.
    """
    from console.rules.rbac_json import az_json, rest_body
    from console.rules.rbac_templates import features_named, own_name
    from console.rules.rbac_templates import own_role as role_for

    chosen = features_named(features, writes)
    if table:
        if as_json:
            raise click.UsageError("Leave --table out: --json has what it shows")
        rows = []
        for one in chosen:
            for operation in (*one.actions, *one.data_actions):
                rows.append((one.id, "yes" if one.writes else "no", "hub", operation))
            rows += [(one.id, "yes" if one.writes else "no", where, operation) for operation, where in one.elsewhere]
        print_table(("FEATURE", "WRITES", "ON THE", "OPERATION"), rows)
        return
    if scope:
        if not is_scope(scope):
            raise click.UsageError("--scope takes a resource id: /subscriptions/ID/resourceGroups/NAME")
        role = role_for(chosen, clean(name) or own_name(writes), (scope,))
    else:
        try:
            services = settings.services()
        except ConsoleError as error:
            error.hint = f"{error.hint}, or give --scope: then none is needed" if error.hint else "Give --scope instead"
            raise
        role = services.access.own_role(features, writes, clean(name))
    if as_json:
        from datetime import UTC, datetime

        from console.cli.access_json import own_role_json

        print_json(own_role_json(datetime.now(UTC), role, chosen))
        return
    print_json(az_json(role) if form == "az" else rest_body(role))
