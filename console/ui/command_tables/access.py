"""Commands of the Access pane."""

from __future__ import annotations

from console.ui.command_tables.entry import Command


def _change(name: str, title: str, text: str = "") -> Command:
    return Command(f"access.{name}", title, "access", help=text, writes=True)


TABLE: tuple[Command, ...] = (
    Command("access.section", "Next section", "access", ("tab",), "Assignments, roles, findings", "section", 30),
    Command("access.section-back", "Section before", "access", ("shift+tab",), "The other way round"),
    Command("access.actions", "Actions …", "access", ("a",), "Assign, unassign, make and fix roles", "actions", 12),
    Command(
        "access.check",
        "May somebody do something? …",
        "access",
        ("c",),
        "Yes or no, through what, and why not",
        "check",
        14,
        words=("can",),
    ),
    Command(
        "access.filter",
        "Filter",
        "access",
        ("slash",),
        "Text, !not, role:, who:, plane:data, mine",
        "filter",
        20,
        eager=True,
    ),
    Command("access.sort", "Sort by …", "access", ("s",), "Choose the column", "sort", 40),
    Command("access.reverse", "Reverse the order", "access", ("O",), "Turn the sort order round"),
    _change("assign", "Give a role …", "To a user, a group or an application"),
    _change("unassign", "Take it away …", "The selected assignment"),
    _change("create-role", "A role from a template …", "Operator, responder, enrollment manager"),
    _change("role-file", "A role from a file …", "JSON of az or REST, put right"),
    _change("fix-role", "Put the role right …", "Entries in the wrong list"),
    _change("delete-role", "Delete the role …", "A custom one that nobody has"),
    Command("access.own-role", "What hubwarden needs", "access", help="As a role, ready to create"),
)
"""The commands, one table per pane; `console.ui.commands` joins them."""
