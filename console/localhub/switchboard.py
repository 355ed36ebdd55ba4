"""Joins the service side of a hub with its connected devices: methods, desired properties, cloud-to-device messages."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from console.localhub.state import HubState
from console.localhub.telemetry import write_bag

QUEUE_LIMIT = 50
"""Messages that wait for one device at most (IoT Hub's quotas)."""

MESSAGE_LIMIT = 64 * 1024
"""Bytes of one cloud-to-device message at most (IoT Hub's quotas); its properties count, too."""

BAG_LIMIT = 60_000  # a topic has 65,535 bytes

MOST_DELIVERIES = 10
TIME_TO_LIVE = timedelta(hours=1)
"""What `maxDeliveryCount` and `defaultTtlAsIso8601` of a new hub say."""

MethodAnswer = Callable[[int, bytes], None]


class NotOnline(Exception):  # noqa: N818 - the service's word
    """No connected device listens for direct methods under this identity."""


class NoAnswer(Exception):  # noqa: N818 - reads as what it is
    """A device did not answer a direct method in time."""


class QueueFull(Exception):  # noqa: N818 - reads as what it is
    """Fifty messages wait for the device already."""


class TooLarge(Exception):  # noqa: N818 - reads as what it is
    """A cloud-to-device message is larger than the service takes."""


class Link(Protocol):
    """A connected device or module. Every method may be called from any thread."""

    @property
    def takes_methods(self) -> bool:
        """Whether it listens for direct methods."""

    def call_method(self, name: str, payload: bytes, answered: MethodAnswer) -> None:
        """Send a direct method; `answered` is called once, from the event loop, if an answer comes."""

    def forget_method(self, answered: MethodAnswer) -> None:
        """Take no answer any more to the direct method that was sent with `answered`."""

    def twin_changed(self) -> None:
        """Look whether the desired properties are other ones now."""

    def messages_wait(self) -> None:
        """Take what waits in the queue."""


@dataclass
class QueuedMessage:
    """A cloud-to-device message. `system` by the wire's short names (mid, to, exp, ct, ce, cid, uid)."""

    system: dict[str, str]
    properties: dict[str, str]
    body: bytes = field(repr=False)
    expires: datetime
    deliveries: int = 0
    taken_by: Link | None = None  # sent to this connection and not acknowledged


class Switchboard:
    """All connected devices of all hubs, and the messages that wait for them. A listener of the cloud; thread-safe."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._links: dict[tuple[str, str], Link] = {}
        self._queues: dict[tuple[str, str], list[QueuedMessage]] = {}

    # --- connections --------------------------------------------------------------------------------------------

    def attach(self, hub: HubState, identity: str, link: Link) -> None:
        """Take a connection; it takes the place of an older one."""
        with self._changed:
            self._links[_key(hub, identity)] = link

    def detach(self, hub: HubState, identity: str, link: Link) -> None:
        """Forget a connection; what it did not acknowledge waits again."""
        key = _key(hub, identity)
        with self._changed:
            if self._links.get(key) is link:
                del self._links[key]
            for message in self._queues.get(key, ()):
                if message.taken_by is link:
                    message.taken_by = None

    def listens(self) -> None:
        """Say that a connection began to listen for methods."""
        with self._changed:
            self._changed.notify_all()

    def hub_changed(self, hub: HubState, what: str) -> None:
        """Take notice of a change at a hub (a listener of the cloud)."""
        kind, _, device_id = what.partition(":")
        if kind not in {"twin", "device"}:
            return
        with self._changed:
            links = [
                link
                for (name, identity), link in self._links.items()
                if name == hub.arm_id and identity.partition("/")[0] == device_id
            ]
            gone = kind == "device" and device_id not in hub.devices
            if gone:
                self._queues.pop(_key(hub, device_id), None)
        for link in links:
            link.twin_changed()

    # --- direct methods -----------------------------------------------------------------------------------------

    def invoke(
        self, hub: HubState, identity: str, name: str, payload: bytes, connect_seconds: float, answer_seconds: float
    ) -> tuple[int, bytes]:
        """Call a direct method and wait: return the device's status and payload. Raises NotOnline, NoAnswer."""
        link = self._listener(hub, identity, connect_seconds)
        done = threading.Event()
        answers: list[tuple[int, bytes]] = []

        def answered(status: int, body: bytes) -> None:
            answers.append((status, body))
            done.set()

        link.call_method(name, payload, answered)
        if not done.wait(answer_seconds):
            link.forget_method(answered)
            raise NoAnswer
        return answers[0]

    def _listener(self, hub: HubState, identity: str, seconds: float) -> Link:
        key, until = _key(hub, identity), time.monotonic() + seconds
        with self._changed:
            while True:
                link = self._links.get(key)
                if link is not None and link.takes_methods:
                    return link
                left = until - time.monotonic()
                if left <= 0:
                    raise NotOnline
                self._changed.wait(left)

    # --- cloud-to-device messages -------------------------------------------------------------------------------

    def enqueue(
        self, hub: HubState, device_id: str, system: dict[str, str], properties: dict[str, str], body: bytes
    ) -> str:
        """Queue a message for a device that exists, and return its id. Raises QueueFull, TooLarge."""
        bag = len(write_bag(system, properties))  # percent-encoded: what a topic has to hold
        if len(body) + bag > MESSAGE_LIMIT or bag > BAG_LIMIT:
            raise TooLarge
        key = _key(hub, device_id)
        message_id = system.get("mid") or str(uuid.uuid4())
        to = f"/devices/{device_id}/messages/devicebound"
        with self._changed:
            queue = self._alive(key)
            if len(queue) >= QUEUE_LIMIT:
                raise QueueFull
            known = {**system, "mid": message_id, "to": to}
            queue.append(QueuedMessage(known, dict(properties), body, self._now() + TIME_TO_LIVE))
            self._queues[key] = queue
            link = self._links.get(key)
        self._count(hub, device_id)
        if link is not None:
            link.messages_wait()
        return message_id

    def take(self, hub: HubState, device_id: str, link: Link) -> list[QueuedMessage]:
        """Return what waits for a connection, oldest first; it stays queued until `complete`."""
        key = _key(hub, device_id)
        with self._changed:
            found = [message for message in self._alive(key) if message.taken_by is None]
            for message in found:
                message.taken_by = link
                message.deliveries += 1
        self._count(hub, device_id)
        return found

    def complete(self, hub: HubState, device_id: str, message: QueuedMessage) -> None:
        """Remove a message that the device took."""
        with self._changed:
            queue = self._queues.get(_key(hub, device_id), [])
            if message in queue:
                queue.remove(message)
        self._count(hub, device_id)

    def purge(self, hub: HubState, device_id: str) -> int:
        """Remove every message that waits for a device; return how many."""
        with self._changed:
            removed = len(self._alive(_key(hub, device_id)))
            self._queues.pop(_key(hub, device_id), None)
        self._count(hub, device_id)
        return removed

    def forget(self) -> None:
        """Remove all messages of all devices."""
        with self._changed:
            self._queues.clear()

    def _alive(self, key: tuple[str, str]) -> list[QueuedMessage]:
        """Drop what is too old or came back too often, and return the rest."""
        now = self._now()
        queue = [
            one
            for one in self._queues.get(key, ())
            if one.expires > now and (one.taken_by is not None or one.deliveries < MOST_DELIVERIES)
        ]
        self._queues[key] = queue
        return queue

    def _count(self, hub: HubState, device_id: str) -> None:
        device = hub.devices.get(device_id)
        if device is not None:
            device.c2d_count = len(self._queues.get(_key(hub, device_id), ()))


def _key(hub: HubState, identity: str) -> tuple[str, str]:
    return hub.arm_id, identity
