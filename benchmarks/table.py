"""P4, P8, P9, P19: the list of devices in a terminal, against Textual's own table and a fast one."""

from __future__ import annotations

import os
import statistics
import time

from benchmarks import fleets, peers
from benchmarks.rows import Found, Missing, Row
from benchmarks.terminal import Screen, keys_cost

DOWN, PAGE, END = b"\x1b[B", b"\x1b[6~", b"\x1b[F"
KEYS = 60
ON_SCREEN = 15
"""So many cursor-downs stay on the screen: what follows is scrolling."""
ROUNDS = 3
PEER_SIZES = (20_000, 60_000)


def devices(count: int) -> Screen:
    """Return the console on its Devices pane, settled."""
    command, env = fleets.console(count)
    screen = Screen(command, env)
    screen.until(b"contoso-plants")
    screen.settle(0.5)
    os.write(screen._master, b"2")
    screen.until(b"-conveyor-")
    screen.settle(0.9, 2.0)  # what is read in the background has ended by then
    return screen


def data_table(count: int, code: str = peers.TABLE) -> Screen:
    """Return a Textual app with a table of as many rows, settled."""
    screen = Screen(peers.program(code, str(count)))
    screen.until(b"genoa-press-0000010", 300)
    screen.settle(0.5)
    return screen


def costs(screen: Screen, key: bytes, count: int = KEYS) -> tuple[float, float]:
    """Return CPU (ms) and bytes of a key."""
    cpu, sizes = keys_cost(screen, key, count)
    return cpu, statistics.median(sizes)


def measure() -> Found:
    """Return the rows."""
    found: Found = []
    if not peers.python():
        return [Missing("P4", "the table", "the peers could not be installed")]
    page: dict[str, list[float]] = {"million": [], "ten": [], "peer": [], "fast": []}
    fast = peers.has("textual_fastdatatable")
    with devices(fleets.MILLION) as million, devices(10_000) as ten, data_table(10_000) as peer:
        for _ in range(ROUNDS):
            for name, screen in (("million", million), ("ten", ten), ("peer", peer)):
                page[name].append(costs(screen, PAGE)[0])
    found += [
        Row("P4", "page down at 1,000,000, CPU", "ms", page["million"], "DataTable, 10,000", page["peer"], most=0.3),
        Row("P4", "page down at 1,000,000, CPU", "ms", page["million"], "ours, 10,000", page["ten"], most=1.1),
    ]
    if fast:
        with devices(fleets.MILLION) as million, data_table(fleets.MILLION, peers.FAST_TABLE) as other:
            pairs = [(costs(million, PAGE)[0], costs(other, PAGE)[0]) for _ in range(ROUNDS)]
            ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
            sizes = [million.memory()], [other.memory()]
        found.append(Row("P4", "page down at 1,000,000, CPU", "ms", ours, "fastdatatable, 1,000,000", theirs))
        found.append(Row("P8", "memory with 1,000,000 devices", "MB", sizes[0], "fastdatatable, 1,000,000", sizes[1]))
    else:
        found.append(Missing("P4", "page down", "textual-fastdatatable is not installed"))
    found += memory()
    found += sent()
    found += growth()
    return found


def memory() -> Found:
    """P8: resident memory; the peer's is extrapolated, for a million rows would take it minutes to load."""
    with devices(fleets.MILLION) as screen:
        for key in (b"/press", b"\x1b", END):
            screen.press(key)
        screen.settle(1.0)
        ours = [screen.memory()]
    small, large = (_memory_of_peer(size) for size in PEER_SIZES)
    slope = (large - small) / (PEER_SIZES[1] - PEER_SIZES[0])
    theirs = [small + slope * (fleets.MILLION - PEER_SIZES[0])]
    note = f"DataTable's from {PEER_SIZES[0]:,} and {PEER_SIZES[1]:,} rows, extrapolated"
    return [
        Row("P8", "memory with 1,000,000 devices", "MB", ours, "DataTable, 1,000,000", theirs,
            most=1 / 6, most_ours=200, note=note)
    ]  # fmt: skip


def _memory_of_peer(count: int) -> float:
    with data_table(count) as screen:
        return screen.memory()


def sent() -> Found:
    """P9: bytes to the terminal."""
    rows: dict[str, tuple[list[float], list[float]]] = {"down": ([], []), "page": ([], []), "start": ([], [])}
    command, env = fleets.console(1000)
    for _ in range(ROUNDS):
        for place, line, word, variables in (
            (0, command, b"contoso-plants", env),
            (1, peers.program(peers.TABLE, "200"), b"genoa-press-0000010", {}),
        ):
            with Screen(line, variables) as screen:
                size = len(screen.until(word)) + screen.settle(1.0)
            rows["start"][place].append(float(size))
        with devices(1000) as ours, data_table(1000) as theirs:
            for name, key, count in (("down", DOWN, ON_SCREEN), ("page", PAGE, KEYS)):
                rows[name][0].append(costs(ours, key, count)[1])
                rows[name][1].append(costs(theirs, key, count)[1])
    bars = {"down": 0.4, "page": 0.7, "start": 0.6}
    words = {"down": "bytes of a cursor-down", "page": "bytes of a page down", "start": "bytes at the start"}
    return [Row("P9", words[n], "B", a, "DataTable app", b, most=bars[n]) for n, (a, b) in rows.items()]


def growth() -> Found:
    """P19: milliseconds of CPU of what users do, at four sizes."""
    found: Found = []
    table: dict[str, list[tuple[int, float]]] = {"page down": [], "filter typed": [], "sort": [], "open a device": []}
    for count in fleets.SIZES:
        with devices(count) as screen:
            table["page down"].append((count, costs(screen, PAGE)[0]))
            table["filter typed"].append((count, _cost(screen, b"/press 1", b"\x1b\x1b")))
            table["sort"].append((count, _cost(screen, b"O", b"O")))
            table["open a device"].append((count, _cost(screen, b"\r", b"\x1b")))
    base = {name: figures[0][1] for name, figures in table.items()}
    for name, figures in table.items():
        for count, value in figures[1:]:
            row = Row("P19", f"{name} at {count:,}, CPU", "ms", [value], "the same at 1,000", [max(base[name], 0.1)])
            found.append(row)
    return found


def _cost(screen: Screen, key: bytes, back: bytes) -> float:
    before, times = screen.cpu(), 5
    for _ in range(times):
        screen.press(key, quiet=0.3)
        time.sleep(0.05)
        screen.press(back, quiet=0.3)
    return (screen.cpu() - before) * 1000 / times
