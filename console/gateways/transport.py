"""The one way out: counts calls, retries reads within a visible budget, turns exceptions into `ConsoleError`."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from console.config import Profile
from console.config_secrets import Prompt
from console.gateways.answers import Target
from console.gateways.errors import translate
from console.gateways.imports import IMPORTING
from console.gateways.proxying import ProxyLogin
from console.model.errors import ErrorKind
from console.services.ports import CallMeter, Cancel

T = TypeVar("T")

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
TRIES = 3
BUDGET = 10.0
"""Seconds that one reading may spend on waiting and repeating before it gives up and says why."""
WRITE_BUDGETS = 9
"""So many times the budget may be spent on waiting until a throttled write is let in: nothing of it was taken yet."""

OPERATION_BUDGETS = 12
"""So many times the budget a long-running operation is watched."""

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 15.0
_NOISY = ("azure", "msrest", "uamqp", "urllib3", "msal", "requests")


def quiet_sdks() -> None:
    """Keep the SDKs' loggers off stderr: their background threads would write over the screen.

    Records still reach handlers that somebody set on the root logger (the console's log file).
    """
    for name in _NOISY:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())


class Transport:
    """Runs SDK calls for all gateways of one profile; shared by threads.

    `verify`, `proxies` and time-outs go into each SDK client: trust and proxy come from the profile alone.
    """

    def __init__(
        self,
        profile: Profile,
        meter: CallMeter,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        budget: float = BUDGET,
        prompt: Prompt | None = None,
    ) -> None:
        self.profile = profile
        self.meter = meter
        self.wall = wall
        self.login = ProxyLogin.of(profile, prompt)
        self._budget = budget
        quiet_sdks()

    @property
    def verify(self) -> str | bool:
        """The trust root: the profile's file, else the public roots."""
        from console.config_state import home_path

        return str(home_path(self.profile.ca_file)) if self.profile.ca_file else True

    @property
    def proxies(self) -> dict[str, str]:
        """The profile's proxy in the form that requests takes; empty for none."""
        return {"https": self.profile.proxy, "http": self.profile.proxy} if self.profile.proxy else {}

    def core_options(self, places: Iterable[str] = ()) -> dict[str, Any]:
        """Return the arguments every azure-core client gets: trust, time-outs, no environment, no own retries.

        With `places` the client asks these services (URLs) and no other, whatever an answer says.
        """
        options = {**self.direct_options(places)}
        if self.proxies:
            options["proxies"] = self.proxies
        return options

    def direct_options(self, places: Iterable[str] = ()) -> dict[str, Any]:
        """Return the same without a proxy: for this machine's own identity, whose answers are for it alone."""
        with IMPORTING:
            from azure.core.pipeline.transport import RequestsTransport

        return {
            "transport": RequestsTransport(
                session=self.session(places),
                session_owner=False,
                connection_verify=self.verify,
                connection_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
            ),
            "connection_verify": self.verify,
            "connection_timeout": CONNECT_TIMEOUT,
            "read_timeout": READ_TIMEOUT,
            "retry_total": 0,
            "use_env_settings": False,
        }

    def session(self, places: Iterable[str] = ()) -> Any:
        """Return a session of our own: it follows nothing, and its answers end and fit in memory."""
        with IMPORTING:
            from console.gateways.wire import session

        return session(self.login, places)

    @property
    def operation_seconds(self) -> float:
        """How long a long-running operation is watched before we say that it has not ended."""
        return self._budget * OPERATION_BUDGETS

    def target(self, target: Target) -> Target:
        """Return a target completed with what the profile says about trust and proxy."""
        return replace(target, ca_file=self.profile.ca_file, proxy=self.profile.proxy, proxy_login=self.login.known)

    def read(self, what: str, target: Target, cancel: Cancel, call: Callable[[], T], *, tries: int = TRIES) -> T:
        """Run one reading call, repeating it while that may help.

        At most three tries (or `tries`) within the budget; Retry-After is honoured when it fits, and a 429 without it
        is repeated as well. While it waits the meter's note says so. Never for writes (see `write`).

        Raises ConsoleError, CANCELLED included.
        """
        deadline = time.monotonic() + self._budget
        attempt = 0
        while True:
            cancel.check()
            attempt += 1
            self.meter.add(calls=1, in_flight=1)
            try:
                return call()
            except Exception as error:
                failure = translate(error, what, self.target(target), self.wall())
                cause = error
            finally:
                self.meter.add(in_flight=-1)
            if failure.error.kind is ErrorKind.THROTTLED:
                self.meter.add(throttled=1)
            backoff = _FIRST_WAIT * 3 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
            wait = backoff if failure.retry_after is None else failure.retry_after
            if not failure.retry or attempt >= tries or time.monotonic() + wait > deadline:
                raise failure.error from cause
            self.meter.add(retries=1)
            self.meter.note = (
                f"{target.service}: {failure.error.kind.value}, try {attempt + 1} of {tries} in {wait:.0f} s"
            )
            try:
                cancel.wait(wait)
            finally:
                self.meter.note = ""

    def write(self, what: str, target: Target, cancel: Cancel, call: Callable[[], T]) -> T:
        """Send one write, once: what may have been taken is never sent again, only a 429 (nothing was) is.

        Raises ConsoleError; CANCELLED only before it was sent.
        """
        deadline = time.monotonic() + self._budget * WRITE_BUDGETS
        attempt = 0
        while True:
            cancel.check()
            attempt += 1
            self.meter.add(calls=1, in_flight=1)
            try:
                return call()
            except Exception as error:
                failure = translate(error, what, self.target(target), self.wall())
                cause = error
            finally:
                self.meter.add(in_flight=-1)
            refused = failure.error.status == 429
            if refused:
                self.meter.add(throttled=1)
            wait = min(2.0 ** (attempt - 1), _LONGEST_WAIT) if failure.retry_after is None else failure.retry_after
            if not refused or time.monotonic() + wait > deadline:
                raise failure.error from cause
            self.meter.note = f"{target.service} throttles us: writing again in {wait:.0f} s"
            try:
                cancel.wait(wait)
            finally:
                self.meter.note = ""
