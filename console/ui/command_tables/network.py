"""Commands of the Network pane."""

from __future__ import annotations

from console.ui.command_tables.entry import Command


def _change(name: str, title: str, text: str = "", keys: tuple[str, ...] = ()) -> Command:
    return Command(f"network.{name}", title, "network", keys, text, writes=True)


TABLE: tuple[Command, ...] = (
    Command("network.section", "Next section", "network", ("tab",), "Rules, classic, endpoints, DPS", "section", 30),
    Command("network.section-back", "Section before", "network", ("shift+tab",), "The other way round"),
    Command("network.actions", "Actions …", "network", ("a",), "All that can be changed here", "actions", 12),
    Command(
        "network.simulate",
        "Simulate …",
        "network",
        ("s",),
        "Does an address get in? What would a rule do?",
        "simulate",
        20,
        words=("simulate",),
        eager=True,
    ),
    _change("add-rule", "Add an IP rule …", "Let a range in"),
    Command(
        "network.suggest",
        "Let refused devices in …",
        "network",
        ("b",),
        "The rule that was removed, or the smallest range",
        writes=True,
    ),
    _change("edit", "Edit …", "The selected rule, filter or connection", ("e",)),
    _change("narrow", "Narrow the rule …", "To the range that is used", ("n",)),
    _change("remove", "Remove …", "The selected rule, filter or connection"),
    _change("default-action", "Default action …", "What happens to everybody else"),
    _change("public-access", "Public access …", "The public endpoint as a whole"),
    _change("built-in-endpoint", "Built-in endpoint …", "Whether the rules apply to it"),
    _change("min-tls", "Minimum TLS version …"),
    _change("outbound", "Outbound restriction …", "Where the hub may connect to"),
    _change("migrate", "Migrate the classic rules …", "To a rule set that admits the same"),
    _change("approve", "Approve the connection …"),
    _change("reject", "Reject the connection …"),
    _change("create-endpoint", "Create a private endpoint …"),
    _change("delete-endpoint", "Delete the private endpoint …"),
    _change("add-filter", "Add a DPS filter …", "At a place: the first match decides"),
    _change("move-filter", "Move the DPS filter …"),
)
