"""Commands of the Devices pane, of one device, and what can be changed in devices."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = (
    Command(
        "devices.filter",
        "Filter",
        "devices",
        ("slash",),
        "Live; text, !not, auth:sas …",
        "filter",
        20,
        words=("filter",),
        eager=True,
        argument=True,
    ),
    Command("devices.sort", "Sort by …", "devices", ("s",), "Choose the column", "sort", 30, words=("sort",)),
    Command("devices.reverse", "Reverse the order", "devices", ("O",), "Turn the sort order round"),
    Command(
        "devices.problems",
        "Only problems",
        "devices",
        ("exclamation_mark",),
        "Devices that failed, are disabled or weak",
    ),
    Command("devices.wide", "Wide columns", "devices", ("w",), "All columns; h and l scroll them", words=("wide",)),
    Command("devices.left", "Columns to the left", "devices", ("h", "left"), "In the wide layout"),
    Command("devices.right", "Columns to the right", "devices", ("l", "right"), "In the wide layout"),
    Command("devices.mark", "Mark", "devices", ("space",), "Mark the device for a bulk command", "mark", 40),
    Command(
        "devices.mark-all",
        "Mark all shown",
        "devices",
        ("asterisk",),
        "All that match the filter, also off the screen",
        words=("mark-all",),
    ),
    Command("devices.clear-marks", "Clear marks", "devices", ("ctrl+backslash",), "Forget all marks"),
    Command("devices.actions", "Actions …", "devices", ("a",), "What can be done with a device"),
    Command("devices.credentials", "Credentials …", "devices", ("c",), "Certificates and tokens, also for the marked"),
    Command("device.twin", "Twin as JSON", "device", ("v",), "The whole twin", "twin", 20),
    Command("device.actions", "Actions …", "device", ("a",), "What can be done with the device", "actions", 10),
    Command("device.credentials", "Credentials …", "device", ("c",), "Certificates and tokens", "credentials", 12),
    Command("change.disable", "Disable the device …", "changes", help="With a reason", words=("disable",), writes=True),
    Command("change.enable", "Enable the device …", "changes", help="Let it in again", words=("enable",), writes=True),
    Command(
        "change.rotate-keys",
        "Rotate its keys …",
        "changes",
        help="Primary, secondary, swap",
        words=("rotate-keys",),
        writes=True,
    ),
    Command(
        "change.thumbprint",
        "Replace its thumbprint …",
        "changes",
        help="In stages, nobody is cut",
        words=("thumbprint",),
        writes=True,
    ),
    Command("change.create", "Create a device …", "changes", words=("create-device",), writes=True),
    Command(
        "change.delete",
        "Delete the device …",
        "changes",
        help="With its twin and modules",
        words=("delete-device",),
        writes=True,
    ),
)
