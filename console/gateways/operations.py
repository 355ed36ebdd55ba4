"""Long-running operations of the resource manager: watched at our own pace, for a limited time, cancellable."""

from __future__ import annotations

import time
from typing import Any

from console.gateways.answers import Answer
from console.gateways.arm import Arm
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ports import Cancel
from console.services.write_ports import Receipt

_FIRST, _LONGEST = 0.2, 5.0
_DONE = {"succeeded"}
_OVER = {"failed", "canceled", "cancelled"}


def watch(arm: Arm, what: str, answer: Answer, body: Any, cancel: Cancel) -> Receipt:
    """Wait for the end of the operation that a write began and return its receipt.

    A write that was done at once ends at once. When the operation has not ended in time, or asking for it was stopped
    or failed, the receipt says so in `pending`: the caller reads the resource to know. Raises ConsoleError SERVICE when
    the service says that the operation failed.
    """
    etag = str(body.get("etag") or "") if isinstance(body, dict) else ""
    url = answer.headers.get("azure-asyncoperation") or (
        answer.headers.get("location", "") if answer.status in {201, 202} else ""
    )
    if not url:
        return Receipt(etag)
    deadline = time.monotonic() + arm.transport.operation_seconds
    wait = _FIRST
    while time.monotonic() < deadline:
        # the resource manager's Retry-After is a courtesy for machines; a person waits here, and looks more often
        if cancel.wait(min(wait, max(deadline - time.monotonic(), 0.0))):
            return Receipt("", "you stopped waiting for the operation, which goes on")
        wait = min(wait * 1.6, _LONGEST)
        try:
            polled, state = arm.poll(what, url, Cancel())
        except ConsoleError as error:
            return Receipt("", f"the operation could not be followed ({error.why or error.what})")
        status = str(state.get("status") or "") if isinstance(state, dict) else ""
        if status.casefold() in _OVER:
            raise _failed(what, state)
        if status.casefold() in _DONE or (not status and polled.status in {200, 204}):
            return Receipt(etag)
    return Receipt("", f"the operation has not ended after {arm.transport.operation_seconds:.0f} s")


def _failed(what: str, state: dict[str, Any]) -> ConsoleError:
    error = state.get("error")
    details: dict[str, Any] = error if isinstance(error, dict) else {}
    why = clean(details.get("message") or f"the operation ended as {state.get('status')}", limit=300)
    hint = "The service undid it; try again, and if it stays look at Azure's service health"
    return ConsoleError(ErrorKind.SERVICE, what, why, hint, code=clean(details.get("code")) or None)
