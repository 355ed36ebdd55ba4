"""KQL by way of duckdb: translation, which tables a statement may read, rows up to a limit. For logs and resources."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.localhub import log_errors
from console.localhub.log_errors import KqlProblem

_LOCK = threading.Lock()
"""The generated parser keeps its tables in class attributes, which it fills in while it runs."""


def translate(kql: str, schema: Mapping[str, Sequence[str]], now: datetime) -> tuple[str, dict[str, Any]]:
    """Return the SQL of a query over tables with these columns, and its parameters. Raises KqlProblem."""
    import duckdb_kql

    with _LOCK:
        try:
            found = duckdb_kql.to_sql(
                kql, schema={name: list(columns) for name, columns in schema.items()}, allow_write=False, query_now=now
            )
        except duckdb_kql.KqlSyntaxError as error:
            first = error.diagnostics[0] if error.diagnostics else None
            if first is None:
                raise KqlProblem(log_errors.SYNTAX, str(error)[:400]) from None
            raise log_errors.syntax(first.message, first.span.line, first.span.column) from None
        except duckdb_kql.KqlUnsupportedError as error:
            raise log_errors.unsupported(error.construct) from None
        except duckdb_kql.KqlSchemaError as error:
            raise log_errors.engine(kql, str(error)) from None
        except RecursionError:
            raise KqlProblem(log_errors.SEMANTIC, "The query is nested too deep.") from None
    if found.unbound:
        raise KqlProblem(log_errors.SEMANTIC, f"No value for the query parameter '{found.unbound[0]}'")
    return str(found), dict(found.parameters)


def check_tables(cursor: Any, sql: str, known: set[str]) -> None:
    """Raise KqlProblem when a statement reads anything but its own parts and the known tables.

    The engine's catalogue views (`sqlite_master` and many more) can be named like tables and are nobody's logs.
    """
    tree = json.loads(cursor.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()[0])
    if tree.get("error"):
        raise KqlProblem(log_errors.SEMANTIC, "Only queries are allowed here.")
    own: set[str] = set()
    read: list[tuple[str, str]] = []
    nodes: list[Any] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                read.append((str(node.get("schema_name")), str(node.get("table_name"))))
            own.update(str(entry.get("key")) for entry in (node.get("cte_map") or {}).get("map") or ())
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)
    for schema, name in read:
        if schema or name not in own | known:
            raise log_errors.missing_table(name)


def fetched(cursor: Any, max_rows: int, max_text: int) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the rows of a result up to the limits, and whether some were left out."""
    rows: list[tuple[Any, ...]] = []
    size = 0
    while batch := cursor.fetchmany(10_000):
        for row in batch:
            size += sum(len(value) for value in row if isinstance(value, str))
            if len(rows) >= max_rows or size > max_text:
                return rows, True
            rows.append(row)
    return rows, False
