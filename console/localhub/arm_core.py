"""What every call of the resource manager goes through: routing, signing in, roles, paging, the activity log."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console.localhub import rbac, wire_json
from console.localhub.arm_errors import (
    ArmError,
    forbidden,
    front_door,
    group_not_found,
    resource_not_found,
    subscription_not_found,
    unauthenticated,
)
from console.localhub.arm_operations import FaultSource, Operation, Operations, TakenFault
from console.localhub.auth import AuthFailure, bearer
from console.localhub.state import ActivityEvent, Cloud, HubState, Json, Principal, ProvisioningState

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"
HUBS = "/providers/Microsoft.Devices/IotHubs"
HUB = GROUP + HUBS + "/{hub}"
PROVISIONING = GROUP + "/providers/Microsoft.Devices/provisioningServices/{service}"
AUDIENCES = (
    "https://management.azure.com",
    "https://management.azure.com/",
    "https://management.core.windows.net",
    "https://management.core.windows.net/",
)
_LOG = logging.getLogger(__name__)
_SUB_STATUS = {200: "OK", 201: "Created", 202: "Accepted", 204: "NoContent"}
_SUB_STATUS_FAILED = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 412: "PreconditionFailed"}


@dataclass
class Call:
    """One authenticated call: who, from where, to which path, with which parameters and body.

    `params` are the path's named parts as sent (decoded); `query` has lower-case keys.
    """

    arm: Arm
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    raw_body: bytes
    principal: Principal
    address: str
    base_url: str
    request_id: str
    correlation_id: str
    notes: Json = field(default_factory=dict)  # what a handler tells the activity log
    ended: Callable[[Json | None], None] | None = None  # tells the activity log of the end of a write, with its error

    @property
    def cloud(self) -> Cloud:
        """The cloud this call is about."""
        return self.arm.cloud

    def json(self) -> Json:
        """Return the body as an object; raises the front door's 400 for anything else."""
        try:
            value = wire_json.loads(self.raw_body or b"null")
        except ValueError as problem:
            text = f"The request content was invalid and could not be deserialized: '{problem}'."
            raise front_door(400, "InvalidRequestContent", text) from None
        if not isinstance(value, dict):
            raise front_door(400, "InvalidRequestContent", "The request content was invalid: an object is expected.")
        return value

    def may(self, action: str, scope: str) -> bool:
        """Say whether the caller's roles allow an action at a scope."""
        return rbac.allowed(self.cloud, self.principal.object_id, action, scope, data=False)

    def require(self, action: str, scope: str) -> None:
        """Raise the documented 403 unless the caller's roles allow an action at a scope."""
        if not self.may(action, scope):
            raise forbidden(self.principal, action, scope)

    def require_any_role(self, action: str) -> None:
        """Raise 403 unless the caller has a role somewhere in the subscription: enough for harmless questions."""
        if rbac.has_any_role(self.cloud, self.principal.object_id):
            return
        raise forbidden(self.principal, action, f"/subscriptions/{self.cloud.subscription_id}")

    def hub(self) -> HubState:
        """Return the hub that the path names; raises ResourceGroupNotFound or ResourceNotFound."""
        name, group = self.params["hub"], self.params["group"]
        self.check_group(group)
        with self.cloud.lock:
            hub = self.cloud.hubs.get(name.casefold())
        if hub is None or group_of(hub.arm_id) != group.casefold():
            raise resource_not_found("Microsoft.Devices/IotHubs", name, group)
        return hub

    def provisioning(self) -> ProvisioningState:
        """Return the provisioning service that the path names; raises ResourceGroupNotFound or ResourceNotFound."""
        found = self.find_provisioning()
        if found is None:
            kind = "Microsoft.Devices/provisioningServices"
            raise resource_not_found(kind, self.params["service"], self.params["group"])
        return found

    def find_provisioning(self) -> ProvisioningState | None:
        """Return the provisioning service that the path names, None when its group has none such."""
        self.check_group(self.params["group"])
        with self.cloud.lock:
            service = self.cloud.provisioning.get(self.params["service"].casefold())
        if service is None or group_of(service.arm_id) != self.params["group"].casefold():
            return None
        return service

    def check_group(self, group: str) -> None:
        """Raise ResourceGroupNotFound unless the group is here."""
        if group.casefold() not in {known.casefold() for known in groups(self.cloud)}:
            raise group_not_found(group)

    def if_match(self) -> str | None:
        """Return the If-Match header without quotes; None when absent."""
        value = self.headers.get("if-match")
        return None if value is None or not value.strip() else value.strip().removeprefix("W/").strip('"')

    def page(self, items: Iterable[Json], size: int) -> JSONResponse:
        """Answer one page of a list with `nextLink` when there is more; `$skiptoken` says where to go on."""
        everything = list(items)
        offset = _offset(self.query.get("$skiptoken", ""))
        body: Json = {"value": everything[offset : offset + size]}
        if offset + size < len(everything):
            query = {key: value for key, value in self.query.items() if key != "$skiptoken"}
            query["$skiptoken"] = base64.urlsafe_b64encode(str(offset + size).encode()).decode()
            body["nextLink"] = f"{self.base_url}{self.path}?{urlencode(query)}"
        return JSONResponse(body)

    def listing(self, action: str, resources: Iterable[Json], size: int) -> Response:
        """Answer the resources of the path's subscription or group that the caller may read, by name.

        Raises 403 when the caller may read none of them and has no role for it at the subscription or group.
        """
        scope, group = f"/subscriptions/{self.params['subscription']}", self.params.get("group")
        if group is not None:
            self.check_group(group)
            scope += f"/resourceGroups/{group}"
            resources = [one for one in resources if group_of(one["id"]) == group.casefold()]
        readable = [one for one in resources if self.may(action, one["id"])]
        if not readable and not self.may(action, scope):
            raise forbidden(self.principal, action, scope)
        return self.page(sorted(readable, key=lambda one: str(one["name"])), size)

    def accepted(self, operation: Operation, status: int, body: Json | None, results: str | None = None) -> Response:
        """Answer a write that goes on in the background, with the address to poll.

        `results` is the path under which its kind of operations is polled, by default below the resource.
        """
        version = self.query.get("api-version", "")
        folder = results or f"{self.path.split('?')[0]}/operationResults"
        address = f"{self.base_url}{folder}/{operation.id}?api-version={version}"
        # one second: azure-core takes 0 for "no answer" and falls back to its own 30 seconds
        headers = {"Azure-AsyncOperation": f"{address}&asyncinfo", "Retry-After": "1"}
        if status == 202:
            headers["Location"] = address
        return (
            JSONResponse(body, status, headers) if body is not None else Response(status_code=status, headers=headers)
        )


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """A method and a path template, the action it needs and at which scope, and who answers.

    `action` None means that the handler decides itself. `operation` names writes in the activity log.
    """

    method: str
    template: str
    handler: Handler
    action: str | None = None
    scope: str | None = None
    operation: str | None = None

    def pattern(self) -> re.Pattern[str]:
        """Return the compiled template; `{scope}` takes any number of segments, the others one."""
        text = re.escape(self.template).replace(r"\{", "{").replace(r"\}", "}")
        text = text.replace("{scope}", "(?P<scope>(?:/[^/]+)*?)")
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text) + "/?", re.IGNORECASE)


