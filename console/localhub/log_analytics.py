"""The query service of Log Analytics: workspaces, resources and batches, with the service's own answers and errors."""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.localhub import log_errors, rbac, wire_json
from console.localhub.auth import AuthFailure, bearer
from console.localhub.faults import Faults
from console.localhub.log_errors import KqlProblem
from console.localhub.log_rows import Source
from console.localhub.log_store import LogAnswer, LogStore
from console.localhub.log_values import parse_timespan
from console.localhub.state import Cloud, Json, Principal, Workspace

AUDIENCES = ("https://api.loganalytics.io", "https://api.loganalytics.azure.com")
WORKSPACE_ACTION = "Microsoft.OperationalInsights/workspaces/query/read"
RESOURCE_ACTION = "Microsoft.Insights/logs/read"
DEFAULT_WAIT = 180.0
MAX_WAIT = 600.0
MAX_PARALLEL = 5  # queries of one caller at a time; the rest wait (Azure Monitor's documented limit)

_BAD_ARGUMENT = "The request had some invalid properties"
_NO_ACCESS = "The provided credentials have insufficient access to perform the requested operation"


class LogsError(Exception):
    """An answer that ends a query early: HTTP status and the `error` object."""

    def __init__(self, status: int, code: str, message: str, inner: tuple[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        error: Json = {"message": message, "code": code}
        if inner is not None:
            error["innererror"] = {"code": inner[0], "message": inner[1]}
        self.body: Json = {"error": error}


def make_app(cloud: Cloud, store: LogStore, faults: Faults | None = None) -> Starlette:
    """Return the application. The fault `partial-result` makes it leave out half of the rows and say so."""
    service = LogsService(cloud, store, faults)
    return Starlette(
        routes=[
            Route("/v1/workspaces/{workspace}/query", service.workspace, methods=["GET", "POST"]),
            Route("/v1/$batch", service.batch, methods=["POST"]),
            Route("/v1/{resource:path}/query", service.resource, methods=["GET", "POST"]),
        ],
        exception_handlers={404: _no_path, 405: _no_path},
    )


@dataclass(frozen=True)
class _Question:
    """One query: its text, time span and the preferences of the `Prefer` header."""

    query: str
    timespan: str | None
    wait: float
    statistics: bool
    render: bool


class LogsService:
    """The handlers, over one cloud's workspaces."""

    def __init__(self, cloud: Cloud, store: LogStore, faults: Faults | None) -> None:
        self._cloud = cloud
        self._store = store
        self._faults = faults
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._slots_lock = threading.Lock()

    async def workspace(self, request: Request) -> Response:
        """Answer a query over one workspace."""
        return await self._single(request, workspace_id=request.path_params["workspace"])

    async def resource(self, request: Request) -> Response:
        """Answer a query over the logs of one resource, wherever they go."""
        return await self._single(request, resource_id="/" + request.path_params["resource"])

    async def _single(self, request: Request, *, workspace_id: str = "", resource_id: str = "") -> Response:
        try:
            principal = self._principal(request)
            question = await _read(request)
            if question is None:
                return Response("", 200)  # what the service does without a JSON body
            body = await run_in_threadpool(self._answer, principal, question, workspace_id, resource_id)
        except LogsError as error:
            return JSONResponse(error.body, error.status)
        return JSONResponse(body)

    async def batch(self, request: Request) -> Response:
        """Answer several queries, each with its own status."""
        try:
            principal = self._principal(request)
            items = (await _json(request) or {}).get("requests")
        except LogsError as error:
            return JSONResponse(error.body, error.status)
        if not isinstance(items, list):
            empty = LogsError(400, "BadArgumentError", _BAD_ARGUMENT, ("InvalidBatch", "The batch has no requests."))
            return JSONResponse(empty.body, empty.status)
        answers = [await run_in_threadpool(self._item, principal, item) for item in items if isinstance(item, dict)]
        return JSONResponse({"responses": answers})

    def _item(self, principal: Principal, item: Json) -> Json:
        try:
            headers = item.get("headers")
            prefer = str(headers.get("Prefer") or "") if isinstance(headers, dict) else ""
            question = _question(item.get("body"), prefer)
            body = self._answer(principal, question, str(item.get("workspace") or ""), "")
            status = 200
        except LogsError as error:
            body, status = error.body, error.status
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return {"id": str(item.get("id") or ""), "status": status, "headers": kind, "body": body}

    def _principal(self, request: Request) -> Principal:
        try:
            return bearer(self._cloud, request.headers.get("authorization"), AUDIENCES)
        except AuthFailure as failure:
            if failure.reason == "missing":
                text = "Authentication failed. The 'Authorization' header is missing."
                raise LogsError(401, "AuthenticationFailed", text) from None
            if failure.reason == "audience":
                allowed = ",".join(f"'{audience}'" for audience in AUDIENCES)
                text = (
                    "The access token has been obtained from wrong audience or resource. It should exactly match "
                    f"(including forward slash) with one of the allowed audiences {allowed}."
                )
                raise LogsError(403, "InvalidAuthenticationTokenAudience", text) from None
            raise LogsError(403, "InvalidAuthenticationToken", "The access token is invalid.") from None

    def _answer(self, principal: Principal, question: _Question, workspace_id: str, resource_id: str) -> Json:
        if resource_id:
            workspace = self._workspace_of(resource_id)
            self._require(principal, RESOURCE_ACTION, resource_id)
        else:
            workspace = self._workspace(workspace_id)
            self._require(principal, WORKSPACE_ACTION, workspace.arm_id)
        try:
            start, end = parse_timespan(question.timespan, self._cloud.clock.story())
        except ValueError as error:
            raise LogsError(400, "BadArgumentError", _BAD_ARGUMENT, ("InvalidTimespan", str(error))) from None
        began = time.perf_counter()
        try:
            with self._slot(principal):
                answer = self._store.query(
                    question.query,
                    start,
                    end,
                    workspace=workspace.customer_id,
                    resource_id=resource_id or None,
                    timeout=question.wait,
                )
        except KqlProblem as problem:
            raise _refused(problem) from None
        return self._body(question, answer, time.perf_counter() - began)

    def _slot(self, principal: Principal) -> threading.BoundedSemaphore:
        with self._slots_lock:
            return self._slots.setdefault(principal.object_id, threading.BoundedSemaphore(MAX_PARALLEL))

    def _workspace(self, workspace_id: str) -> Workspace:
        with self._cloud.lock:
            for key, workspace in self._cloud.workspaces.items():
                if workspace_id.casefold() in {key.casefold(), workspace.arm_id.casefold(), workspace.name.casefold()}:
                    return workspace
        raise _path_not_found()

    def _workspace_of(self, resource_id: str) -> Workspace:
        with self._cloud.lock:
            sources: list[Source] = [*self._cloud.hubs.values(), *self._cloud.provisioning.values()]
            for source in sources:
                if source.arm_id.casefold() != resource_id.casefold():
                    continue
                for setting in list(source.diagnostic_settings.values()):
                    target = str((setting.get("properties") or {}).get("workspaceId") or "").casefold()
                    for workspace in self._cloud.workspaces.values():
                        if workspace.arm_id.casefold() == target:
                            return workspace
        raise _path_not_found()

    def _require(self, principal: Principal, action: str, scope: str) -> None:
        if not rbac.allowed(self._cloud, principal.object_id, action, scope, data=False):
            text = f"The service principal does not have sufficient permissions to access this resource: {scope}"
            raise LogsError(403, "InsufficientAccessError", _NO_ACCESS, ("UnauthorizedClient", text))

    def _body(self, question: _Question, answer: LogAnswer, seconds: float) -> Json:
        rows, partial = answer.rows, ""
        if answer.cut:
            partial = f"The results of this query exceed the set limit of {len(rows)} records."
        if self._faults is not None and self._faults.take("partial-result", "logs") is not None:
            rows, partial = (
                rows[: (len(rows) + 1) // 2],
                "Some of the data could not be read; the result is not complete.",
            )
        columns = [{"name": name, "type": kind} for name, kind in answer.columns]
        body: Json = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}
        if question.statistics:
            body["statistics"] = {"query": {"executionTime": round(seconds, 7), "datasetStatistics": []}}
        if question.render:
            body["render"] = _rendering(question.query)
        if partial:
            detail = {"code": "QueryExecutionError", "message": partial}
            body["error"] = {
                "code": "PartialError",
                "message": "There were some errors when processing your query.",
                "details": [detail],
                "correlationId": str(uuid.uuid4()),
            }
        return body


def _refused(problem: KqlProblem) -> LogsError:
    if problem.kind == log_errors.TIMEOUT:
        return LogsError(504, "GatewayTimeout", "The query did not end in the time the request allows.")
    kind = log_errors.SYNTAX if problem.kind == log_errors.SYNTAX else log_errors.SEMANTIC
    return LogsError(400, "BadArgumentError", _BAD_ARGUMENT, (kind, problem.message))


def _path_not_found() -> LogsError:
    return LogsError(404, "PathNotFoundError", "The requested path does not exist")


async def _no_path(_request: Request, _error: Exception) -> Response:
    error = _path_not_found()
    return JSONResponse(error.body, error.status)


def _rendering(kql: str) -> Json:
    found = re.search(r"\|\s*render\s+(\w+)", kql)
    return {"visualization": found[1]} if found else {}


async def _json(request: Request) -> Json | None:
    if "json" not in request.headers.get("content-type", "").casefold():
        return None
    try:
        body: Any = wire_json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


async def _read(request: Request) -> _Question | None:
    """Return the question of a request, None when a POST carries no JSON object."""
    prefer = request.headers.get("prefer", "")
    if request.method == "GET":
        return _question(dict(request.query_params), prefer)
    body = await _json(request)
    return None if body is None else _question(body, prefer)


def _question(body: Any, prefer: str) -> _Question:
    if not isinstance(body, dict) or not isinstance(body.get("query"), str) or not body["query"].strip():
        raise LogsError(400, "BadArgumentError", _BAD_ARGUMENT, ("QueryMissing", "The request has no query."))
    timespan = body.get("timespan")
    wishes = dict(part.strip().partition("=")[::2] for part in prefer.split(",") if part.strip())
    try:
        wait = float(wishes.get("wait", DEFAULT_WAIT))
    except ValueError:
        wait = DEFAULT_WAIT
    wait = min(wait, MAX_WAIT) if wait > 0 else DEFAULT_WAIT  # "nan" is not above 0 either
    return _Question(
        body["query"],
        timespan if isinstance(timespan, str) else None,
        wait,
        wishes.get("include-statistics") == "true",
        wishes.get("include-render") == "true",
    )
