"""The local hub's own control service: faults and the request log, for whoever holds the token of the ready file."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.localhub import wire_json
from console.localhub.faults import KINDS, BadFault, Faults
from console.localhub.middleware import RequestLog

Handler = Callable[[Request], Awaitable[Response]]


def make_app(faults: Faults, log: RequestLog, token: str) -> Starlette:
    """Return the application: GET, POST, DELETE /faults; DELETE /faults/{id}; GET /requests?after=N."""

    def guarded(handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            sent = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(sent.encode(), token.encode()):
                return _problem(401, "The token of the ready file is needed.")
            return await handler(request)

        return checked

    async def faults_handler(request: Request) -> Response:
        if request.method == "DELETE":
            return JSONResponse({"removed": faults.clear()})
        if request.method == "POST":
            return await _add(faults, request)
        return JSONResponse({"faults": [fault.to_json() for fault in faults.all()], "kinds": KINDS})

    async def one_fault(request: Request) -> Response:
        if not faults.remove(request.path_params["fault_id"]):
            return _problem(404, "There is no such fault.")
        return Response(status_code=204)

    async def requests(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        return JSONResponse({"requests": log.since(int(after) if after.isdecimal() else 0)})

    return Starlette(
        routes=[
            Route("/faults", guarded(faults_handler), methods=["GET", "POST", "DELETE"]),
            Route("/faults/{fault_id}", guarded(one_fault), methods=["DELETE"]),
            Route("/requests", guarded(requests), methods=["GET"]),
        ]
    )


async def _add(faults: Faults, request: Request) -> Response:
    try:
        body = wire_json.loads(await request.body())
        kind = body.pop("kind")
    except (ValueError, AttributeError, TypeError, KeyError):
        return _problem(400, 'Send a JSON object with a "kind".')
    try:
        return JSONResponse(faults.add(str(kind), **body).to_json(), 201)
    except BadFault as error:
        return _problem(400, str(error))


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status)
