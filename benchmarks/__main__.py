"""Run every measurement, interleaved with its peer, and print a table of ratios with their spread."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import certificates, mqtt_clients, processes, startup, tokens, verify


@dataclass(frozen=True)
class Row:
    """One line of the table: our figures and the peer's, same unit, taken in turns."""

    name: str
    unit: str
    ours: list[float]
    peer: str
    theirs: list[float]
    bar: str


def compare(
    name: str, unit: str, ours: Callable[[], float], peer: str, theirs: Callable[[], float], bar: str, rounds: int = 7
) -> Row:
    """Measure both in turns, after one unmeasured round each, so that drift of the machine meets both."""
    ours()
    theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return Row(name, unit, [a for a, _ in pairs], peer, [b for _, b in pairs], bar)


def show(values: list[float]) -> str:
    """Return median and range."""
    return f"{statistics.median(values):,.1f} ({min(values):,.1f}-{max(values):,.1f})"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="hubwarden-bench-") as folder:
        os.environ["HUBWARDEN_STATE_DIR"] = folder
        rows = [
            compare(
                "exec to first frame, 80x24",
                "ms",
                startup.console,
                "one-widget Textual app",
                startup.minimal,
                "<= 1.60x",
            ),
            compare(
                "EC certificates in files",
                "/s",
                certificates.ec_in_files,
                "openssl in a shell loop",
                certificates.ec_by_shell,
                ">= 100x",
            ),
            compare(
                "EC certificates in memory",
                "/s",
                certificates.in_memory,
                "openssl in a shell loop",
                certificates.ec_by_shell,
                ">= 300x",
            ),
            compare(
                "RSA-2048 certificates in files",
                "/s",
                certificates.rsa_in_files,
                "openssl in a shell loop",
                certificates.rsa_by_shell,
                ">= 5x",
            ),
            compare("SAS tokens minted", "/s", tokens.ours, "azure-iot-hub SasToken", tokens.sdk, ">= 1.2x"),
        ]
        rows.append(
            compare(
                "sas device, whole process",
                "ms",
                processes.ours,
                "python -c 0",
                processes.bare,
                "<= +100 ms",
                rounds=11,
            )
        )
        az = processes.az_peer()
        if az is not None:
            rows.append(
                compare("sas device, whole process", "ms", processes.ours, "az generate-sas-token", az, "<= 0.4x")
            )
        if verify.available():
            peer = "openssl verify, processes"
            rows.append(compare("chains verified, CAs read once", "/s", verify.ours, peer, verify.openssl, ">= 20x"))
            rows.append(compare("chains verified, all read anew", "/s", verify.ours_cold, peer, verify.openssl, "-"))
        fleet = mqtt_clients.measure()
        beside = f"beside {fleet.clients} MQTT clients"
        rows += [
            Row(f"{name}, {beside}", "ms", busy, "the same, hub idle", idle, "<= 2x")
            for name, idle, busy in mqtt_clients.rows(fleet)
        ]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {sys.platform}")
    print(f"{'what':<46}{'ours':>28}  {'against':<26}{'theirs':>28}  {'ratio':>6}  bar")
    for row in rows:
        ratio = statistics.median(row.ours) / statistics.median(row.theirs)
        print(
            f"{row.name:<46}{show(row.ours) + ' ' + row.unit:>28}  {row.peer:<26}"
            f"{show(row.theirs) + ' ' + row.unit:>28}  {ratio:>5.2f}x  {row.bar}"
        )
    print("\n".join(mqtt_clients.counts(fleet)))
    if az is None:
        print("az with its extension azure-iot is not installed here: sas device was not measured against it")
    heavy = startup.heavy_modules()
    print(f"heavy modules before the first frame: {', '.join(heavy) or 'none'}  (bar: none)")


if __name__ == "__main__":
    main()
