"""Copying over SSH: through tmux where it runs, else by OSC 52; there is never an acknowledgement."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

MAX_BYTES = 74_000
"""Terminals drop longer OSC 52 sequences."""

_TMUX_SECONDS = 2


def send(app: App[Any], text: str, what: str, *, secret: bool = False) -> str:
    """Send `text` to the terminal's clipboard and return the sentence for the user.

    tmux keeps its buffers readable for every client of its server, so a secret only goes by OSC 52.
    """
    if len(text.encode()) > MAX_BYTES:
        return f"{what} is too long for the terminal's clipboard"
    if os.environ.get("TMUX") and not secret and _to_tmux(text):
        return f"{what} sent to tmux and the terminal clipboard"
    app.copy_to_clipboard(text)
    if secret:
        app._clipboard = ""  # Textual keeps a copy; the terminal has it, nobody else should
    return f"{what} sent to terminal clipboard"


def _to_tmux(text: str) -> bool:
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],  # noqa: S607 - whatever tmux the user runs
            input=text.encode(),
            capture_output=True,
            timeout=_TMUX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
