"""The one registry of commands: key bindings, key line, palette, prompt, help and the key table come from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

READ_ONLY = "hubwarden only reads for now: changing a hub is not part of this version yet"
"""Why every command that writes is disabled."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the user can do.

    `id` is `noun.verb`; user keymaps refer to it. `scope` tells where it works: "global", "list" (any list), or a
    screen. `label` is the short word for the key line, `rank` its place there (0: not in the key line). `action` is a
    Textual action for commands that a widget carries out itself. `disabled` is the reason why it cannot be used, in the
    user's words. `words` are further names for the prompt. `eager` commands open a line to type in: they are carried
    out before the next key is looked at, so that what is typed ahead lands in the line and not in other commands.
    """

    id: str
    title: str
    scope: str
    keys: tuple[str, ...] = ()
    help: str = ""
    label: str = ""
    rank: int = 0
    action: str = ""
    disabled: str = ""
    words: tuple[str, ...] = ()
    eager: bool = False

    @property
    def method(self) -> str:
        """The name of the handler on the screen or on the app."""
        return "command_" + self.id.replace(".", "_").replace("-", "_")


@dataclass(frozen=True, slots=True)
class PaneEntry:
    """A pane of the tab line: its mode, number key and title."""

    id: str
    number: str
    title: str
    question: str


PANES: tuple[PaneEntry, ...] = (
    PaneEntry("overview", "1", "Overview", "What is wrong, right now?"),
    PaneEntry("devices", "2", "Devices", "Who are they, and how do they authenticate?"),
    PaneEntry("connections", "3", "Connections", "Who is failing, since when, why?"),
)

SCOPE_TITLES: dict[str, str] = {
    "global": "Everywhere",
    "pane": "In every pane",
    "list": "In a list",
    "overview": "Overview",
    "devices": "Devices",
    "filter": "While typing a filter",
    "device": "One device",
    "connections": "Connections",
    "chart": "The chart of failures",
    "events": "Events",
    "query": "The query",
    "page": "A page of text",
    "changes": "Changes to the hub",
}
"""Every scope with its heading in help and documentation, in that order."""

_PANE_COMMANDS = tuple(
    Command(f"pane.{pane.id}", f"Go to {pane.title}", "global", (pane.number,), pane.question, words=(pane.id,))
    for pane in PANES
)

COMMANDS: tuple[Command, ...] = (
    *_PANE_COMMANDS,
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
    Command("view.theme", "Theme", "global", (), "dark, light or ansi: :theme light", words=("theme",)),
    Command("view.crumbs", "Show or hide the path", "global", (), "The line of tabs and path", words=("crumbs",)),
    Command("app.quit", "Quit", "global", ("q",), "Leave; asks only if something would be lost", words=("q", "quit")),
    Command("app.write", "Allow changes", "global", (), "", disabled=READ_ONLY, words=("write",)),
    Command("pane.refresh", "Refresh", "pane", ("r",), "Read this pane again now", "refresh", 60, words=("refresh",)),
    Command("pane.describe", "Describe", "pane", ("d",), "All about the selected line", "describe", 15),
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
    Command("devices.clear-marks", "Clear marks", "devices", ("ctrl+backslash",), "Forget all marks"),
    Command("devices.actions", "Actions …", "devices", ("a",), "What can be done with a device"),
    Command("filter.keep", "Keep the filter", "filter", ("enter", "down", "tab"), "", "keep", 10, action="keep"),
    Command("filter.clear", "Clear the filter", "filter", ("escape",), "Then close", "clear", 20, action="give_up"),
    Command("device.twin", "Twin as JSON", "device", ("v",), "The whole twin", "twin", 20),
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
    Command("page.down", "Down", "page", ("j", "down"), "", action="line(1)"),
    Command("page.up", "Up", "page", ("k", "up"), "", action="line(-1)"),
    Command("page.page-down", "Page down", "page", ("pagedown", "space", "ctrl+f"), "", action="page(1)"),
    Command("page.page-up", "Page up", "page", ("pageup",), "", action="page(-1)"),
    Command("page.top", "Top", "page", ("g", "home"), "", action="edge(-1)"),
    Command("page.bottom", "Bottom", "page", ("G", "end"), "", action="edge(1)"),
    Command("change.disable", "Disable the device …", "changes", disabled=READ_ONLY),
    Command("change.enable", "Enable the device …", "changes", disabled=READ_ONLY),
    Command("change.rotate-keys", "Rotate its keys …", "changes", disabled=READ_ONLY),
    Command("change.thumbprint", "Replace its thumbprint …", "changes", disabled=READ_ONLY),
    Command("change.create", "Create a device …", "changes", disabled=READ_ONLY),
    Command("change.delete", "Delete the device …", "changes", disabled=READ_ONLY),
)

BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}

_KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "minus": "-",
    "plus": "+",
    "equals_sign": "=",
    "underscore": "_",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "exclamation_mark": "!",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "backslash": "\\",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}
_ARROWS = frozenset({"up", "down", "left", "right", "home", "end"})


def key_name(key: str) -> str:
    """Return a key as people write it: "?" for question_mark, "ctrl+\\" for ctrl+backslash."""
    head, plus, tail = key.rpartition("+")
    return f"{head}{plus}{_KEY_NAMES.get(tail, tail)}" if plus else _KEY_NAMES.get(key, key)


def keys_text(command: Command, *, arrows: bool = True) -> str:
    """Return the keys of a command, "j, down"."""
    return ", ".join(key_name(key) for key in command.keys if arrows or key not in _ARROWS)


def scoped(*scopes: str) -> tuple[Command, ...]:
    """Return the commands of some scopes, in the order of the registry."""
    return tuple(command for command in COMMANDS if command.scope in scopes)


def bindings(*scopes: str) -> list[BindingType]:
    """Return the Textual bindings of some scopes; the ids let a user's keymap replace the keys."""
    made: list[BindingType] = []
    for command in scoped(*scopes):
        action = command.action or f"app.command('{command.id}')"
        if command.keys:
            keys = ",".join(command.keys)
            made.append(Binding(keys, action, command.title, show=False, priority=command.eager, id=command.id))
    return made


def find(text: str) -> Command | None:
    """Return the command that the prompt's first word names: an id, a further name, or the only one it begins."""
    word = text.casefold()
    for command in COMMANDS:
        if word == command.id or word in command.words:
            return command
    begun = {
        command.id: command for command in COMMANDS for name in (command.id, *command.words) if name.startswith(word)
    }
    panes = [command for command in begun.values() if command.id.startswith("pane.") and command in _PANE_COMMANDS]
    if word and len(panes) == 1:
        return panes[0]
    return next(iter(begun.values())) if word and len(begun) == 1 else None


def completions(text: str, scopes: tuple[str, ...]) -> list[Command]:
    """Return the commands that could complete the prompt's first word, those of the pane last."""
    word = text.casefold().partition(" ")[0]
    usable = [command for command in COMMANDS if command.scope in ("global", *scopes) and not command.action]
    return [command for command in usable if any(name.startswith(word) for name in (*command.words, command.id))]


def key_table() -> str:
    """Return the key table as Markdown, for the README."""
    parts = []
    for scope, title in SCOPE_TITLES.items():
        rows = [command for command in scoped(scope) if command.keys]
        if not rows:
            continue
        parts.append(f"**{title}**\n\n| key | does | |\n|---|---|---|")
        for command in rows:
            keys = " ".join(f"`{key_name(key)}`".replace("|", "\\|") for key in command.keys)
            parts[-1] += f"\n| {keys} | {command.title} | {command.help} |"
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(key_table())
