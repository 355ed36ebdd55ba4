"""Lists that come in pages end: not twice the same page, not more pages than a list can have, not forever."""

from __future__ import annotations

import time
from collections.abc import Callable

from console.model.errors import ConsoleError, ErrorKind

MOST_PAGES = 1000
READING_SECONDS = 300.0
_HINT = "Try again; if it stays, check the endpoints in the profile: this is not how the service answers"


class Pages:
    """Watches the pages of one list that `service` sends; `what` begins the sentence of a failure.

    Args:
        most: pages that the longest list can have.
        seconds: how long the whole list may take; None for a reading that shows how far it is and can be stopped.
    """

    def __init__(
        self,
        what: str,
        service: str,
        *,
        most: int = MOST_PAGES,
        seconds: float | None = READING_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._service = service
        self._most = most
        self._seconds = seconds
        self._now = now
        self._begun = now()
        self._seen: set[int] = set()
        self._count = 1

    def follow(self, place: str) -> str:
        """Return the token or address of the next page. Raises ConsoleError when it must not be followed."""
        token = hash(place)
        self._count += 1
        if token in self._seen:
            raise self._given_up(ErrorKind.BAD_ANSWER, "leads to a page that was read already, so its list never ends")
        if self._count > self._most:
            raise self._given_up(ErrorKind.BAD_ANSWER, f"sends more than {self._most:,} pages, which no such list has")
        if self._seconds is not None and self._now() - self._begun > self._seconds:
            raise self._given_up(ErrorKind.TIMEOUT, f"did not end its list within {self._seconds:g} s")
        self._seen.add(token)
        return place

    def _given_up(self, kind: ErrorKind, why: str) -> ConsoleError:
        return ConsoleError(kind, self._what, f"{self._service} {why}", _HINT)
