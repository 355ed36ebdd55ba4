"""Commands of the Credentials pane and its three tabs."""

from __future__ import annotations

from console.ui.command_tables.entry import Command

TABLE: tuple[Command, ...] = (
    Command("credentials.next-tab", "Next tab", "credentials", ("tab",), "Certificates, tokens, payload", "tabs", 50),
    Command("credentials.previous-tab", "Previous tab", "credentials", ("shift+tab",), "The other way round"),
    Command("tokens.actions", "Actions …", "tokens", ("a",), "Mint, explain", "actions", 10),
    Command(
        "tokens.explain",
        "Explain a token …",
        "tokens",
        ("e",),
        "Paste it; say what is wrong with it",
        "explain",
        12,
        eager=True,
    ),
    Command("tokens.filter", "Filter", "tokens", ("slash",), "Resource, policy, who; !not", "filter", 20, eager=True),
    Command("tokens.valid", "Valid only, or all", "tokens", ("v",), "Leave out the expired ones", "valid", 30),
    Command(
        "tokens.mint-device", "Mint for a device …", "tokens", (), "Signed by the device's own key", words=("mint",)
    ),
    Command("tokens.mint-module", "Mint for a module …", "tokens", (), "Signed by the module's own key"),
    Command("tokens.mint-policy", "Mint for a policy …", "tokens", (), "The whole hub, with the policy's rights"),
    Command("tokens.mint-dps", "Mint for DPS …", "tokens", (), "A registration, or a policy of the service"),
    Command("payload.make-key", "Make a key …", "payload", (), "To a file of its own, or shown once"),
    Command("payload.encrypt", "Encrypt a file …", "payload", (), "Every line, or one field of JSON"),
    Command("payload.decrypt", "Decrypt a file …", "payload", (), "Captured telemetry, line by line"),
    Command("payload.rotate", "Rotate a file …", "payload", (), "Any key opens, the newest seals"),
    Command("payload.message", "Decrypt one message …", "payload", (), "Paste it, and give the key"),
    Command("payload.stop", "Stop the file", "payload", ("x",), "Nothing of it is left", "stop", 8),
    Command("message.show", "Show or hide the content", "message", ("ctrl+r",), "Hides itself after 20 s", "show", 10),
    Command("explain.hub", "Hold against the hub's keys …", "explain", ("ctrl+r",), "A privileged read", "check", 10),
    Command("secret.reveal", "Show or hide", "secret", ("v",), "Hides itself after 20 seconds", "show", 10),
    Command(
        "ask.next", "Next field", "ask", ("enter", "down"), "Down to the result", "next", 10, action="app.focus_next"
    ),
    Command("ask.previous", "Field before", "ask", ("up",), "Back up", action="app.focus_previous"),
    Command(
        "ask.clear", "Clear the field", "ask", ("ctrl+u",), "Forget what it holds", "clear", 20, action="clear_all"
    ),
    Command("payload.actions", "Actions …", "payload", ("a",), "Make a key, encrypt, decrypt, rotate", "actions", 10),
)
