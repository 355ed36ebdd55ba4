"""From exec to the first frame in a pseudo-terminal, and what is imported by then."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

_MINIMAL = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Minimal(App):
    def compose(self) -> ComposeResult:
        yield Static("contoso-plants")
Minimal().run()
"""
_PROFILE = '[profiles.bench]\nhub_name = "contoso-plants"\n[profiles.bench.endpoints]\n' + "".join(
    f'{name} = "https://localhost:9"\n' for name in ("arm", "logs", "authority", "hub")
)
HEAVY = ("azure", "msrest", "duckdb", "numpy", "uamqp", "cryptography")


def first_frame(command: list[str], word: bytes = b"contoso-plants", columns: int = 80, rows: int = 24) -> float:
    """Return milliseconds from exec until `word` was written to the terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    seen = b""
    try:
        while word not in seen:
            if not select.select([master], [], [], 30)[0]:
                raise SystemExit(f"no first frame from {command}")
            seen += os.read(master, 65536)
        return (time.perf_counter() - begin) * 1000
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


def _profile() -> str:
    path = Path(tempfile.gettempdir()) / f"hubwarden-bench-{os.getpid()}.toml"
    path.write_text(_PROFILE, encoding="utf-8")
    return str(path)


def console() -> float:
    """Return our time to the first frame, with nothing that answers behind it."""
    return first_frame([sys.executable, "-m", "console", "--profile", _profile()])


def minimal() -> float:
    """Return the time of a Textual app with one widget."""
    return first_frame([sys.executable, "-c", _MINIMAL])


def heavy_modules() -> list[str]:
    """Return which heavy packages the console imports before it starts to run its app."""
    code = (
        "import sys; from console.cli.compose import services_for; from console.config import pick_profile\n"
        f"from console.ui.app import HubwardenApp; HubwardenApp(services_for(pick_profile({_profile()!r})))\n"
        f"print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
