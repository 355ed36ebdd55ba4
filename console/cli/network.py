"""`hubwarden network`: who can reach the hub, what a change would do, and the change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.network_endpoint import endpoint
from console.cli.network_options import Wanted, filter_options, hub_edit, hub_options, wanted_from
from console.cli.output import print_json, print_pairs, print_table
from console.model.errors import ConsoleError, ErrorKind
from console.model.network import NetworkEdit, NetworkView

if TYPE_CHECKING:
    from console.services.bundle import Services
    from console.services.network import NetworkService


@click.group()
def network() -> None:
    """Who can reach the hub: show, simulate, set, endpoint.

    `set` shows the plan of all that was asked for, and changes nothing without --yes.
    """


network.add_command(endpoint)


@network.command("show")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.network/1.")
@click.pass_obj
def show_network(settings: Settings, as_json: bool) -> None:
    """Show rules with their use, private endpoints, DPS filters, and what is not known."""
    services = settings.services(spread=True)
    view = services.changes.network.read()
    if as_json:
        from console.cli.network_json import view_json

        print_json(view_json(view))
        return
    _print_view(view)


@network.command("simulate")
@hub_options
@click.option("--address", multiple=True, metavar="ADDRESS", help="Does this address get in, now and then?")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.network_simulation/1.")
@click.pass_obj
def simulate(settings: Settings, /, address: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Say what a change would do to the devices seen lately and to you; approximate, as the log masks addresses.

    Without a change it tells who gets in now. Nothing is planned or written.
    """
    from console.cli.network_json import simulation_json
    from console.services.network import verdict_words

    service = settings.services(spread=True).changes.network
    wanted = hub_edit(given)
    view = service.read()
    edit = _narrowed(service, view, wanted, given["narrow"])
    address = tuple(dict.fromkeys(address))
    verdicts = [(text, service.verdict(view, text)) for text in address]
    simulation, effect = service.simulate(view, edit)
    then = [
        (text, service.verdict(replace(view, hub=replace(view.hub, reach=simulation.after)), text)) for text in address
    ]
    if as_json:
        print_json(simulation_json(view, simulation, list(zip(verdicts, then, strict=True))))
        return
    pairs = [(text, verdict_words(verdict)) for text, verdict in verdicts]
    if not edit.empty:
        pairs = [
            (text, f"{verdict_words(now)} now; {verdict_words(after)} then")
            for (text, now), (_, after) in zip(verdicts, then, strict=True)
        ]
    if edit.empty:
        stays = (("in now", simulation.stay_in), ("out now", simulation.stay_out))
        pairs += [(label, f"{group.devices:,} devices of those seen") for label, group in stays]
    print_pairs([*effect, *pairs])


@network.command("set")
@hub_options
@filter_options
@change_options
@click.pass_obj
def set_network(settings: Settings, /, options: ChangeOptions, **given: Any) -> int:
    """Plan a change of the network settings, all options in one; --yes makes it.

    A provisioning service (--dps) is another resource, and gets a plan of its own.
    """
    wanted = wanted_from(given)
    if wanted.empty:
        what, hint = "There is nothing to change", "hubwarden network set --help lists what can be set"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "no option was given", hint, code="usage")
    services = settings.services(spread=True)
    return carry_out(services, _plans(services, wanted, options.reason), options)


def _plans(services: Services, wanted: Wanted, reason: str) -> list[Any]:
    service = services.changes.network
    changes = []
    edit = wanted.hub
    if wanted.narrow:
        edit = _narrowed(service, service.read(), edit, wanted.narrow)
    if not edit.empty:
        changes.append(service.plan(edit, reason))
    if wanted.dps:
        changes.append(service.filters.plan(wanted.dps, wanted.filters, reason))
    return changes


def _narrowed(service: NetworkService, view: NetworkView, edit: NetworkEdit, names: tuple[str, ...]) -> NetworkEdit:
    rules = tuple((name, service.narrowed(view, name)) for name in names)
    return replace(edit, change=(*edit.change, *rules)) if rules else edit


def _print_view(view: NetworkView) -> None:
    from console.present.lines import plain
    from console.present.network import (
        CONNECTION_COLUMNS,
        ORDERED_COLUMNS,
        RULE_COLUMNS,
        connection_cells,
        ordered_cells,
        rule_cells,
        service_words,
        summary_lines,
        unknown_words,
    )

    def table(columns: Any, rows: Any) -> None:
        right = frozenset(index for index, column in enumerate(columns) if column.align == "right")
        header = [column.title for column in columns]
        print_table(header, [[plain((cell,)) for cell in row] for row in rows], right=right)

    for line in summary_lines(view):
        click.echo(plain(line).strip())
    click.echo()
    table(RULE_COLUMNS, [rule_cells(row, view.as_of) for row in view.rows])
    if view.classic:
        if not view.hub.reach.public_access:
            force = "ignored: public access is off"
        else:
            force = "in force" if view.hub.classic_in_force else "NOT in force"
        click.echo(f"\nClassic ipFilterRules ({force})")
        table(ORDERED_COLUMNS, [ordered_cells(row, place) for place, row in enumerate(view.classic, 1)])
    if view.hub.connections:
        click.echo()
        table(CONNECTION_COLUMNS, [connection_cells(connection) for connection in view.hub.connections])
    if view.provisioning.value is None:
        click.echo(f"\nProvisioning services: not known ({unknown_words(view.provisioning.error)})")
    for service in view.provisioning.value or ():
        click.echo(f"\n{service_words(service)}")
        if service.rows:
            table(ORDERED_COLUMNS, [ordered_cells(row, place) for place, row in enumerate(service.rows, 1)])
