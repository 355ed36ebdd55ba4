"""Faults that an MQTT client meets: at CONNECT, at a message, before TLS; and those of a device that registers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import paho.mqtt.client as paho
import pytest
from support.hub import HubRunner, request

from console.localhub.faults import BadFault
from console.localhub.fleet_credentials import device_token
from console.localhub.load import load
from console.localhub.provisioning_desk import DeviceCaller
from console.localhub.provisioning_state import EnrollmentRecord

KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        load(runner.cloud, {"devices": {"press": {"primaryKey": KEY}}})
        yield runner


@pytest.fixture(autouse=True)
def clean(hub: HubRunner) -> Iterator[None]:
    yield
    hub.faults.clear()


class Client:
    """A paho client: `codes` of its CONNACKs, whether it is connected, packet ids that were receipted."""

    def __init__(self, hub: HubRunner) -> None:
        self.codes: list[int] = []
        self.receipts: list[int] = []
        self.gone: list[int] = []
        self.paho = paho.Client("press")
        host = hub.hub.host
        token = device_token(host, "press", KEY, datetime.now(UTC) + timedelta(hours=1))
        self.paho.username_pw_set(f"{host}/press/?api-version=2021-04-12", token)
        self.paho.tls_set_context(ssl.create_default_context(cafile=hub.ready["ca_file"]))
        self.paho.on_connect = lambda _c, _u, _f, code: self.codes.append(code)
        self.paho.on_publish = lambda _c, _u, number: self.receipts.append(number)
        self.paho.on_disconnect = lambda _c, _u, code: self.gone.append(code)
        self._port = hub.ready["mqtt_port"]

    def connect(self) -> None:
        self.paho.connect("localhost", self._port)

    def until(self, done: Any) -> None:
        """Let the client work until something is so."""
        end = time.monotonic() + 30
        while not done():
            assert time.monotonic() < end, (self.codes, self.gone)
            self.paho.loop(0.01)


@pytest.fixture
def client(hub: HubRunner) -> Iterator[Client]:
    one = Client(hub)
    yield one
    one.paho.disconnect()


def test_a_connack_says_what_the_fault_says(hub: HubRunner, client: Client) -> None:
    hub.faults.add("connack", endpoint="mqtt", code=5, count=1, path="^another$")
    hub.faults.add("connack", endpoint="mqtt", count=1, path="^press$")
    client.connect()
    client.until(lambda: client.codes)
    assert client.codes == [3]
    client.connect()
    client.until(lambda: len(client.codes) > 1)
    assert client.codes == [3, 0] and "press" in hub.server.world.doors.of(hub.hub).sessions


@pytest.mark.parametrize(("when", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_dropped_at_a_message(hub: HubRunner, client: Client, when: str, taken: int) -> None:
    client.connect()
    client.until(lambda: client.codes)
    count = hub.server.world.telemetry.count
    hub.faults.add("drop", endpoint="mqtt", method="PUBLISH", path="messages/events", when=when, count=1)
    client.paho.publish("devices/press/messages/events/", b"x", qos=1)
    client.until(lambda: client.gone)
    assert (hub.server.world.telemetry.count - count, client.receipts) == (taken, [])


def test_a_message_without_a_receipt(hub: HubRunner, client: Client) -> None:
    client.connect()
    client.until(lambda: client.codes)
    count = hub.server.world.telemetry.count
    hub.faults.add("no-puback", count=1)
    first = client.paho.publish("devices/press/messages/events/", b"x", qos=1)
    second = client.paho.publish("devices/press/messages/events/", b"y", qos=1)
    client.until(lambda: client.receipts)
    assert client.receipts == [second.mid] != [first.mid] and hub.server.world.telemetry.count - count == 2


@pytest.mark.parametrize("kind", ["tls-close", "drop"])
def test_a_connection_that_never_comes_about(hub: HubRunner, client: Client, kind: str) -> None:
    hub.faults.add(kind, endpoint="mqtt", count=1)
    try:
        client.connect()
        client.until(lambda: client.gone)
    except OSError:
        assert kind == "tls-close"
    assert client.codes == [] and hub.faults.all() == []
    client.connect()
    client.until(lambda: client.codes)


def test_tls_close_spares_the_control_service(hub: HubRunner) -> None:
    hub.faults.add("tls-close")
    ready = hub.ready
    with pytest.raises(OSError):
        request(ready["arm_endpoint"], ca_file=ready["ca_file"])
    assert request(
        f"{ready['faults_endpoint']}/faults", ca_file=ready["ca_file"], method="DELETE", token=ready["faults_token"]
    )[2] == {"removed": 1}


def test_faults_that_make_no_sense(hub: HubRunner) -> None:
    for kind, details in (("html", {"endpoint": "mqtt"}), ("connack", {"endpoint": "arm"}), ("connack", {"code": 9})):
        with pytest.raises(BadFault):
            hub.faults.add(kind, **details)


def test_registrations_that_fail_or_never_end(hub: HubRunner) -> None:
    service = next(iter(hub.cloud.provisioning.values()))
    attestation = {"type": "symmetricKey"}
    body = {"registrationId": "pump", "attestation": attestation, "provisioningStatus": "enabled"}
    service.enrollments["pump"] = EnrollmentRecord("pump", body, KEY, KEY)
    resource, until = f"{service.id_scope}%2Fregistrations%2Fpump", 4_000_000_000
    signature = hmac.digest(base64.b64decode(KEY), f"{resource}\n{until}".encode(), hashlib.sha256)
    sig = base64.b64encode(signature).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    token = f"SharedAccessSignature sr={resource}&sig={sig}&se={until}&skn=registration"
    caller = DeviceCaller(service.id_scope, "pump", "127.0.0.1", "Mqtt", token)
    desk = hub.server.world.desk

    def end() -> dict[str, Any]:
        begun = desk.register(caller, {"registrationId": "pump"})
        assert begun.status == 202, begun
        return desk.operation(caller, begun.body["operationId"]).body

    hub.faults.add("assignment-fails", count=1)
    hub.faults.add("assigning-forever", count=2)
    failed = [end(), end()]
    assert [one["status"] for one in failed] == ["assigning", "assigning"] and "pump" in hub.hub.devices
    assert end()["status"] == "assigned"
    hub.faults.add("assignment-fails", count=1)
    told = end()
    assert (told["status"], told["registrationState"]["errorCode"]) == ("failed", 500000)
    hub.faults.add("throttle", endpoint="dps", count=1, retry_after=7, path="register$")
    throttled = desk.register(caller, {})
    assert (throttled.status, throttled.body["errorCode"], throttled.retry_after) == (429, 429001, 7)
    ready = hub.ready
    hub.faults.add("throttle", endpoint="dps", count=1)
    status, _, said = request(f"https://{ready['dps_host']}/x", ca_file=ready["ca_file"])
    assert (status, said["errorCode"]) == (429, 429001)
