"""Command lines that are stopped in the middle, and what must hold afterwards of journal and hub."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from support.hub import HubProcess, HubRunner
from support.waiting import until

from console.model.errors import ConsoleError
from console.model.journal import EntryState, JournalEntry
from console.services.journal import Journal


def command(hub: HubRunner | HubProcess, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "console", "--profile", hub.ready["profile"], "--write", *arguments, "--yes"]


def started(command: Sequence[str], state: Path, *, file_size: int | None = None) -> subprocess.Popen[str]:
    """Start a command line; `file_size` is how many bytes a file of it may get, as on a disk that is full there."""

    def limit() -> None:
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    return subprocess.Popen(
        list(command),
        env={**os.environ, "HUBWARDEN_STATE_DIR": str(state), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; return exit code and standard error."""
    try:
        errors = process.communicate(timeout=180)[1]
    finally:
        process.kill()
    assert "Traceback" not in errors and "broke" not in errors, errors
    return process.returncode, errors


def killed_after(process: subprocess.Popen[str], state: Path, rows: int, chance: random.Random) -> None:
    """Kill a process some moment after its journal has so many rows, unless it ends before."""
    wait_for_rows(process, state, rows)
    threading.Event().wait(chance.random() * chance.choice([0.0, 0.02, 0.2]))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def wait_for_rows(process: subprocess.Popen[str], state: Path, rows: int) -> None:
    """Wait until a process's journal has so many rows, or the process ended."""
    journal = Journal(state)
    until(lambda: process.poll() is not None or len(rows_of(journal)) >= rows, "so many rows", 120)


def rows_of(journal: Journal) -> list[object]:
    """Return the rows there are; none while the file is only just being made."""
    try:
        return list(journal.rows())
    except ConsoleError:
        return []


def check_whole(state: Path) -> list[JournalEntry]:
    """See that the journal is whole and can be read; return its entries, oldest first."""
    journal = Journal(state)
    check = journal.verify()
    assert check.whole, check.message
    entries = list(reversed(journal.entries()))
    assert all(entry.state is not EntryState.UNREADABLE for entry in entries)
    return entries


def check_nothing_left(state: Path) -> None:
    """See that nothing temporary lies in the folder."""
    left = [path.name for path in state.rglob("*") if path.name.startswith(".") or path.suffix in {".tmp", ".new"}]
    assert left == []
