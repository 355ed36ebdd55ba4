"""The few devices of the demo that are real: MQTT clients over TLS that the hub's door judges like anybody's.

When they come and go is the fleet player's decision, as for the simulated ones. Each binds the loopback address that
stands for its address in the plant: 127.20.4.17 for 10.20.4.17.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from console.localhub.fleet_credentials import certificate_pem
from console.localhub.scenario_fleet import Client

CONNECT_SECONDS = 10
KEEP_ALIVE = 60
SEND_EVERY = (20.0, 45.0)  # seconds between two messages
_LOOP_SECONDS = 0.5
_LAST_WORDS_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


def loopback_address(plant_address: str) -> str:
    """Return the address on this machine that stands for an address of a plant."""
    return "127." + plant_address.partition(".")[2]


class RealDevice:
    """A device of the demo as an MQTT client. One connection at a time, on a thread of its own."""

    def __init__(self, client: Client, host: str, port: int, ca_pem: str) -> None:
        self._client = client
        self._host = host
        self._port = port
        self._ca_pem = ca_pem
        self._connection: _Connection | None = None
        self._last: _Connection | None = None

    def connect(self, token: str | None, answered: Callable[[bool], None], ended: Callable[[], None]) -> None:
        """Try to connect; `answered` hears whether the hub let it in, `ended` of an end that nobody asked for here."""
        self.disconnect(clean=False)
        where = (self._host, self._port)
        self._connection = _Connection(self._client, where, self._context(), token, answered, ended, self._last)
        self._last = self._connection
        self._connection.start()

    def disconnect(self, *, clean: bool) -> None:
        """End the connection, with a goodbye or without."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave(clean=clean)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self._ca_pem)
        context.maximum_version = (
            ssl.TLSVersion.TLSv1_2
        )  # as IoT Hub's documents know it, and the simulated ones' records
        if self._client.chain and self._client.private_key is not None:
            pem = "".join(certificate_pem(der) for der in self._client.chain) + self._client.private_key.decode()
            handle, name = tempfile.mkstemp(prefix="hubwarden-device-")  # 0600, for as long as it takes to read it
            try:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(pem)
                context.load_cert_chain(name)
            finally:
                os.unlink(name)  # noqa: PTH108 - a name from mkstemp
        return context


class _Connection(threading.Thread):
    """One connection from the first packet to the last."""

    def __init__(
        self,
        client: Client,
        where: tuple[str, int],
        context: ssl.SSLContext,
        token: str | None,
        answered: Callable[[bool], None],
        ended: Callable[[], None],
        before: _Connection | None,
    ) -> None:
        super().__init__(name=f"hubwarden-device-{client.identity}", daemon=True)
        import paho.mqtt.client as paho

        self._device = client
        host, self._port = where
        self._before = before
        self._answered: Callable[[bool], None] | None = answered
        self._ended = ended
        self._leaving: str | None = None  # clean or hard
        self._in = False
        self._ok = paho.MQTT_ERR_SUCCESS
        self._rng = random.Random(client.identity)  # noqa: S311 - telemetry, not a secret
        self._mqtt = paho.Client(client.identity, clean_session=False)
        user = f"{host}/{client.identity}/?api-version=2021-04-12&DeviceClientType={client.sdk}"
        self._mqtt.username_pw_set(user, token)
        self._mqtt.tls_set_context(context)
        self._mqtt.on_connect = self._on_connect
        self._mqtt.on_message = self._on_message

    def run(self) -> None:
        try:
            before, self._before = self._before, None
            if before is not None:
                before.join(_LAST_WORDS_SECONDS)  # else the hub would take the two for a cloned device
            source = loopback_address(self._device.address)
            self._mqtt.connect("127.0.0.1", self._port, KEEP_ALIVE, bind_address=source)
            self._converse()
        except (OSError, ValueError) as error:
            _LOG.debug("the device %s: %s", self._device.identity, error)
        finally:
            self._hang_up()
            self._answer(let_in=False)
            if self._in and self._leaving is None:
                self._ended()

    def leave(self, *, clean: bool) -> None:
        """End it soon; called on another thread."""
        self._leaving = "clean" if clean and self._in else "hard"
        if self._leaving == "hard":
            self._hang_up()

    def _converse(self) -> None:
        gives_up = time.monotonic() + CONNECT_SECONDS
        sends = 0.0
        while self._mqtt.loop(_LOOP_SECONDS) == self._ok:
            now = time.monotonic()
            if self._leaving is not None:
                self._mqtt.disconnect()
            elif not self._in:
                if now > gives_up:
                    return
            elif now >= sends:
                sends = now + self._rng.uniform(*SEND_EVERY)
                self._mqtt.publish(f"devices/{self._device.identity}/messages/events/{_JSON}", self._reading(), qos=1)

    def _reading(self) -> str:
        return json.dumps(
            {"temperature": round(self._rng.gauss(61, 1.5), 1), "vibration": round(abs(self._rng.gauss(0.2, 0.05)), 3)}
        )

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: int) -> None:
        self._in = code == 0
        self._answer(let_in=self._in)
        if self._in:
            self._mqtt.subscribe(
                [("$iothub/methods/POST/#", 0), (f"devices/{self._device.identity}/messages/devicebound/#", 1)]
            )

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        """Answer a direct method; take any other message."""
        _, found, rest = str(message.topic).partition("$iothub/methods/POST/")
        if found:
            request = rest.partition("$rid=")[2]
            self._mqtt.publish(f"$iothub/methods/res/200/?$rid={request}", '{"result":"done"}')

    def _answer(self, *, let_in: bool) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(let_in)

    def _hang_up(self) -> None:
        """Close the socket without a word."""
        socket = self._mqtt.socket()
        if socket is not None:
            with contextlib.suppress(OSError, ValueError):
                socket.close()


_JSON = "%24.ct=application%2Fjson&%24.ce=utf-8"
