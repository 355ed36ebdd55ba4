"""Commands of the Connections pane: groups, chart, events, query."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = (
    Command(
        "connections.group",
        "Group by …",
        "connections",
        ("b",),
        "Cause, device, code, address, SDK, auth",
        "group by",
        20,
    ),
    Command(
        "connections.cycle", "Next grouping", "connections", ("B",), "Cause, device, code, address, SDK, auth in turn"
    ),
    Command(
        "connections.source",
        "Hub or provisioning",
        "connections",
        ("s",),
        "All, the hub's own, refused registrations in turn",
        words=("dps", "source"),
    ),
    Command(
        "connections.longer", "Longer time range", "connections", ("greater_than_sign",), "Hour, day, week", "range", 30
    ),
    Command("connections.shorter", "Shorter time range", "connections", ("less_than_sign",), "Week, day, hour"),
    Command("connections.bin", "Bin width", "connections", ("i",), "Minutes or hours per bar, in turn"),
    Command(
        "connections.kql",
        "Show the query",
        "connections",
        ("v", "K"),
        "The KQL: read, edit, run",
        "query",
        40,
        words=("kql",),
    ),
    Command(
        "connections.network",
        "Open in Network",
        "connections",
        ("N",),
        "Let the ranges in that IP rules cut off",
        "network",
        25,
    ),
    Command("connections.left", "Earlier bar", "connections", ("h", "left"), "Select a bar of the chart"),
    Command("connections.right", "Later bar", "connections", ("l", "right"), "Select a bar of the chart"),
    Command("connections.focus", "Chart or table", "connections", ("tab",), "Move between chart and table"),
    Command(
        "chart.open", "Open the bar", "chart", ("enter",), "The events of its minutes", "events", 10, action="open"
    ),
    Command("chart.table", "Back to the table", "chart", ("j", "down"), "", action="leave"),
    Command("events.filter", "Filter", "events", ("slash",), "Any part of a row; !not", "filter", 20, eager=True),
    Command("events.renewals", "Show folded renewals", "events", ("n",), "Token renewals too", "renewals", 30),
    Command("query.run", "Run the query", "query", ("ctrl+r",), "Run what is in the editor", "run", 10),
    Command("query.switch", "Editor or result", "query", ("tab",), "Move between them", "editor/result", 20),
    Command("query.reset", "The original query", "query", ("ctrl+o",), "Undo all edits", "original", 30),
    Command("query.left", "Columns to the left", "query", ("h", "left"), "Of the result"),
    Command("query.right", "Columns to the right", "query", ("l", "right"), "Of the result"),
)
