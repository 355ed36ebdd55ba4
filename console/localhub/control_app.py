"""The local hub's own control service, for whoever holds the token of the ready file."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.localhub import wire_json
from console.localhub.faults import KINDS, BadFault, Faults
from console.localhub.load_parts import LoadRefused
from console.localhub.snapshot import NotKept
from console.localhub.state import Json

Handler = Callable[[Request], Awaitable[Response]]


class CannotSend(Exception):  # noqa: N818 - reads as what it is
    """A message cannot be sent to a device; `status` is the HTTP status of the refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Rows(Protocol):
    """Numbered rows, the last of many."""

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the rows after a number, oldest first."""


@dataclass(frozen=True)
class Controls:
    """What the control service works on.

    `send` takes device, module (or None), system properties by the wire's short names, application properties and
    body, and raises CannotSend. `load` raises LoadRefused, `reset` NotKept.
    """

    faults: Faults
    rows: Mapping[str, Rows]  # requests, messages, events
    send: Callable[[str, str | None, dict[str, str], dict[str, str], bytes], None]
    load: Callable[[Json], Json]
    reset: Callable[[], Awaitable[Json]]


def make_app(controls: Controls, token: str) -> Starlette:
    """Return the application.

    GET, POST, DELETE /faults; DELETE /faults/{id}; GET /requests, /messages and /events, each ?after=N; POST /c2d
    {deviceId, moduleId, body, encoding utf-8 | base64, systemProperties, properties}; POST /load (a document);
    POST /reset.
    """

    def guarded(handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            sent = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(sent.encode(), token.encode()):
                return problem(401, "The token of the ready file is needed.")
            return await handler(request)

        return checked

    def listed(name: str) -> Handler:
        async def answer(request: Request) -> Response:
            after = request.query_params.get("after", "0")
            number = int(after) if after.isascii() and after.isdigit() and len(after) < 20 else 0
            return JSONResponse({name: controls.rows[name].since(number)})

        return answer

    async def faults_handler(request: Request) -> Response:
        if request.method == "DELETE":
            return JSONResponse({"removed": controls.faults.clear()})
        if request.method == "POST":
            return await _add(controls.faults, request)
        return JSONResponse({"faults": [fault.to_json() for fault in controls.faults.all()], "kinds": KINDS})

    async def one_fault(request: Request) -> Response:
        if not controls.faults.remove(request.path_params["fault_id"]):
            return problem(404, "There is no such fault.")
        return Response(status_code=204)

    async def send(request: Request) -> Response:
        try:
            message = _message(wire_json.loads(await request.body()))
        except ValueError as error:
            return problem(400, str(error))
        try:
            await run_in_threadpool(controls.send, *message)
        except CannotSend as error:
            return problem(error.status, str(error))
        return Response(status_code=204)

    async def load(request: Request) -> Response:
        try:
            document = wire_json.loads(await request.body())
        except ValueError as error:
            return problem(400, f"This is no JSON: {error}")
        if not isinstance(document, dict):
            return problem(400, "Send a JSON object.")
        try:
            return JSONResponse(await run_in_threadpool(controls.load, document))
        except LoadRefused as error:
            return problem(400, "Nothing was loaded.", problems=error.problems)

    async def reset(_request: Request) -> Response:
        try:
            return JSONResponse(await controls.reset())
        except NotKept as error:
            return problem(409, f"Nothing was reset: {error}.")

    return Starlette(
        routes=[
            Route("/faults", guarded(faults_handler), methods=["GET", "POST", "DELETE"]),
            Route("/faults/{fault_id}", guarded(one_fault), methods=["DELETE"]),
            *(Route(f"/{name}", guarded(listed(name)), methods=["GET"]) for name in controls.rows),
            Route("/c2d", guarded(send), methods=["POST"]),
            Route("/load", guarded(load), methods=["POST"]),
            Route("/reset", guarded(reset), methods=["POST"]),
        ]
    )


async def _add(faults: Faults, request: Request) -> Response:
    try:
        body = wire_json.loads(await request.body())
        kind = body.pop("kind")
    except (ValueError, AttributeError, TypeError, KeyError):
        return problem(400, 'Send a JSON object with a "kind".')
    try:
        return JSONResponse(faults.add(str(kind), **body).to_json(), 201)
    except BadFault as error:
        return problem(400, str(error))


def _message(body: Any) -> tuple[str, str | None, dict[str, str], dict[str, str], bytes]:
    """Return device, module, system properties, properties and body of a message. Raises ValueError."""
    if not isinstance(body, dict) or not isinstance(body.get("deviceId"), str):
        raise ValueError('Send a JSON object with a "deviceId".')
    module, text, encoding = body.get("moduleId"), body.get("body", ""), body.get("encoding", "utf-8")
    if not isinstance(module, str | None) or not isinstance(text, str) or encoding not in ("utf-8", "base64"):
        raise ValueError("moduleId and body are texts; encoding is utf-8 or base64.")
    try:
        raw = base64.b64decode(text, validate=True) if encoding == "base64" else text.encode()
    except (binascii.Error, ValueError):
        raise ValueError("The body is no base64.") from None
    return body["deviceId"], module, _texts(body, "systemProperties"), _texts(body, "properties"), raw


def _texts(body: Json, name: str) -> dict[str, str]:
    value = body.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError(f"{name} must be an object of texts.")
    return value


def problem(status: int, message: str, **more: Any) -> Response:
    """Return a refusal."""
    return JSONResponse({"error": {"message": message, **more}}, status)
