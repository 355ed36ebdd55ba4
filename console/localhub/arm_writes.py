"""Long-running writes: the operation that goes with a change, and the faults that make it fail, stick or come late."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import Call
from console.localhub.arm_errors import ArmError, resource_not_found
from console.localhub.arm_operations import operation_body
from console.localhub.state import Json

_LOG = logging.getLogger(__name__)
_FAILURE = {
    "code": "InternalServerError",
    "message": "The operation failed because of an internal error. Nothing was changed.",
}

Change = Callable[[], Json | None]


def long_running(
    call: Call, status: int, change: Change, *, unchanged: Change = lambda: None, results: str | None = None
) -> Response:
    """Make a change, start its operation, and answer where to poll it.

    `change` takes its own locks, returns the answer's body and raises `ArmError` when it cannot be made (any more);
    normally it is made at once, and the operation says InProgress for a moment longer. `unchanged` gives the body of
    the answer when the change is not made now: by the faults `lro-fail` and `lro-stuck` never, by `lro-late` when the
    operation ends. `results` is as in `Call.accepted`.
    """
    operations = call.arm.operations
    if call.arm.fault("lro-fail", call) is not None:
        call.notes["failed"] = dict(_FAILURE)
        return call.accepted(operations.start(error=dict(_FAILURE)), status, unchanged(), results)
    if call.arm.fault("lro-stuck", call) is not None:
        call.notes["unfinished"] = True
        return call.accepted(operations.start(stuck=True), status, unchanged(), results)
    late = call.arm.fault("lro-late", call)
    if late is not None:
        call.notes["unfinished"] = True
        body = unchanged()
        return call.accepted(operations.start_late(lambda: _made(call, change), late.seconds), status, body, results)
    body = change()
    return call.accepted(operations.start(), status, body, results)


def _made(call: Call, change: Change) -> Json | None:
    """Make a change whose call was answered long ago; return the operation's error, None for none."""
    error: Json | None = None
    try:
        change()
    except ArmError as problem:
        body = problem.body.get("error", problem.body)
        error = {"code": str(body.get("code")), "message": body.get("message")}
    except Exception:
        _LOG.exception("resource manager: a late %s failed", call.method)
        error = dict(_FAILURE)
    if call.ended is not None:
        call.ended(error)
    return error


def operation_result(call: Call) -> Response:
    """Answer a poll: of `Azure-AsyncOperation` (with `asyncinfo`) the status, of `Location` 202 until it is over."""
    operation = call.arm.operations.get(call.params["operation"])
    if operation is None:
        raise resource_not_found("operationResults", call.params["operation"], call.params.get("group", ""))
    if "asyncinfo" in call.query:
        headers = {"Retry-After": "1"} if operation.status() == "InProgress" else {}
        return JSONResponse(operation_body(operation), 200, headers)
    if operation.status() == "InProgress":
        return Response(status_code=202, headers={"Location": f"{call.base_url}{call.path}", "Retry-After": "1"})
    return Response(status_code=204)
