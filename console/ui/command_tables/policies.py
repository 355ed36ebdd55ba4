"""Commands of the Policies pane."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = ()
