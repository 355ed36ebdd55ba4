"""Five hundred real MQTT clients on a local hub for a minute, and the console beside them: what each notices of it.

python -m benchmarks.mqtt_clients [CLIENTS [SECONDS]]
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

CLIENTS, SECONDS = 500, 60.0
_BATCH = 100  # devices of one bulk request, the service's own limit
_ROUNDS = 12
_KEYS = 40


@dataclass(frozen=True)
class Console:
    """How fast the console answers, in milliseconds."""

    report: list[float]
    device: list[float]
    key: list[float]


@dataclass(frozen=True)
class Figures:
    """What was measured. Kilobytes are of the hub's process; delays are milliseconds from PUBLISH to PUBACK."""

    clients: int
    connecting: float
    kilobytes: float
    sent: int
    acknowledged: int
    lost: int
    delays: list[float]
    idle: Console
    busy: Console


def measure(clients: int = CLIENTS, seconds: float = SECONDS) -> Figures:
    """Run it all: the hub, the clients and the console are three processes."""
    with tempfile.TemporaryDirectory(prefix="hubwarden-bench-") as folder, _hub(Path(folder)) as (process, ready):
        os.environ["HUBWARDEN_STATE_DIR"] = folder
        order = {
            "host": f"{ready['hub_name']}.azure-devices.net",
            "port": ready["mqtt_port"],
            "ca_file": ready["ca_file"],
            "devices": _register(ready, clients),
            "seconds": seconds,
        }
        with _terminal(ready["profile"]) as keys:
            idle = _console(ready["profile"], keys)
            before = _memory(process.pid)
            with _fleet(order) as fleet:
                connected = _told(fleet)
                if connected["accepted"] != clients:
                    raise SystemExit(f"only {connected['accepted']} of {clients} clients were let in")
                each = (_memory(process.pid) - before) / clients
                _go_on(fleet)
                _told(fleet)
                busy = _console(ready["profile"], keys)
                stayed = _told(fleet)
                _go_on(fleet)
    delays = [delay * 1000 for delay in stayed["delays"]]
    counts = (stayed["sent"], stayed["acknowledged"], stayed["lost"])
    return Figures(clients, connected["seconds"], each, *counts, delays, idle, busy)


@contextmanager
def _hub(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    file = folder / "ready.json"
    line = [sys.executable, "-m", "console", "localhub", "serve", "--ready-file", str(file), "--devices", "2000"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process, json.loads(file.read_text())
        finally:
            process.send_signal(signal.SIGTERM)


def _register(ready: dict[str, Any], count: int) -> dict[str, str]:
    """Create devices with keys by the hub's bulk request; return the keys by id."""
    from azure.iot.hub import IoTHubRegistryManager
    from azure.iot.hub.models import ExportImportDevice

    from console.localhub.state import new_key

    manager = IoTHubRegistryManager.from_connection_string(ready["hub_connection_string"])
    manager.protocol.config.connection.verify = ready["ca_file"]
    keys = {f"bench-{number:04}": new_key() for number in range(count)}
    names = list(keys)
    for start in range(0, count, _BATCH):
        devices = [
            ExportImportDevice.from_dict(
                {
                    "id": name,
                    "importMode": "create",
                    "status": "enabled",
                    "authentication": {
                        "type": "sas",
                        "symmetricKey": {"primaryKey": keys[name], "secondaryKey": new_key()},
                    },
                }
            )
            for name in names[start : start + _BATCH]
        ]
        if not manager.bulk_create_or_update_devices(devices).is_successful:
            raise SystemExit("the devices could not be created")
    return keys


# --- the clients ----------------------------------------------------------------------------------------------------


@contextmanager
def _fleet(order: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    line = [sys.executable, "-m", "benchmarks.mqtt_fleet"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            _go_on(process, json.dumps(order))
            yield process
            process.wait(30)
        finally:
            process.kill()


def _go_on(process: subprocess.Popen[str], word: str = "") -> None:
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the clients' process ended early")
    facts: dict[str, Any] = json.loads(line)
    return facts


def _memory(pid: int) -> float:
    """Return the resident memory of a process in kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


# --- the console ----------------------------------------------------------------------------------------------------


def _console(profile: str, press: Callable[[], float]) -> Console:
    from console.cli.compose import services_for
    from console.config import pick_profile
    from console.localhub.fleet_plan import CLONED
    from console.model.connection import Grouping

    services = services_for(pick_profile(profile))
    report = lambda: services.connections.report(timedelta(hours=1), timedelta(minutes=1), Grouping.CAUSE)  # noqa: E731
    reports = _timed(report, _ROUNDS)
    details = _timed(lambda: services.fleet.detail(CLONED), _ROUNDS)
    return Console(reports, details, [press() for _ in range(_KEYS)])


def _timed(call: Callable[[], object], rounds: int) -> list[float]:
    call()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1000)
    return times


@contextmanager
def _terminal(profile: str) -> Iterator[Callable[[], float]]:
    """Open the console on the list of devices; the callable presses a key and returns how long the screen took."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    line = [sys.executable, "-m", "console", "--profile", profile]
    process = subprocess.Popen(line, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    seen = bytearray()

    def read(wait: float) -> bool:
        if not select.select([master], [], [], wait)[0]:
            return False
        seen.extend(os.read(master, 65536))
        return True

    def until(word: bytes) -> None:
        end = time.monotonic() + 30
        while word not in seen:
            read(1)
            if time.monotonic() > end:
                raise SystemExit(f"the console never showed {word!r}")
        seen.clear()

    turns = [0]

    def press() -> float:
        while read(0.02):
            pass
        turns[0] += 1
        begin = time.perf_counter()
        os.write(master, b"\x1b[B" if turns[0] % 24 else b"\x1b[H")
        if not read(10):
            raise SystemExit("a key was not answered")
        return (time.perf_counter() - begin) * 1000

    try:
        until(b"contoso-plants")
        os.write(master, b"2")
        until(b"genoa-")
        yield press
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


def counts(figures: Figures) -> list[str]:
    """Return what became of the clients, in sentences."""
    delays = statistics.quantiles(figures.delays, n=100)
    return [
        f"{figures.clients} MQTT clients: let in within {figures.connecting:.1f} s "
        f"({figures.clients / figures.connecting:,.0f}/s), {figures.kilobytes:.0f} kB of the hub each",
        f"{figures.sent:,} messages, {figures.acknowledged:,} acknowledged, {figures.lost} clients lost; "
        f"PUBACK after {delays[49]:.1f} ms, 99% within {delays[98]:.1f} ms",
    ]


def rows(figures: Figures) -> list[tuple[str, list[float], list[float]]]:
    """Return what the console was asked, with its times on the idle hub and beside the clients."""
    idle, busy = figures.idle, figures.busy
    return [
        ("Connections report", idle.report, busy.report),
        ("a device read afresh", idle.device, busy.device),
        ("a key in the console", idle.key, busy.key),
    ]


if __name__ == "__main__":
    given = sys.argv[1:]
    found = measure(*(kind(text) for kind, text in zip((int, float), given, strict=False)))
    print("\n".join(counts(found)))
    for what, idle_times, busy_times in rows(found):
        print(
            f"{what}: {statistics.median(busy_times):.1f} ms, "
            f"without the clients {statistics.median(idle_times):.1f} ms"
        )
