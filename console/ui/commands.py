"""The one registry of commands: key bindings, key line, palette, prompt, help and the key table come from it."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from console.ui.command_tables import (
    access,
    certificates,
    connections,
    credentials,
    devices,
    everywhere,
    journal,
    network,
    policies,
    provisioning,
)
from console.ui.command_tables.entry import Command, PaneEntry

__all__ = [
    "BY_ID",
    "COMMANDS",
    "PANES",
    "SCOPE_TITLES",
    "Command",
    "PaneEntry",
    "bindings",
    "completions",
    "find",
    "key_name",
    "key_table",
    "keys_text",
    "scoped",
]

PANES: tuple[PaneEntry, ...] = (
    PaneEntry("overview", "1", "Overview", "What is wrong, right now?"),
    PaneEntry("devices", "2", "Devices", "Who are they, and how do they authenticate?"),
    PaneEntry("connections", "3", "Connections", "Who is failing, since when, why?"),
    PaneEntry("network", "4", "Network", "Who can reach the hub?"),
    PaneEntry("policies", "5", "Policies", "Who holds a key to the hub?"),
    PaneEntry("credentials", "6", "Credentials", "What lets devices in, and is it right?", "Creds"),
    PaneEntry("access", "7", "Access", "Who may do what through Entra?"),
    PaneEntry("provisioning", "8", "Provisioning", "Who gets in by DPS, and do both sides agree?", "DPS"),
    PaneEntry("journal", "0", "Journal", "Who changed what?"),
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
    "network": "Network",
    "policies": "Policies",
    "credentials": "Credentials",
    "certificates": "Certificates",
    "certificate": "One certificate",
    "issued": "A certificate that was made",
    "bulk": "Issuing for many devices",
    "proof": "Proving possession of a CA's key",
    "tokens": "Tokens",
    "payload": "Payload encryption",
    "message": "One encrypted message",
    "explain": "Explaining a token",
    "secret": "Something secret",
    "ask": "In a field of a page",
    "access": "Access",
    "provisioning": "Provisioning",
    "registrations": "Registrations of a group",
    "service": "One provisioning service",
    "registering": "A registration that is run",
    "journal": "Journal",
    "entry": "One entry of the journal",
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
    *everywhere.TABLE,
    *devices.TABLE,
    *connections.TABLE,
    *network.TABLE,
    *policies.TABLE,
    *credentials.TABLE,
    *certificates.TABLE,
    *access.TABLE,
    *provisioning.TABLE,
    *journal.TABLE,
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
