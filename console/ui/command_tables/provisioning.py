"""Commands of the Provisioning pane, of a group's registrations, of a service and of a registration that is run."""

from __future__ import annotations

from console.ui.command_tables.entry import Command


def _change(scope: str, name: str, title: str, text: str = "") -> Command:
    return Command(f"{scope}.{name}", title, scope, help=text, writes=True)


TABLE: tuple[Command, ...] = (
    Command(
        "provisioning.section", "Next section", "provisioning", ("tab",), "Groups, enrollments, check", "section", 30
    ),
    Command("provisioning.section-back", "Section before", "provisioning", ("shift+tab",), "The other way round"),
    Command(
        "provisioning.actions", "Actions …", "provisioning", ("a",), "Enroll, block, keys, register", "actions", 12
    ),
    Command(
        "provisioning.check",
        "Compare with the hub",
        "provisioning",
        ("c",),
        "Disabled here and enabled there, and the like",
        "compare",
        14,
        words=("cross-check",),
    ),
    Command(
        "provisioning.filter",
        "Filter",
        "provisioning",
        ("slash",),
        "Text, !not, status:disabled",
        "filter",
        20,
        eager=True,
    ),
    Command("provisioning.sort", "Sort by …", "provisioning", ("s",), "Choose the column"),
    Command("provisioning.reverse", "Reverse the order", "provisioning", ("O",), "Turn the sort order round"),
    Command("provisioning.service", "The service", "provisioning", ("i",), "Hubs, IP filters, policies", "service", 40),
    Command("provisioning.choose", "Another service …", "provisioning", ("b",), "Of those in the subscription"),
    _change("provisioning", "enroll-key", "Enroll by symmetric key …", "One device, or a group"),
    _change("provisioning", "enroll-x509", "Enroll by X.509 …", "One device, or all of a CA"),
    _change("provisioning", "enroll-tpm", "Enroll a TPM …", "Pasted, a file, this machine's"),
    _change("provisioning", "enable", "Enable …", "Let devices register by it"),
    _change("provisioning", "disable", "Disable …", "Those in the hub stay connected"),
    _change("provisioning", "block", "Block one device of the group …", "By a disabled enrollment"),
    _change("provisioning", "delete", "Delete …", "A broader group may remain"),
    Command("provisioning.derive-key", "Derive a device's key …", "provisioning", help="A privileged read, journalled"),
    Command("provisioning.reveal-keys", "Show its keys …", "provisioning", help="A privileged read, journalled"),
    Command(
        "provisioning.register",
        "Run a registration …",
        "provisioning",
        ("R",),
        "Proves that an enrollment works",
        writes=True,
        words=("register",),
    ),
    Command("provisioning.device", "Go to the device", "provisioning", help="In the Devices pane"),
    Command(
        "registrations.actions", "Actions …", "registrations", ("a",), "Block, forget, key, register", "actions", 12
    ),
    Command(
        "registrations.filter",
        "Filter",
        "registrations",
        ("slash",),
        "Text, !not, status:failed",
        "filter",
        20,
        eager=True,
    ),
    Command("registrations.sort", "Sort by …", "registrations", ("s",), "Choose the column", "sort", 30),
    Command("registrations.reverse", "Reverse the order", "registrations", ("O",), "Turn the sort order round"),
    _change("registrations", "block", "Block this device …", "By a disabled enrollment"),
    _change("registrations", "forget", "Forget the registration …", "The hub keeps the device"),
    Command("registrations.derive-key", "Derive its key …", "registrations", help="A privileged read, journalled"),
    Command("registrations.register", "Run its registration …", "registrations", ("R",), "As the device", writes=True),
    Command("registrations.device", "Go to the device", "registrations", help="In the Devices pane"),
    Command(
        "service.policies",
        "Read the policies",
        "service",
        ("K",),
        "listKeys: a privileged read, noted in the journal",
        "read policies",
        12,
    ),
    Command(
        "registering.again", "Run it again", "registering", ("R",), "With the same answers", "again", 12, writes=True
    ),
    Command("registering.stop", "Stop it", "registering", ("x",), "The service may have begun already", "stop", 14),
)
