"""Azure Resource Graph: one KQL query over the resources that the caller may read, on the engine of the logs.

The shape of requests and answers is that of api 2022-10-01 (Microsoft.ResourceGraph, `resources`).
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub import log_errors
from console.localhub.arm_core import Call, Route
from console.localhub.arm_errors import ArmError
from console.localhub.arm_hub import hub_body
from console.localhub.arm_monitor import workspace_body
from console.localhub.kql_engine import check_tables, fetched, translate
from console.localhub.log_errors import KqlProblem
from console.localhub.state import Cloud, Json

PATH = "/providers/Microsoft.ResourceGraph/resources"
TABLE = "Resources"
COLUMNS = (
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
    "extendedLocation",
)
DYNAMIC = frozenset({"sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"})
PAGE, MAX_PAGE = 100, 1000
MAX_ROWS, MAX_TEXT = 50_000, 16 * 1024 * 1024
_READ = {
    "microsoft.devices/iothubs": "Microsoft.Devices/IotHubs/read",
    "microsoft.devices/provisioningservices": "Microsoft.Devices/provisioningServices/read",
    "microsoft.operationalinsights/workspaces": "Microsoft.OperationalInsights/workspaces/read",
    "microsoft.network/privateendpoints": "Microsoft.Network/privateEndpoints/read",
}


def resources(call: Call) -> Response:
    """Answer a query. What the caller may not read is not there; that is no error, as in Azure."""
    body = call.json()
    query, options = body.get("query"), body.get("options") or {}
    if not isinstance(query, str) or not query.strip() or not isinstance(options, dict):
        raise _bad("InvalidQuery", "The query cannot be empty.")
    wanted = body.get("subscriptions")
    given = {str(one).casefold() for one in wanted} if isinstance(wanted, list) else None
    rows, cut = _run(call, query, given)
    top, skip = _page(options)
    part = rows[skip : skip + top]
    answer: Json = {
        "totalRecords": len(rows),
        "count": len(part),
        "data": part if options.get("resultFormat") != "table" else _table(part),
        "facets": [],
        "resultTruncated": "false",
    }
    if skip + top < len(rows) or cut:
        answer["resultTruncated"] = "true"
        if part and "id" in part[0]:  # without it Azure gives no token either
            answer["$skipToken"] = base64.urlsafe_b64encode(f"{skip + top}:{top}".encode()).decode()
            answer["resultTruncated"] = "false"
    return JSONResponse(answer)


def _run(call: Call, query: str, given: set[str] | None) -> tuple[list[Json], bool]:
    import duckdb

    connection = duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"})
    try:
        kinds = ", ".join(f'"{name}" {"JSON" if name in DYNAMIC else "VARCHAR"}' for name in COLUMNS)
        connection.execute(f"CREATE TABLE {TABLE} ({kinds})")
        marks = ", ".join("?" * len(COLUMNS))
        for row in _rows(call, given):
            connection.execute(f"INSERT INTO {TABLE} VALUES ({marks})", [row[name] for name in COLUMNS])  # noqa: S608
        sql, values = translate(_cased(query), {TABLE: COLUMNS}, call.cloud.clock.story())
        check_tables(connection, sql, {TABLE})
        connection.execute(sql, values or None)
        described = [(str(item[0]), str(item[1])) for item in connection.description or []]
        rows, cut = fetched(connection, MAX_ROWS, MAX_TEXT)
    except KqlProblem as problem:
        raise _bad("ParserFailure" if problem.kind == log_errors.SYNTAX else "InvalidQuery", problem.message) from None
    except duckdb.Error as error:
        raise _bad("InvalidQuery", str(log_errors.engine(query, str(error)).message)) from None
    finally:
        connection.close()
    return [
        {name: _value(value, kind) for (name, kind), value in zip(described, row, strict=True)} for row in rows
    ], cut


def _cased(query: str) -> str:
    """Return the query with the table's name as it is written here: in Resource Graph its case does not count."""
    head, rest = query.lstrip()[: len(TABLE)], query.lstrip()[len(TABLE) :]
    return TABLE + rest if head.casefold() == TABLE.casefold() else query


def _rows(call: Call, given: set[str] | None) -> Iterator[dict[str, Any]]:
    for body in _bodies(call.cloud):
        kind, arm_id = str(body["type"]).casefold(), str(body["id"])
        parts = arm_id.split("/")
        if (given is not None and parts[2].casefold() not in given) or not call.may(_READ[kind], arm_id):
            continue
        row: dict[str, Any] = {name: body.get(name) for name in COLUMNS}
        row |= {"type": kind, "tenantId": call.cloud.tenant_id, "kind": "", "managedBy": ""}
        row |= {"resourceGroup": parts[4].casefold(), "subscriptionId": parts[2]}
        yield {name: json.dumps(row[name]) if name in DYNAMIC else row[name] for name in COLUMNS}


def _bodies(cloud: Cloud) -> list[Json]:
    with cloud.lock:
        found = [hub_body(hub) for hub in cloud.hubs.values()]
        found += [dict(service.resource) for service in cloud.provisioning.values()]
        found += [workspace_body(one) for one in cloud.workspaces.values()]
        found += [dict(one) for one in cloud.private_endpoints.values()]
    return [body for body in found if str(body.get("type", "")).casefold() in _READ]


def _page(options: Json) -> tuple[int, int]:
    """Return how many rows are wanted, and from which on."""
    top = options.get("$top")
    top = min(top, MAX_PAGE) if isinstance(top, int) and not isinstance(top, bool) and top > 0 else PAGE
    token = options.get("$skipToken")
    if isinstance(token, str) and token:
        try:
            skip, _, _top = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
            return top, int(skip)
        except ValueError:
            raise _bad("InvalidSkipToken", "The skip token is not valid.") from None
    skip_rows = options.get("$skip")
    return top, skip_rows if isinstance(skip_rows, int) and skip_rows > 0 else 0


def _table(rows: list[Json]) -> Json:
    names = list(rows[0]) if rows else []
    return {
        "columns": [{"name": name, "type": "string"} for name in names],
        "rows": [list(row.values()) for row in rows],
    }


def _value(value: Any, kind: str) -> Any:
    if kind == "JSON" and isinstance(value, str):
        return json.loads(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _bad(code: str, message: str) -> ArmError:
    text = (
        "Please provide below info when asking for support: timestamp = "
        f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}, correlationId = {uuid.uuid4()}."
    )
    details = [{"code": code, "message": message}]
    return ArmError(400, {"error": {"code": "BadRequest", "message": text, "details": details}})


ROUTES: tuple[Route, ...] = (Route("POST", PATH, resources),)
