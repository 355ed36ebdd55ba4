"""A hub with a million devices in a real terminal: every key is answered, no key is lost, memory stays small."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hub import HubRunner
from support.terminal import Terminal

from console.cli.compose import services_for
from console.config import pick_profile
from console.gateways.fleet_pages import rows_of
from console.localhub.device_table import DeviceTable
from console.model.fleet_snapshot import FleetPage
from console.services.fleet_file import FleetFile
from console.services.fleet_refresh import FleetRefresh
from console.services.ports import NEVER_CANCELLED, Cancel

MILLION = 1_000_000
MEMORY_MB = 200


class Pager:
    """Pages of a quiet fleet as the hub writes them, without the way over the network."""

    def __init__(self, table: DeviceTable) -> None:
        self._quiet = table.quiet

    def fleet_page(self, continuation: str, size: int, cancel: Cancel) -> FleetPage:
        del cancel
        start = int(continuation or 0)
        end = min(start + size, self._quiet.count)
        rows = rows_of(b"[" + b",".join(self._quiet.twins(range(start, end))) + b"]")
        return FleetPage(rows, str(end) if end < self._quiet.count else "")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", quiet_devices=MILLION) as runner:
        yield runner


@pytest.fixture
def ids(hub: HubRunner) -> list[str]:
    table = hub.hub.devices
    assert isinstance(table, DeviceTable)
    return sorted(table.quiet.device_id(number) for number in range(MILLION))


def console(hub: HubRunner, state: Path, columns: int = 120, rows: int = 36) -> Terminal:
    command = [sys.executable, "-m", "console", "--profile", hub.ready["profile"]]
    return Terminal(command, columns, rows, {"HUBWARDEN_STATE_DIR": str(state)})


def memory_mb(terminal: Terminal) -> float:
    status = Path(f"/proc/{terminal.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def under_cursor(text: str) -> str:
    return next((line[2:].split()[0] for line in text.splitlines() if line.startswith("▸")), "")


@pytest.mark.slow
def test_a_million_devices_are_opened_filtered_sorted_paged_marked_and_shown(
    hub: HubRunner, ids: list[str], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    store = services_for(pick_profile(hub.ready["profile"]), state_dir=state).fleet.store
    FleetRefresh(store._file, Pager(hub.hub.devices), None).run(MILLION, lambda _: None, NEVER_CANCELLED)  # type: ignore[arg-type]
    with console(hub, state) as terminal:
        terminal.wait("contoso-plants")
        terminal.send("2")
        terminal.wait(lambda text: "DEVICES  1,000,000" in text and ids[0] in text)
        terminal.send("\x1b[B" * 40)
        terminal.wait(lambda text: under_cursor(text) == ids[40])
        terminal.send("\x1b[6~" * 50)
        rows = terminal.text().count("○") + terminal.text().count("●")
        terminal.wait(lambda text: (bisect_left(ids, under_cursor(text)) - 40) == 50 * rows)
        terminal.send("end")
        terminal.wait(lambda text: under_cursor(text) == ids[-1])

        wanted = [one for one in ids if "graz-p" in one and "7" in one]
        terminal.send("/", "graz-p 7")  # in one packet, as fast fingers and pasted text come
        terminal.wait(lambda text: f"showing {len(wanted):,}" in text and "/graz-p 7" in text)
        assert len(wanted) > 10_000
        terminal.send("enter", "*")
        terminal.wait(f"{len(wanted):,} marked")
        terminal.send("home")
        terminal.wait(lambda text: under_cursor(text).lstrip("•") == wanted[0])

        terminal.send("esc")
        terminal.wait(lambda text: "showing" not in text)
        terminal.send("s")
        terminal.wait("SORT BY")
        terminal.send("down", "enter")
        terminal.wait(lambda text: "STATUS ▲" in text and "SORT BY" not in text)
        terminal.send("O", "home")
        first = terminal.wait(lambda text: "STATUS ▼" in text and " disabled " in row_under_cursor(text))

        device_id = under_cursor(first).lstrip("•")
        terminal.send("enter")
        terminal.wait(lambda text: "statusReason" in text or "generation" in text.casefold(), 60)
        assert hub.hub.devices[device_id].status == "disabled"
        assert memory_mb(terminal) < MEMORY_MB
        terminal.send("q")
        assert terminal.wait_exit() == 0


def row_under_cursor(text: str) -> str:
    return next((line for line in text.splitlines() if line.startswith("▸")), "")


@pytest.mark.slow
def test_a_console_that_is_killed_while_it_reads_leaves_a_list_to_go_on_from(tmp_path: Path) -> None:
    count, chooser = 60_000, random.Random(11)
    state = tmp_path / "state"
    with HubRunner(scenario="empty", quiet_devices=count, throttle=False) as hub:
        kept = 0
        for share in (0.02, 0.3, 0.6, 0.9):
            with console(hub, state, 80, 24) as terminal:
                terminal.wait("contoso-plants")
                terminal.send("2")
                terminal.wait(lambda text, share=share: read_so_far(state) > count * share)  # type: ignore[misc]
                time.sleep(chooser.random() * 0.02)  # in the middle of whatever it does
                os.killpg(terminal.process.pid, signal.SIGKILL)
                terminal.process.wait()
            path = next((state / "fleet").glob("*.db"))
            with sqlite3.connect(path) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert read_so_far(state) >= kept, "what was read stays"
            kept = read_so_far(state)
        with console(hub, state, 80, 24) as terminal:
            terminal.wait("contoso-plants")
            terminal.send("2")
            terminal.wait(lambda text: "DEVICES  60,000 " in text and " of 60,000 read" not in text, 60)
    assert not list((state / "fleet").glob("*.corrupt-*"))


def read_so_far(state: Path) -> int:
    path = next((state / "fleet").glob("*.db"), None) if (state / "fleet").exists() else None
    if path is None:
        return 0
    snapshot = FleetFile(path, lambda: pytest.fail("nothing is written here")).current()
    return snapshot.count if snapshot is not None else 0
