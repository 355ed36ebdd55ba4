"""What an entry of the registry is: a command, a pane."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the user can do.

    `id` is `noun.verb`; user keymaps refer to it. `scope` tells where it works: "global", "list" (any list), or a
    screen. `label` is the short word for the key line, `rank` its place there (0: not in the key line). `action` is a
    Textual action for commands that a widget carries out itself. `disabled` is the reason why it can never be used, in
    the user's words. `writes` commands lead to a change of the hub: they are disabled while the console is read-only.
    `words` are further names for the prompt; `argument` says that the prompt may hand it the rest of its line. `eager`
    commands open a line to type in: they are carried out before the next key is looked at, so that what is typed ahead
    lands in the line and not in other commands.
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
    writes: bool = False
    argument: bool = False

    @property
    def method(self) -> str:
        """The name of the handler on the screen or on the app."""
        return "command_" + self.id.replace(".", "_").replace("-", "_")


@dataclass(frozen=True, slots=True)
class PaneEntry:
    """A pane of the tab line: its mode, number key and title; `short` is the title where room is scarce."""

    id: str
    number: str
    title: str
    question: str
    short: str = ""
