"""`hubwarden hubs`: every hub that the credential sees, who can reach each, and where connections fail."""

from __future__ import annotations

import click

from console.cli.context import Settings
from console.cli.output import Json, envelope, print_json, print_table
from console.model.hubs import HubEntry
from console.services.ports import Cancel


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.hubs/1.")
@click.pass_obj
def hubs(settings: Settings, as_json: bool) -> None:
    """List every hub that the credential sees: who can reach it, whether it takes keys, failures of the last hour."""
    from console.present.hubs import COLUMNS, hub_cells, source_text

    services = settings.services(spread=True)
    found = services.hubs.load(Cancel())
    if as_json:
        warnings = [{"code": "incomplete", "message": note, "hint": ""} for note in found.notes]
        items = [hub_json(entry) for entry in found.hubs]
        print_json(envelope("hubs", services.clock(), items, warnings=warnings, source=found.source.value))
        return
    if not found.hubs:
        text = "This credential sees no hub: it needs the role Reader on a hub, its group or subscription."
        click.echo(text, err=True)
        return
    rows = [[text for text, _ in hub_cells(entry, services.session.hub_name)] for entry in found.hubs]
    print_table([column.title for column in COLUMNS], rows, right=frozenset({1}))
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(f"{len(rows):,} hub{'' if len(rows) == 1 else 's'}, from {source_text(found)}", err=True)


def hub_json(entry: HubEntry) -> Json:
    """Return one hub as an item of hubwarden.hubs/1."""
    return {
        "name": entry.name,
        "arm_id": entry.arm_id,
        "host": entry.host,
        "location": entry.location,
        "resource_group": entry.resource_group,
        "subscription_id": entry.subscription_id,
        "sku": entry.sku,
        "units": entry.units,
        "state": entry.state,
        "reach": entry.reach.value,
        "ip_rules": entry.rules,
        "private_endpoints": entry.private_endpoints,
        "local_auth": entry.local_auth,
        "weak_tls": entry.weak_tls,
        "failures_1h": entry.failures,
        "failing_devices_1h": entry.failing_devices,
    }
