"""What devices sent: the last messages of all devices, for whoever tests against the local hub."""

from __future__ import annotations

import base64
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

MOST_MESSAGES = 10_000
MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One device-to-cloud message. `system` are its `$.` properties by the wire's short names (mid, ct, ce, on …)."""

    number: int
    time: datetime
    hub: str
    device_id: str
    module_id: str | None
    system: dict[str, str]
    properties: dict[str, str]
    body: bytes = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the message as JSON; the body is text where it is UTF-8, else base64."""
        try:
            body, encoding = self.body.decode(), "utf-8"
        except UnicodeDecodeError:
            body, encoding = base64.b64encode(self.body).decode(), "base64"
        return {
            "number": self.number,
            "time": self.time.isoformat(),
            "hub": self.hub,
            "deviceId": self.device_id,
            "moduleId": self.module_id,
            "systemProperties": self.system,
            "properties": self.properties,
            "encoding": encoding,
            "body": body,
        }


class Telemetry:
    """The last messages, bounded by number and size. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._count = 0

    def add(self, time: datetime, hub: str, device_id: str, module_id: str | None, bag: str, body: bytes) -> None:
        """Take a message; `bag` is the property bag at the end of its topic."""
        system, properties = read_bag(bag)
        with self._lock:
            self._count += 1
            self._messages.append(Message(self._count, time, hub, device_id, module_id, system, properties, body))
            self._bytes += len(body)
            while len(self._messages) > MOST_MESSAGES or self._bytes > MOST_BYTES:
                self._bytes -= len(self._messages.popleft().body)

    def after(self, number: int) -> Sequence[Message]:
        """Return the messages that came after one, oldest first."""
        with self._lock:
            return [message for message in self._messages if message.number > number]

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the messages after a number as JSON, oldest first."""
        return [message.to_json() for message in self.after(number)]

    def clear(self) -> None:
        """Forget all messages; the numbers go on."""
        with self._lock:
            self._messages.clear()
            self._bytes = 0

    @property
    def count(self) -> int:
        """How many messages came since the start."""
        return self._count


def read_bag(bag: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return system properties (short names) and application properties of a topic's property bag.

    `%24.mid=x&%24.ct=application%2Fjson&k%20e=v` (IoT Hub's MQTT support, "Sending device-to-cloud messages").
    """
    system: dict[str, str] = {}
    properties: dict[str, str] = {}
    for part in bag.removeprefix("?").rstrip("/").split("&"):
        name, _, value = part.partition("=")
        name, value = unquote(name), unquote(value)
        if name.startswith("$."):
            system[name[2:]] = value
        elif name:
            properties[name] = value
    return system, properties


def write_bag(system: dict[str, str], properties: dict[str, str]) -> str:
    """Return a property bag for a topic: the opposite of `read_bag`."""
    from urllib.parse import quote

    pairs = [(f"$.{name}", value) for name, value in system.items()] + list(properties.items())
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
