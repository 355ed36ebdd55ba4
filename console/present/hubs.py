"""The list of hubs: columns, cells, and what a filter is held against."""

from __future__ import annotations

from console.model.hubs import HubEntry, HubList, ListSource, Reach
from console.present.columns import Column
from console.present.lines import Piece
from console.present.words import number

COLUMNS: tuple[Column, ...] = (
    Column("name", "HUB", 21, flex=2),
    Column("failures", "ERRORS 1H", 9, "right"),
    Column("reach", "REACHED BY", 14, priority=1),
    Column("auth", "KEYS", 10, priority=2),
    Column("tls", "TLS", 4, priority=3),
    Column("state", "STATE", 8, priority=4),
    Column("size", "SIZE", 7, priority=5),
    Column("location", "LOCATION", 12, flex=1, priority=6),
    Column("group", "GROUP", 14, flex=1, priority=7),
)


def hub_cells(entry: HubEntry, here: str) -> tuple[Piece, ...]:
    """Return the cells of a hub, one per column; `here` is the resource id or name of the one that is open."""
    mine = here.casefold() in {entry.arm_id.casefold(), entry.name.casefold()}
    return (
        (f"{entry.name}{' (here)' if mine else ''}", "accent" if mine else ""),
        failures_piece(entry),
        reach_piece(entry),
        ("taken", "warn") if entry.local_auth else ("Entra only", ""),
        ("old", "warn") if entry.weak_tls else ("1.2", ""),
        (entry.state, "" if entry.healthy else "bad"),
        (f"{entry.sku} x{entry.units}", "dim"),
        (entry.location, "dim"),
        (entry.resource_group, "dim"),
    )


def failures_piece(entry: HubEntry) -> Piece:
    """Return the errors of the last hour, not folded: a dot for none, a question mark where the log is not known."""
    if entry.failures is None:
        return ("?", "dim")
    return (number(entry.failures), "bad") if entry.failures else ("·", "dim")


def reach_piece(entry: HubEntry) -> Piece:
    """Return who can reach the hub, in two words."""
    if entry.reach is Reach.PRIVATE:
        return (f"private x{entry.private_endpoints}", "") if entry.private_endpoints else ("nobody", "warn")
    if entry.reach is Reach.FILTERED:
        return (f"{entry.rules} IP rule{'' if entry.rules == 1 else 's'}", "")
    return ("everybody", "bad")


def matches(entry: HubEntry, text: str) -> bool:
    """Return whether every word of a filter is in the hub's name, group, location or id."""
    held = f"{entry.name} {entry.resource_group} {entry.location} {entry.arm_id} {entry.sku}".casefold()
    return all(word in held for word in text.casefold().split())


def source_text(found: HubList) -> str:
    """Return where the list comes from."""
    return "Azure Resource Graph" if found.source is ListSource.RESOURCE_GRAPH else "the lists of the subscriptions"
