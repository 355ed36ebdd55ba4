"""The Log Analytics workspace's data: an in-memory AzureDiagnostics table that answers real KQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from console.localhub import log_errors
from console.localhub.kql_engine import check_tables, fetched, translate
from console.localhub.log_errors import KqlProblem
from console.localhub.log_rows import COLUMN_NAMES, COLUMNS, TABLE, LogRecord, Source, source_columns
from console.localhub.log_values import column_type, converter
from console.localhub.state import Cloud, HubState, Json, ProvisioningState

MAX_ROWS = 500_000
"""Rows of one answer at most; more come back as a partial result (Azure Monitor service limits)."""

MAX_TEXT = 64 * 1024 * 1024
"""Characters of one answer's cells at most, as the service caps an answer's bytes."""

MAX_LENGTH = 256 * 1024
"""Characters of one query: ours, so that reading it ends soon."""

_BASE = "store.log_rows"
_VARYING = ("TimeGenerated", "Category", "OperationName", "ResultType", "CorrelationId", "ResultDescription")
_VARYING_TAIL = ("DurationMs", "Level", "properties_s", "OperationVersion", "ResultSignature", "CallerIPAddress")
_BATCH = 20_000


class FaultFlags(Protocol):
    """The part of the faults that the log cares for: is a kind switched on?"""

    def on(self, kind: str) -> bool:
        """Say whether a fault of this kind is active."""
        ...


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """A query's result: (name, Log Analytics type) per column, rows in JSON's types. `cut` when rows were left out."""

    columns: tuple[tuple[str, str], ...]
    rows: list[list[Any]]
    cut: bool = False


class LogStore:
    """All workspaces' rows in one duckdb table, told apart by TenantId (the workspace's id). Thread-safe.

    Appended rows wait in a list until the next query, so that a busy fleet costs no database work. Each query runs in a
    cursor of its own over a view of its workspace and time span.
    """

    def __init__(self, cloud: Cloud, faults: FaultFlags | None = None) -> None:
        import duckdb

        self.cloud = cloud
        self.faults = faults
        self._duckdb = duckdb
        self._lock = threading.RLock()
        self._waiting: list[tuple[Source, tuple[str, ...], list[LogRecord]]] = []
        self._held: list[tuple[Source, tuple[str, ...], list[LogRecord]]] = []
        self._known: set[str] = set()  # workspaces that ever received a row: only they have the table
        self.watcher: Callable[[str, Sequence[LogRecord]], None] = lambda _source, _records: (
            None
        )  # told of every record
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "enable_external_access": "false",
                "autoload_known_extensions": "false",
                "autoinstall_known_extensions": "false",
                "threads": "2",
                "memory_limit": "2GB",
                "temp_directory": "",  # nothing is ever written to a disk
            },
        )
        self._connection.execute("SET GLOBAL TimeZone='UTC'")
        self._connection.execute("CREATE SCHEMA store")
        spec = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS)
        self._connection.execute(f"CREATE TABLE {_BASE} ({spec})")
        self._connection.execute("SET lock_configuration=true")

    # -- in ------------------------------------------------------------------------------------------------------------

    def append(self, hub: HubState, records: Sequence[LogRecord]) -> None:
        """Take log records of a hub, for each workspace a diagnostic setting sends their category to."""
        with hub.lock:
            settings = list(hub.diagnostic_settings.values())
        self._append(hub, settings, records)

    def append_service(self, service: ProvisioningState, records: Sequence[LogRecord]) -> None:
        """Take log records of a provisioning service, as `append` does of a hub."""
        with self.cloud.lock:
            settings = list(service.diagnostic_settings.values())
        self._append(service, settings, records)

    def _append(self, source: Source, settings: list[Json], records: Sequence[LogRecord]) -> None:
        self.watcher(source.name, records)
        if not records or self._on("no-diagnostic-setting"):
            return
        by_category: dict[str, list[LogRecord]] = {}
        for record in records:
            by_category.setdefault(record.category, []).append(record)
        for category, group in by_category.items():
            targets = self._targets(settings, category)
            if not targets:
                continue
            with self._lock:
                frozen = self._on("frozen-logs")
                (self._held if frozen else self._waiting).append((source, targets, group))

    def _targets(self, settings: list[Json], category: str) -> tuple[str, ...]:
        """Return the ids of the workspaces that diagnostic settings route a category to."""
        wanted: list[str] = []
        for setting in settings:
            properties = setting.get("properties") or {}
            logs = properties.get("logs") or ()
            if not any(
                log.get("enabled") and (log.get("category") == category or log.get("categoryGroup") == "allLogs")
                for log in logs
            ):
                continue
            target = str(properties.get("workspaceId") or "").casefold()
            wanted += [key for key, place in self.cloud.workspaces.items() if place.arm_id.casefold() == target]
        return tuple(dict.fromkeys(wanted))

    def flush(self) -> None:
        """Write the waiting rows into the table; held rows too once the log is no longer frozen."""
        with self._lock:
            if self._held and not self._on("frozen-logs"):
                self._waiting += self._held
                self._held = []
            waiting, self._waiting = self._waiting, []
            merged: dict[tuple[str, str], tuple[Source, str, list[LogRecord]]] = {}
            for source, targets, records in waiting:
                for workspace in targets:
                    merged.setdefault((source.arm_id, workspace), (source, workspace, []))[2].extend(records)
            for source, workspace, records in merged.values():
                for start in range(0, len(records), _BATCH):
                    self._insert(source, workspace, records[start : start + _BATCH])
                self._known.add(workspace.casefold())

    def _insert(self, source: Source, workspace: str, records: list[LogRecord]) -> None:
        # One JSON text as one parameter: ten times faster than one per value, without arrow or pandas.
        text = json.dumps(
            [
                [
                    r.time.replace(tzinfo=None).isoformat(),
                    r.category,
                    r.operation,
                    r.code,
                    r.correlation_id,
                    r.description,
                    r.duration_ms,
                    r.level,
                    r.properties,
                    r.version,
                    r.signature,
                    r.caller,
                ]
                for r in records
            ],
            separators=(",", ":"),
        )
        varying = {name: f"j[{n}]" for n, name in enumerate((*_VARYING, *_VARYING_TAIL), 1)}
        varying["TimeGenerated"] += "::TIMESTAMP"
        varying["DurationMs"] += "::BIGINT"
        constant = source_columns(source, workspace)
        values = {"rows": text, **{f"c_{name.strip('_')}_{len(name)}": value for name, value in constant.items()}}
        columns = ", ".join(
            varying[name] if name in varying else f"$c_{name.strip('_')}_{len(name)}" for name in COLUMN_NAMES
        )
        sql = f"INSERT INTO {_BASE} SELECT {columns} FROM (SELECT unnest(from_json($rows, '[[\"VARCHAR\"]]')) j)"  # noqa: S608 - names are ours
        self._connection.execute(sql, values)

    def forget_after(self, moment: datetime) -> None:
        """Remove the rows of a time after a UTC moment; a workspace that has none left has no table either."""
        self.flush()
        with self._lock:
            self._held = []
            self._connection.execute(f'DELETE FROM {_BASE} WHERE "TimeGenerated" > {_stamp(moment)}')  # noqa: S608
            left = self._connection.execute(f'SELECT DISTINCT "TenantId" FROM {_BASE}').fetchall()  # noqa: S608
            self._known = {str(row[0]).casefold() for row in left}

    def count(self) -> int:
        """Return how many rows are stored, waiting ones included."""
        self.flush()
        with self._lock:
            found = self._connection.execute(f"SELECT count(*) FROM {_BASE}").fetchone()  # noqa: S608
        return int(found[0]) if found else 0

    # -- out -----------------------------------------------------------------------------------------------------------

    def has_table(self, workspace: str) -> bool:
        """Say whether a workspace has the table: Azure creates it with the first record."""
        self.flush()
        return workspace.casefold() in self._known and not self._on("no-table")

    def query(
        self,
        kql: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        workspace: str | None = None,
        resource_id: str | None = None,
        timeout: float = 180.0,
        max_rows: int = MAX_ROWS,
    ) -> LogAnswer:
        """Run KQL over the rows of a workspace (default: the first) between two UTC times, of one resource if named.

        `now()` and `ago()` follow the story's clock. `timeout` is in seconds.

        Raises:
            KqlProblem: the query is wrong, needs what the engine lacks, or takes too long.
        """
        workspace = workspace or next(iter(self.cloud.workspaces), "")
        if len(kql) > MAX_LENGTH:
            raise KqlProblem(log_errors.SEMANTIC, f"The query is longer than {MAX_LENGTH} characters.")
        log_errors.check_names(kql, COLUMN_NAMES, TABLE)
        table = self.has_table(workspace)
        sql, values = self._translate(kql, table)
        with self._lock:
            cursor = self._connection.cursor()
        timer = threading.Timer(timeout, cursor.interrupt)
        timer.daemon = True
        try:
            check_tables(cursor, sql, {TABLE} if table else set())
            if table:
                cursor.execute(self._view(workspace, start, end, resource_id))
            timer.start()
            cursor.execute(sql, values or None)
            described = cursor.description or []
            rows, cut = fetched(cursor, max_rows, MAX_TEXT)
        except self._duckdb.InterruptException:
            raise KqlProblem(log_errors.TIMEOUT, f"The query ran longer than {timeout:.0f} s.") from None
        except self._duckdb.OutOfMemoryException:
            raise KqlProblem(log_errors.SEMANTIC, "Query execution has exceeded the allowed limits.") from None
        except self._duckdb.Error as error:
            raise log_errors.engine(kql, str(error)) from None
        finally:
            timer.cancel()
            cursor.close()
        columns = tuple((str(item[0]), column_type(str(item[1]))) for item in described)
        turn = [converter(kind) for _, kind in columns]
        out = [[change(value) for change, value in zip(turn, row, strict=True)] for row in rows]
        return LogAnswer(columns, out, cut)

    def _translate(self, kql: str, table: bool) -> tuple[str, dict[str, Any]]:
        try:
            return translate(kql, {TABLE: COLUMN_NAMES} if table else {}, self.cloud.clock.story())
        except KqlProblem as problem:
            if not table and TABLE in kql and problem.kind != log_errors.SYNTAX:
                raise log_errors.missing_table(TABLE) from None
            raise

    def _view(self, workspace: str, start: datetime | None, end: datetime | None, resource_id: str | None) -> str:
        """Return the statement that makes the table, as this query may see it, a temporary view of the cursor."""
        wanted = [f'"TenantId" = {_text(workspace)}']
        if start is not None:
            wanted.append(f'"TimeGenerated" >= {_stamp(start)}')
        if end is not None:
            wanted.append(f'"TimeGenerated" <= {_stamp(end)}')
        if resource_id is not None:
            wanted.append(f'"_ResourceId" = {_text(resource_id.casefold())}')
        if self._on("empty-logs"):
            wanted.append("false")
        return f"CREATE TEMP VIEW {TABLE} AS SELECT * FROM {_BASE} WHERE {' AND '.join(wanted)}"  # noqa: S608

    def _on(self, kind: str) -> bool:
        return self.faults is not None and self.faults.on(kind)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _stamp(value: datetime) -> str:
    return f"TIMESTAMP '{value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
