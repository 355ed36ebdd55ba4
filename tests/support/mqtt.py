"""Real device clients on a local hub, and a bare MQTT client that says just what a test wants said."""

from __future__ import annotations

import base64
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.hub import HubRunner

from console.localhub.fleet_credentials import device_token
from console.localhub.registry_identity import Credentials, DeviceSpec, new_device, new_module
from console.localhub.state import DeviceRecord


def add_device(runner: HubRunner, device_id: str, *modules: str) -> DeviceRecord:
    """Put a device that signs in with keys, and modules of it, into the first hub."""
    now = runner.cloud.clock.story()

    def keys() -> Credentials:
        return Credentials("sas", *(base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2)))

    record = new_device(device_id, DeviceSpec(keys()), now)
    for name in modules:
        record.modules[name] = new_module(device_id, name, keys(), None, now)
    with runner.hub.lock:
        runner.hub.devices[device_id] = record
    return record


def connection_string(runner: HubRunner, device_id: str, module_id: str = "") -> str:
    record = runner.hub.devices[device_id]
    own = record.modules[module_id] if module_id else record
    module = f"ModuleId={module_id};" if module_id else ""
    return f"HostName={runner.hub.host};DeviceId={device_id};{module}SharedAccessKey={own.primary_key}"


def options(runner: HubRunner, **more: Any) -> dict[str, Any]:
    """Return what azure-iot-device needs to find the local hub: proxy and trust root."""
    from azure.iot.device import ProxyOptions

    port = int(runner.ready["proxy"].rpartition(":")[2])
    pem = Path(runner.ready["ca_file"]).read_text()
    return {"proxy_options": ProxyOptions("HTTP", "127.0.0.1", port), "server_verification_cert": pem, **more}


@contextmanager
def device(runner: HubRunner, device_id: str, **more: Any) -> Iterator[Any]:
    """Connect an IoTHubDeviceClient; it is shut down at the end."""
    from azure.iot.device import IoTHubDeviceClient

    text = connection_string(runner, device_id)
    client = IoTHubDeviceClient.create_from_connection_string(text, **options(runner, **more))
    try:
        client.connect()
        yield client
    finally:
        client.shutdown()


def service(runner: HubRunner) -> Any:
    """Return azure-iot-hub's registry manager, signing in as iothubowner."""
    from azure.iot.hub import IoTHubRegistryManager

    manager = IoTHubRegistryManager.from_connection_string(runner.ready["hub_connection_string"])
    manager.protocol.config.connection.verify = runner.ready["ca_file"]
    return manager


class Bare:
    """A TLS connection to the MQTT port; `send` takes bytes, `packet` returns (first byte, body), None at the end."""

    def __init__(self, runner: HubRunner, address: str = "127.0.0.1") -> None:
        raw = socket.create_connection(("127.0.0.1", runner.ready["mqtt_port"]), 10, (address, 0))
        self.socket = runner.ssl_context().wrap_socket(raw, server_hostname="localhost")
        self.socket.settimeout(10)

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def packet(self) -> tuple[int, bytes] | None:
        first = self._read(1)
        if not first:
            return None
        length = shift = 0
        while True:
            (byte,) = self._read(1)
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return first[0], self._read(length)

    def ended(self) -> bool:
        """Whether the hub closes the connection without another word."""
        try:
            return self.packet() is None
        except (ConnectionError, ssl.SSLError):
            return True

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                return data
            data += chunk
        return data


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    length, size = len(body), b""
    while True:
        size += bytes((length & 0x7F | (0x80 if length > 0x7F else 0),))
        length >>= 7
        if not length:
            return bytes((first,)) + size + body


def connect_packet(
    client_id: str, username: str, password: str, *, keep_alive: int = 60, will: tuple[str, bytes] | None = None
) -> bytes:
    flags = 0xC0 | (0x0C if will else 0)
    payload = text(client_id)
    if will:
        payload += text(will[0]) + struct.pack("!H", len(will[1])) + will[1]
    head = text("MQTT") + bytes((4, flags)) + struct.pack("!H", keep_alive)
    return packet(0x10, head + payload + text(username) + text(password))


def hub_connect(runner: HubRunner, device_id: str, *, lifetime: int = 3600, **more: Any) -> bytes:
    """Return a CONNECT of a device with a valid token."""
    key = runner.hub.devices[device_id].primary_key or ""
    token = device_token(runner.hub.host, device_id, key, datetime.now(UTC) + timedelta(seconds=lifetime))
    name = f"{runner.hub.host}/{device_id}/?api-version=2021-04-12&DeviceClientType=bare%2F1.0"
    return connect_packet(device_id, name, token, **more)
