"""Plays the simulated fleet: clients connect, leave, renew and try again through the hub's door, in order of time."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from console.localhub.door import GRACE, Attempt, Door, Session
from console.localhub.fleet_credentials import device_token
from console.localhub.fleet_plan import Role
from console.localhub.scenario_fleet import EXPIRED_BEFORE, Client, Wire
from console.localhub.state import HubState

HOUR = 3600.0
RETRY_SECONDS = {
    # role: (from, to) seconds until the next attempt after a refusal
    Role.EXPIRED: (3580.0, 3620.0),
    Role.WRONG_KEY: (1190.0, 1210.0),
    Role.WRONG_THUMBPRINT: (1780.0, 1820.0),
    Role.DISABLED_TRYING: (3550.0, 3650.0),
    Role.GATEWAY: (30.0, 60.0),
    Role.CLONED: (19.0, 21.0),
}
PATIENT = (180.0, 2460.0)
"""What ordinary devices wait after a refusal or a drop: long and spread, so that a plant does not storm the hub."""

AGAIN = (5.0, 30.0)
"""What a real client waits after the hub ended its connection: there is a handful of them."""

DROP_WITHIN = 300.0
"""Seconds within which the hub ends connections that its new rules do not admit."""


class FleetPlayer:
    """The clients and what they will do next. Times are seconds from the story's start, negative in its past.

    `step` order and everything drawn depend on the seed alone, as long as nobody outside changes the hub.
    """

    def __init__(self, hub: HubState, door: Door, start: datetime, seed: int, stretch: float = 1.0) -> None:
        self.hub = hub
        self.door = door
        self.start = start
        self.now = 0.0
        self.stretch = stretch  # how much longer sessions last than in a small fleet, to bound the day's log
        self.clients: dict[str, Client] = {}
        self._everyone: list[Client] = []
        self._rng = random.Random(f"play:{seed}")  # noqa: S311 - a story, not a secret
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._queue_lock = threading.Lock()  # held for a push or a pop only: the door calls back under the hub's lock
        self._run_lock = threading.Lock()
        self.wake: Callable[[], None] = lambda: None

    # -- time ----------------------------------------------------------------------------------------------------------

    def at(self, offset: float, action: Callable[[], None]) -> None:
        """Plan an action for an offset; one in the past happens at the next step."""
        with self._queue_lock:
            heapq.heappush(self._queue, (offset, next(self._order), action))
        self.wake()

    def next_at(self) -> float | None:
        """Return the offset of the next planned action."""
        with self._queue_lock:
            return self._queue[0][0] if self._queue else None

    def run_until(self, offset: float) -> None:
        """Do everything planned up to an offset, in order of time."""
        with self._run_lock:
            while True:
                with self._queue_lock:
                    if not self._queue or self._queue[0][0] > offset:
                        break
                    due, _, action = heapq.heappop(self._queue)
                self.now = max(self.now, due)
                action()
            self.now = max(self.now, offset)

    def moment(self, offset: float | None = None) -> datetime:
        """Return the UTC time of an offset, by default of now."""
        return self.start + timedelta(seconds=self.now if offset is None else offset)

    # -- clients -------------------------------------------------------------------------------------------------------

    def add(self, client: Client, first: float, remaining: float | None = None) -> None:
        """Take a client in; it connects first at an offset; `remaining` is the share of its first session to come."""
        self.clients[client.identity] = client
        self._everyone.append(client)
        self.at(first, self._guarded(client, lambda: self.connect(client, remaining)))

    def _guarded(self, client: Client, action: Callable[[], None]) -> Callable[[], None]:
        epoch = client.epoch

        def run() -> None:
            if client.epoch == epoch:
                action()

        return run

    def _later(self, client: Client, seconds: float, action: Callable[[], None]) -> None:
        client.epoch += 1
        self.at(self.now + seconds, self._guarded(client, action))

    def _between(self, low: float, high: float) -> float:
        return low + (high - low) * self._rng.random()

    def connect(self, client: Client, remaining: float | None = None) -> None:
        """Let a client try to connect now, with its own credential, and plan what it does next."""
        if client.until is not None and self.now > client.until:
            return
        share = 1.0 if remaining is None else remaining
        life = client.token_hours * HOUR * self.stretch
        token = None
        moment = self.moment()
        if client.key is not None:
            expires = moment + timedelta(seconds=max(life * share, 200.0))
            token = device_token(self.hub.host, client.identity, client.key, expires)
        if client.device is not None:
            client.device.connect(token, partial(self._answered, client, share), partial(self._ended, client))
            return
        attempt = Attempt(moment, client.identity, client.address, client.protocol, client.sdk, token, client.chain)
        verdict = self.door.attempt(attempt, on_close=lambda code: self._kicked(client, code))
        self._go_on(client, share, let_in=verdict.admitted)

    def _go_on(self, client: Client, share: float, *, let_in: bool) -> None:
        """Plan what a client does next, after it was let in or turned away."""
        life = client.token_hours * HOUR * self.stretch
        if not let_in:
            client.session = None
            self._later(client, self._between(*RETRY_SECONDS.get(client.role, PATIENT)), lambda: self.connect(client))
            return
        client.session = self.door.sessions.get(client.identity)
        if client.leaves_for_good:
            self._later(client, self._between(0.0, max(-self.now - 1800.0, 60.0)), lambda: self._leave(client, None))
        elif client.role is Role.EXPIRED:
            self._plan_restart(client)
        elif client.key is None:
            stay = self._between(6 * HOUR, 30 * HOUR) * self.stretch * share
            self._later(client, stay, lambda: self._leave(client, (30.0, 1500.0)))
        elif client.role is Role.CLONED:
            client.epoch += 1  # its own token lasts; only the other one with the same key disturbs it
        elif client.noisy:
            wait = max(life * share, 200.0) + GRACE.total_seconds() + self._between(0.0, 20.0)
            self._later(client, wait, lambda: self._run_out(client))
        else:
            early = max(max(life * share, 200.0) - 120.0 - self._between(0.0, 20.0), 30.0)
            self._later(client, early, lambda: self._leave(client, (0.5, 3.0)))

    def take_over(self, client: Client, device: Wire, offset: float) -> None:
        """Let a real client play a device from an offset on: as if it renewed its token then."""

        def change() -> None:
            self._leave(client, None)
            client.device = device
            self._later(client, self._between(0.5, 3.0), lambda: self.connect(client))

        self.at(offset, change)

    def _answered(self, client: Client, share: float, let_in: bool) -> None:
        """Go on after the hub's answer to a real client; called on that client's thread."""
        self.at(self.now, self._guarded(client, lambda: self._go_on(client, share, let_in=let_in)))

    def _ended(self, client: Client) -> None:
        """Go on after the hub ended a real client's connection; called on that client's thread."""
        again = self._guarded(client, lambda: self._later(client, self._between(*AGAIN), lambda: self.connect(client)))
        self.at(self.now, again)

    def _plan_restart(self, client: Client) -> None:
        """Let a device of the batch restart a little after its certificate ran out."""
        due = -EXPIRED_BEFORE.total_seconds() + self._between(5.0, 95.0)
        self._later(client, max(due - self.now, 1.0), lambda: self._leave(client, (5.0, 40.0)))

    def _holds(self, client: Client) -> bool:
        return client.session is not None and self.door.sessions.get(client.identity) is client.session

    def _leave(self, client: Client, back: tuple[float, float] | None, *, clean: bool = True) -> None:
        if client.device is not None:
            client.device.disconnect(clean=clean)
        elif self._holds(client):
            self.door.close(client.identity, self.moment(), clean=clean)
        client.session = None
        client.epoch += 1
        if back is not None:
            self._later(client, self._between(*back), lambda: self.connect(client))

    def _run_out(self, client: Client) -> None:
        """Let the hub end a connection whose token ran out; the client comes back with a new token."""
        if self._holds(client):
            self.door.expire(client.identity, self.moment())
        client.session = None
        self._later(client, self._between(4.0, 80.0), lambda: self.connect(client))

    def _kicked(self, client: Client, _code: str) -> None:
        """Note, under the hub's lock, that the hub closed a client's connection; it comes back some seconds later."""
        client.session = None
        wait = RETRY_SECONDS[Role.CLONED] if client.role is Role.CLONED else PATIENT
        if client.role is Role.GATEWAY:
            wait = (5.0, 30.0)
        self._later(client, self._between(*wait), lambda: self.connect(client))

    # -- what others do ------------------------------------------------------------------------------------------------

    def intrude(self, client: Client, seconds: float) -> None:
        """Let somebody with a copy of a device's credential connect for a while; both fight for the one connection."""
        client.until = self.now + seconds
        client.epoch += 1
        self.connect(client)
        self.at(client.until, lambda: self._leave(client, None))

    def lose_one(self) -> None:
        """Let one connected ordinary device lose its network for some minutes."""
        for _ in range(20):
            client = self._rng.choice(self._everyone)
            if client.role is Role.ORDINARY and self._holds(client):
                self._leave(client, (300.0, 1500.0), clean=False)
                return

    def hub_changed(self, hub: HubState, what: str) -> None:
        """Take notice of a change at the hub (a listener of the cloud): it ends connections it no longer admits."""
        if hub is not self.hub:
            return
        kind, _, device_id = what.partition(":")
        if kind == "network":
            self.at(self.now, lambda: self._turn_out(list(self.door.sessions), DROP_WITHIN))
        elif kind == "device":
            self.at(self.now, lambda: self._turn_out([device_id], 5.0))

    def _turn_out(self, identities: list[str], within: float) -> None:
        for identity in identities:
            if identity not in self.door.sessions or self.door.welcome(identity):
                continue
            client = self.clients.get(identity)
            if client is None or not self._holds(client):
                self.door.drop(identity, self.moment())
                continue
            due = self.now + self._between(1.0, within)
            self.at(due, partial(self._drop, identity, client.session))

    def _drop(self, identity: str, session: Session | None) -> None:
        if session is not None and self.door.sessions.get(identity) is session and not self.door.welcome(identity):
            self.door.drop(identity, self.moment())