class Arm:
    """The resource manager: the cloud, its running operations, and the routes of all providers."""

    def __init__(
        self,
        cloud: Cloud,
        routes: Iterable[Route],
        faults: FaultSource | None,
        base_url: Callable[[Request], str] | None,
        operation_seconds: float,
    ) -> None:
        self.cloud = cloud
        self.faults = faults
        self.operations = Operations(operation_seconds)
        self.verification_codes: dict[tuple[str, str], str] = {}  # (hub, certificate), lower-case
        self._routes = [(route, route.pattern()) for route in routes]
        self._base_url = base_url

    def fault(self, kind: str, call: Call) -> TakenFault | None:
        """Use up one fault of a kind that is meant for such a call, where faults are set at all."""
        return self.faults.take(kind, "arm", call.path, call.method) if self.faults is not None else None

    def handle(self, request: Request, body: bytes) -> Response:
        """Answer one call; blocking, to be run in a worker thread."""
        request_id = str(uuid.uuid4())
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        try:
            response = self._dispatch(request, body, request_id, correlation)
        except ArmError as problem:
            response = JSONResponse(problem.body, problem.status, problem.headers)
        except Exception:
            _LOG.exception("resource manager: %s failed", request.method)
            text = "The service could not complete the request. Please try again later."
            response = JSONResponse(front_door(500, "InternalServerError", text).body, 500)
        response.headers["x-ms-request-id"] = request_id
        response.headers["x-ms-correlation-request-id"] = correlation
        response.headers["x-ms-routing-request-id"] = f"LOOPBACK:{request_id}"
        response.headers["Cache-Control"] = "no-cache"
        return response

    def _dispatch(self, request: Request, body: bytes, request_id: str, correlation: str) -> Response:
        raw = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("latin-1").split("?")[0]
        try:
            principal = bearer(self.cloud, request.headers.get("authorization"), AUDIENCES)
        except AuthFailure as failure:
            given = bool((request.headers.get("authorization") or "").strip())
            reason = "format" if given and failure.reason == "missing" else failure.reason
            raise unauthenticated(reason, str(failure), self.cloud.tenant_id) from None
        query = {k.lower(): v for k, v in parse_qsl(request.url.query, keep_blank_values=True)}
        if "api-version" not in query:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise front_door(400, "MissingApiVersionParameter", text)
        route, params = self._find(request.method, path)
        base = self._base_url(request) if self._base_url else f"{request.url.scheme}://{request.headers.get('host')}"
        call = Call(
            arm=self,
            method=request.method,
            path=path,
            params=params,
            query=query,
            headers={key.lower(): value for key, value in request.headers.items()},
            raw_body=body,
            principal=principal,
            address=request.client.host if request.client else "",
            base_url=base.rstrip("/"),
            request_id=request_id,
            correlation_id=correlation,
        )
        subscription = params.get("subscription") or _subscription_of(params.get("scope", ""))
        if subscription and subscription.casefold() != self.cloud.subscription_id.casefold():
            raise subscription_not_found(subscription)
        return self._run(route, call)

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        other = False
        for route, pattern in self._routes:
            found = pattern.fullmatch(path)
            if not found:
                continue
            if route.method == method:
                return route, {key: unquote(value) for key, value in found.groupdict().items()}
            other = True
        if other:
            text = f"The requested resource does not support http method '{method}'."
            raise front_door(405, "HttpMethodNotSupported", text)
        raise front_door(404, "InvalidResourceType", f"The resource type could not be found for '{path}'.")

    def _run(self, route: Route, call: Call) -> Response:
        scope = (route.scope or route.template).format(**call.params)
        operation = route.operation
        if operation:
            call.ended = lambda error: _record_end(call, operation, scope, 200, error)
        try:
            if route.action:
                call.require(route.action, scope)
            response = route.handler(call)
        except ArmError as problem:
            if operation:
                name = _SUB_STATUS_FAILED.get(problem.status, str(problem.status))
                record(call, operation, scope, "Failed", name, problem.status, problem.body)
            raise
        if operation:
            started = "azure-asyncoperation" in response.headers
            if started:
                record(call, operation, scope, "Started", "", response.status_code, None)
            failed = call.notes.pop("failed", None)
            if not call.notes.pop("unfinished", False):
                _record_end(call, operation, scope, response.status_code, failed)
        return response


