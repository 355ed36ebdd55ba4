"""Real MQTT clients (paho) of a local hub, all in this process and one thread; started by `benchmarks.mqtt_clients`.

Reads one JSON document with addresses and keys on standard input, tells each phase as a line of JSON on standard
output, and goes on when it reads a line: connect all; send and stay; say goodbye.
"""

from __future__ import annotations

import json
import selectors
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import paho.mqtt.client as mqtt

from console.localhub.fleet_credentials import device_token

EVERY = 5.0  # seconds between two messages of a client
BODY = json.dumps({"temperature": 21.5, "pressure": 1013.2, "vibration": [0.1, 0.2, 0.1], "state": "running"})


class Fleet:
    """The clients and what happened to them."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._context = ssl.create_default_context(cafile=order["ca_file"])
        self._port, self._host = order["port"], order["host"]
        self._selector = selectors.DefaultSelector()
        self.accepted = self.lost = self.sent = self.acknowledged = 0
        self.delays: list[float] = []
        self._leaving = False
        self._waiting: dict[tuple[int, int], float] = {}
        self.clients = [self._client(name, key) for name, key in order["devices"].items()]

    def _client(self, name: str, key: str) -> mqtt.Client:
        client = mqtt.Client(name, clean_session=True, protocol=mqtt.MQTTv311)
        client.tls_set_context(self._context)
        token = device_token(self._host, name, key, datetime.now(UTC) + timedelta(hours=1))
        client.username_pw_set(f"{self._host}/{name}/?api-version=2021-04-12&DeviceClientType=paho", token)
        client.on_connect = lambda _client, _data, _flags, code: self._on_connect(code)
        client.on_disconnect = lambda _client, _data, code: self._on_disconnect(code)
        client.on_publish = lambda one, _data, number: self._on_publish(one, number)
        return client

    def _on_connect(self, code: int) -> None:
        self.accepted += code == 0

    def _on_disconnect(self, code: int) -> None:
        del code
        self.lost += not self._leaving

    def _on_publish(self, client: mqtt.Client, number: int) -> None:
        self.acknowledged += 1
        begin = self._waiting.pop((id(client), number), None)
        if begin is not None:
            self.delays.append(time.perf_counter() - begin)

    def connect(self) -> None:
        """Connect all, eight at a time, and wait until the hub has taken them."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda client: client.connect("localhost", self._port, 120), self.clients))
        for client in self.clients:
            self._selector.register(client.socket(), selectors.EVENT_READ, client)
        end = time.monotonic() + 60
        while self.accepted + self.lost < len(self.clients) and time.monotonic() < end:
            self._turn(0.1)

    def stay(self, seconds: float) -> None:
        """Send a message per client every few seconds, evenly spread, for as long."""
        begin = time.monotonic()
        step = EVERY / len(self.clients)
        due, looked = 0, begin
        while (now := time.monotonic()) < begin + seconds:
            while begin + due * step <= now:
                client = self.clients[due % len(self.clients)]
                sent = time.perf_counter()
                info = client.publish(f"devices/{_name(client)}/messages/events/", BODY, qos=1)
                if info.rc == mqtt.MQTT_ERR_SUCCESS:
                    self.sent += 1
                    self._waiting[id(client), info.mid] = sent
                due += 1
            if now - looked > 1:
                looked = now
                for client in self.clients:
                    client.loop_misc()
            self._turn(min(step, 0.05))
        end = time.monotonic() + 10
        while self._waiting and time.monotonic() < end:
            self._turn(0.1)

    def leave(self) -> None:
        """Say goodbye."""
        self._leaving = True
        for client in self.clients:
            client.disconnect()

    def _turn(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            client: mqtt.Client = key.data
            client.loop_read()
            while (sock := client.socket()) is not None and sock.pending():
                client.loop_read()
            if client.socket() is None:
                self._selector.unregister(key.fileobj)
        for client in self.clients:
            if client.want_write():
                client.loop_write()


def _name(client: mqtt.Client) -> str:
    return client._client_id.decode()  # paho has no other way to ask


def say(**facts: Any) -> None:
    """Tell a phase."""
    print(json.dumps(facts), flush=True)


def main() -> None:
    """Run the phases."""
    order = json.loads(sys.stdin.readline())
    fleet = Fleet(order)
    begin = time.monotonic()
    fleet.connect()
    say(phase="connected", accepted=fleet.accepted, seconds=time.monotonic() - begin)
    sys.stdin.readline()
    say(phase="sending")
    fleet.stay(order["seconds"])
    say(phase="stayed", sent=fleet.sent, acknowledged=fleet.acknowledged, lost=fleet.lost, delays=fleet.delays)
    sys.stdin.readline()
    fleet.leave()


if __name__ == "__main__":
    main()
