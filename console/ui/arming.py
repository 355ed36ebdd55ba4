"""Whether a command may be used now: those that write wait until the hub is armed. The service refuses anyway."""

from __future__ import annotations

from typing import Protocol

from console.ui.command_tables.entry import Command

READ_ONLY = "read-only: :write allows changes of this hub"


class Armable(Protocol):
    """What is looked at of a session."""

    @property
    def armed(self) -> bool:
        """Whether the hub may be changed."""

    @property
    def pinned(self) -> bool:
        """Whether the profile forbids changes."""

    @property
    def profile_name(self) -> str:
        """The profile's name."""


def why_not(command: Command, session: Armable) -> str:
    """Return why a command cannot be used now, in the user's words; empty when it can."""
    if command.disabled:
        return command.disabled
    return read_only(session) if command.writes else ""


def read_only(session: Armable) -> str:
    """Return why the hub cannot be changed now and what to do about it; empty when it can."""
    if session.pinned:
        return f"the profile {session.profile_name} says readonly = true; take that line out to allow changes"
    return "" if session.armed else READ_ONLY
