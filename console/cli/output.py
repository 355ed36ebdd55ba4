"""Headless output: the JSON envelope and plain aligned tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import click

from console.model.clock import format_time
from console.model.errors import ConsoleError
from console.model.text import clean

Json = dict[str, Any]


def envelope(
    noun: str,
    as_of: datetime,
    items: Sequence[Json],
    *,
    stale: bool = False,
    warnings: Sequence[Json] = (),
    **more: Any,
) -> Json:
    """Return the documented shape of every `--json` output; `more` are further top-level members."""
    return {
        "schema": f"hubwarden.{noun}/1",
        "as_of": format_time(as_of),
        "stale": stale,
        **more,
        "items": list(items),
        "warnings": list(warnings),
    }


def warning(error: ConsoleError) -> Json:
    """Return a failure as an entry of `warnings`."""
    return {"code": error.code or error.kind.value, "message": error.what, "hint": error.hint}


def time_text(value: datetime | None) -> str | None:
    """Return RFC 3339 text, None for never or unknown."""
    return None if value is None else format_time(value)


def print_json(document: Json) -> None:
    """Write a document to standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_json_items(document: Json, items: Iterable[Json]) -> None:
    """Write a document whose `items` come one by one: however many there are, only one is held."""
    head, tail = json.dumps({**document, "items": []}, indent=2, ensure_ascii=False).split('\n  "items": []')
    click.echo(f'{head}\n  "items": [', nl=False)
    first = True
    for item in items:
        text = json.dumps(item, indent=2, ensure_ascii=False).replace("\n", "\n    ")
        click.echo(f"{'' if first else ','}\n    {text}", nl=False)
        first = False
    click.echo(f"{']' if first else _LAST}{tail}")


_LAST = "\n  ]"


def print_rows(header: Sequence[str], rows: Iterable[Sequence[object]], block: int = 5000) -> None:
    """Write a table of any length: as `print_table` does while it is short; columns of a long one may widen later."""
    source = iter(rows)
    widths = [len(title) for title in header]
    table: list[list[str]] = [list(header)]
    while True:
        part = [[clean(cell) for cell in row] for row in islice(source, block)]
        table += part
        widths = [max([width, *(len(row[place]) for row in table)]) for place, width in enumerate(widths)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
        click.echo("".join(f"{line}\n" for line in lines), nl=False)
        table = []
        if len(part) < block:
            return


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, right: frozenset[int] = frozenset()
) -> None:
    """Write an aligned table; `right` are the columns that align right. Cells are cleaned once more."""
    table = [list(header), *([clean(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Write names and values, aligned."""
    rows = [(name, clean(value)) for name, value in pairs]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}".rstrip())
