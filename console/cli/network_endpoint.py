"""`hubwarden network endpoint`: private endpoints of the hub and their connections."""

from __future__ import annotations

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.output import print_json, print_table


@click.group()
def endpoint() -> None:
    """Private endpoints: list, approve, reject, remove, create, delete."""


@endpoint.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.endpoint_connections/1.")
@click.pass_obj
def list_connections(settings: Settings, as_json: bool) -> None:
    """List the private endpoint connections of the hub."""
    from console.cli.network_json import connections_json
    from console.present.network import unknown_words

    view = settings.services(spread=True).changes.network.read()
    if as_json:
        print_json(connections_json(view))
        return
    print_table(
        ("STATUS", "PRIVATE ENDPOINT", "CONNECTION", "DESCRIPTION"),
        [(one.status.value, one.endpoint_id or "not told", one.name, one.description) for one in view.hub.connections],
    )
    if view.endpoints.value is None:
        click.echo(f"The endpoints themselves could not be listed: {unknown_words(view.endpoints.error)}", err=True)


@endpoint.command("approve")
@click.argument("name")
@change_options
@click.pass_obj
def approve(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Approve a connection, named by itself or by its private endpoint."""
    services = settings.services(spread=True)
    return carry_out(services, [services.changes.network.endpoints.approve(name, options.reason)], options)


@endpoint.command("reject")
@click.argument("name")
@change_options
@click.pass_obj
def reject(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Reject a connection, also one that is approved."""
    services = settings.services(spread=True)
    return carry_out(services, [services.changes.network.endpoints.reject(name, options.reason)], options)


@endpoint.command("remove")
@click.argument("name")
@change_options
@click.pass_obj
def remove(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Remove a connection from the hub; it cannot come back, the private endpoint stays."""
    services = settings.services(spread=True)
    return carry_out(services, [services.changes.network.endpoints.remove(name, options.reason)], options)


@endpoint.command("create")
@click.argument("name")
@click.option("--subnet", required=True, metavar="RESOURCE-ID", help="The subnet that it gets its address from.")
@click.option("--group", default="", help="Its resource group; the subnet's when left out.")
@click.option("--location", default="", help="The virtual network's region; the hub's when left out.")
@click.option("--message", default="", help="Ask the hub's owner for approval, with these words.")
@change_options
@click.pass_obj
def create(
    settings: Settings, name: str, subnet: str, group: str, location: str, message: str, options: ChangeOptions
) -> int:
    """Create a private endpoint that leads to the hub."""
    services = settings.services(spread=True)
    plans = services.changes.network.endpoints
    change = plans.create(name, subnet, group=group, location=location, message=message, reason=options.reason)
    return carry_out(services, [change], options)


@endpoint.command("delete")
@click.argument("name")
@change_options
@click.pass_obj
def delete(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Delete a private endpoint (by name or resource id), and its connection with it."""
    services = settings.services(spread=True)
    return carry_out(services, [services.changes.network.endpoints.delete(name, options.reason)], options)
