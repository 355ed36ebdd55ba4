"""What every HTTP service of the local hub does around its application: common headers, the request log, and faults."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections import deque
from collections.abc import Iterable, MutableMapping
from dataclasses import asdict, dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.requests import ClientDisconnect

from console.localhub.fault_answers import error_body, throttle_body
from console.localhub.faults import Fault, Faults
from console.localhub.http_server import ABORT, AsgiApp, Receive, Scope, Send
from console.localhub.state import StoryClock

SERVER = {"hub": b"Microsoft-HTTPAPI/2.0"}
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>Please sign in.</body></html>"
_LOG_LENGTH = 2000
MAX_BODY = 16 * 1024 * 1024
"""Bytes of a request's body: above what any of the services takes (the resource manager takes 4 MB)."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class RequestRow:
    """One answered request, without query, headers or bodies: nothing secret."""

    number: int
    time: str
    endpoint: str
    method: str
    path: str
    status: int  # 0: the connection was dropped
    milliseconds: float
    client: str


class RequestLog:
    """The last 2,000 requests of all services."""

    def __init__(self) -> None:
        self._rows: deque[RequestRow] = deque(maxlen=_LOG_LENGTH)
        self._numbers = itertools.count(1)

    def add(self, moment: datetime, endpoint: str, scope: Scope, status: int, milliseconds: float) -> None:
        """Note a request."""
        client = (scope.get("client") or ("",))[0]
        stamp = moment.isoformat(timespec="milliseconds")
        row = (endpoint, scope["method"], scope["path"], status, round(milliseconds, 1), client)
        self._rows.append(RequestRow(next(self._numbers), stamp, *row))

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the rows after a number, oldest first."""
        return [asdict(row) for row in list(self._rows) if row.number > number]

    def clear(self) -> None:
        """Forget all; the numbers go on."""
        self._rows.clear()


class ServiceShell:
    """Wraps a service's application; `endpoint` is its name for faults (arm, hub, logs, token)."""

    def __init__(self, app: AsgiApp, endpoint: str, clock: StoryClock, faults: Faults, log: RequestLog) -> None:
        self._app = app
        self._endpoint = endpoint
        self._clock = clock
        self._faults = faults
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        status = 0

        async def completed(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(list(message.get("headers", [])))
            await send(message)

        try:
            await self._answer(scope, receive, completed)
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            self._log.add(self._clock.wall(), self._endpoint, scope, status, milliseconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = await _body(receive)
        if whole is None:
            error = error_body(self._endpoint, 413, self._clock.wall())
            await self._reply_json(send, 413, error, [(b"connection", b"close")])
            return
        receive = _again(whole, receive)
        if fault := self._take("latency", scope):
            await asyncio.sleep(fault.seconds)
        if fault := self._take("drop", scope):
            if fault.when == "after":
                await self._app(scope, receive, _swallow)
            scope["extensions"][ABORT]()
            while (await receive())["type"] != "http.disconnect":
                pass
        elif self._take("html", scope):
            await _reply(send, 200, [(b"content-type", b"text/html; charset=utf-8")], _PAGE)
        elif fault := self._take("throttle", scope):
            extra = [] if fault.retry_after is None else [(b"retry-after", str(fault.retry_after).encode())]
            await self._reply_json(send, 429, throttle_body(self._endpoint, self._clock.wall()), extra)
        elif fault := self._take("server-error", scope):
            if fault.when == "after":
                await self._app(scope, receive, _swallow)
            body = error_body(self._endpoint, fault.status, self._clock.wall())
            await self._reply_json(send, fault.status, body, [])
        else:
            await self._app(scope, receive, send)

    def _take(self, kind: str, scope: Scope) -> Fault | None:
        return self._faults.take(kind, self._endpoint, scope["path"], scope["method"])

    async def _reply_json(self, send: Send, status: int, body: tuple[dict[str, Any], str], extra: Headers) -> None:
        headers = [(b"content-type", b"application/json; charset=utf-8"), *extra]
        if self._endpoint == "hub":
            headers.append((b"iothub-errorcode", body[1].encode()))
        await _reply(send, status, headers, json.dumps(body[0]).encode())

    def _headers(self, headers: Headers) -> Headers:
        have = {name.lower() for name, _ in headers}
        wanted: Iterable[tuple[bytes, bytes]] = (
            (b"date", format_datetime(self._clock.wall(), usegmt=True).encode()),
            (b"x-ms-request-id", str(uuid.uuid4()).encode()),
            (b"server", SERVER.get(self._endpoint, b"Kestrel")),
            (b"cache-control", b"no-cache"),
        )
        return headers + [(name, value) for name, value in wanted if name not in have]


async def _reply(send: Send, status: int, headers: Headers, body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes | None:
    """Return a request's whole body, None when it is larger than any service takes."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(chunks)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body already read, then what comes after it."""
    waiting = [body]

    async def read() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return read


async def _swallow(_message: Any) -> None:
    """Stand in for `send` where the application's own answer must not reach the client."""
