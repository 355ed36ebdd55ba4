"""A local IoT Hub under your own tests: the pytest fixtures `iot_hub` and `fresh_iot_hub`.

Put `pytest_plugins = ["console.localhub.testing"]` into your conftest.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pytest

from console.localhub.faults import Faults
from console.localhub.fleet_credentials import certificate_pem, key_pem, new_private_key, self_signed, thumbprint
from console.localhub.load_file import read_file
from console.localhub.ready import ReadyInfo, write_private
from console.localhub.server import PROVISIONING_HOST, LocalHub, LocalHubOptions
from console.localhub.state import HubState, Json
from console.localhub.telemetry import Message

T = TypeVar("T")
_LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True)
class CertificateFiles:
    """A certificate (PEM), its private key (PEM, not encrypted) and its SHA-256 thumbprint in upper-case hex."""

    certificate: str
    key: str
    thumbprint: str


class IotHub:
    """A running local hub, as a test of devices or services needs it.

    Device clients reach it under its real name through its proxy: `client_options()`. Service clients take
    `service_connection_string` with `ca_file` as their trust root.
    """

    def __init__(self, server: LocalHub, info: ReadyInfo) -> None:
        self._server = server
        self.ready: Json = info.to_json()
        """Everything in the ready file: addresses, names, credentials."""

    # -- addresses -----------------------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The hub's name, such as contoso-plants.azure-devices.net."""
        return self._state.host

    @property
    def service_connection_string(self) -> str:
        """A connection string for service clients (policy iothubowner), by its address on this machine."""
        return str(self.ready["hub_connection_string"])

    @property
    def ca_file(self) -> str:
        """A PEM file with the root that every certificate of the hub's services leads to."""
        return str(self.ready["ca_file"])

    @property
    def ca_pem(self) -> str:
        """The content of `ca_file`."""
        return Path(self.ca_file).read_text(encoding="ascii")

    @property
    def proxy(self) -> tuple[str, int]:
        """Host and port of the CONNECT proxy that reaches the hub under its real names."""
        host, _, port = str(self.ready["proxy"]).removeprefix("http://").partition(":")
        return host, int(port)

    @property
    def mqtt(self) -> tuple[str, int]:
        """Host and port where MQTT over TLS answers, for clients that can choose a port."""
        return str(self.ready["mqtt_host"]), int(self.ready["mqtt_port"])

    @property
    def id_scope(self) -> str:
        """The id scope of the provisioning service; devices reach it at `provisioning_host`."""
        return str(self.ready["id_scope"])

    provisioning_host = PROVISIONING_HOST

    def client_options(self) -> dict[str, Any]:
        """Return keyword arguments for every `create_from_...` of azure-iot-device: trust root and proxy."""
        options = import_module("azure.iot.device").ProxyOptions  # a dependency of whoever tests with it
        return {"server_verification_cert": self.ca_pem, "proxy_options": options("HTTP", *self.proxy)}

    # -- content -------------------------------------------------------------------------------------------------------

    def add_device(self, device_id: str, *, auth: str = "sas", modules: Sequence[str] = (), **more: Any) -> str:
        """Make or replace a device and return its connection string.

        `auth` is sas, selfSigned or certificateAuthority; `more` are the other names of a device in a load file, such
        as primaryKey, primaryThumbprint, certificate (PEM), status, edge, tags, desired. Raises LoadRefused.
        """
        wanted = [{"moduleId": module} for module in modules]
        self.load({"devices": [{"deviceId": device_id, "auth": auth, "modules": wanted, **more}]})
        return self.connection_string(device_id)

    def add_enrollment(self, registration_id: str, *, group: bool = False, **more: Any) -> str | None:
        """Make or replace an individual enrollment, or a group, and return its primary key; None for other kinds.

        `more` are the other names of an enrollment in a load file: primaryKey, certificate (PEM), ca, endorsementKey,
        status, deviceId, initialTwin, …; without any of the first four a symmetric key is made. Raises LoadRefused.
        """
        kind = "enrollmentGroups" if group else "enrollments"
        self.load({kind: {registration_id: more}})
        service = next(iter(self._server.cloud.provisioning.values()))
        with self._server.cloud.lock:
            records = service.groups if group else service.enrollments
            return records[registration_id if group else registration_id.casefold()].primary_key

    def connection_string(self, device_id: str, module_id: str | None = None) -> str:
        """Return the connection string of a device or module. Raises KeyError when there is none."""
        with self._state.lock:
            record = self._state.devices[device_id]
            text = f"HostName={self.host};DeviceId={device_id}"
            if module_id is not None:
                record = record.modules[module_id]
                text += f";ModuleId={module_id}"
        if record.auth == "sas":
            return f"{text};SharedAccessKey={record.primary_key}"
        return f"{text};x509=true"

    def make_certificate(self, device_id: str, folder: Path, *, days: float = 30.0) -> CertificateFiles:
        """Write a self-signed certificate for a device and its key into a folder; negative `days` make an expired one.

        It lets the device in once it is registered: `add_device(id, auth="selfSigned", primaryThumbprint=...)`.
        """
        key, now = new_private_key(), datetime.now(UTC)
        ends = now + timedelta(days=days)
        der = self_signed(device_id, min(now, ends) - timedelta(days=1), ends, key)
        certificate, key_file = folder / "device.cert.pem", folder / "device.key.pem"
        certificate.write_text(certificate_pem(der), encoding="ascii")
        write_private(key_file, key_pem(key).decode())
        return CertificateFiles(str(certificate), str(key_file), thumbprint(der))

    def load(self, content: Mapping[str, Any] | Path | str) -> Json:
        """Load what a load file says (or the file of that path) and return the report. Raises LoadRefused, BadFile."""
        assert self._server.controls is not None, "it is running"
        # a copy: nothing that the test keeps is shared with the hub
        document = deepcopy(dict(content)) if isinstance(content, Mapping) else read_file(Path(content))
        return self._server.controls.load(document)

    def reset(self) -> None:
        """Put everything back to the start: content, log, messages, faults; clients are disconnected."""
        self._server.reset()

    @property
    def faults(self) -> Faults:
        """Trouble on purpose: `faults.add("connack", endpoint="mqtt", count=1)`."""
        return self._server.faults

    # -- what happened -------------------------------------------------------------------------------------------------

    def messages(self, device_id: str | None = None, *, count: int = 0, timeout: float = 10.0) -> list[Message]:
        """Return what devices sent, oldest first, as soon as there are `count` messages.

        Raises TimeoutError when so many did not come in `timeout` seconds.
        """
        assert self._server.world is not None, "it is running"
        telemetry = self._server.world.telemetry

        def found() -> list[Message]:
            return [one for one in telemetry.after(0) if device_id is None or one.device_id == device_id]

        return _wait(found, count, timeout, "messages")

    def connections_log(self, device_id: str | None = None, *, count: int = 0, timeout: float = 10.0) -> list[Json]:
        """Return what the hub logged of connections, oldest first, as soon as there are `count` records.

        Each has time, operation (deviceConnect, deviceDisconnect), level, code (such as 401003, empty for success),
        description and properties (deviceId, protocol, authType, maskedIpAddress, …). Raises TimeoutError.
        """
        assert self._server.world is not None, "it is running"
        events = self._server.world.events

        def found() -> list[Json]:
            rows = [row for row in events.since(0) if row["category"] == "Connections"]
            return [row for row in rows if device_id is None or row["properties"].get("deviceId") == device_id]

        return _wait(found, count, timeout, "records")

    def send(
        self,
        device_id: str,
        body: bytes | str,
        *,
        properties: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> None:
        """Send a message to a device; it waits for one that is not connected. Raises CannotSend."""
        assert self._server.controls is not None, "it is running"
        raw = body.encode() if isinstance(body, str) else body
        system = {"ct": content_type} if content_type else {}
        self._server.controls.send(device_id, None, system, dict(properties or {}), raw)

    @property
    def _state(self) -> HubState:
        return next(iter(self._server.cloud.hubs.values()))


def _wait(found: Callable[[], list[T]], count: int, timeout: float, what: str) -> list[T]:
    deadline = time.monotonic() + timeout
    while len(rows := found()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(rows)} of {count} {what} came in {timeout} s")
        time.sleep(_LOOK_AGAIN_SECONDS)
    return rows


@pytest.fixture(scope="session")
def iot_hub_options() -> LocalHubOptions:
    """How `iot_hub` is run; override it for another: an empty hub without the service's throttling."""
    return LocalHubOptions(scenario="empty", throttle=False)


@pytest.fixture(scope="session")
def iot_hub(iot_hub_options: LocalHubOptions) -> Iterator[IotHub]:
    """A local IoT Hub with a linked provisioning service, for the whole session (one per worker of xdist)."""
    server = LocalHub(iot_hub_options)
    info = server.start()
    try:
        yield IotHub(server, info)
    finally:
        server.stop()


@pytest.fixture
def fresh_iot_hub(iot_hub: IotHub) -> IotHub:
    """The hub of the session, put back to its start for this test."""
    iot_hub.reset()
    return iot_hub
