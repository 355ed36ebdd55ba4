"""The provisioning services' HTTPS side: the service API for back ends, and the device API for devices."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.localhub import auth, rbac, wire_json
from console.localhub.http_server import connection_of
from console.localhub.provisioning_desk import HTTPS, DeskAnswer, DeviceCaller, RegistrationDesk
from console.localhub.provisioning_errors import ProvisioningError, forbidden, invalid, unauthorized
from console.localhub.provisioning_logs import SERVICE, Failure, record
from console.localhub.provisioning_network import admitted
from console.localhub.provisioning_service import COLLECTIONS, Operation, ServiceCall, no_operation, operation_of
from console.localhub.registry_call import Answer
from console.localhub.state import Cloud, Json, ProvisioningState

AUDIENCES = ("https://azure-devices-provisioning.net",)
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
# A right to write implies the one to read: the resource manager takes both and tells back the greater alone
# (azure-rest-api-specs#9285).
_IMPLIED = {"EnrollmentWrite": "EnrollmentRead", "RegistrationStatusWrite": "RegistrationStatusRead"}
_log = logging.getLogger(__name__)


def make_app(cloud: Cloud, desk: RegistrationDesk) -> Starlette:
    """Return the application of every provisioning service in the cloud.

    The Host header says whose service API is called, the id scope in the path whose device API. Any api-version is
    accepted, but there must be one.
    """
    front = ProvisioningFront(cloud, desk)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(front.respond, request, await request.body())

    async def odd(request: Request, _error: Exception) -> Response:
        return await endpoint(request)  # a line feed in the path, or a method that no route has

    routes = [Route("/{path:path}", endpoint, methods=list(METHODS))]
    return Starlette(routes=routes, exception_handlers={404: odd, 405: odd})


class ProvisioningFront:
    """Answers calls to both APIs of a cloud's provisioning services; thread-safe."""

    def __init__(self, cloud: Cloud, desk: RegistrationDesk) -> None:
        self._cloud = cloud
        self._desk = desk

    def respond(self, request: Request, body: bytes) -> Response:
        """Answer one request; every failure becomes a body of the service's kind."""
        try:
            answer = self._answer(request, body)
        except ProvisioningError as error:
            answer = self._refusal(error)
        except Exception:
            _log.exception("provisioning: %s %s failed", request.method, request.url.path)
            answer = self._refusal(ProvisioningError(500000, "An internal error occurred."))
        if answer.body is None:
            return Response(status_code=answer.status, headers=dict(answer.headers))
        headers = {**answer.headers, "Content-Type": "application/json; charset=utf-8"}
        return Response(json.dumps(answer.body, separators=(",", ":")), answer.status, headers)

    def _answer(self, request: Request, body: bytes) -> Answer:
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        path = raw.partition(b"?")[0].decode("ascii", "replace")
        segments = tuple(unquote(part) for part in path.strip("/").split("/"))
        version = request.query_params.get("api-version", "")
        if segments[0].casefold() in COLLECTIONS:
            return self._service_api(request, segments, version, body)
        if len(segments) > 2 and segments[1].casefold() == "registrations":
            return self._device_api(request, segments, version, body)
        raise ProvisioningError(404000, "Not Found.")

    def _refusal(self, error: ProvisioningError) -> Answer:
        # the header is in the API's description, its content is not: the number is ours
        return Answer(error.status, error.body(self._cloud.clock.wall()), {"x-ms-error-code": str(error.number)})

    # --- service API --------------------------------------------------------------------------------------------

    def _service_api(self, request: Request, segments: tuple[str, ...], version: str, body: bytes) -> Answer:
        operation = None
        service = None
        failure: ProvisioningError | None = None
        try:
            with self._cloud.lock:
                service = self._cloud.provisioning_by_host(request.headers.get("host", ""))
                if service is None:
                    raise ProvisioningError(404000, "Not Found.")
                if not admitted(service, _address(request), "serviceApi"):
                    raise unauthorized()  # as for a bad key: the answer never names the rule
                operation = operation_of(request.method, segments)
                self._authorize(service, request, operation)
                if operation is None:
                    raise no_operation(segments)
                if not version:
                    raise invalid("The api-version is missing.")
                headers = {name.lower(): value for name, value in request.headers.items()}
                return operation.handler(ServiceCall(self._cloud, service, segments, headers, body))
        except ProvisioningError as error:
            failure = error
            raise
        finally:
            if service is not None:
                self._note(service, operation, segments, version, _address(request), failure)

    def _authorize(self, service: ProvisioningState, request: Request, operation: Operation | None) -> None:
        header = request.headers.get("authorization")
        try:
            if (header or "").casefold().startswith("bearer "):
                principal = auth.bearer(self._cloud, header, AUDIENCES)
                if not all(
                    rbac.allowed(self._cloud, principal.object_id, action, service.arm_id, data=True)
                    for action in (operation.actions if operation else ())
                ):
                    raise forbidden()
                return
            host = request.headers.get("host", "")
            claims = auth.verify_service_sas(service, header, host, self._cloud.clock.wall())
        except auth.AuthFailure:
            raise unauthorized() from None
        if (service.resource.get("properties") or {}).get("disableLocalAuth") is True:
            raise unauthorized()
        rights = set(claims.policy.rights if claims.policy else ())
        rights |= {_IMPLIED[right] for right in rights if right in _IMPLIED}
        if operation is not None and operation.right not in rights:
            raise forbidden()

    def _note(
        self,
        service: ProvisioningState,
        operation: Operation | None,
        segments: tuple[str, ...],
        version: str,
        address: str,
        failure: ProvisioningError | None,
    ) -> None:
        """Write a call into the service's log: every write, and of the other calls those that failed."""
        if operation is None or not (operation.writes or failure):
            return
        trouble = None if failure is None else Failure(failure.status, failure.number, failure.text)
        subject = segments[1] if len(segments) > 1 and segments[1:] != ("query",) else ""
        entry = record(
            SERVICE,
            operation.name,
            self._cloud.clock.story(),
            subject=subject,
            kind=operation.subject,
            protocol="Http",
            address=address,
            version=version,
            failure=trouble,
        )
        self._desk.store.append_service(service, [entry])

    # --- device API ---------------------------------------------------------------------------------------------

    def _device_api(self, request: Request, segments: tuple[str, ...], version: str, body: bytes) -> Answer:
        """Answer a device. The desk decides; here its call is read (Microsoft's document on HTTPS registration)."""
        info = connection_of(request.scope)
        caller = DeviceCaller(
            id_scope=segments[0],
            registration_id=segments[2],
            address=_address(request),
            protocol=HTTPS,
            sas_token=request.headers.get("authorization") or None,
            client_chain=info.client_chain if info is not None else (),
            tls_version=info.tls_version.removeprefix("TLSv") if info is not None else "",
            sdk=request.headers.get("user-agent", ""),
            api_version=version,
        )
        rest = tuple(part.casefold() for part in segments[3:])
        known = {("register",): "PUT", (): "POST"}
        wanted = "GET" if len(rest) == 2 and rest[0] == "operations" else known.get(rest)
        if wanted is None:
            raise ProvisioningError(404000, "Not Found.")
        if request.method != wanted:
            raise ProvisioningError(405000, "Method Not Allowed")
        if not version:
            raise invalid("The api-version is missing.")
        if (refused := self._desk.admit(caller)) is not None:
            return _told(refused)
        if wanted == "GET":
            return _told(self._desk.operation(caller, segments[4]))
        if wanted == "POST":
            return _told(self._desk.lookup(caller))
        answer = self._desk.register(caller, _object(body))
        where = "/".join(quote(part, safe="") for part in segments)
        location = f"https://{request.headers.get('host', 'localhost')}/{where}"
        return _told(answer, {"Location": location} if answer.status == 202 else {})


def _told(answer: DeskAnswer, more: dict[str, str] | None = None) -> Answer:
    headers = dict(more or {})
    if answer.retry_after is not None:
        headers["Retry-After"] = str(answer.retry_after)
    if isinstance(number := answer.body.get("errorCode"), int) and answer.status >= 400:
        headers["x-ms-error-code"] = str(number)
    return Answer(answer.status, answer.body, headers)


def _object(body: bytes) -> Json:
    try:
        value: Any = wire_json.loads(body) if body.strip() else {}
    except ValueError:
        raise invalid("The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object.")
    return value


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
