"""`hubwarden demo` told to end before its hub is up leaves neither files nor processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from support.terminal import Terminal


def _children(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in text:
            found.append(text)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_hub_starts_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "console", "demo", "--devices", "200"]
    with Terminal(command, 80, 24, {"TMPDIR": str(tmp_path)}) as terminal:
        terminal.wait("Starting the local hub")
        end = time.monotonic() + 20
        while not _children(tmp_path) and time.monotonic() < end:
            os.sched_yield()
        assert _children(tmp_path)
        terminal.process.send_signal(number)
        assert terminal.wait_exit() != 0
        assert _children(tmp_path) == []
        assert list(tmp_path.glob("hubwarden-demo-*")) == []
