"""Commands of the Credentials pane and its three tabs."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = (
    Command("credentials.next-tab", "Next tab", "credentials", ("tab",), "Certificates, tokens, payload", "tabs", 50),
    Command("credentials.previous-tab", "Previous tab", "credentials", ("shift+tab",), "The other way round"),
    Command("certificates.actions", "Actions …", "certificates", ("a",), "Make, read, check, upload", "actions", 10),
    Command("tokens.actions", "Actions …", "tokens", ("a",), "Mint, explain", "actions", 10),
    Command("payload.actions", "Actions …", "payload", ("a",), "Make a key, encrypt, decrypt, rotate", "actions", 10),
)
