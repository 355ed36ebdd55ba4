"""Long-running operations of the resource manager: started by a write, polled at their own address."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from console.localhub.state import Json


class TakenFault(Protocol):
    """A fault that was used up; `seconds` is 0 where the fault does not say."""

    seconds: float


class FaultSource(Protocol):
    """The part of the fault registry that the resource manager asks."""

    def take(
        self, kind: str, endpoint: str | None = None, path: str | None = None, method: str | None = None
    ) -> TakenFault | None:
        """Use up one fault of a kind meant for such a request; None when there is none."""


@dataclass
class Operation:
    """One operation. `done_at` is monotonic seconds, None for one that never ends; `error` makes it fail."""

    started: datetime
    done_at: float | None
    error: Json | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def status(self) -> str:
        """Return InProgress, Succeeded or Failed, as of now."""
        if self.done_at is None or time.monotonic() < self.done_at:
            return "InProgress"
        return "Failed" if self.error else "Succeeded"


class Operations:
    """All operations of this process; `seconds` is how long one takes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._all: dict[str, Operation] = {}
        self._lock = threading.Lock()

    def start(self, *, error: Json | None = None, stuck: bool = False) -> Operation:
        """Begin an operation that succeeds, fails with `error`, or never ends."""
        return self._keep(Operation(datetime.now(UTC), None if stuck else time.monotonic() + self._seconds, error))

    def start_late(self, work: Callable[[], Json | None], seconds: float = 0.0) -> Operation:
        """Begin an operation whose work is done only at its end; `work` returns the error, None when it succeeded.

        `seconds` is how long it takes, 0 for as long as any other.
        """
        operation = self._keep(Operation(datetime.now(UTC), None))

        def end() -> None:
            operation.error = work()
            operation.done_at = time.monotonic()  # last, so that nobody sees Succeeded before the work is done

        timer = threading.Timer(seconds or self._seconds, end)
        timer.daemon = True
        timer.start()
        return operation

    def _keep(self, operation: Operation) -> Operation:
        with self._lock:
            self._all[operation.id] = operation
        return operation

    def get(self, operation_id: str) -> Operation | None:
        """Return an operation by its id."""
        with self._lock:
            return self._all.get(operation_id)


def operation_body(operation: Operation) -> Json:
    """Return what a poll of an operation says (Azure-AsyncOperation)."""
    status = operation.status()
    body: Json = {"id": operation.id, "status": status, "startTime": operation.started.isoformat()}
    if status == "Failed":
        body["error"] = operation.error
    return body
