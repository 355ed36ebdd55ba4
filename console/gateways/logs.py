"""Log Analytics through azure-monitor-query: KQL in, a table of clean text and aware times out."""

from __future__ import annotations

import math
import threading
from datetime import UTC, datetime
from typing import Any

from console.gateways.answers import Target
from console.gateways.credentials import SignIn
from console.gateways.imports import IMPORTING
from console.gateways.shapes import answers_of
from console.gateways.transport import Transport
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel, LogTable

OPERATION = "Microsoft.OperationalInsights/workspaces/query/read"
ROLE = "Log Analytics Reader (on the workspace)"
_TEXT_LIMIT = 2000


@answers_of("Log Analytics")
class LogsGateway:
    """One workspace, by its id (a GUID)."""

    def __init__(self, transport: Transport, sign_in: SignIn, workspace_id: str) -> None:
        self._transport = transport
        self._sign_in = sign_in
        self._workspace = workspace_id
        self._lock = threading.Lock()
        self._built: Any = None

    def query(self, kql: str, start: datetime, end: datetime, cancel: Cancel = NEVER_CANCELLED) -> LogTable:
        """Run KQL over rows of [start, end).

        Raises ConsoleError: BAD_QUERY with the service's innermost message when it cannot read or run the query.
        """
        host = self._transport.profile.logs_endpoint.removeprefix("https://")
        target = Target("Log Analytics", host, ROLE, operation=OPERATION)

        def call() -> Any:
            return self._client().query_workspace(self._workspace, kql, timespan=(start, end))

        return table_from(self._transport.read("The log query failed", target, cancel, call))

    def _client(self) -> Any:
        with self._lock, IMPORTING:
            if self._built is None:
                from azure.monitor.query import LogsQueryClient

                profile = self._transport.profile
                self._built = LogsQueryClient(
                    self._sign_in,
                    endpoint=profile.logs_endpoint,
                    audience=profile.azure.logs_audience,
                    **self._transport.core_options([profile.logs_endpoint]),
                )
            return self._built


def table_from(result: Any) -> LogTable:
    """Return the first table of a whole or partial result of the SDK."""
    error = getattr(result, "partial_error", None)
    partial = clean(getattr(error, "message", "") or error, limit=300) if error else ""
    tables = list(result)  # iterating works on both kinds of result; .tables does not
    if not tables:
        return LogTable((), (), partial)
    columns = tuple(clean(column) for column in tables[0].columns)
    if any(len(row) != len(columns) for row in tables[0].rows):
        raise ValueError("rows of another length than the columns")
    originals: dict[str, str] = {}
    rows = tuple(tuple(_value(cell, originals) for cell in row) for row in tables[0].rows)
    return LogTable(columns, rows, partial, originals)


def _value(value: Any, originals: dict[str, str]) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    text = clean(value, limit=_TEXT_LIMIT)
    if text != value and isinstance(value, str):
        originals[text] = value
    return text
