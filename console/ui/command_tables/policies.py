"""Commands of the Policies pane."""

from __future__ import annotations

from console.ui.command_tables.entry import Command


def _change(name: str, title: str, text: str) -> Command:
    return Command(f"policies.{name}", title, "policies", help=text, writes=True)


TABLE: tuple[Command, ...] = (
    Command(
        "policies.read-keys",
        "Read rights and keys",
        "policies",
        ("K",),
        "listKeys: a privileged read, noted in the journal",
        "read keys",
        12,
    ),
    Command("policies.actions", "Actions …", "policies", ("a",), "All that can be changed here", "actions", 14),
    _change("create", "Create a policy …", "Both keys are made here"),
    _change("rights", "Change its rights …", "Both keys stay"),
    _change("rotate", "Rotate the next key …", "The secondary first, then the primary"),
    _change("rotate-other", "Rotate the other key …", "Out of order, as after a leak"),
    _change("swap", "Swap its keys …", "Both stay valid"),
    _change("delete", "Delete the policy …", "Its clients are cut off"),
    _change("auth-hub", "Shared access policies on or off …", "Local authentication of the hub"),
    _change("auth-devices", "Device keys on or off …", "Symmetric keys of devices"),
    _change("auth-modules", "Module keys on or off …", "Symmetric keys of modules"),
)
