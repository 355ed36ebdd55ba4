"""The desk where devices register: the device side of every provisioning service of the cloud."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.localhub.log_store import LogStore
from console.localhub.state import Cloud, Json


@dataclass(frozen=True)
class DeviceCaller:
    """Who asks. `client_chain` is DER, leaf first; `protocol` is Https, Mqtt or MqttWs."""

    id_scope: str
    registration_id: str
    address: str
    protocol: str
    sas_token: str | None = field(default=None, repr=False)
    client_chain: tuple[bytes, ...] = ()
    tls_version: str = "1.2"
    sdk: str = ""


@dataclass(frozen=True)
class DeskAnswer:
    """What the desk says: an HTTP status, a body, and after how many seconds to ask again."""

    status: int
    body: Json
    retry_after: int | None = None


class RegistrationDesk:
    """Registers devices. Thread-safe."""

    def __init__(self, cloud: Cloud, store: LogStore, *, poll_after: int = 1, assigning_polls: int = 1) -> None:
        self.cloud = cloud
        self.store = store
        self.poll_after = poll_after
        self.assigning_polls = assigning_polls

    def admit(self, caller: DeviceCaller) -> DeskAnswer | None:
        """Return why a device is not let in."""
        del caller
        return DeskAnswer(401, {"errorCode": 401002, "message": "Unauthorized"})

    def register(self, caller: DeviceCaller, body: Json) -> DeskAnswer:
        """Begin a registration."""
        del caller, body
        return DeskAnswer(401, {"errorCode": 401002, "message": "Unauthorized"})

    def operation(self, caller: DeviceCaller, operation_id: str) -> DeskAnswer:
        """Tell how a registration stands."""
        del caller, operation_id
        return DeskAnswer(401, {"errorCode": 401002, "message": "Unauthorized"})

    def lookup(self, caller: DeviceCaller) -> DeskAnswer:
        """Tell what became of the last registration."""
        del caller
        return DeskAnswer(401, {"errorCode": 401002, "message": "Unauthorized"})
