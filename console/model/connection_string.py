"""A connection string: its parts by name, key and token as secrets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from console.model.secret import Secret


class StringKind(StrEnum):
    """What a connection string opens."""

    HUB = "hub policy connection string"
    DEVICE = "device connection string"
    MODULE = "module connection string"
    PROVISIONING = "provisioning service connection string"
    EVENT_HUBS = "Event Hubs connection string"
    OTHER = "connection string"


@dataclass(frozen=True)
class ConnectionString:
    """The parts of one, as written (not clean); empty where it has none. `x509`: the device signs in by certificate."""

    kind: StringKind
    host: str = ""
    policy: str = ""
    device_id: str = ""
    module_id: str = ""
    gateway: str = ""
    key: Secret | None = None
    token: Secret | None = None
    x509: bool = False
