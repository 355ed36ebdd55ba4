"""Devices on a local hub for tests of changes: registered directly, knocking at the hub's own door."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from support.hub import HubRunner

from console.localhub.door import Attempt, Door
from console.localhub.fleet_credentials import device_token, self_signed, thumbprint
from console.localhub.registry_json import device_json
from console.localhub.state import DeviceRecord, new_key

_ETAGS = count(1000)


def register(hub: HubRunner, device_id: str, **fields: Any) -> DeviceRecord:
    """Put a device into the registry; with keys unless it authenticates otherwise."""
    if fields.get("auth", "sas") == "sas":
        fields = {"primary_key": new_key(), "secondary_key": new_key(), **fields}
    # another ETag than any device of this id had before: readers keep what they know under it
    fields.setdefault("identity_counter", next(_ETAGS))
    record = DeviceRecord(device_id, "637", **fields)
    with hub.hub.lock:
        hub.hub.devices[device_id] = record
    return record


def identity(hub: HubRunner, device_id: str) -> dict[str, Any] | None:
    """Return an identity as the registry writes it, None when there is none."""
    with hub.hub.lock:
        record = hub.hub.devices.get(device_id)
        return None if record is None else deepcopy(device_json(record))


def settled(body: dict[str, Any] | None) -> dict[str, Any]:
    """Return an identity without what every write moves."""
    return {name: value for name, value in (body or {}).items() if name not in {"etag", "statusUpdatedTime"}}


class Clients:
    """Simulated clients of one hub."""

    def __init__(self, hub: HubRunner) -> None:
        self._hub = hub
        self.door = Door(hub.cloud, hub.hub, lambda _hub, _records: None)

    def by_key(self, device_id: str, key: str | None) -> str:
        """Connect with a key; return the code of the refusal, empty when let in."""
        now = datetime.now(UTC)
        token = device_token(self._hub.hub.host, device_id, key or "", now + timedelta(hours=1))
        attempt = Attempt(now, device_id, "127.0.0.1", sas_token=token)
        return self.door.attempt(attempt).code

    def certificate(self, device_id: str) -> tuple[bytes, str]:
        """Return a fresh self-signed certificate and its SHA-256 thumbprint."""
        now = datetime.now(UTC)
        der = self_signed(device_id, now - timedelta(days=1), now + timedelta(days=365))
        return der, thumbprint(der)

    def by_certificate(self, device_id: str, der: bytes) -> str:
        """Connect with a certificate; return the code of the refusal, empty when let in."""
        attempt = Attempt(datetime.now(UTC), device_id, "127.0.0.1", client_chain=(der,))
        return self.door.attempt(attempt).code
