"""The fleet: counts that the hub makes itself, one device afresh, and the kept list of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from console.model.clock import format_time
from console.model.device import AuthType, ConnectionState, DeviceDetail, DeviceStatus, FleetCounts
from console.model.device import auth_type as auth_type_of
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.paging import Pages
from console.services.ports import NEVER_CANCELLED, Cancel
from console.services.session import Session

if TYPE_CHECKING:
    from console.services.fleet_store import FleetStore

T = TypeVar("T")
UNSEEN = timedelta(days=30)
_NO_DEVICE = "DeviceNotFound"
"""The registry's own word for it, in the body of its 404."""


class FleetService:
    """Reads devices of the session's hub; `store` is where its fleet is kept between two looks."""

    def __init__(self, session: Session, store: FleetStore) -> None:
        self._session = session
        self.store = store

    def counts(self, cancel: Cancel = NEVER_CANCELLED) -> FleetCounts:
        """Count the fleet by GROUP BY queries: the hub counts, nothing is paged over.

        Thumbprint devices count as SHA-256: lengths are known only when devices are read one by one. `unseen_30_days`
        is None where the hub cannot answer it. Raises ConsoleError.
        """
        by_auth = self._group("authenticationType", auth_of, cancel)
        by_status = self._group("status", status_of, cancel)
        by_connection = self._group("connectionState", connection_of, cancel)
        total = max(sum(count for _, count in part) for part in (by_auth, by_status, by_connection))
        return FleetCounts(total, by_auth, by_status, by_connection, self._unseen(cancel))

    def detail(self, device_id: str, cancel: Cancel = NEVER_CANCELLED) -> DeviceDetail:
        """Read one identity and its twin afresh (the query index may be behind).

        Raises ConsoleError; NOT_FOUND with the code "ghost" for a device that only the kept list and the query index
        still have: it is taken from the list.
        """
        try:
            return self._session.registry.device(device_id, cancel)
        except ConsoleError as error:
            if error.code != _NO_DEVICE or not self._forget(device_id):  # a 404 of somebody in between is no answer
                raise
            what = f"The device {clean(device_id, limit=128)} does not exist any more"
            why = "the registry has no such device, only its query index listed it"
            hint = "It was taken from the list; the index forgets a deleted device by itself, within half an hour or so"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint, status=404, code="ghost") from error

    def _forget(self, device_id: str) -> bool:
        """Take a device from the kept list; say whether it was there."""
        try:
            known = self.store.device(device_id) is not None
            if known:
                self.store.keep({device_id: None})
        except ConsoleError:  # the list cannot be used: nothing is to be taken from it
            return False
        return known

    def _group(self, attribute: str, read: Callable[[object], T], cancel: Cancel) -> tuple[tuple[T, int], ...]:
        text = f"SELECT COUNT() AS numberOfDevices, {attribute} FROM devices GROUP BY {attribute}"  # noqa: S608 - ours
        counts: dict[T, int] = {}
        continuation: str | None = None
        pages = Pages("The device query failed", "the hub")
        while True:
            page = self._session.registry.query(text, continuation=continuation, cancel=cancel)
            for row in page.rows:
                key = read(row.get(attribute))
                counts[key] = counts.get(key, 0) + _count(row)
            if not page.continuation:
                return tuple(counts.items())
            continuation = pages.follow(page.continuation)

    def _unseen(self, cancel: Cancel) -> int | None:
        before = format_time(self._session.now() - UNSEEN)
        text = f"SELECT COUNT() AS numberOfDevices FROM devices WHERE lastActivityTime < '{before}'"  # noqa: S608 - a time
        try:
            rows = self._session.registry.query(text, cancel=cancel).rows
        except ConsoleError as error:
            if error.kind in {ErrorKind.BAD_QUERY, ErrorKind.SERVICE}:
                return None
            raise
        return _count(rows[0]) if rows else 0


def auth_of(word: object) -> AuthType:
    """Return the auth type of a GROUP BY row; "selfSigned" has some thumbprint, of unknown length."""
    text = str(word or "")
    return AuthType.THUMBPRINT_SHA256 if text.casefold() == "selfsigned" else auth_type_of(text)


def status_of(word: object) -> DeviceStatus:
    """Return the status of a GROUP BY row."""
    text = str(word or "").casefold()
    return DeviceStatus(text) if text in {"enabled", "disabled"} else DeviceStatus.UNKNOWN


def connection_of(word: object) -> ConnectionState:
    """Return the connection state of a GROUP BY row."""
    text = str(word or "").casefold()
    return ConnectionState(text) if text in {"connected", "disconnected"} else ConnectionState.UNKNOWN


def _count(row: Mapping[str, Any]) -> int:
    value = row.get("numberOfDevices", 0)
    return int(value) if isinstance(value, int | float) else 0
