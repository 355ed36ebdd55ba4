"""The hub's data plane over HTTP (api 2021-04-12): who may call, what is throttled, which handler answers."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.localhub import auth, rbac
from console.localhub.network import admitted
from console.localhub.query import QueryIndex, run_query
from console.localhub.registry_bulk import bulk
from console.localhub.registry_call import Answer, Call
from console.localhub.registry_devices import (
    delete_device,
    device_statistics,
    get_device,
    list_devices,
    purge_commands,
    put_device,
    service_statistics,
)
from console.localhub.registry_errors import (
    RegistryError,
    header_missing,
    lacks_right,
    not_assigned,
    throttled,
    unauthorized,
)
from console.localhub.registry_modules import delete_module, get_module, list_modules, put_module
from console.localhub.registry_twins import get_twin, invoke_method, patch_twin, put_twin
from console.localhub.state import Cloud, Principal
from console.localhub.switchboard import Switchboard
from console.localhub.throttle import Throttle

AUDIENCES = ("https://iothubs.azure.net",)
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
METHODS_AT_ONCE = 100
"""Direct methods that wait for their devices; each takes a thread."""

Handler = Callable[[Call], Answer]
_log = logging.getLogger(__name__)


class FaultFlags(Protocol):
    """What the data plane asks of the faults: is one of this kind in force?"""

    def on(self, kind: str) -> bool:
        """Say whether a fault of that kind is in force."""


@dataclass(frozen=True)
class Access:
    """What a call needs: a right of the shared access policy, or every one of these data actions of a role.

    Rights by the service's document on shared access; data actions by its permission list.
    """

    right: str
    actions: tuple[str, ...]
    throttled_as: str = ""


def _access(right: str, *actions: str, throttled_as: str = "") -> Access:
    return Access(right, tuple(f"Microsoft.Devices/IotHubs/{action}" for action in actions), throttled_as)


_READ = _access("RegistryRead", "devices/read", throttled_as="RegistryRead")
_WRITE = _access("RegistryWrite", "devices/write", throttled_as="RegistryWrite")
_DELETE = _access("RegistryWrite", "devices/delete", throttled_as="RegistryWrite")
_BULK = _access("RegistryWrite", "devices/write", "devices/delete", throttled_as="RegistryWrite")
_STATISTICS = _access("RegistryRead", "statistics/read", throttled_as="RegistryRead")
_QUERY = _access("ServiceConnect", "twins/read", throttled_as="Query")
_TWIN_READ = _access("ServiceConnect", "twins/read", throttled_as="TwinRead")
_TWIN_WRITE = _access("ServiceConnect", "twins/write", throttled_as="TwinWrite")
_METHOD = _access("ServiceConnect", "directMethods/invoke/action", throttled_as="DirectMethod")
_PURGE = _access("ServiceConnect", "cloudToDeviceMessages/queue/purge/action", throttled_as="DirectMethod")
_CONFIGURATIONS = _access("RegistryRead", "configurations/read", throttled_as="ConfigurationRead")


def _no_configurations(_call: Call) -> Answer:
    """GET /configurations: the local hub has none."""
    return Answer(body=[])


# In order: a fixed name wins over an identifier in the same place. `*` stands for an identifier.
ROUTES: tuple[tuple[str, str, Access, Handler], ...] = (
    ("GET", "devices", _READ, list_devices),
    ("POST", "devices", _BULK, bulk),
    ("POST", "devices/query", _QUERY, run_query),
    ("GET", "devices/*", _READ, get_device),
    ("PUT", "devices/*", _WRITE, put_device),
    ("DELETE", "devices/*", _DELETE, delete_device),
    ("DELETE", "devices/*/commands", _PURGE, purge_commands),
    ("GET", "devices/*/modules", _READ, list_modules),
    ("GET", "devices/*/modules/*", _READ, get_module),
    ("PUT", "devices/*/modules/*", _WRITE, put_module),
    ("DELETE", "devices/*/modules/*", _DELETE, delete_module),
    ("GET", "twins/*", _TWIN_READ, get_twin),
    ("PATCH", "twins/*", _TWIN_WRITE, patch_twin),
    ("PUT", "twins/*", _TWIN_WRITE, put_twin),
    ("GET", "twins/*/modules/*", _TWIN_READ, get_twin),
    ("PATCH", "twins/*/modules/*", _TWIN_WRITE, patch_twin),
    ("PUT", "twins/*/modules/*", _TWIN_WRITE, put_twin),
    ("POST", "twins/*/methods", _METHOD, invoke_method),
    ("POST", "twins/*/modules/*/methods", _METHOD, invoke_method),
    ("GET", "statistics/devices", _STATISTICS, device_statistics),
    ("GET", "statistics/service", _STATISTICS, service_statistics),
    ("GET", "configurations", _CONFIGURATIONS, _no_configurations),
)


def make_app(
    cloud: Cloud,
    faults: FaultFlags | None = None,
    *,
    throttle: Throttle | None = None,
    index: QueryIndex | None = None,
    board: Switchboard | None = None,
) -> Starlette:
    """Return the data plane of every hub in the cloud; the Host header says which.

    Without a `throttle` every call is let through. Without a `board` no device is ever online. `faults` is asked for
    `stale-index`. Any api-version is accepted.
    """
    flags = faults
    plane = DataPlane(
        cloud,
        throttle,
        index or QueryIndex((lambda: flags.on("stale-index")) if flags is not None else lambda: False),
        board,
    )

    waiting = CapacityLimiter(METHODS_AT_ONCE)

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        if request.url.path.rstrip("/").endswith("/methods"):  # may wait for minutes: not in the threads of all others
            return await to_thread.run_sync(plane.respond, request, body, limiter=waiting)
        return await run_in_threadpool(plane.respond, request, body)

    async def odd(request: Request, _error: Exception) -> Response:
        return await endpoint(request)  # a line feed in the path, or a method that no route has

    routes = [Route("/{path:path}", endpoint, methods=list(METHODS))]
    return Starlette(routes=routes, exception_handlers={404: odd, 405: odd})


class DataPlane:
    """Answers calls for the hubs of a cloud; thread-safe."""

    def __init__(
        self, cloud: Cloud, throttle: Throttle | None, index: QueryIndex, board: Switchboard | None = None
    ) -> None:
        self._cloud = cloud
        self._throttle = throttle
        self._index = index
        self._board = board

    def respond(self, request: Request, body: bytes) -> Response:
        """Answer one request; every failure becomes a body of the service's kind."""
        try:
            answer = self._answer(request, body)
        except RegistryError as error:
            answer = self._refusal(error)
        except RecursionError:
            answer = self._refusal(RegistryError(400, "IotHubFormatError", "The request body is nested too deep."))
        except Exception:
            _log.exception("data plane: %s %s failed", request.method, request.url.path)
            answer = self._refusal(RegistryError(500, "ServerError", "An internal error occurred."))
        headers = {
            "Server": "Microsoft-HTTPAPI/2.0",
            "x-ms-request-id": str(uuid.uuid4()),
            **answer.headers,
        }
        if answer.body is None:
            return Response(status_code=answer.status, headers=headers)
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body, separators=(",", ":"))
        headers["Content-Type"] = "application/json; charset=utf-8"
        return Response(content, answer.status, headers)

    def _answer(self, request: Request, body: bytes) -> Answer:
        cloud = self._cloud
        with cloud.lock:
            hub = cloud.hub_by_host(request.headers.get("host", ""))
        if hub is None:
            raise RegistryError(401, "IotHubNotFound", "IoT hub not found")
        if not admitted(hub, request.client.host if request.client else ""):
            raise unauthorized()  # as for a bad key: the answer never names the rule
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        path = raw.partition(b"?")[0].decode("ascii", "replace")
        call = Call(
            cloud,
            hub,
            self._index,
            request.method,
            path,
            tuple(unquote(part) for part in path.strip("/").split("/")),
            dict(request.query_params),
            {name.lower(): value for name, value in request.headers.items()},
            body,
            self._board,
        )
        access, handler = _route(call.method, call.segments)
        self._authorize(call, access)
        if self._throttle and access and not self._throttle.admit(hub, access.throttled_as):
            raise throttled(access.throttled_as)
        return handler(call)

    def _authorize(self, call: Call, access: Access | None) -> None:
        header = call.headers.get("authorization")
        if not header:
            raise header_missing()
        try:
            if header.casefold().startswith("bearer "):
                self._authorize_principal(call, access, auth.bearer(self._cloud, header, AUDIENCES))
            else:
                host = call.headers.get("host", "")
                now = self._cloud.clock.wall()
                self._authorize_policy(call, access, auth.verify_sas(call.hub, header, [call.hub.host, host], now))
        except auth.AuthFailure:
            raise unauthorized() from None

    def _authorize_principal(self, call: Call, access: Access | None, principal: Principal) -> None:
        for action in access.actions if access else ():
            if not rbac.allowed(self._cloud, principal.object_id, action, call.hub.arm_id, data=True):
                raise not_assigned(principal.upn or principal.object_id, call.method, call.path)

    def _authorize_policy(self, call: Call, access: Access | None, claims: auth.SasClaims) -> None:
        call.by_policy = True
        with call.hub.lock:
            local = not (call.hub.resource.get("properties") or {}).get("disableLocalAuth")
        if claims.policy is None or not local or not claims.covers("/" + "/".join(call.segments)):
            raise unauthorized()
        if access is None:
            return
        rights = set(claims.policy.rights)
        if "RegistryWrite" in rights:
            rights.add("RegistryRead")  # writing implies reading
        if access.right not in rights:
            raise lacks_right(claims.policy.name, call.method, call.path)

    def _refusal(self, error: RegistryError) -> Answer:
        headers: Mapping[str, str] = {"iothub-errorcode": error.name, **dict(error.headers)}
        return Answer(error.status, error.body(self._cloud.clock.wall()), headers)


def _route(method: str, segments: tuple[str, ...]) -> tuple[Access | None, Handler]:
    """Return what answers a call; for an unknown one a handler that refuses, so that strangers learn nothing."""
    known_path = False
    for verb, pattern, access, handler in ROUTES:
        parts = pattern.split("/")
        if len(parts) == len(segments) and all(
            part in {"*", segment.casefold()} for part, segment in zip(parts, segments, strict=True)
        ):
            known_path = True
            if verb == method:
                return access, handler
    return None, _wrong_method if known_path else _unknown_path


def _wrong_method(call: Call) -> Answer:
    raise RegistryError(405, "GenericMethodNotAllowed", f"{call.method} is not allowed here.")


def _unknown_path(_call: Call) -> Answer:
    raise RegistryError(404, "GenericNotFound", "The local hub does not offer this call.")