def _record_end(call: Call, operation: str, scope: str, http: int, error: Json | None) -> None:
    if error:
        record(call, operation, scope, "Failed", "InternalServerError", 500, {"error": error})
    else:
        record(call, operation, scope, "Succeeded", _SUB_STATUS.get(http, str(http)), http, None)


def record(
    call: Call, operation: str, scope: str, status: str, sub_status: str, http: int, error: dict[str, Any] | None
) -> None:
    """Write one event of a call into the activity log, at the story's time."""
    properties: Json = {"eventCategory": "Administrative", "entity": scope, "message": operation, **call.notes}
    if status != "Started":
        properties["statusCode"] = sub_status
    if error is not None:
        properties["statusMessage"] = json.dumps(error)
    detail = f"{sub_status} (HTTP Status Code: {http})" if sub_status else ""
    with call.cloud.lock:
        call.cloud.activity.append(
            ActivityEvent(
                time=call.cloud.clock.story(),
                operation=operation,
                resource_id=scope,
                caller=call.principal.upn or call.principal.object_id,
                caller_object_id=call.principal.object_id,
                address=call.address,
                status=status,
                sub_status=detail,
                correlation_id=call.correlation_id,
                properties=properties,
            )
        )


def group_of(arm_id: str) -> str:
    """Return the resource group of a resource id, lower-case; empty when it has none."""
    found = re.search(r"/resourcegroups/([^/]+)", arm_id.casefold())
    return found.group(1) if found else ""


def groups(cloud: Cloud) -> list[str]:
    """Return the resource groups there are."""
    return [cloud.resource_group]


def _subscription_of(scope: str) -> str:
    found = re.match(r"/subscriptions/([^/]+)", scope, re.IGNORECASE)
    return found.group(1) if found else ""


def _offset(token: str) -> int:
    try:
        return max(0, int(base64.urlsafe_b64decode(token.encode()))) if token else 0
    except (ValueError, binascii.Error):
        raise front_door(400, "InvalidSkipToken", "The $skiptoken is not one of this service.") from None
