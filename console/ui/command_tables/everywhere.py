"""Commands that work everywhere, in every pane, in lists, pages and filters."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = (
    Command(
        "view.help", "Help", "global", ("question_mark",), "Every key, searchable", "help", 90, words=("help", "keys")
    ),
    Command(
        "view.prompt",
        "Command prompt",
        "global",
        ("colon",),
        "Type a command: :devices /edge",
        "command",
        80,
        eager=True,
    ),
    Command("view.palette", "Command palette", "global", ("ctrl+p",), "Find a command by name"),
    Command("view.back", "Back", "global", ("escape",), "Clear the filter, close, or go back; never quits", "back", 70),
    Command("view.last", "Last pane", "global", ("minus",), "Back to the pane before this one"),
    Command("view.previous", "Back in history", "global", ("left_square_bracket",), "The pane visited before"),
    Command("view.next", "Forward in history", "global", ("right_square_bracket",), "The pane visited after"),
    Command("view.theme", "Theme", "global", (), "dark, light or ansi: :theme light", words=("theme",), argument=True),
    Command("view.crumbs", "Show or hide the path", "global", (), "The line of tabs and path", words=("crumbs",)),
    Command(
        "app.hubs",
        "Another hub …",
        "global",
        ("H",),
        "All hubs of this credential: exposure, failures; enter goes there",
        words=("hubs", "hub"),
        argument=True,
    ),
    Command("app.quit", "Quit", "global", ("q",), "Leave; asks only if something would be lost", words=("q", "quit")),
    Command(
        "app.write",
        "Allow changes …",
        "global",
        (),
        "Arm this hub in this console; :write off forbids them again",
        words=("write", "arm"),
        argument=True,
    ),
    Command("app.readonly", "Forbid changes", "global", (), "Back to read-only", words=("readonly", "disarm")),
    Command(
        "change.undo",
        "Undo the last change …",
        "global",
        ("u",),
        "Shows what it would take back, and asks",
        "undo",
        18,
        words=("undo",),
        writes=True,
    ),
    Command("change.stop", "Stop the bulk change", "global", (), "After the write under way", words=("stop",)),
    Command("pane.refresh", "Refresh", "pane", ("r",), "Read this pane again now", "refresh", 60, words=("refresh",)),
    Command("pane.describe", "Describe", "pane", ("d",), "All about the selected line", "describe", 15),
    Command(
        "pane.give-role", "Give the missing role …", "pane", ("A",), "After a refusal: to the Access pane", "role", 13
    ),
    Command("pane.copy", "Copy …", "pane", ("y",), "Copy id, row, JSON or command line", words=("copy",)),
    Command("pane.pause", "Pause or resume", "pane", ("p",), "Stop the automatic refresh, or go on", words=("pause",)),
    Command("pane.faster", "Refresh more often", "pane", ("plus", "equals_sign"), "Halve the refresh interval"),
    Command("pane.slower", "Refresh less often", "pane", ("underscore",), "Double the refresh interval"),
    Command("list.down", "Down", "list", ("j", "down"), "", action="cursor(1)"),
    Command("list.up", "Up", "list", ("k", "up"), "", action="cursor(-1)"),
    Command("list.page-down", "Page down", "list", ("pagedown", "ctrl+f"), "", action="page(1)"),
    Command("list.page-up", "Page up", "list", ("pageup",), "", action="page(-1)"),
    Command("list.top", "First line", "list", ("g", "home"), "", action="edge(-1)"),
    Command("list.bottom", "Last line", "list", ("G", "end"), "", action="edge(1)"),
    Command("list.open", "Open", "list", ("enter",), "Drill into the selected line", "open", 10, action="open"),
    Command("filter.keep", "Keep the filter", "filter", ("enter", "down", "tab"), "", "keep", 10, action="keep"),
    Command("filter.clear", "Clear the filter", "filter", ("escape",), "Then close", "clear", 20, action="give_up"),
    Command("page.down", "Down", "page", ("j", "down"), "", action="line(1)"),
    Command("page.up", "Up", "page", ("k", "up"), "", action="line(-1)"),
    Command("page.page-down", "Page down", "page", ("pagedown", "space", "ctrl+f"), "", action="page(1)"),
    Command("page.page-up", "Page up", "page", ("pageup",), "", action="page(-1)"),
    Command("page.top", "Top", "page", ("g", "home"), "", action="edge(-1)"),
    Command("page.bottom", "Bottom", "page", ("G", "end"), "", action="edge(1)"),
)
