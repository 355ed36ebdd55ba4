"""`hubwarden sas device` as a whole process, ledger written, beside bare Python and, where installed, az."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HOST, DEVICE = "contoso-plants.azure-devices.net", "genoa-press-0417"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
AZ = shutil.which("az")
_COMMAND = str(Path(sys.executable).with_name("hubwarden"))


def ours() -> float:
    """Return milliseconds of minting one token, from start to exit."""
    line = [_COMMAND, "sas", "device", DEVICE, "--hub", HOST, "--key-stdin", "--quiet"]
    return _timed(line, KEY)


def bare() -> float:
    """Return milliseconds of Python doing nothing."""
    return _timed([sys.executable, "-c", "0"])


def az_token() -> float:
    """Return milliseconds of az making the same token from a connection string (its extension azure-iot)."""
    string = f"HostName={HOST};DeviceId={DEVICE};SharedAccessKey={KEY}"
    return _timed([str(AZ), "iot", "hub", "generate-sas-token", "--connection-string", string, "--only-show-errors"])


def az_peer() -> Callable[[], float] | None:
    """Return the measurement of az; None where it, or its extension azure-iot, is not installed."""
    if AZ is None:
        return None
    shown = subprocess.run([AZ, "extension", "show", "--name", "azure-iot"], capture_output=True, check=False)
    return az_token if shown.returncode == 0 else None


def _timed(line: Sequence[str], given: str = "") -> float:
    begin = time.perf_counter()
    subprocess.run(line, input=given, stdout=subprocess.DEVNULL, text=True, check=True)
    return (time.perf_counter() - begin) * 1000
