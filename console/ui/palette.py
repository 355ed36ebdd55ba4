"""The command palette, filled from the registry: what works here first, what is disabled with its reason."""

from __future__ import annotations

from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from console.ui.app import HubwardenApp
from console.ui.commands import Command, keys_text, scoped
from console.ui.panes.base import ConsoleScreen

_LEFT_OUT = frozenset({"view.palette", "view.prompt", "view.back"})


class CommandsProvider(Provider):
    """Offers every command of the screen and the global ones."""

    @property
    def _commands(self) -> list[Command]:
        screen = self.screen
        scopes = screen.SCOPES if isinstance(screen, ConsoleScreen) else ()
        return [
            command
            for command in scoped(*scopes, "global", "changes")
            if not command.action and command.id not in _LEFT_OUT
        ]

    async def _run(self, command: Command) -> None:
        await cast("HubwardenApp", self.app).run_command(command)

    def _help(self, command: Command) -> str:
        if reason := cast("HubwardenApp", self.app).why_not(command):
            return f"disabled · {reason}"
        return " · ".join(part for part in (keys_text(command), command.help) if part)

    async def discover(self) -> Hits:
        """Offer everything while nothing is typed."""
        for command in self._commands:
            yield DiscoveryHit(Content(command.title), partial(self._run, command), help=self._help(command))

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for command in self._commands:
            if (score := matcher.match(command.title)) > 0:
                title = matcher.highlight(command.title)
                yield Hit(score, title, partial(self._run, command), text=command.title, help=self._help(command))
