"""P1, P2, P3: from exec to the first frame, with few and with a million kept devices; what is imported by then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

from benchmarks import fleets, peers
from benchmarks.rows import Found, Missing, Row, in_turns
from benchmarks.terminal import Screen

HEAVY = ("azure", "msrest", "duckdb", "numpy", "uamqp", "cryptography")
HUB = b"contoso-plants"


def first(command: list[str], word: bytes, env: dict[str, str] | None = None) -> float:
    """Return milliseconds from exec until a word was written."""
    with Screen(command, env) as screen:
        screen.until(word)
        return (time.perf_counter() - screen.begun) * 1000


def until_devices(count: int) -> float:
    """Return milliseconds from exec until the Devices pane, asked for at once, shows a device."""
    command, env = fleets.console(count)
    with Screen(command, env) as screen:
        screen.until(HUB)
        os.write(screen._master, b"2")
        screen.until(b"-conveyor-")
        return (time.perf_counter() - screen.begun) * 1000


def measure() -> Found:
    """Return the rows."""
    command, env = fleets.console(0)
    plain = [sys.executable, "-c", peers.MINIMAL]
    ours, theirs = in_turns(lambda: first(command, HUB, env), lambda: first(plain, HUB), 11)
    found: Found = [
        Row("P1", "exec to first frame, 80x24", "ms", ours, "one-widget Textual app", theirs, most=1.6),
    ]
    harlequin = fleets.folder() / "harlequin.db"
    if peers.has("harlequin"):
        line = [peers.python(), "-m", "harlequin", str(harlequin)]
        ours, theirs = in_turns(lambda: first(command, HUB, env), lambda: first(line, b"Catalog"), 5)
        found.append(Row("P1", "the same", "ms", ours, "harlequin", theirs, most=0.4))
    else:
        found.append(Missing("P1", "exec to first frame", "harlequin is not installed"))
    big, small = fleets.console(fleets.MILLION), fleets.console(1000)
    ours, theirs = in_turns(lambda: first(big[0], HUB, big[1]), lambda: first(small[0], HUB, small[1]), 9)
    found.append(Row("P2", "exec to Overview, 1,000,000 devices kept", "ms", ours, "1,000 kept", theirs, most=1.1))
    ours, theirs = in_turns(lambda: until_devices(fleets.MILLION), lambda: until_devices(1000), 7)
    found.append(Row("P2", "exec to devices on the screen", "ms", ours, "1,000 kept", theirs, most=1.1))
    heavy = heavy_modules()
    found.append(
        Row("P3", "heavy modules before the first frame", "modules", [float(len(heavy))], most_ours=0.0,
            note=", ".join(heavy) or "none")
    )  # fmt: skip
    return found


def heavy_modules() -> list[str]:
    """Return which heavy packages the console imports before it starts to run its app."""
    file = fleets.profile_file()
    code = (
        "import sys; from console.cli.compose import services_for; from console.config import pick_profile\n"
        f"from console.ui.app import HubwardenApp; HubwardenApp(services_for(pick_profile({file!r})))\n"
        f"print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def available(program: str) -> bool:
    """Return whether a program is on the path."""
    return shutil.which(program) is not None
