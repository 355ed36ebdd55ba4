"""HTTP/1.1 for the local hub's applications: uvicorn's protocol over our TLS front."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import h11
from starlette.requests import ClientDisconnect
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from console.localhub.front import ConnInfo

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

CONNECTION = "hubwarden.connection"  # scope["extensions"]: the ConnInfo
ABORT = "hubwarden.abort"  # scope["extensions"]: a function that drops the connection
KEEP_ALIVE_SECONDS = 120

# uvicorn warns of every request that is none and of every upgrade that is asked for: that is the client's trouble
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


class HttpEndpoint:
    """One HTTP service: an ASGI application and the connections it has. Call it with a `ConnInfo` to get a protocol."""

    def __init__(self, app: AsgiApp) -> None:
        # The caller's address decides who gets in, so no header may change it: proxy_headers off.
        self.config = Config(
            app=app,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self.config.load()
        self.state = ServerState()

    def __call__(self, info: ConnInfo) -> asyncio.Protocol:
        """Return the protocol of one connection."""
        return HttpProtocol(self.config, self.state, info)


class HttpProtocol(H11Protocol):
    """uvicorn's protocol, with the connection's facts in the scope and an answer for clients that half-close."""

    def __init__(self, config: Config, state: ServerState, info: ConnInfo) -> None:
        super().__init__(config, state, {})
        inner = self.app
        self._info = info

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {CONNECTION: info, ABORT: self.transport.abort}
            scope["extensions"] = {**scope.get("extensions", {}), **extensions}
            scope["client"] = info.peer
            # a client that left, or the end of the hub, is no failure of the application
            with contextlib.suppress(ClientDisconnect, asyncio.CancelledError):
                try:
                    await inner(scope, receive, send)
                except h11.LocalProtocolError:
                    if not self.transport.is_closing():
                        raise
                    if self.cycle is not None:  # the client sent nonsense while it was answered, and was told
                        self.cycle.disconnected = True

        self.app = app

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a request that arrived whole before the client ended its side; end at once otherwise."""
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self.cycle.keep_alive = False
            return True
        return False


def connection_of(scope: MutableMapping[str, Any]) -> ConnInfo | None:
    """Return the facts of the connection a request came over."""
    found = scope.get("extensions", {}).get(CONNECTION)
    return found if isinstance(found, ConnInfo) else None
