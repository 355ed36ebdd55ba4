"""Long-running operations of the resource manager: started by a write, polled at their own address."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from console.localhub.state import Json


class FaultSource(Protocol):
    """The part of the fault registry that the resource manager asks."""

    def take(
        self, kind: str, endpoint: str | None = None, path: str | None = None, method: str | None = None
    ) -> object | None:
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
        self._lock = Lock()

    def start(self, *, error: Json | None = None, stuck: bool = False) -> Operation:
        """Begin an operation that succeeds, fails with `error`, or never ends."""
        operation = Operation(datetime.now(UTC), None if stuck else time.monotonic() + self._seconds, error)
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
