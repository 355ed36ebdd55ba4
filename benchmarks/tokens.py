"""SAS tokens minted per second, in one thread."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from console.model.secret import Secret
from console.rules.sas import mint

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
RESOURCE = "contoso-plants.azure-devices.net/devices/genoa-press-0417"
COUNT = 5000


def ours() -> float:
    """Return our rate."""
    key, expires = Secret(KEY), datetime.now(UTC) + timedelta(hours=1)
    begin = time.perf_counter()
    for _ in range(COUNT):
        mint(RESOURCE, key, expires)
    return COUNT / (time.perf_counter() - begin)


def sdk() -> float:
    """Return the rate of the Azure SDK's own class."""
    from azure.iot.hub.sastoken import SasToken

    begin = time.perf_counter()
    for _ in range(COUNT):
        str(SasToken(RESOURCE, KEY))
    return COUNT / (time.perf_counter() - begin)
