"""Keeps the simulated fleet playing at the story's pace, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from console.localhub.scenario import Scenario
from console.localhub.scenario_devices import RealDevice
from console.localhub.state import Cloud

_LOG = logging.getLogger(__name__)
_LONGEST_WAIT = 1.0
FIRST_REAL = 3.0
"""Seconds after the start when the first real client comes: what is before follows from the seed alone."""


class Live:
    """The fleet from the story's start on. `start()` plays by the clock; tests call `run_until` instead."""

    def __init__(self, cloud: Cloud, scenario: Scenario) -> None:
        self._clock = cloud.clock
        self._player = scenario.player
        self._condition = threading.Condition()
        self._stopping = False
        self._devices: list[RealDevice] = []
        self._thread: threading.Thread | None = None

    def run_until(self, story_time: datetime) -> None:
        """Play everything up to a story time at once, without waiting."""
        self._player.run_until((story_time - self._player.start).total_seconds())

    def let_real_devices_in(self, port: int, ca_pem: str) -> None:
        """Let real MQTT clients play those devices that are to be real, from some seconds after the start."""
        try:
            import paho.mqtt.client  # noqa: F401 - asked here, used on their threads
        except ImportError:
            _LOG.warning("the package paho-mqtt is missing: every device of the demo is simulated")
            return
        for number, client in enumerate(one for one in self._player.clients.values() if one.real):
            device = RealDevice(client, self._player.hub.host, port, ca_pem)
            self._devices.append(device)
            self._player.take_over(client, device, FIRST_REAL + number)

    def start(self) -> None:
        """Play on a daemon thread until `stop`."""
        self._player.wake = self._wake
        self._thread = threading.Thread(target=self._run, name="hubwarden-fleet", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; returns within about a second."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=2 * _LONGEST_WAIT)
        for device in self._devices:
            device.disconnect(clean=False)

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                if self._stopping:
                    return
                now = (self._clock.story() - self._player.start).total_seconds()
                due = self._player.next_at()
                if due is None or due > now:
                    wait = _LONGEST_WAIT if due is None else min(due - now, _LONGEST_WAIT)
                    self._condition.wait(wait)
                    continue
            try:
                self._player.run_until(now)
            except Exception:  # the fleet must not stop because one client tripped over an edit of the hub
                _LOG.exception("a simulated client failed")
